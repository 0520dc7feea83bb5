// Records from the microphone. Knows the browser's recorder; knows nothing of what is done with recordings.

/** Why this page cannot record; null where it can. */
export function whyNoMicrophone() {
  if (!isSecureContext) {
    return "Browsers give the microphone only to pages on https or localhost, and this one is on neither. Choose files instead.";
  }
  if (!navigator.mediaDevices || !globalThis.MediaRecorder) return "This browser cannot record. Choose files instead.";
  return null;
}

/** Asks for the microphone and records until `stop()`, which resolves to the recording. Raises an Error in plain words. */
export async function startRecording() {
  let stream;
  try {
    // What makes calls clearer takes away from a voice that is to be copied.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new Error(REFUSALS[error.name] ?? `The microphone cannot be used: ${error.message}`);
  }
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
  recorder.start();
  return {
    async stop() {
      recorder.stop();
      await stopped;
      for (const track of stream.getTracks()) track.stop(); // the browser's sign of recording goes out
      return new Blob(parts, { type: recorder.mimeType });
    },
  };
}

const REFUSALS = {
  NotAllowedError: "The microphone was not allowed. The browser's address bar lets you change that.",
  NotFoundError: "No microphone was found.",
};
