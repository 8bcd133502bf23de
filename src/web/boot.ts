/*
 * Runs before anything is painted: chooses the language of the first view, which is in the file as HTML, keeps what is
 * typed, dropped and clicked until the first script runs, and runs that when the view has been painted.
 */
import { decompress } from "lzma1";
import { type Early, WRITABLE } from "./early.js";

const page = document.getElementById("page") as HTMLElement;
const keeping = new AbortController();
/** Unpacks the script that an element holds, and runs it. */
function run(id: string): void {
  const text = document.getElementById(id)?.textContent ?? "";
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const script = document.createElement("script");
  script.className = "ran";
  script.textContent = new TextDecoder().decode(decompress(bytes));
  document.head.append(script);
}

const early: Early = { shell: page.innerHTML, files: [], text: "", stop: () => keeping.abort(), run };
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
void Promise.all([parsed, painted]).then(() => setTimeout(run, 0, "first"));
