// Draws audio as it arrives, and how far it has been played. Knows a canvas and samples; knows nothing of playing.

import { RATE_HZ } from "./pcm.js";

const PEAK_SAMPLES = RATE_HZ / 100; // one peak for each 10 ms
const BAR_PX = 3;
const STEP_PX = 5;

export class Waveform {
  #canvas;
  #peaks = [];
  #open = { peak: 0, length: 0 }; // the peak in the making
  #expectedS = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.draw(this.playedS)).observe(canvas);
    // A canvas does not follow the colours of the page by itself.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(this.playedS));
  }

  playedS = 0;

  get lengthS() {
    return (this.#peaks.length * PEAK_SAMPLES + this.#open.length) / RATE_HZ;
  }

  /** `expectedS`: a guess, so that the first bars do not fill the whole width. */
  reset(expectedS) {
    this.#peaks = [];
    this.#open = { peak: 0, length: 0 };
    this.#expectedS = expectedS;
    this.playedS = 0;
  }

  /** @param {Int16Array} samples */
  push(samples) {
    for (const sample of samples) {
      this.#open.peak = Math.max(this.#open.peak, Math.abs(sample));
      this.#open.length += 1;
      if (this.#open.length === PEAK_SAMPLES) {
        this.#peaks.push(this.#open.peak / 32768);
        this.#open = { peak: 0, length: 0 };
      }
    }
  }

  /** Nothing more comes: the guess is over, the width is the length. */
  complete() {
    this.#expectedS = 0;
  }

  draw(playedS) {
    this.playedS = playedS;
    const { width, height, context } = this.#prepare();
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(name);
    const totalS = Math.max(this.#expectedS, this.lengthS, 0.1);
    const numBars = Math.floor(width / STEP_PX);
    const peaksPerBar = (totalS * RATE_HZ) / PEAK_SAMPLES / numBars;
    const playedX = (playedS / totalS) * width;
    for (let bar = 0; bar < numBars; bar += 1) {
      const peak = this.#peakBetween(bar * peaksPerBar, (bar + 1) * peaksPerBar);
      const x = bar * STEP_PX;
      const isPlayed = x < playedX;
      context.fillStyle = peak === null ? colour("--bar-empty") : isPlayed ? colour("--bar-played") : colour("--bar");
      // The ear hears ratios: a root makes soft speech visible.
      const size = peak === null ? BAR_PX : Math.max(BAR_PX, Math.sqrt(peak) * (height - 8));
      context.beginPath();
      context.roundRect(x, (height - size) / 2, BAR_PX, size, BAR_PX / 2);
      context.fill();
    }
    if (playedS > 0 && playedS < totalS) {
      context.fillStyle = colour("--playhead");
      context.fillRect(Math.min(playedX, width - 2), 0, 2, height);
    }
  }

  /** Loudest peak of the stretch; null where no audio has come yet. */
  #peakBetween(from, to) {
    if (Math.floor(from) >= this.#peaks.length) return null;
    let loudest = 0;
    const end = Math.min(this.#peaks.length, Math.max(Math.floor(from) + 1, Math.floor(to)));
    for (let index = Math.floor(from); index < end; index += 1) loudest = Math.max(loudest, this.#peaks[index]);
    return loudest;
  }

  #prepare() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * ratio) || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { width, height, context };
  }
}
