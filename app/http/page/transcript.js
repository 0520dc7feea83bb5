// The words of a recording or of speech: shown as they come, marked while they are heard, picked by click or key.
// Knows one element and its words; knows nothing of how they are recognised and played.

import { piecesOf } from "./subtitles.js";
import { clock, percent } from "./words.js";

const GAP_S = 0.5; // a word stays marked so long after its end, unless another begins

export class Transcript {
  #box;
  #words = []; // {startS, endS, button} each, in order
  #marked = null;
  #doubtBelow;

  /**
   * `onPick(startS)` hears of a word that is to be heard. Words less probable than `doubtBelow` are underlined, with
   * their probability.
   */
  constructor(box, onPick, { doubtBelow = 0 } = {}) {
    this.#box = box;
    this.#doubtBelow = doubtBelow;
    box.addEventListener("click", (event) => {
      const word = this.#words[event.target.closest("button")?.dataset.word];
      if (!word) return;
      this.#makeStop(word.button);
      onPick(word.startS);
    });
    box.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Show a sentence in place of words. */
  clear(...content) {
    this.#words = [];
    this.#marked = null;
    const empty = Object.assign(document.createElement("p"), { className: "empty" });
    empty.append(...content);
    this.#box.replaceChildren(empty);
    this.#box.scrollTop = 0;
  }

  /** `code`: what is spoken; screen readers choose a voice by it. */
  set language(code) {
    this.#box.lang = code ?? "";
  }

  add(segment) {
    if (!this.#words.length) this.#box.replaceChildren();
    const isAtEnd = this.#box.scrollTop + this.#box.clientHeight >= this.#box.scrollHeight - 4;
    const line = Object.assign(document.createElement("p"), { dir: "auto" });
    const text = document.createElement("span");
    text.append(...piecesOf(segment).map((piece) => (piece.word ? this.#button(piece) : piece.text)));
    line.append(Object.assign(document.createElement("span"), { className: "at", textContent: clock(segment.start_s) }), text);
    this.#box.append(line);
    if (isAtEnd && !this.#box.contains(document.activeElement)) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #button({ text, word }) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.dataset.word = this.#words.length;
    button.tabIndex = this.#words.length ? -1 : 0; // one stop of the Tab key; arrows go on from there
    this.#words.push({ startS: word.start_s, endS: word.end_s, button });
    if (word.probability < this.#doubtBelow) {
      button.className = "doubtful";
      button.append(Object.assign(document.createElement("small"), { textContent: ` ${percent(word.probability)}` }));
    }
    return button;
  }

  /** Mark the word that is heard `atS` seconds into the recording; null marks none. */
  mark(atS) {
    const word = atS === null ? null : this.#heardAt(atS + 0.001); // times have milliseconds, clocks have more
    if (word === this.#marked) return;
    this.#marked?.button.removeAttribute("aria-current");
    this.#marked = word;
    if (!word) return;
    word.button.setAttribute("aria-current", "true");
    this.#show(word.button);
  }

  #heardAt(atS) {
    let low = 0;
    let high = this.#words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#words[middle].startS <= atS) low = middle + 1;
      else high = middle;
    }
    const word = this.#words[low - 1];
    return word && atS < word.endS + GAP_S ? word : null;
  }

  /** Scrolls the box only: `scrollIntoView` would move the page too. */
  #show(button) {
    const box = this.#box.getBoundingClientRect();
    const word = button.getBoundingClientRect();
    if (word.top < box.top || word.bottom > box.bottom) this.#box.scrollTop += word.top - box.top - box.height / 3;
  }

  #makeStop(button) {
    this.#box.querySelector('button[tabindex="0"]').tabIndex = -1;
    button.tabIndex = 0;
  }

  #move(event) {
    const at = Number(event.target.dataset?.word);
    const last = this.#words.length - 1;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (Number.isNaN(at) || to === undefined || to < 0 || to > last) return;
    event.preventDefault();
    this.#makeStop(this.#words[to].button);
    this.#words[to].button.focus();
  }
}
