/*
 * Runs before anything is painted: chooses the language of the first view, which is in the file as HTML, keeps what is
 * typed, dropped and clicked until the first script runs, and runs that when the view has been painted.
 */
import { type Early, WRITABLE } from "./early.js";
import { reader, unpack } from "./unpack.js";

const page = document.getElementById("page") as HTMLElement;
const keeping = new AbortController();
/** Unpacks the next of the page's scripts, and runs it. They are one stream, so each costs what the others do not have. */
function runNext(): void {
  unpacking ??= openPacked(document.getElementById("packed") as HTMLElement);
  const code = unpacking.next();
  if (code.done) return;
  const script = document.createElement("script");
  script.className = "ran";
  script.textContent = code.value;
  document.head.append(script);
}
let unpacking: Generator<string> | undefined;

// biome-ignore lint/suspicious/noControlCharactersInRegex: no script holds one, see tools/frequent-words.js
const WORDS = /[\x1a-\x1f][\uf780-\uf7ff]|[\x01-\x08\x0e-\x19\uf780-\uf7ff]/g;

/** Of the bytes that words became: those above ASCII, then the control characters but blanks, then the pairs. */
function placeOf(bytes: string): number {
  const byte = bytes.charCodeAt(0) & 0xff;
  if (bytes.length > 1) return 148 + (byte - 26) * 128 + (bytes.charCodeAt(1) & 0x7f);
  return byte < 9 ? byte + 127 : byte < 32 ? byte + 122 : byte - 0x80;
}

/** The scripts in the element, whose attribute says how many bytes each has; before them are the words, and each is a step. */
function* openPacked({ textContent, dataset }: HTMLElement): Generator<string> {
  // Each byte is one unit of the text: ASCII is itself, and the others are U+F780 to U+F7FF.
  const bytes = new TextDecoder("x-user-defined");
  let words: string[] | undefined;
  for (const part of unpack(dataset.sizes?.split(" ").map(Number) ?? [], reader(textContent ?? ""))) {
    const text = bytes.decode(part);
    if (words === undefined) words = text.split(",");
    else yield text.replace(WORDS, (bytes) => words?.[placeOf(bytes)] ?? bytes);
  }
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
