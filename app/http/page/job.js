// One job of the list: its progress, its chapters, its buttons. Knows no routes: `actions` does what is asked.

import { reportItems, reportTitle } from "./report.js";
import { clock, count, duration, sentence } from "./words.js";

const STATUS = {
  queued: "Waiting for its turn",
  speaking: "Being read",
  writing: "The file is being written",
  full: "Paused: the server's disk is full. It goes on when there is room",
  paused: "Paused",
  finished: "Finished",
  failed: "Stopped",
};

const made = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

/** `actions`: detail(id) and report(id) resolve to the job with its chapters and to its report; pause, resume, remove, listen, download do what they say. */
export class JobItem {
  constructor(id, actions) {
    this.id = id;
    this.actions = actions;
    this.job = null;
    this.shownReady = -1;
    this.title = made("strong");
    this.bar = made("progress", { max: 100, value: 0 });
    this.facts = made("p", { className: "hint" });
    this.error = made("p", { className: "problem" });
    this.buttons = made("div", { className: "actions" });
    this.chapters = made("ol", { className: "chapters" });
    this.details = made("details");
    this.summary = made("summary");
    this.details.append(this.summary, this.chapters);
    this.details.addEventListener("toggle", () => this.showChapters());
    this.report = made("details");
    this.reportSummary = made("summary", { textContent: "Report" });
    this.reportList = made("ul", { className: "chapters" });
    this.report.append(this.reportSummary, this.reportList);
    this.report.addEventListener("toggle", () => this.showReport());
    this.pause = this.button("Pause", () => actions.pause(this.job));
    this.resume = this.button("Go on", () => actions.resume(this.job));
    this.download = this.button("Download", () => actions.download(this.job));
    this.remove = this.button("Delete", () => this.confirm());
    this.usual = { Pause: this.pause, "Go on": this.resume, Download: this.download, Delete: this.remove };
    this.buttons.append(...Object.values(this.usual));
    this.element = made("li");
    this.element.append(this.title, this.bar, this.facts, this.error, this.details, this.report, this.buttons);
  }

  /** `job`: of `GET /jobs`. */
  show(job) {
    this.job = job;
    this.title.textContent = job.title;
    this.bar.value = shownPercent(job.progress);
    this.bar.setAttribute("aria-label", `Progress of ${job.title}`);
    this.bar.hidden = job.status === "finished";
    this.facts.textContent = facts(job);
    this.error.textContent = job.error ? sentence(job.error.message) : "";
    this.error.hidden = !job.error;
    this.summary.textContent = `${count(job.num_chapters, "chapter", "chapters")}, ${job.num_ready} ready`;
    this.pause.hidden = !["queued", "speaking", "writing", "full"].includes(job.status);
    this.resume.hidden = !["paused", "failed"].includes(job.status);
    this.download.hidden = this.report.hidden = job.status !== "finished";
    for (const [label, button] of Object.entries(this.usual)) button.setAttribute("aria-label", `${label}: ${job.title}`);
    this.showChapters();
  }

  button(label, onClick, className = "") {
    const button = made("button", { type: "button", textContent: label, className });
    button.addEventListener("click", onClick);
    return button;
  }

  /** Asked for while they are looked at, when another one is ready. */
  async showChapters() {
    if (!this.details.open || this.shownReady === this.job.num_ready) return;
    this.shownReady = this.job.num_ready;
    try {
      const { chapters } = await this.actions.detail(this.id);
      this.chapters.replaceChildren(...chapters.map((chapter) => this.chapterItem(chapter)));
    } catch {
      this.shownReady = -1; // the next look asks again
    }
  }

  async showReport() {
    if (!this.report.open || this.reportList.children.length) return;
    const report = await this.actions.report(this.id).catch(() => null); // the next opening asks again
    if (!report) return;
    this.reportSummary.textContent = `Report: ${reportTitle(report)}`;
    this.reportList.replaceChildren(...reportItems(report, (chapter, atS) => this.actions.listen(this.job, chapter, atS)));
  }

  chapterItem(chapter) {
    const item = made("li");
    item.append(made("span", { textContent: chapter.title }));
    if (chapter.status === "ready") {
      const listen = this.button(`Listen (${clock(chapter.seconds)})`, () => this.actions.listen(this.job, chapter));
      listen.setAttribute("aria-label", `Listen: ${chapter.title}`);
      item.append(listen);
    }
    return item;
  }

  /** Deleting cannot be undone: the buttons make place for the question. */
  confirm() {
    const keep = this.button("Keep", () => {
      this.buttons.replaceChildren(...Object.values(this.usual));
      this.remove.focus();
    });
    const forGood = this.button("Delete for good", () => this.actions.remove(this.job), "danger");
    for (const [button, label] of [[keep, "Keep"], [forGood, "Delete for good"]]) {
      button.setAttribute("aria-label", `${label}: ${this.job.title}`);
    }
    this.buttons.replaceChildren(made("span", { textContent: "Delete it with its audio?" }), forGood, keep);
    keep.focus();
  }
}

function facts({ status, progress, seconds, source }) {
  if (status === "finished") {
    const doubtful = progress.doubtful ? ` · ${count(progress.doubtful, "doubtful segment", "doubtful segments")}` : "";
    return `Finished: ${duration(seconds)} from ${source}${doubtful}`;
  }
  const parts = [STATUS[status], `${Math.floor(shownPercent(progress))} %`];
  if (progress.chapter && progress.written_percent === null) parts.push(progress.chapter);
  if (progress.pace !== null) parts.push(`${progress.pace.toFixed(1)} × real time`);
  if (progress.left_s !== null) parts.push(`${duration(progress.left_s)} left`);
  return parts.join(" · ");
}

/** Of the speech, then of the file. */
function shownPercent({ percent, written_percent: written }) {
  return written ?? percent;
}
