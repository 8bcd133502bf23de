/* What happens to a text on its way into a mail, a forum or a file must not matter: every format in every disguise. */
import { describe, expect, it } from "vitest";
import { READERS } from "../../src/input/formats/registry.js";
import { readHost } from "../../src/input/read.js";
import { oneIn } from "../deep.js";
import { claims } from "./claims.js";
import { SHORT_TEXTS } from "./formats-in-short.js";

const sorted = (text: string | Uint8Array) => JSON.stringify([...claims(text)].sort());

/** Every format with its short text and what that says as it is. */
const FORMATS = Object.entries(SHORT_TEXTS).map(([name, text]) => ({ name, text, said: sorted(text) }));

const eachLine = (text: string, before: (n: number) => string): string => {
  let n = 0;
  return text.replace(/^(?=[^\n]*\n)/gm, () => before(++n));
};
const filled = (text: string, before: string): string => text.replace(/^(?=.)/gm, before);
const expandTabs = (text: string): string =>
  text
    .split("\n")
    .map((line) => {
      let out = "";
      for (const c of line) out += c === "\t" ? " ".repeat(8 - (out.length % 8)) : c;
      return out;
    })
    .join("\n");
const quotedPrintable = (text: string, width: number): string =>
  text
    .replace(/=/g, "=3D")
    .replace(/\t/g, "=09")
    .split("\n")
    .map((line) => {
      const parts: string[] = [];
      let rest = line;
      while (rest.length > width) {
        // An encoded character is never broken.
        const at = /=.?$/.exec(rest.slice(0, width))?.index ?? width;
        parts.push(`${rest.slice(0, at)}=`);
        rest = rest.slice(at);
      }
      return [...parts, rest].join("\n");
    })
    .join("\n");

const DISGUISES: { readonly [name: string]: (text: string) => string | Uint8Array } = {
  quoted: (text) => eachLine(text, () => "> "),
  "quoted twice": (text) => eachLine(text, () => "> > "),
  "quoted by two programs": (text) => eachLine(text, () => ">> > "),
  CRLF: (text) => text.replace(/\n/g, "\r\n"),
  coloured: (text) => text.replace(/^(\s*)(\S+)/gm, "$1\u001b[1;32m$2\u001b[0m"),
  "in syslog": (text) => filled(text, "Nov 22 15:27:01 host kernel: "),
  "in syslog, indented": (text) => filled(text, "    Nov 22 15:27:01 host kernel: "),
  "with ISO dates": (text) => filled(text, "2024-03-01T12:00:00.123456+01:00 host kernel: "),
  "from journalctl": (text) => filled(text, "Mar 01 12:00:00.123456 host kernel: "),
  "with kernel times": (text) => filled(text, "[   12.345678] "),
  "with kernel times and threads": (text) => filled(text, "[   12.345678][    T1] "),
  "from dmesg -T": (text) => filled(text, "[Tue Mar  5 12:34:56 2024] "),
  "from dmesg --time-format iso": (text) => filled(text, "2024-03-05T12:34:56,123456+01:00 "),
  "in quoted-printable": (text) => `Content-Transfer-Encoding: quoted-printable\n\n${quotedPrintable(text, 74)}`,
  "escaped for HTML": (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"),
  "escaped by numbers": (text) => text.replace(/[&<>"']/g, (c) => `&#x${c.charCodeAt(0).toString(16)};`),
  "with blanks that do not break": (text) => text.replace(/ /g, "\u00a0"),
  "in a preformatted block": (text) => `<pre><code>\n${text}</code></pre>\n`,
  "with line breaks of HTML": (text) => filled(text, "<br>"),
  "in a fence": (text) => `text\n\`\`\`console\n${text}\`\`\`\nmore\n`,
  "indented by four": (text) => filled(text, "    "),
  "indented by a tab": (text) => filled(text, "\t"),
  "with tabs as blanks": expandTabs,
  "with blanks at the ends": (text) => text.replace(/(?<=\S)$/gm, "  "),
  "in double space": (text) => text.replace(/\n/g, "\n\n"),
  "numbered by cat -n": (text) => eachLine(text, (n) => `${String(n).padStart(6)}\t`),
  "numbered by cat -n, tabs as blanks": (text) => expandTabs(eachLine(text, (n) => `${String(n).padStart(6)}\t`)),
  "numbered with colons": (text) => eachLine(text, (n) => `${n}: `),
  "with a mark of the byte order": (text) => `\ufeff${text}`,
  "UTF-16": (text) => Buffer.from(`\ufeff${text}`, "utf16le"),
  "UTF-16 without a mark": (text) => Buffer.from(text, "utf16le"),
  "in the middle of a mail": (text) => `From: A\nSubject: nested\n\nHi,\n\nthis is what I see:\n\n${text}\n-- \nB\n`,
};

it("is asked of every format but the snapshot, which is a document of its own", () => {
  const named = new Set(Object.keys(SHORT_TEXTS).map((key) => key.split(" ")[0]));
  expect(READERS.map(({ name }) => name).filter((name) => !named.has(name))).toEqual(["snapshot"]);
  for (const { name, text, said } of FORMATS) {
    expect(readHost(text).formats, name).toContain(name.split(" ")[0]);
    expect(said, name).not.toBe("[]");
  }
});

it.each(Object.entries(DISGUISES))("a text that is %s says the same in every format", (_, disguise) => {
  const lost = FORMATS.filter(({ text, said }) => sorted(disguise(text)) !== said);
  expect(lost.map(({ name }) => name)).toEqual([]);
});

/** One program after another: what a log or a forum does first, and a mailer or an editor afterwards. */
const FIRST = [
  "with kernel times",
  "in syslog",
  "with ISO dates",
  "coloured",
  "indented by four",
  "with tabs as blanks",
  "with blanks at the ends",
];
const THEN = [
  "quoted",
  "quoted by two programs",
  "CRLF",
  "UTF-16",
  "in quoted-printable",
  "escaped for HTML",
  "numbered by cat -n",
  "in a preformatted block",
  "in the middle of a mail",
];

describe.each(FIRST.map((first, at) => [first, at] as const))("a text that is %s, and then", (first, row) => {
  it.each(THEN.map((then, at) => [then, at] as const))("%s, says the same in every format", (then, column) => {
    // In a short run one format in eight for each two programs; the next two have others.
    const lost = oneIn(8, FORMATS, row + column).filter(({ name, text, said }) => {
      // What the script of vmxlens writes goes from machine to machine as a file, not as part of a mail.
      if (name === "collect" && first === "indented by four") return false;
      const inner = DISGUISES[first]?.(text);
      return sorted(DISGUISES[then]?.(inner as string) ?? "") !== said;
    });
    expect(lost.map(({ name }) => name)).toEqual([]);
  });
});
