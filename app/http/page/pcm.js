// Bytes of raw audio (16 bits, little-endian, mono) to samples. Knows nothing of where they come from.

export const RATE_HZ = 24000;

/** Joins the pieces of a body: they are cut anywhere, also in the middle of a sample. */
export class PcmReader {
  #odd = new Uint8Array(0);

  /** @param {Uint8Array} bytes  @returns {Int16Array} the samples that are complete now */
  push(bytes) {
    const joined = new Uint8Array(this.#odd.length + bytes.length);
    joined.set(this.#odd);
    joined.set(bytes, this.#odd.length);
    const numSamples = joined.length >> 1;
    this.#odd = joined.slice(numSamples * 2);
    const view = new DataView(joined.buffer);
    return Int16Array.from({ length: numSamples }, (_, index) => view.getInt16(index * 2, true));
  }

  /** Whether the body ended in the middle of a sample. */
  get isCut() {
    return this.#odd.length > 0;
  }
}
