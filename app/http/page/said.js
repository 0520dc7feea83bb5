// The words of what is spoken: shown as they come, marked while they are heard, underlined where they are in doubt.
// Knows its box and the events of a timed answer; knows nothing of how anything is asked for and played.

import { Transcript } from "./transcript.js";

const DOUBT_BELOW = 0.1; // a word that was left out has 0.00, most words have more than 0.7, rare names may have less
const WITH_WORDS = "The words appear here as they are spoken. Click one to hear it again from there.";
const WITHOUT_WORDS = "This server shows no words of its speech: it has no recogniser. The sheet Listen says how to add one.";

export class SaidWords {
  #transcript;
  #segments = new Map(); // of this answer, by index, until their words come

  /** `onPick(startS)` hears of a word that is to be heard. */
  constructor(box, onPick) {
    this.#transcript = new Transcript(box, onPick, { doubtBelow: DOUBT_BELOW });
  }

  /** Show nothing but what will come here. `isTimed`: the server has times of words. */
  clear(isTimed, language) {
    this.#segments.clear();
    this.#transcript.language = language;
    this.#transcript.clear(isTimed ? WITH_WORDS : WITHOUT_WORDS);
  }

  /** An event of a timed answer. */
  take(name, data) {
    if (name === "segment") this.#segments.set(data.index, data);
    if (name === "words") this.#transcript.add({ ...this.#segments.get(data.index), words: data.words });
  }

  /** Mark the word that is heard `atS` seconds into the speech; null marks none. */
  mark(atS) {
    this.#transcript.mark(atS);
  }
}
