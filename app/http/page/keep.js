// What can be done with a take: hear it again, download it in any format, ask for it in a shell.
// Knows takes; knows nothing of how they were spoken.

import { currentKey, speak } from "./api.js";
import { asCurl } from "./curl.js";
import { copyText, saveFile } from "./save.js";
import { onTake, readForm, replay } from "./speak.js";
import { problem } from "./words.js";

const $ = (id) => document.getElementById(id);
const NOTHING_YET = $("keep-hint").textContent;
let take = null;

export function setUpKeeping() {
  onTake((newTake) => {
    take = newTake;
    $("replay").disabled = $("download").disabled = !take;
    $("keep-hint").textContent = take ? "A download asks again with the same seed: the same audio." : NOTHING_YET;
  });
  $("replay").addEventListener("click", replay);
  $("download").addEventListener("click", download);
  $("curl").addEventListener("click", copyAsCurl);
}

/** The last take, or what the form would ask for now. */
function bodyToKeep() {
  return { ...(take?.body ?? readForm()), format: $("format").value };
}

async function download() {
  const body = bodyToKeep();
  $("download").disabled = true;
  $("keep-hint").textContent = `Making the ${body.format} file …`;
  try {
    saveFile(await (await speak(body)).blob(), `speech-${body.seed}.${body.format}`);
    $("keep-hint").textContent = `Saved as speech-${body.seed}.${body.format}.`;
  } catch (error) {
    $("keep-hint").textContent = `The file could not be made. ${problem(error)}`;
  } finally {
    $("download").disabled = !take;
  }
}

async function copyAsCurl() {
  const url = new URL("tts", document.baseURI).href;
  const isCopied = await copyText(asCurl(url, bodyToKeep(), { hasKey: Boolean(currentKey()) }));
  $("keep-hint").textContent = isCopied
    ? "The command is on the clipboard."
    : "The browser did not let the page write to the clipboard.";
}
