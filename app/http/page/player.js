// Plays samples as they come, without gaps, and knows to the sample how far it is.
// Knows the sound card; knows nothing of requests and of the page.
//
// Pieces are scheduled one behind the other on the clock of the sound card. An AudioWorklet could do it too, but
// browsers have it only on https and localhost, and this page is opened on plain addresses of a home network as well.

import { RATE_HZ } from "./pcm.js";

const LEAD_S = 0.02; // from now to the first sample: the audio thread must not be there already
const REFILL_S = 0.25; // after the audio ran out, wait until there is this much again
const AHEAD_S = 10; // scheduled ahead; the rest stays 16-bit, which is half as large
const PIECE = RATE_HZ; // samples in one scheduled piece, at most
const WAKE_S = 1; // longest wait for the sound card; Firefox without one answers after half a minute, or never
const STILL_S = 3; // a clock that has not moved for so long has no sound card that plays
const LOOK_MS = 250; // between two looks at the clock

export class Player {
  #context = null;
  #sources = new Set();
  #queue = []; // Int16Arrays that are not scheduled yet
  #spans = []; // scheduled: {frame, from, length}; `frame` on the card's clock, `from` in the audio; in samples
  #numQueued = 0;
  #numScheduled = 0;
  #firstSoundAtMs = null;
  #isComplete = true;
  #fromSample = 0; // where in the audio the first sample that is pushed stands
  #onEnd = () => {};
  #onStill = () => {};
  #watch = null;
  numGaps = 0;

  /**
   * Called in the handler of a click or a key: browsers give sound to nothing else. Resolves when the sound card runs,
   * and after WAKE_S in any case; what is pushed before it runs is played once it does.
   */
  wake() {
    this.#context ??= new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    return Promise.race([this.#context.resume(), new Promise((resolve) => setTimeout(resolve, WAKE_S * 1000))]);
  }

  /**
   * Get ready for other audio, or for the same from `fromSample` on. `onEnd()` is called when its last sample has been played; `onStill(true)` when the clock
   * of the sound card stands still although there is audio to play, and `onStill(false)` when it moves again.
   */
  begin(onEnd, onStill, fromSample = 0) {
    this.stop();
    this.#fromSample = fromSample;
    this.#isComplete = false;
    this.#onEnd = onEnd;
    this.#onStill = onStill;
  }

  /** @param {Int16Array} samples */
  push(samples) {
    if (this.#isComplete || !samples.length) return;
    this.#queue.push(samples);
    this.#numQueued += samples.length;
    this.#schedule();
  }

  /** No more will come; what is there is played to its end. */
  complete() {
    this.#isComplete = true;
    this.#schedule();
    if (!this.#sources.size) this.#finish();
  }

  /** Silence, at once. */
  stop() {
    clearInterval(this.#watch);
    this.#watch = null;
    for (const source of this.#sources) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this.#sources.clear();
    this.#queue = [];
    this.#spans = [];
    this.#numQueued = this.#numScheduled = this.#fromSample = this.numGaps = 0;
    this.#firstSoundAtMs = null;
    this.#isComplete = true;
  }

  get playedS() {
    const now = this.#now;
    while (this.#spans.length > 1 && this.#spans[1].frame <= now) this.#spans.shift();
    const span = this.#spans[0];
    const played = span ? span.from + Math.min(Math.max(0, now - span.frame), span.length) : 0;
    return (this.#fromSample + played) / RATE_HZ;
  }

  /** When the first sample left the loudspeaker, on performance.now()'s clock in ms; null before. */
  get firstSoundAtMs() {
    return this.#firstSoundAtMs;
  }

  get #now() {
    return this.#context ? Math.round(this.#context.currentTime * RATE_HZ) : 0;
  }

  #schedule() {
    const isDry = !this.#spans.length || this.#end <= this.#now;
    const isRefill = isDry && this.#numScheduled > 0;
    if (isRefill && !this.#isComplete && this.#numQueued < REFILL_S * RATE_HZ) return;
    while (this.#queue.length && this.#end - this.#now < AHEAD_S * RATE_HZ) this.#play(this.#take());
  }

  /** The frame at which what is scheduled ends. */
  get #end() {
    const last = this.#spans.at(-1);
    return last ? last.frame + last.length : 0;
  }

  #take() {
    const samples = this.#queue.shift();
    if (samples.length > PIECE) this.#queue.unshift(samples.subarray(PIECE));
    const piece = samples.subarray(0, PIECE);
    this.#numQueued -= piece.length;
    return piece;
  }

  #play(samples) {
    const isFirst = this.#numScheduled === 0;
    const isLate = this.#end <= this.#now;
    const frame = isLate ? this.#now + Math.round(LEAD_S * RATE_HZ) : this.#end;
    this.numGaps += isLate && !isFirst;
    const buffer = this.#context.createBuffer(1, samples.length, RATE_HZ);
    const channel = buffer.getChannelData(0);
    for (let index = 0; index < samples.length; index += 1) channel[index] = samples[index] / 32768;
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    source.onended = () => this.#hasEnded(source);
    source.start(frame / RATE_HZ);
    this.#sources.add(source);
    this.#spans.push({ frame, from: this.#numScheduled, length: samples.length });
    this.#numScheduled += samples.length;
    if (isFirst) this.#measureFirstSound(frame / RATE_HZ);
    this.#watch ??= setInterval(this.#watchClock(), LOOK_MS);
  }

  #watchClock() {
    let movedTo = this.#context.currentTime;
    let movedAtMs = performance.now();
    let isStill = false;
    return () => {
      const { currentTime } = this.#context;
      if (currentTime !== movedTo) {
        movedTo = currentTime;
        movedAtMs = performance.now();
      }
      const isStillNow = performance.now() - movedAtMs > STILL_S * 1000;
      if (isStillNow !== isStill) this.#onStill((isStill = isStillNow));
    };
  }

  /** The card's clock starts late and in steps, so it is asked once the first sample has passed. */
  #measureFirstSound(startS) {
    const context = this.#context;
    const look = () => {
      if (this.#firstSoundAtMs !== null || !this.#numScheduled) return;
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      if (contextTime > startS) this.#firstSoundAtMs = performanceTime - (contextTime - startS) * 1000;
      else requestAnimationFrame(look);
    };
    look();
  }

  #hasEnded(source) {
    this.#sources.delete(source);
    this.#schedule();
    if (this.#isComplete && !this.#sources.size) this.#finish();
  }

  #finish() {
    clearInterval(this.#watch);
    this.#onEnd();
  }
}
