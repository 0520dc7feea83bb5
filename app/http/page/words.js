// Figures, codes and errors in plain words. Pure functions; knows neither page nor server.

const languageNames = new Intl.DisplayNames(["en"], { type: "language" });

/** `en` is English; every Chinese that a server names is Chinese. */
export function languageName(code) {
  if (code === "zh-cn") return "Chinese";
  try {
    return languageNames.of(code);
  } catch {
    return code; // a fine-tune may call its language anything
  }
}

/** 61.5 -> "1:01" */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** 3 900 -> "1 h 05 min", 61.5 -> "1 min", 12 -> "12 s" */
export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return minutes ? `${minutes} min` : `${Math.round(seconds)} s`;
}

export function inSeconds(seconds) {
  return `${seconds.toFixed(1)} s`;
}

/** `rtf`: seconds of work for a second of audio. */
export function realTimeFactor(rtf) {
  const times = rtf < 1 ? 1 / rtf : rtf;
  return `${rtf.toPrecision(2)} · ${times < 10 ? times.toFixed(1) : Math.round(times)}× ${rtf < 1 ? "faster" : "slower"}`;
}

/** 0.034 -> "3 %" */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

/** A capital at the front, unless a file name stands there, and a full stop at the end: server messages have neither. */
export function sentence(text) {
  const trimmed = text.trim();
  const isFileName = /^\S+\.\w+ /.test(trimmed);
  const front = isFileName ? trimmed[0] : trimmed[0]?.toUpperCase();
  return trimmed && front + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}

/** `X-Chorus-Warnings` as it stands in the header -> sentences. */
export function warningsIn(header) {
  return header ? decodeURIComponent(header).split("; ").map(sentence) : [];
}

/** What went wrong, and what to do. `error`: an ApiError, or anything that was thrown. */
export function problem(error) {
  const told = sentence(error.message ?? String(error));
  if (error.code === "queue_full") return `The server is busy: all its places are taken. ${again(error)}`;
  if (error.code === "engine_not_ready") return `The server is still loading its voice. ${again(error)}`;
  if (error.code === "cloning_unavailable") return `This server cannot keep cloned voices. ${told}`;
  if (error.status >= 500 && error.status !== 501 && error.requestId && !error.retryAfterS) {
    return `${told} Its log knows this request as ${error.requestId}.`;
  }
  return error.retryAfterS ? `${told} ${again(error)}` : told;
}

function again(error) {
  return `Try again in ${error.retryAfterS ?? 1} s.`;
}

const VERDICTS = { good: "Good", usable: "Usable", unusable: "Not usable" };
const MARKS = { good: "✓", usable: "!", unusable: "✕" };

/** `recording`: one of `POST /voices/check`. */
export function verdict(recording) {
  const facts = [inSeconds(recording.seconds)];
  facts.push(recording.level_dbfs == null ? "silent" : `level ${Math.round(recording.level_dbfs)} dBFS`);
  if (recording.clipped_share > 0) facts.push(`${(recording.clipped_share * 100).toFixed(1)} % clipped`);
  if (recording.snr_db != null) facts.push(`${Math.round(recording.snr_db)} dB above the noise`);
  return { mark: MARKS[recording.verdict], title: VERDICTS[recording.verdict], facts: facts.join(" · ") };
}
