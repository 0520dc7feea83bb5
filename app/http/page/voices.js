// The voices: the two selects of the form, and the list of the saved ones. Knows nothing of speaking and cloning.

import { deleteVoice, exportVoice, importVoice, listSpeakers, listVoices } from "./api.js";
import { saveFile } from "./save.js";
import { count, languageName, problem } from "./words.js";

const $ = (id) => document.getElementById(id);
let speakers = [];
let tellSpeakers = () => {};

/** `onSpeakers(speakers)` hears of each list of the voices. */
export function setUpVoices(onSpeakers) {
  tellSpeakers = onSpeakers;
  $("voice").addEventListener("change", showLanguages);
  $("import").addEventListener("change", importChosen);
}

/** Ask for the voices again; `chosen` is the id to choose, else the choice stays. */
export async function refreshVoices(chosen = $("voice").value) {
  try {
    const [listed, saved] = await Promise.all([listSpeakers(), listVoices()]);
    speakers = listed;
    showSpeakers(chosen);
    tellSpeakers(speakers);
    showSaved(saved);
    $("saved-error").textContent = "";
  } catch (error) {
    $("voice").replaceChildren(new Option("the server's own choice", ""));
    $("saved").replaceChildren(emptyItem("The voices could not be listed."));
    $("saved-error").textContent = problem(error);
  }
}

function showSpeakers(chosen) {
  const groups = [["Built in", "built-in"], ["Saved", "saved"]].map(([label, source]) => {
    const group = Object.assign(document.createElement("optgroup"), { label });
    group.append(...speakers.filter((speaker) => speaker.source === source).map(({ name, id }) => new Option(name, id)));
    return group;
  });
  $("voice").replaceChildren(...groups.filter((group) => group.children.length));
  if (speakers.some(({ id }) => id === chosen)) $("voice").value = chosen;
  showLanguages();
}

/** Only those that the chosen voice has. */
function showLanguages() {
  const before = $("language").value;
  const languages = speakers.find(({ id }) => id === $("voice").value)?.languages ?? ["en"];
  $("language").replaceChildren(...languages.map((code) => new Option(languageName(code), code)));
  $("language").value = languages.includes(before) ? before : languages[0];
}

function showSaved(voices) {
  $("saved").replaceChildren(
    ...(voices.length ? voices.map(savedItem) : [emptyItem("None yet. A voice that you save or import appears here.")]),
  );
}

function emptyItem(text) {
  return Object.assign(document.createElement("li"), { className: "empty", textContent: text });
}

function savedItem(voice) {
  const item = document.createElement("li");
  const name = Object.assign(document.createElement("strong"), { textContent: voice.name });
  const day = new Date(voice.created_at).toLocaleDateString("en", { day: "numeric", month: "long", year: "numeric" });
  const facts = `${day} · ${count(voice.recordings.length, "recording", "recordings")}`;
  const mark = voice.usable ? "" : ` · made with another model (${voice.model}): clone it again to speak with it`;
  const about = Object.assign(document.createElement("span"), { className: "hint", textContent: facts + mark });
  const consent = Object.assign(document.createElement("span"), { className: "hint", textContent: consentText(voice) });
  const buttons = Object.assign(document.createElement("div"), { className: "actions" });
  const usual = [
    ...(voice.usable ? [button("Speak with", voice, () => choose(voice))] : []),
    button("Export", voice, () => exportChosen(voice)),
    button("Delete", voice, () => confirmDelete()),
  ];
  buttons.append(...usual);
  item.append(name, about, consent, buttons);
  return item;

  /** Deleting cannot be undone: the buttons make place for the question. */
  function confirmDelete() {
    const question = Object.assign(document.createElement("span"), { textContent: "Delete it for good?" });
    const keep = button("Keep", voice, () => {
      buttons.replaceChildren(...usual);
      usual.at(-1).focus();
    });
    buttons.replaceChildren(question, button("Delete for good", voice, () => deleteChosen(voice), "danger"), keep);
    keep.focus();
  }
}

function consentText(voice) {
  if (!voice.consent) return "No statement of consent is kept with this voice.";
  return voice.sent_by ? `${voice.consent} (${voice.sent_by})` : voice.consent;
}

function button(label, voice, onClick, className = "") {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: label, className });
  made.setAttribute("aria-label", `${label}: ${voice.name}`);
  made.addEventListener("click", onClick);
  return made;
}

function choose(voice) {
  $("voice").value = voice.id;
  showLanguages();
  say(`${voice.name} is chosen as the voice.`);
  $("text").focus();
}

async function exportChosen(voice) {
  await tell(`Exporting ${voice.name} …`, async () => {
    saveFile(await exportVoice(voice.id), `${voice.name}.safetensors`);
    return `${voice.name} is saved as a file.`;
  });
}

async function deleteChosen(voice) {
  await tell(`Deleting ${voice.name} …`, async () => {
    await deleteVoice(voice.id);
    await refreshVoices();
    $("text").focus();
    return `${voice.name} is deleted.`;
  });
}

async function importChosen() {
  const [file] = $("import").files;
  if (!file) return;
  await tell(`Importing ${file.name} …`, async () => {
    const voice = await importVoice(file);
    await refreshVoices(voice.id);
    return `${voice.name} is imported and chosen as the voice.`;
  });
  $("import").value = "";
}

/** Say what is being done, then how it ended. */
async function tell(doing, work) {
  say(doing);
  $("saved-error").textContent = "";
  try {
    say(await work());
  } catch (error) {
    say("");
    $("saved-error").textContent = problem(error);
  }
}

function say(text) {
  $("saved-status").textContent = text;
}
