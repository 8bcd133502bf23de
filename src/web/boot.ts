/*
 * Runs before anything is painted: chooses the language of the first view, which is in the file as HTML, keeps what is
 * typed, dropped and clicked until the first script runs, and runs that when the view has been painted.
 */
import { type Early, WRITABLE } from "./early.js";
import { openPacked, type Packed } from "./open-packed.js";

const page = document.getElementById("page") as HTMLElement;
const keeping = new AbortController();
let packed: Packed | undefined;
function runNext(): void {
  packed ??= openPacked();
  packed.runNext();
}

const early: Early = { shell: page.innerHTML, files: [], text: "", stop: () => keeping.abort(), runNext };
globalThis.vmxlensEarly = early;

const asked = new URLSearchParams(location.search).get("lang");
const wanted = [asked, ...navigator.languages].map((one) => one?.toLowerCase().split("-")[0]);
if (wanted.find((one) => one === "en" || one === "zh") === "zh") {
  document.documentElement.lang = "zh-CN";
  page.replaceChildren(document.importNode((document.getElementById("shell-zh") as HTMLTemplateElement).content, true));
}

const { signal } = keeping;
const take = (data: DataTransfer) => {
  early.files.push(...data.files);
  if (data.files.length === 0) early.text += data.getData("text/plain");
};
document.addEventListener("dragover", (event) => event.preventDefault(), { signal });
document.addEventListener(
  "drop",
  (event) => {
    event.preventDefault();
    if (event.dataTransfer !== null) take(event.dataTransfer);
  },
  { signal },
);
document.addEventListener(
  "paste",
  (event) => {
    const data = event.clipboardData;
    const inBox = /^(?:INPUT|TEXTAREA)$/.test((event.target as Element).tagName);
    if (data === null || (inBox && data.files.length === 0 && data.getData("text/plain").length < WRITABLE)) return;
    event.preventDefault();
    take(data);
  },
  { signal },
);
document.addEventListener(
  "click",
  (event) => {
    const button = (event.target as Element).closest<HTMLElement>("button");
    if (button !== null) early.clicked = button;
  },
  { signal },
);

const parsed = new Promise<unknown>((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
const painted = new Promise<unknown>((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
  // A tab in the background paints nothing.
  setTimeout(done, document.hidden ? 0 : 500);
});
void Promise.all([parsed, painted]).then(() => setTimeout(runNext));
