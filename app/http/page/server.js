// The line at the foot: version, engine, device and load, from /health. Knows nothing else of the page.

import { health } from "./api.js";
import { count } from "./words.js";

const EVERY_MS = 5000;
const line = document.getElementById("server");
let wasOk = false;

/** Ask now and every few seconds while somebody looks. `onReady(state)` hears each time the server becomes ok. */
export function watchServer(onReady) {
  const look = async () => {
    const state = await health();
    line.textContent = state ? describe(state) : "The server does not answer.";
    const isOk = state?.status === "ok";
    if (isOk && !wasOk) onReady(state);
    wasOk = isOk;
  };
  setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
  return look();
}

function describe({ status, version, engine, device, queue, slots, error }) {
  if (status === "failed") return `Chorus ${version} could not start: ${error}`;
  if (!queue) return `Chorus ${version} is ${status} …`;
  const load = `${count(queue.admitted, "request", "requests")} now, ${queue.waiting} waiting, ${slots.busy} of ${count(slots.total, "slot", "slots")} busy`;
  return `Chorus ${version} · ${engine} on ${device} · ${status === "ok" ? load : status}`;
}
