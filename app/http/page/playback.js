// Plays the recording that is transcribed, and tells where it is. Knows an audio element; knows nothing of words.

const FAR_S = 1e9;

export class Playback {
  #audio;
  #url = null;
  #onTime;

  /** `onTime(atS)` hears of the place while it plays or is moved, `onTime(null)` when it pauses. */
  constructor(audio, onTime) {
    this.#audio = audio;
    this.#onTime = onTime;
    audio.addEventListener("play", () => this.#follow());
    audio.addEventListener("seeked", () => audio.paused || onTime(audio.currentTime));
    audio.addEventListener("pause", () => onTime(null));
    audio.addEventListener("loadedmetadata", () => this.#measure());
  }

  /** @param {Blob} recording  What was loaded before is released. */
  load(recording) {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(recording);
    this.#audio.src = this.#url;
  }

  /** Resolves to false where the browser cannot play this recording. */
  async playFrom(startS) {
    this.#audio.currentTime = startS;
    return this.#audio.play().then(() => true, (error) => error.name === "AbortError");
  }

  pause() {
    this.#audio.pause();
  }

  #follow() {
    if (this.#audio.paused) return;
    this.#onTime(this.#audio.currentTime);
    requestAnimationFrame(() => this.#follow());
  }

  /** What a browser records has no length in its head: it is measured by a jump to its end. */
  #measure() {
    const audio = this.#audio;
    if (audio.duration !== Infinity) return;
    audio.addEventListener("durationchange", () => (audio.currentTime = 0), { once: true });
    audio.currentTime = FAR_S;
  }
}
