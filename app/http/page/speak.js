// Speaks what is typed: asks, plays while the rest is on its way, shows how far it is.
// Knows the form, the player and the waveform. The words and figures beside them are in readout.js, what is done with
// the result afterwards in keep.js.

import { ApiError, speak } from "./api.js";
import { PcmReader, RATE_HZ } from "./pcm.js";
import { Player } from "./player.js";
import { clearReadout, say, showClock, showFigure, showFigures, showProblem, showWarnings } from "./readout.js";
import { Waveform } from "./waveform.js";
import { inSeconds, problem, warningsIn } from "./words.js";

const CHARACTERS_PER_SECOND = 15; // of plain English, for the guess of a length
const NO_SOUND =
  "No sound comes out: the browser has no sound device that plays. Download the speech, or connect a device and reload the page.";

const $ = (id) => document.getElementById(id);
const form = $("speak");
const player = new Player();
const waveform = new Waveform($("waveform"));

let running = null; // the AbortController of the request, while there is one
let isPlaying = false;
let take = null; // what was spoken last: {body, seed, pieces, isWhole}
let tellTake = () => {};

/** `tell(take)` hears of each new take as soon as there is audio of it; `take` is null when another one begins. */
export function onTake(tell) {
  tellTake = tell;
}

/** Fields of `POST /tts` as the form has them now. */
export function readForm() {
  const seed = $("seed").value.trim();
  return {
    text: $("text").value,
    language: $("language").value,
    speed: Number($("speed").value),
    ...($("voice").value && { speaker_id: $("voice").value }),
    ...(seed && { seed: Number(seed) }),
  };
}

export function setUpSpeaking() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start(event.timeStamp);
  });
  $("stop").addEventListener("click", () => stop());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (form.reportValidity()) start(event.timeStamp);
    }
    if (event.key === "Escape") stop();
  });
  $("speed").addEventListener("input", () => ($("speed-shown").textContent = `${Number($("speed").value).toFixed(1)} ×`));
  waveform.draw(0);
}

/** `askedAtMs`: the moment of the click, on performance.now()'s clock. */
async function start(askedAtMs) {
  if ($("start").getAttribute("aria-disabled")) return;
  stop();
  const body = readForm();
  const request = (running = new AbortController());
  take = null;
  tellTake(null);
  clear();
  say("Asking …");
  $("stop").disabled = false;
  waveform.reset(body.text.length / CHARACTERS_PER_SECOND / body.speed);
  waveform.draw(0);
  try {
    const awake = player.wake();
    const answer = await speak({ ...body, stream: true, format: "pcm" }, request.signal);
    await awake;
    await listen(answer, body, request, askedAtMs);
  } catch (error) {
    if (!request.signal.aborted) hasFailed(error);
  } finally {
    if (running === request) running = null;
    if (!isPlaying) $("stop").disabled = true;
  }
}

/** Reads the body to its end. A body that breaks off is a take too: what came of it is kept. */
async function listen(answer, body, request, askedAtMs) {
  const reader = answer.body.getReader();
  const pcm = new PcmReader();
  const seed = Number(answer.headers.get("X-Seed"));
  take = { body: { ...body, seed }, seed, pieces: [], isWhole: false };
  showFigure("seed-used", seed);
  showWarnings(warningsIn(answer.headers.get("X-Chorus-Warnings")));
  play();
  let broken = null;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) receive(pcm.push(read.value));
    if (pcm.isCut) broken = new Error("a sample is missing");
  } catch (error) {
    if (request.signal.aborted) throw error;
    broken = error;
  }
  take.isWhole = !broken;
  waveform.complete();
  player.complete();
  showFigures(waveform.lengthS, (performance.now() - askedAtMs) / 1000);
  form.dataset.received = (take.pieces.reduce((sum, piece) => sum + piece.length, 0) / RATE_HZ).toFixed(3);
  if (broken) {
    showProblem(`The stream broke off after ${inSeconds(waveform.lengthS)}: the rest of the text was not spoken. What came is kept, and you can play it again.`);
  }

  function play() {
    begin("Speaking …", () => (broken ? "Stopped where the stream broke off." : finished()));
    watchFirstSound(askedAtMs);
  }
}

function receive(samples) {
  if (!take.pieces.length) {
    say("Speaking …");
    tellTake(take);
  }
  take.pieces.push(samples);
  waveform.push(samples);
  player.push(samples);
}

/** Play the last take once more, from its start. */
export function replay() {
  player.wake();
  const kept = take;
  stop();
  take = kept;
  say("Playing again …");
  begin("Playing again …", finished);
  for (const samples of take.pieces) player.push(samples);
  player.complete();
}

const finished = () => `Finished: ${inSeconds(waveform.lengthS)}.`;

/** `playing` is the status while sound comes out; `ended()` gives the one after the last sample. */
function begin(playing, ended) {
  isPlaying = true;
  $("stop").disabled = false;
  form.dataset.state = "speaking";
  player.begin(hasEnded, standsStill);
  requestAnimationFrame(follow);

  function hasEnded() {
    isPlaying = false;
    $("stop").disabled = true;
    form.dataset.state = "finished";
    form.dataset.gaps = player.numGaps;
    show();
    say(ended());
  }

  function standsStill(isStill) {
    form.dataset.state = isStill ? "unheard" : "speaking";
    say(isStill ? NO_SOUND : playing);
  }
}

/** Sound and request end at once; the closed request frees its place on the server. */
function stop() {
  running?.abort();
  running = null;
  if (isPlaying || !$("stop").disabled) {
    say(`Stopped${take ? ` after ${inSeconds(player.playedS)}` : ""}.`);
    form.dataset.state = "stopped";
  }
  isPlaying = false;
  player.stop();
  $("stop").disabled = true;
}

function follow() {
  if (!isPlaying) return;
  show();
  requestAnimationFrame(follow);
}

function show() {
  const { playedS } = player;
  waveform.draw(playedS);
  showClock(playedS, waveform.lengthS, { isGrowing: running !== null });
  form.dataset.played = playedS.toFixed(3);
}

function watchFirstSound(askedAtMs) {
  if (player.firstSoundAtMs === null) {
    if (isPlaying) requestAnimationFrame(() => watchFirstSound(askedAtMs));
    return;
  }
  const ms = Math.max(0, Math.round(player.firstSoundAtMs - askedAtMs));
  showFigure("first-sound", `${ms} ms`);
  form.dataset.firstSoundMs = ms;
}

function clear() {
  clearReadout();
  for (const name of ["state", "gaps", "played", "received", "firstSoundMs"]) delete form.dataset[name];
}

function hasFailed(error) {
  form.dataset.state = "failed";
  say("Nothing was spoken.");
  showProblem(problem(error));
  if (error instanceof ApiError && error.retryAfterS) holdBack(error.retryAfterS);
}

/** The server named a time: until then the button counts, because asking sooner would be refused again. */
function holdBack(seconds) {
  const button = $("start");
  if (seconds <= 0) {
    button.textContent = "Speak";
    button.removeAttribute("aria-disabled");
    say("You can try again now.");
    return;
  }
  button.setAttribute("aria-disabled", "true");
  button.textContent = `Wait ${seconds} s`;
  setTimeout(() => holdBack(seconds - 1), 1000);
}
