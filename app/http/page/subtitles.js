// A transcript as text, as a SubRip file, and cut into words. Pure; knows the segments of `POST /transcribe`.

/** `whole`: the text that came at the end; null while it has not come. */
export function asText(segments, whole) {
  return whole ?? segments.map((segment) => segment.text).join(" ");
}

/** The same cues as the server's `srt`: one for each segment. */
export function asSrt(segments) {
  const cues = segments.map((segment) => ({ ...segment, line: segment.text.trim().split(/\s+/).join(" ") }));
  return cues
    .filter(({ line }) => line)
    .map(({ start_s, end_s, line }, index) => `${index + 1}\n${times(start_s, end_s)}\n${line.replaceAll("-->", "→")}\n`)
    .join("\n");
}

function times(startS, endS) {
  const startMs = Math.max(0, Math.round(startS * 1000));
  const endMs = Math.max(startMs + 1, Math.round(endS * 1000));
  return `${stamp(startMs)} --> ${stamp(endMs)}`;
}

function stamp(ms) {
  const two = (number) => String(number).padStart(2, "0");
  const seconds = Math.floor(ms / 1000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(":");
  return `${clock},${String(ms % 1000).padStart(3, "0")}`;
}

/**
 * The text of a segment in pieces: {text, word} each, where `word` is null for what stands between words, such as a
 * space. A word that the text does not contain is left out.
 */
export function piecesOf(segment) {
  const pieces = [];
  let at = 0;
  for (const word of segment.words) {
    const from = segment.text.indexOf(word.text, at);
    if (from < 0 || !word.text) continue;
    if (from > at) pieces.push({ text: segment.text.slice(at, from), word: null });
    pieces.push({ text: word.text, word });
    at = from + word.text.length;
  }
  if (at < segment.text.length) pieces.push({ text: segment.text.slice(at), word: null });
  return pieces;
}
