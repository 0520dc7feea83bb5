// Asks for the API key, in a field that can be seen. Knows the dialog; where the key is kept is api.js's business.

import { sentence } from "./words.js";

const dialog = document.querySelector("#key-dialog");
const field = document.querySelector("#key");
const reason = document.querySelector("#key-reason");
const firstReason = reason.textContent;
let hasTried = false;

/** Resolves to the key, or to null where nobody gives one. */
export function askForKey(error) {
  reason.textContent = hasTried ? `That key was not accepted. ${sentence(error.message)}` : firstReason;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        hasTried = dialog.returnValue === "use";
        resolve(hasTried ? field.value.trim() || null : null);
        field.value = "";
      },
      { once: true },
    );
  });
}
