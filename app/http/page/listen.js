// The sheet Listen: takes one recording, shows its words as they come, hands them over.
// Knows this section and its parts; the words are in transcript.js, the sound in playback.js.

import { currentKey, transcribe } from "./api.js";
import { transcribeAsCurl } from "./curl.js";
import { setUpIntake } from "./intake.js";
import { Playback } from "./playback.js";
import { copyText } from "./save.js";
import { asSrt, asText } from "./subtitles.js";
import { Transcript } from "./transcript.js";
import { clock, count, languageName, problem, sentence } from "./words.js";

const $ = (id) => document.getElementById(id);
const sheet = $("listen");
const NO_PLAYBACK = "This browser cannot play the recording. Its words are here all the same.";

let allowIntake = () => {};
let running = null; // the AbortController of the request, while there is one
let file = null; // the recording that was given last
let segments = [];
let whole = null; // the text of all of it, once it has come
const transcript = new Transcript($("transcript"), hearFrom);
const playback = new Playback($("listen-audio"), (atS) => transcript.mark(atS));

export function setUpListening() {
  allowIntake = setUpIntake({
    button: $("listen-record"),
    hint: $("listen-hint"),
    input: $("listen-file"),
    zone: $("listen-drop"),
    stopLabel: "Stop and transcribe",
    onFiles: take,
    onProblem: showProblem,
  });
  $("listen-stop").addEventListener("click", stop);
  $("listen-again").addEventListener("click", listen);
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    stop();
    playback.pause();
  });
  $("copy-text").addEventListener("click", () => copy(asText(segments, whole), "The text is on the clipboard."));
  $("copy-srt").addEventListener("click", () => copy(asSrt(segments), "The subtitles are on the clipboard."));
  $("copy-curl").addEventListener("click", copyAsCurl);
}

/** `state`: of /health. A server without a recogniser says so before anybody records. */
export function showRecognizer({ recognizer, recognizer_missing: missing }) {
  allowIntake(Boolean(recognizer));
  $("listen-language").disabled = $("copy-curl").disabled = !recognizer;
  $("listen-again").disabled = !recognizer || !file;
  if (recognizer) showLanguages(recognizer.languages);
  if (!segments.length && !running) {
    transcript.clear(...(recognizer ? ["The words appear here. Click one to hear it."] : marked(sentence(missing))));
  }
}

function showLanguages(codes) {
  const before = $("listen-language").value;
  const options = codes.map((code) => new Option(languageName(code), code));
  options.sort((one, other) => one.text.localeCompare(other.text, "en"));
  $("listen-language").replaceChildren(new Option("Detect", ""), ...options);
  $("listen-language").value = codes.includes(before) ? before : "";
}

/** A command between backticks is set as code. */
function marked(text) {
  const asCode = (part) => Object.assign(document.createElement("code"), { textContent: part });
  return text.split("`").map((part, index) => (index % 2 ? asCode(part) : part));
}

function take(files) {
  [file] = files;
  playback.load(file);
  listen();
  if (files.length > 1) showNote(`One recording at a time: ${file.name} was taken, the others were left out.`);
}

async function listen() {
  stop();
  const request = (running = new AbortController());
  begin();
  try {
    for await (const event of transcribe(file, $("listen-language").value, request.signal)) show(event);
    sheet.dataset.state = "finished";
  } catch (error) {
    if (!request.signal.aborted) hasFailed(error);
  } finally {
    if (running === request) {
      running = null;
      $("listen-stop").disabled = true;
    }
  }
}

function begin() {
  segments = [];
  whole = null;
  sheet.dataset.state = "listening";
  showProblem("");
  transcript.clear(`Listening to ${file.name} …`);
  transcript.language = $("listen-language").value;
  $("copy-text").disabled = $("copy-srt").disabled = true;
  $("listen-stop").disabled = $("listen-again").disabled = false;
  $("listen-progress").value = 0;
  say("Listening …");
}

function show({ name, data }) {
  if (name === "language") transcript.language = data.language;
  if (name === "segment") showSegment(data);
  if (name === "progress") showProgress(data);
  if (name === "done") showEnd(data);
}

function showSegment(segment) {
  segments.push(segment);
  transcript.add(segment);
  $("copy-text").disabled = $("copy-srt").disabled = false;
}

function showProgress({ until_s: untilS, duration_s: lengthS }) {
  $("listen-progress").value = lengthS ? untilS / lengthS : 1;
  say(`Listening: ${clock(untilS)} of ${clock(lengthS)} …`);
}

function showEnd({ text, language, duration_s: lengthS, warnings }) {
  whole = text;
  $("listen-progress").value = 1;
  if (warnings.length) showNote(warnings.map(sentence).join(" "));
  if (!segments.length) {
    transcript.clear("Nothing was said in this recording.");
    say(`Finished: no speech in ${clock(lengthS)}.`);
    return;
  }
  const numWords = segments.reduce((sum, segment) => sum + segment.words.length, 0);
  say(`Finished: ${count(numWords, "word", "words")} of ${languageName(language)} in ${clock(lengthS)}.`);
}

function hasFailed(error) {
  sheet.dataset.state = "failed";
  if (!segments.length) transcript.clear("There are no words.");
  say(segments.length ? "Stopped: the rest is missing." : "Nothing was transcribed.");
  showProblem(problem(error));
}

/** The closed request frees its place on the server. What came is kept. */
function stop() {
  if (!running) return;
  running.abort();
  running = null;
  sheet.dataset.state = "stopped";
  if (!segments.length) transcript.clear("There are no words.");
  say("Stopped.");
  $("listen-stop").disabled = true;
}

async function hearFrom(startS) {
  if (!(await playback.playFrom(startS))) showNote(NO_PLAYBACK);
}

async function copyAsCurl() {
  const url = new URL("transcribe", document.baseURI).href;
  const name = file?.name ?? "recording.wav";
  const command = transcribeAsCurl(url, name, $("listen-language").value, { hasKey: Boolean(currentKey()) });
  await copy(command, "The command is on the clipboard: run it in the folder of the recording.");
}

async function copy(text, told) {
  $("copy-hint").textContent = (await copyText(text)) ? told : "The browser did not let the page write to the clipboard.";
}

function say(text) {
  $("listen-status").textContent = text;
}

function showProblem(text) {
  $("listen-error").className = "problem";
  $("listen-error").textContent = text;
}

function showNote(text) {
  $("listen-error").className = "problem warning";
  $("listen-error").textContent = text;
}
