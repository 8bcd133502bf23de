/*
 * Labels with hex values behind them, found at a place of a text. A pattern is written as a regular expression is, but a blank
 * may be missing, letters count in either case, and `X` is a hex number with or without 0x. A log can have ten thousand dumps
 * of some hundred values each: they are read where they are, without a text for each.
 */

/** What a pattern found. It is the same object each time. */
export interface Values {
  /** Where the match ends. */
  end: number;
  /** Of each value: where its digits begin, or -1 where it is missing, how many they are, and its two halves. */
  readonly at: Int32Array;
  readonly length: Int32Array;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
}

export interface LineMatch {
  /** Tries the pattern at a place; `undefined` where it does not match. */
  readonly at: (text: string, place: number) => Values | undefined;
  /** How the text before the first value can be written, in lower case. */
  readonly labels: readonly string[];
}

/** Ways to write what comes before a value, the longest first. */
type Before = readonly string[];
/** Values that come together or not at all. */
interface Run {
  readonly optional: boolean;
  readonly before: readonly Before[];
}

const MOST = 8;
const found: Values = {
  end: 0,
  at: new Int32Array(MOST),
  length: new Int32Array(MOST),
  lo: new Uint32Array(MOST),
  hi: new Uint32Array(MOST),
};

/** `(?<!A)B` is not behind A, `B(?!C|D)` not before C and D, and of B a part with a value that is optional may be missing. */
export function lineMatch(pattern: string): LineMatch {
  const behind = pattern.startsWith("(?<!") ? pattern.slice(4, pattern.indexOf(")")) : undefined;
  const from = behind === undefined ? 0 : behind.length + 5;
  const ahead = pattern.indexOf("(?!");
  const runs = runsOf(pattern.slice(from, ahead < 0 ? undefined : ahead));
  const unless = ahead < 0 ? [] : spellings(pattern.slice(ahead + 3, -1));
  const after = behind?.toLowerCase();
  const at: LineMatch["at"] = (text, place) => {
    if (place > 0 && isWord(text.charCodeAt(place - 1), true)) return undefined;
    if (after !== undefined && isBehind(after, text, place)) return undefined;
    let end = place;
    let value = 0;
    for (const { optional, before } of runs) {
      const next = readRun(before, text, end, value);
      if (next >= 0) end = next;
      else if (!optional) return undefined;
      else for (let n = 0; n < before.length; n++) found.at[value + n] = -1;
      value += before.length;
    }
    if (unless.some((words) => passed(words, text, end) >= 0)) return undefined;
    found.end = end;
    return found;
  };
  return { at, labels: runs[0]?.before[0] ?? [] };
}

/** The parts of a pattern: `sel = X(?: , attr = X)?` has two. */
function runsOf(pattern: string): readonly Run[] {
  return pattern
    .split(/(\(\?:[^()]*X\)\?)/)
    .filter((part) => part !== "")
    .map((part) => {
      const optional = part.startsWith("(?:") && part.endsWith("X)?");
      const before = (optional ? part.slice(3, -2) : part).split("X");
      if (before.pop() !== "") throw new RangeError(`a line's pattern has to end with a value: ${pattern}`);
      return { optional, before: before.map(spellings) };
    });
}

/** All that a pattern without values matches: `(?:A)?B` with and without A, `[AB]` as A and as B, `A|B` as either. */
function spellings(pattern: string): Before {
  const optional = /\(\?:((?:[^()\\]|\\.){0,80})\)\?/.exec(pattern);
  const either = /\[([^[\]]*)\]/.exec(pattern);
  const [hit] = [optional, either].filter((match) => match !== null);
  const around = (inner: string) =>
    spellings(pattern.slice(0, hit?.index) + inner + pattern.slice((hit?.index ?? 0) + (hit?.[0].length ?? 0)));
  const all =
    optional !== null
      ? ["", optional[1] as string].flatMap(around)
      : either !== null
        ? [...(either[1] as string)].flatMap(around)
        : pattern.split(/(?<!\\)\|/).map((text) => text.replace(/\\([|()])/g, "$1").toLowerCase());
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

/** Whether some words end before a place. */
function isBehind(words: string, text: string, place: number): boolean {
  let at = place - 1;
  for (let n = words.length - 1; n >= 0; n--) {
    const wanted = words.charCodeAt(n);
    if (isLetter(text.charCodeAt(at), wanted)) at--;
    else if (wanted !== 0x20) return false;
  }
  return true;
}

/** Reads values from a place on, each behind its label; -1 where one does not match. */
function readRun(before: readonly Before[], text: string, place: number, first: number): number {
  let end = place;
  for (let n = 0; n < before.length; n++) {
    let next = -1;
    for (const words of before[n] as Before) {
      next = passed(words, text, end);
      if (next >= 0) break;
    }
    if (next >= 0) next = readValue(text, next, first + n);
    if (next < 0) return -1;
    end = next;
  }
  return end;
}

/** The place behind some words; -1 where they are not there. */
function passed(words: string, text: string, place: number): number {
  let at = place;
  for (let n = 0; n < words.length; n++) {
    const wanted = words.charCodeAt(n);
    if (isLetter(text.charCodeAt(at), wanted)) at++;
    else if (wanted !== 0x20) return -1;
  }
  return at;
}

function isLetter(code: number, wanted: number): boolean {
  return code === wanted || (code >= 0x41 && code <= 0x5a && code + 0x20 === wanted);
}

function readValue(text: string, place: number, index: number): number {
  let at = place;
  // The first digit of a number without 0x may be 0 as well.
  if (
    text.charCodeAt(at) === 0x30 &&
    (text.charCodeAt(at + 1) | 0x20) === 0x78 &&
    digitOf(text.charCodeAt(at + 2)) >= 0
  )
    at += 2;
  const from = at;
  let lo = 0;
  let hi = 0;
  for (;;) {
    const digit = digitOf(text.charCodeAt(at));
    if (digit < 0) break;
    hi = (hi << 4) | (lo >>> 28);
    lo = (lo << 4) | digit;
    at++;
  }
  // What follows must not be part of a word.
  if (at === from || isWord(text.charCodeAt(at))) return -1;
  found.at[index] = from;
  found.length[index] = at - from;
  found.lo[index] = lo;
  found.hi[index] = hi;
  return at;
}

function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Letters, digits, the underscore and, before a label, the bar of `SVI|RVI`. */
function isWord(code: number, bar = false): boolean {
  const letter = code | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f || (bar && code === 0x7c)
  );
}
