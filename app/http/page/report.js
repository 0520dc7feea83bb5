// The report of a finished book as a list: each chapter with its figures, and its doubtful segments. Knows no routes.

import { clock, count } from "./words.js";

const made = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

/** `report`: of `GET /jobs/{id}/report`. `listen(chapter, atS)` plays a chapter from a second on. */
export function reportItems(report, listen) {
  return report.chapters.map((chapter) => {
    const item = made("li");
    const level = chapter.levels.rms_dbfs;
    const facts = `${Math.round(chapter.words_per_minute)} words a minute, ${level === null ? "silent" : `${level.toFixed(1)} dB`}`;
    item.append(made("span", { textContent: `${chapter.title}: ${facts}` }));
    const doubtful = chapter.segments.filter(({ doubts }) => doubts.length);
    item.append(...doubtful.map((segment) => segmentPart(chapter, segment, listen)));
    return item;
  });
}

/** Such as "12 segments, 2 doubtful". */
export function reportTitle({ num_segments: segments, num_doubtful: doubtful }) {
  return `${count(segments, "segment", "segments")}, ${doubtful ? `${doubtful} doubtful` : "none doubtful"}`;
}

function segmentPart(chapter, segment, listen) {
  const part = made("p", { className: "doubt" });
  const play = made("button", { type: "button", textContent: clock(segment.start_s) });
  play.setAttribute("aria-label", `Listen: ${chapter.title} at ${clock(segment.start_s)}`);
  play.addEventListener("click", () => listen(chapter, segment.start_s));
  part.append(play, ` ${segment.text} `, made("b", { textContent: segment.doubts.join("; ") }));
  return part;
}
