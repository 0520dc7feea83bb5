// Speaks what is typed: asks, plays while the rest is on its way, shows how far it is.
// Knows the form, the player and the waveform. The words and figures beside them are in readout.js, what is done with
// the result afterwards in keep.js.

import { ApiError, audioOf, speak } from "./api.js";
import { PcmReader, RATE_HZ } from "./pcm.js";
import { Player } from "./player.js";
import { clearReadout, say, showClock, showFigure, showFigures, showProblem, showWarnings } from "./readout.js";
import { SaidWords } from "./said.js";
import { Waveform } from "./waveform.js";
import { inSeconds, problem, sentence, warningsIn } from "./words.js";

const CHARACTERS_PER_SECOND = 15; // of plain English, for the guess of a length
const NO_SOUND =
  "No sound comes out: the browser has no sound device that plays. Download the speech, or connect a device and reload the page.";

const $ = (id) => document.getElementById(id);
const form = $("speak");
const player = new Player();
const waveform = new Waveform($("waveform"));
const said = new SaidWords($("said"), playFrom);

let running = null; // the AbortController of the request, while there is one
let isPlaying = false;
let isTimed = false; // the server tells when each word is heard
let take = null; // what was spoken last: {body, seed, pieces, isBroken}
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

/** `state`: of /health. */
export function showTimes({ recognizer }) {
  isTimed = Boolean(recognizer);
  if (!take && !running) said.clear(isTimed);
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
  said.clear(isTimed, body.language);
  say("Asking …");
  $("stop").disabled = false;
  waveform.reset(body.text.length / CHARACTERS_PER_SECOND / body.speed);
  waveform.draw(0);
  try {
    const awake = player.wake();
    const times = isTimed ? { timestamps: "word" } : {};
    const answer = await speak({ ...body, ...times, stream: true, format: "pcm" }, request.signal);
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
  const pcm = new PcmReader();
  const seed = Number(answer.headers.get("X-Seed"));
  take = { body: { ...body, seed }, seed, pieces: [], isBroken: false };
  showFigure("seed-used", seed);
  showWarnings(warningsIn(answer.headers.get("X-Chorus-Warnings")));
  play();
  let lastAudioAtMs = askedAtMs;
  try {
    for await (const bytes of audioOf(answer, tell)) {
      receive(pcm.push(bytes));
      lastAudioAtMs = performance.now();
    }
    take.isBroken = pcm.isCut;
  } catch (error) {
    if (request.signal.aborted) throw error;
    take.isBroken = true;
  }
  waveform.complete();
  player.complete();
  showFigures(waveform.lengthS, (lastAudioAtMs - askedAtMs) / 1000);
  form.dataset.received = (take.pieces.reduce((sum, piece) => sum + piece.length, 0) / RATE_HZ).toFixed(3);
  if (take.isBroken) {
    showProblem(`The stream broke off after ${inSeconds(waveform.lengthS)}: the rest of the text was not spoken. What came is kept, and you can play it again.`);
  }

  function play() {
    begin("Speaking …", ended);
    watchFirstSound(askedAtMs);
  }

  function tell(name, data) {
    if (request.signal.aborted) return;
    said.take(name, data);
    if (name === "done") showWarnings(data.warnings.map(sentence));
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

/** Play the last take, or what has come of it, from a moment on. */
function playFrom(startS) {
  player.wake();
  let toSkip = Math.round(startS * RATE_HZ);
  say("Speaking …");
  begin("Speaking …", ended, toSkip);
  for (const samples of take.pieces) {
    player.push(samples.subarray(toSkip));
    toSkip = Math.max(0, toSkip - samples.length);
  }
  if (!running) player.complete();
}

const ended = () => (take.isBroken ? "Stopped where the stream broke off." : finished());
const finished = () => `Finished: ${inSeconds(waveform.lengthS)}.`;

/** `playing` is the status while sound comes out; `ended()` gives the one after the last sample. */
function begin(playing, ended, fromSample = 0) {
  isPlaying = true;
  $("stop").disabled = false;
  form.dataset.state = "speaking";
  player.begin(hasEnded, standsStill, fromSample);
  requestAnimationFrame(follow);

  function hasEnded() {
    isPlaying = false;
    $("stop").disabled = true;
    form.dataset.state = "finished";
    form.dataset.gaps = player.numGaps;
    show();
    said.mark(null);
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
  said.mark(null);
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
  said.mark(playedS);
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
