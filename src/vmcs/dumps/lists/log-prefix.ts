import { fieldByEncoding } from "../../fields/fields.js";

/*
 * A log puts the same before every line: a time, a level, where the line was printed. What is the same in most lines of a
 * block but for its numbers, and ends as such prefixes end, is left out, whatever program wrote it.
 */

/** So many lines are compared with each other. */
const BLOCK = 64;
/** So many lines, and this share of a block, have a prefix. */
const LEAST = 3;
const SHARE = 0.35;
/** No prefix is longer. */
const MOST = 120;
/** What ends a prefix, with a blank behind it. */
const ENDS = "]:|>)-";
/** What says something about the fields behind it, or is the beginning of one. */
const MEANT = /guest|host|write|read\b|[={"`]|\b(?:[c-gs]s|tr|ldtr?|[gi]dtr?|state|fields?|controls?)\b/i;
const SPAN = /\{[^{}]{0,100}\}/g;
const LEVEL = /^(?:trace|debug|info|notice|warn|warning|error|err|crit|fatal|verbose)$/i;
const ENCODING = /(?:^|[^0-9a-z.:])(?:0x([0-9a-f]{3,8})|([0-9a-f]{4})|(\d{5}))[\]):]{0,2} ?$/i;

interface Cut {
  readonly masked: string;
  readonly at: number;
}
interface Held {
  readonly text: string;
  readonly number: number;
  readonly cuts: readonly Cut[];
}

/** Where a prefix of a line may end, with the prefix as it is but for numbers, levels and blanks. */
function cutsOf(text: string): readonly Cut[] {
  const cuts: Cut[] = [];
  let masked = "";
  let at = 0;
  let open = 0;
  const end = Math.min(text.length, MOST);
  while (at < end) {
    const code = text.charCodeAt(at);
    if (isWordy(code)) {
      const from = at;
      let digits = false;
      for (; at < end && isWordy(text.charCodeAt(at)); at++) digits ||= isDigit(text.charCodeAt(at));
      const word = text.slice(from, at);
      masked += LEVEL.test(word) ? "L" : digits ? word.replace(/^0x[0-9a-f]{1,16}$|[0-9]+/gi, "0") : word;
      continue;
    }
    if (code === 0x20 || code === 9) {
      const before = text[at - 1] ?? "";
      while (at < end && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 9)) at++;
      masked += " ";
      if (open === 0 && (ENDS.includes(before) || text[at - 1] === "\t") && masked.trim() !== "")
        cuts.push({ masked, at });
      continue;
    }
    if (code === 0x28 || code === 0x5b || code === 0x7b) open++;
    else if (code === 0x29 || code === 0x5d || code === 0x7d) open = Math.max(0, open - 1);
    masked += text[at];
    at++;
  }
  return cuts;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isWordy(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f;
}

/** Whether what a cut takes away ends in the encoding of a field. */
function endsInEncoding(text: string): boolean {
  const [, marked, bare, decimal] = ENCODING.exec(text.slice(-16)) ?? [];
  if (decimal !== undefined) return fieldByEncoding(Number(decimal)) !== undefined;
  const digits = marked ?? bare;
  return digits !== undefined && fieldByEncoding(Number.parseInt(digits, 16)) !== undefined;
}

/** Hands on the lines of a log without what its program puts before each. */
export function prefixFilter(sink: (text: string, number: number, whole: string) => void): {
  readonly line: (text: string, number: number) => void;
  readonly end: () => void;
} {
  let held: Held[] = [];
  const flush = (): void => {
    const counts = new Map<string, { lines: number; encodings: number }>();
    for (const { text, cuts } of held) {
      for (const { masked, at } of cuts) {
        const count = counts.get(masked) ?? { lines: 0, encodings: 0 };
        count.lines++;
        if (endsInEncoding(text.slice(0, at))) count.encodings++;
        counts.set(masked, count);
      }
    }
    const least = Math.max(LEAST, held.length * SHARE);
    for (const { text, number, cuts } of held) {
      let from = 0;
      for (const { masked, at } of cuts) {
        const count = counts.get(masked);
        if (count === undefined || count.lines < least || count.encodings * 3 > count.lines) continue;
        if (!MEANT.test(masked.replace(SPAN, ""))) from = at;
      }
      sink(from === 0 ? text : text.slice(from), number, text);
    }
    held = [];
  };
  return {
    line(text, number) {
      held.push({ text, number, cuts: cutsOf(text) });
      if (held.length >= BLOCK) flush();
    },
    end: flush,
  };
}
