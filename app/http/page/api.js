// The server's routes as functions, its errors as one class, and the key that it may ask for.
// Knows paths and headers; knows nothing of the page. Paths are relative, so that a proxy may serve it below a path.

import { chunksOf, readEvents } from "./events.js";

const KEY = "chorus.key";
let askForKey = async () => false;

/** The error shape of the server. `status` is 0 where there was no answer at all. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "no_answer", param = null, requestId = null, retryAfterS = null } = {}) {
    super(message);
    Object.assign(this, { status, code, param, requestId, retryAfterS });
  }
}

export function currentKey() {
  return sessionStorage.getItem(KEY);
}

/** `ask(error)` resolves to a key, or to null where nobody gives one. Several requests share one question. */
export function whenKeyIsNeeded(ask) {
  let asking = null;
  askForKey = async (error, triedKey) => {
    if (currentKey() !== triedKey) return true;
    asking ??= ask(error).finally(() => (asking = null));
    const key = await asking;
    if (key) sessionStorage.setItem(KEY, key);
    return Boolean(key);
  };
}

async function request(path, options = {}) {
  for (;;) {
    const key = currentKey();
    const headers = new Headers(options.headers);
    if (key) headers.set("Authorization", `Bearer ${key}`);
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server does not answer. Is it still running?");
    }
    if (answer.ok) return answer;
    const error = await readError(answer);
    if (answer.status !== 401 || !(await askForKey(error, key))) throw error;
  }
}

async function readError(answer) {
  const retryAfterS = Number(answer.headers.get("Retry-After")) || null;
  const known = { status: answer.status, retryAfterS, requestId: answer.headers.get("X-Request-Id") };
  try {
    return told(await answer.json(), known);
  } catch {
    // Not the server's own words: something between it and us has answered.
    return new ApiError(`The answer was ${answer.status} ${answer.statusText}`, { ...known, code: "unknown" });
  }
}

const told = ({ error }, known) => new ApiError(error.message, { ...known, code: error.code, param: error.param });

const asJson = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

function asForm(fields, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const [name, blob, filename] of files) form.append(name, blob, filename);
  return { method: "POST", body: form };
}

const recordings = (clips) => clips.map((clip) => ["reference_audio", clip.blob, clip.name]);

/** The answer, its body still to be read. */
export const speak = (body, signal) => request("tts", { ...asJson(body), signal });

/**
 * Yields the audio of an answer of `POST /tts` as bytes. The other events of one with `timestamps` go to
 * `tell(name, data)`. Throws where it breaks off.
 */
export async function* audioOf(answer, tell) {
  if (!answer.headers.get("Content-Type").startsWith("text/event-stream")) {
    yield* chunksOf(answer.body);
    return;
  }
  let isWhole = false;
  for await (const { name, data } of readEvents(answer.body)) {
    if (name === "error") throw told(data, { status: 500 });
    isWhole = name === "done";
    if (name === "audio") yield Uint8Array.from(atob(data.data), (char) => char.charCodeAt(0));
    else tell(name, data);
  }
  if (!isWhole) throw new ApiError("The connection broke off before the end of the speech.");
}

export const listSpeakers = async () => (await (await request("speakers")).json()).speakers;
export const listVoices = async () => (await (await request("voices")).json()).voices;
/** `clips`: {blob, name} each. */
export const checkRecordings = async (clips) =>
  (await request("voices/check", asForm({}, recordings(clips)))).json();
export const saveVoice = async (name, consent, clips) =>
  (await request("voices", asForm({ name, consent }, recordings(clips)))).json();
export const deleteVoice = (id) => request(`voices/${encodeURIComponent(id)}`, { method: "DELETE" });
export const exportVoice = async (id) => (await request(`voices/${encodeURIComponent(id)}/export`)).blob();
export const importVoice = async (file) =>
  (await request("voices/import", asForm({}, [["voice", file, file.name]]))).json();

export const listJobs = async () => (await (await request("jobs")).json()).jobs;
export const createJob = async (file, wishes) =>
  (await request("jobs", asForm(wishes, [["file", file, file.name]]))).json();
const job = (id) => `jobs/${encodeURIComponent(id)}`;
export const getJob = async (id) => (await request(job(id))).json();
export const getReport = async (id) => (await request(`${job(id)}/report`)).json();
export const pauseJob = (id) => request(`${job(id)}/pause`, { method: "POST" });
export const resumeJob = (id) => request(`${job(id)}/resume`, { method: "POST" });
export const deleteJob = (id) => request(job(id), { method: "DELETE" });
/** A chapter, or the book without one. A server without keys gives it to the browser itself. */
export const jobAudioPath = (id, chapter) => `${job(id)}/audio${chapter ? `?chapter=${chapter}` : ""}`;
/** The answer, its body still to be read. */
export const jobAudio = (id, chapter) => request(jobAudioPath(id, chapter));

/**
 * Yields {name, data} of `POST /transcribe`: `language`, `segment`, `progress` and, at the end, `done`.
 * Throws an ApiError where they break off.
 */
export async function* transcribe(file, language, signal) {
  const form = asForm({ language, stream: true }, [["file", file, file.name]]);
  const answer = await request("transcribe", { ...form, signal });
  const requestId = answer.headers.get("X-Request-Id");
  let isWhole = false;
  try {
    for await (const event of readEvents(answer.body)) {
      if (event.name === "error") throw told(event.data, { status: 500, requestId });
      isWhole = event.name === "done";
      yield event;
    }
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) throw error;
  }
  if (!isWhole) throw new ApiError("The connection broke off before the end of the recording.", { requestId });
}

/** /health tells what it has to tell with a 503 too; null where there is no answer. */
export async function health() {
  try {
    return await (await fetch("health")).json();
  } catch {
    return null;
  }
}
