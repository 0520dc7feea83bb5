// The sheet Books: takes a book, has it made, lists the jobs. Knows this section; one job of the list is in job.js.

import { createJob, currentKey, deleteJob, getJob, getReport, jobAudio, jobAudioPath } from "./api.js";
import { listJobs, pauseJob, resumeJob } from "./api.js";
import { JobItem } from "./job.js";
import { saveFile } from "./save.js";
import { problem } from "./words.js";

const LOOK_MS = 2000;
const $ = (id) => document.getElementById(id);
const audio = $("book-audio");
const NO_FILE = $("book-hint").textContent;

let file = null; // the book that was chosen last
let items = new Map(); // id -> JobItem
let lookingAgain = null; // the timer of the next look

export function setUpBooks() {
  $("book-file").addEventListener("change", () => {
    take([...$("book-file").files]);
    $("book-file").value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) $("book-drop").addEventListener(name, onDrag);
  $("make-book").addEventListener("submit", (event) => {
    event.preventDefault();
    make();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refreshJobs());
}

/** `speakers`: of `GET /speakers`. The choice stays. */
export function showReaders(speakers) {
  const before = $("book-voice").value;
  $("book-voice").replaceChildren(...speakers.map(({ name, id }) => new Option(name, id)));
  if (speakers.some(({ id }) => id === before)) $("book-voice").value = before;
}

/** Ask for the jobs now, and again while one of them is being made and somebody looks. */
export async function refreshJobs() {
  clearTimeout(lookingAgain);
  try {
    const jobs = await listJobs();
    show(jobs);
    const isBusy = jobs.some(({ status }) => !["finished", "failed", "paused"].includes(status));
    if (isBusy && document.visibilityState === "visible") lookingAgain = setTimeout(refreshJobs, LOOK_MS);
  } catch (error) {
    if (!items.size) $("jobs").replaceChildren(emptyItem("The books could not be listed."));
    showProblem(problem(error));
  }
}

function onDrag(event) {
  event.preventDefault(); // a browser opens a dropped file otherwise
  $("book-drop").classList.toggle("over", event.type === "dragover");
  if (event.type === "drop") take([...event.dataTransfer.files]);
}

function take(files) {
  if (!files.length) return;
  [file] = files;
  $("book-hint").textContent = `${file.name} is chosen.`;
  $("book-start").disabled = false;
  showProblem("");
}

async function make() {
  if (!file) return;
  $("book-start").disabled = true;
  await tell(`Sending ${file.name} …`, async () => {
    const wishes = { voice: $("book-voice").value, chapters: $("book-chapters").value.trim(), format: $("book-format").value };
    const job = await createJob(file, wishes);
    file = null;
    $("book-hint").textContent = NO_FILE;
    await refreshJobs();
    return `${job.title} is being made. It goes on when this page is closed.`;
  });
  $("book-start").disabled = !file;
}

function show(jobs) {
  const known = items;
  items = new Map(jobs.map((job) => [job.id, known.get(job.id) ?? new JobItem(job.id, actions)]));
  for (const job of jobs) items.get(job.id).show(job);
  const wanted = jobs.length ? [...items.values()].map(({ element }) => element).reverse() : [emptyItem(NONE_YET)];
  // Elements that are in place are left alone: a replaced one would lose the focus.
  if (wanted.length !== $("jobs").children.length || wanted.some((element, at) => element !== $("jobs").children[at])) {
    $("jobs").replaceChildren(...wanted);
  }
}

const NONE_YET = "None yet. A book that you have made appears here.";

const actions = {
  detail: getJob,
  report: getReport,
  pause: (job) => tell(`Pausing ${job.title} …`, () => changed(pauseJob(job.id), `${job.title} is paused.`)),
  resume: (job) => tell(`Going on with ${job.title} …`, () => changed(resumeJob(job.id), `${job.title} goes on.`)),
  remove: (job) => tell(`Deleting ${job.title} …`, () => changed(deleteJob(job.id), `${job.title} is deleted.`)),
  listen: (job, chapter, atS) => listen(job, chapter, atS),
  download: (job) => download(job),
};

async function changed(request, told) {
  await request;
  await refreshJobs();
  return told;
}

/** The browser asks for ranges by itself, unless a key must be sent. */
async function listen(job, chapter, atS = 0) {
  await tell(`Loading ${chapter.title} …`, async () => {
    if (audio.src.startsWith("blob:")) URL.revokeObjectURL(audio.src);
    audio.src = currentKey()
      ? URL.createObjectURL(await (await jobAudio(job.id, chapter.number)).blob())
      : jobAudioPath(job.id, chapter.number);
    audio.currentTime = atS;
    audio.setAttribute("aria-label", `${job.title}: ${chapter.title}`);
    await audio.play().catch(() => {}); // the browser's own controls say why
    return `${job.title}: ${chapter.title}`;
  });
}

async function download(job) {
  const name = `${job.title}.${job.format}`;
  await tell(`Fetching ${name} …`, async () => {
    if (currentKey()) saveFile(await (await jobAudio(job.id)).blob(), name);
    else Object.assign(document.createElement("a"), { href: jobAudioPath(job.id), download: name }).click();
    return `${name} is saved by the browser.`;
  });
}

/** Say what is being done, then how it ended. */
async function tell(doing, work) {
  say(doing);
  showProblem("");
  try {
    say(await work());
  } catch (error) {
    say("");
    showProblem(problem(error));
  }
}

function emptyItem(text) {
  return Object.assign(document.createElement("li"), { className: "empty", textContent: text });
}

function say(text) {
  $("book-status").textContent = text;
}

function showProblem(text) {
  $("book-error").textContent = text;
}
