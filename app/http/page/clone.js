// Recordings of a voice: gathered, heard, judged by the server, saved under a name.
// Knows this one section of the page; the list of voices is in voices.js.

import { checkRecordings, saveVoice } from "./api.js";
import { setUpIntake } from "./intake.js";
import { count, problem, sentence, verdict } from "./words.js";

const MAX_CLIPS = 16; // as many as one request may carry
const $ = (id) => document.getElementById(id);

let clips = []; // {blob, name, url, judged} each
let action = 0;
let tellSaved = async () => {};

/** `onSaved(voice)` hears of each saved voice. */
export function setUpCloning(onSaved) {
  tellSaved = onSaved;
  setUpIntake({
    button: $("record"),
    hint: $("record-hint"),
    input: $("files"),
    zone: $("drop"),
    stopLabel: "Stop recording",
    onFiles: add,
    onProblem: showProblem,
  });
  $("save").addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  showClips();
}

/** Said up front where the engine is known not to clone. */
export function sayCloningIsUnavailable() {
  $("clone-notice").textContent =
    "The embedded voice cannot clone: saving a voice needs XTTS. What you record or choose is checked all the same.";
}

function add(files) {
  const taken = files.slice(0, MAX_CLIPS - clips.length);
  clips.push(...taken.map((file) => ({ blob: file, name: file.name, url: URL.createObjectURL(file), judged: null })));
  showClips();
  showProblem(taken.length < files.length ? `At most ${MAX_CLIPS} recordings make a voice; the others were left out.` : "");
  if (taken.length) check();
}

function remove(clip) {
  URL.revokeObjectURL(clip.url);
  clips = clips.filter((other) => other !== clip);
  showClips();
  $("record").focus();
}

/** All at once: the answer has them in the order in which they were sent. */
async function check() {
  const asked = [...clips];
  const mine = begin("Listening to the recordings …");
  try {
    const { recordings } = await checkRecordings(asked);
    asked.forEach((clip, index) => (clip.judged = recordings[index]));
    const numBad = recordings.filter((judged) => judged.verdict === "unusable").length;
    if (mine === action) say(numBad ? `${count(numBad, "recording is", "recordings are")} not usable.` : "Checked.");
  } catch (error) {
    if (mine === action) {
      say("");
      showProblem(problem(error));
    }
  }
  showClips();
}

async function save() {
  showProblem("");
  const missing = whatIsMissing();
  if (missing) {
    showProblem(missing.text);
    missing.field.focus();
    return;
  }
  begin("Cloning the voice …");
  $("save-voice").disabled = true;
  try {
    const voice = await saveVoice($("name").value.trim(), $("consent").value.trim(), clips);
    clips.forEach((clip) => URL.revokeObjectURL(clip.url));
    clips = [];
    showClips();
    $("name").value = "";
    $("agreed").checked = false;
    await tellSaved(voice);
    say(`Saved. ${voice.name} is chosen as the voice.`);
  } catch (error) {
    say("");
    showProblem(problem(error));
  } finally {
    $("save-voice").disabled = false;
  }
}

function whatIsMissing() {
  if (!clips.length) return { text: "Record something or choose a file first.", field: $("record") };
  if (!$("name").value.trim()) return { text: "Give the voice a name.", field: $("name") };
  if ($("consent").value.trim().length < 10) return { text: "State, in a sentence, that the speaker agrees.", field: $("consent") };
  if (!$("agreed").checked) return { text: "Tick that you make the statement.", field: $("agreed") };
  return null;
}

function showClips() {
  const items = clips.map(clipItem);
  if (!items.length) {
    const empty = document.createElement("li");
    empty.className = "empty";
    empty.textContent = "No recordings yet.";
    items.push(empty);
  }
  $("clips").replaceChildren(...items);
}

function clipItem(clip) {
  const item = document.createElement("li");
  const name = Object.assign(document.createElement("strong"), { textContent: clip.name });
  const audio = Object.assign(document.createElement("audio"), { src: clip.url, controls: true });
  audio.setAttribute("aria-label", `Play ${clip.name}`);
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
  button.setAttribute("aria-label", `Remove ${clip.name}`);
  button.addEventListener("click", () => remove(clip));
  item.append(name, button, audio);
  if (clip.judged) item.append(...verdictParts(clip.judged));
  return item;
}

function verdictParts(judged) {
  const { mark, title, facts } = verdict(judged);
  const line = Object.assign(document.createElement("p"), { className: `verdict ${judged.verdict}` });
  const sign = Object.assign(document.createElement("span"), { textContent: mark, className: "mark" });
  sign.setAttribute("aria-hidden", "true");
  line.append(sign, Object.assign(document.createElement("b"), { textContent: title }), ` ${facts}`);
  const advice = judged.advice.map((text) =>
    Object.assign(document.createElement("p"), { className: "advice", textContent: sentence(text) }),
  );
  return [line, ...advice];
}

/** Say what begins. The number tells a check that ends late whether its result is still what the user waits for. */
function begin(text) {
  say(text);
  action += 1;
  return action;
}

function say(text) {
  $("clone-status").textContent = text;
}

function showProblem(text) {
  $("clone-error").textContent = text;
}
