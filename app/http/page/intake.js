// Takes recordings from the microphone, the file dialog or a drop. Knows four elements; knows nothing of what is done
// with the files.

import { startRecording, whyNoMicrophone } from "./recorder.js";
import { clock } from "./words.js";

const TICK_MS = 250;

/**
 * `button` records and stops, `input` chooses files, `zone` takes drops, `hint` shows the length of a recording.
 * `onFiles(files)` gets at least one File. `onProblem(text)` gets the reason why the microphone cannot be used, and ""
 * when it is asked for. Returns `allow(isAllowed)`, which disables all three ways or enables them again.
 */
export function setUpIntake({ button, hint, input, zone, stopLabel, onFiles, onProblem }) {
  const recordLabel = button.textContent;
  const noMicrophone = whyNoMicrophone();
  if (noMicrophone) hint.textContent = noMicrophone;
  const idleHint = hint.textContent;
  let recording = null;
  let isAsking = false;
  let numRecorded = 0;

  button.addEventListener("click", () => (recording ? finish() : begin()));
  input.addEventListener("change", () => {
    give([...input.files]);
    input.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) zone.addEventListener(name, onDrag);
  allow(true);
  return allow;

  function allow(isAllowed) {
    input.disabled = !isAllowed;
    button.disabled = !isAllowed || Boolean(noMicrophone);
  }

  function give(files) {
    if (files.length) onFiles(files);
  }

  function onDrag(event) {
    event.preventDefault(); // a browser opens a dropped file otherwise
    zone.classList.toggle("over", event.type === "dragover" && !input.disabled);
    if (event.type === "drop" && !input.disabled) give([...event.dataTransfer.files]);
  }

  async function begin() {
    if (isAsking) return;
    isAsking = true;
    onProblem("");
    try {
      recording = await startRecording();
    } catch (error) {
      onProblem(error.message);
      return;
    } finally {
      isAsking = false;
    }
    button.textContent = stopLabel;
    button.classList.add("recording");
    const beganAtMs = performance.now();
    const tick = () => {
      if (!recording) return;
      hint.textContent = `Recording: ${clock((performance.now() - beganAtMs) / 1000)}`;
      setTimeout(tick, TICK_MS);
    };
    tick();
  }

  async function finish() {
    const { stop } = recording;
    recording = null;
    button.textContent = recordLabel;
    button.classList.remove("recording");
    const blob = await stop();
    numRecorded += 1;
    hint.textContent = idleHint;
    const ending = blob.type.includes("mp4") ? "m4a" : "webm";
    give([new File([blob], `Recording ${numRecorded}.${ending}`, { type: blob.type })]);
  }
}
