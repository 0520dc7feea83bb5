// What is told of a take beside its waveform: the clock, the figures, what happened, what went wrong.
// Knows these few elements; knows nothing of how anything is spoken.

import { clock, count, inSeconds, realTimeFactor } from "./words.js";

const FIGURES = ["first-sound", "audio-length", "rtf", "seed-used"];
const NONE = "–";
const $ = (id) => document.getElementById(id);

/** Told to screen readers when they have nothing else to say. */
export function say(text) {
  $("status").textContent = text;
}

/** Told to screen readers at once; "" takes it back. */
export function showProblem(text) {
  $("error").className = "problem";
  $("error").textContent = text;
}

/** Sentences about audio that came all the same. */
export function showWarnings(warnings) {
  if (!warnings.length) return;
  $("error").className = "problem warning";
  $("error").textContent = `${count(warnings.length, "note", "notes")} from the server: ${warnings.join(" ")}`;
}

export function showClock(playedS, lengthS, { isGrowing }) {
  $("played").textContent = clock(playedS);
  $("length").textContent = ` of ${clock(lengthS)}${isGrowing ? ", more is coming" : ""}`;
}

export function showFigure(id, text) {
  $(id).textContent = text;
}

/** `workS`: from the click until the last byte was here. */
export function showFigures(lengthS, workS) {
  showFigure("audio-length", inSeconds(lengthS));
  showFigure("rtf", lengthS ? realTimeFactor(workS / lengthS) : NONE);
  $("waveform").setAttribute("aria-label", `Waveform of ${inSeconds(lengthS)} of speech`);
}

export function clearReadout() {
  for (const id of FIGURES) showFigure(id, NONE);
  $("played").textContent = clock(0);
  $("length").textContent = "";
  showProblem("");
}
