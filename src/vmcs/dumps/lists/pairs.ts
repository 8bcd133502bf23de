import { type NamedField, namedField } from "../../fields/field-names.js";
import { type Base, CLOSERS, endsValue, numberAt, QUOTES, valueAt } from "./number.js";
import { nameIn, type PairContext, TOKEN } from "./pair-name.js";
import { segmentNamed } from "./registers.js";
import { blanksEnd, runEnd, runOf } from "./scan.js";

/** A name or an encoding with a value, in whatever shape a program prints it. */
export interface Pair {
  /** What is where the name should be; a known field has the name as it is written. */
  readonly name: string;
  /** The field, where the name or the encoding means one. */
  readonly field?: NamedField;
  /** An encoding beside the name or in its place. */
  readonly encoding?: number;
  /** The field was found by the words of the name only. */
  readonly byMeaning?: true;
  /** The name is that of a register; nothing in it says that it is a field of a VMCS. */
  readonly plain?: true;
  readonly digits: string;
  readonly base: Base;
  /** What is between name and value, and what is around them: pairs of one list have the same. */
  readonly shape: string;
}

const MOST_OPEN = 16;
/** So many characters before a value can be its name. */
const NAME_MOST = 160;

/** The last word of what names a field in a record. */
const NAMING = /(?:field|name|enc|encoding|key|id|reg|register|index|idx)\W{0,3}$/i;
/** A call that writes a field and shows what it returned. */
const VAL = / val(?:ue)? (?=0x)/;
const WRITE = /writ\w{0,16}\s{0,4}\([^()]{1,80},[^()]{1,40}\)/i;

/** Every pair of a line. Takes linear time: each character belongs to one key or value. */
export function pairsOf(line: string, context: PairContext): readonly Pair[] {
  // `field 0x6820 GUEST_RFLAGS val 0x2`, as tracers print it.
  const text = line.includes(" val") ? line.replace(VAL, " = ") : line;
  // What a call returns is not what it wrote.
  const called = WRITE.test(text) ? tuplePairs(text) : [];
  if (called.length > 0) return called;
  const strong = joinedPairs(text, context);
  if (strong.length > 0) return strong;
  heading(text, context);
  const tuples = tuplePairs(text);
  return tuples.length > 0 ? tuples : rowPair(text);
}

/** Pairs joined by `=`, `:`, `=>`, `->` or `<-`. */
function joinedPairs(text: string, context: PairContext): Pair[] {
  const pairs: Pair[] = [];
  let from = 0;
  let subject = "";
  let braced = 0;
  for (let at = 0; at < text.length; at++) {
    const joint = jointAt(text, at);
    if (joint === 0) continue;
    const value = valueAt(text, at + joint);
    if (value === undefined || !endsValue(text, value.end)) {
      at += joint - 1;
      continue;
    }
    const key = text.slice(Math.max(from, at - NAME_MOST), at);
    braces(text.slice(braced, at), context.open);
    braced = at;
    const named = nameIn(key, context, subject);
    if (named !== undefined) {
      const { record, ...pair } = named;
      // The parts of a record before its value are not pairs of their own.
      if (record === true) while (pairs.length > 0 && pairs.at(-1)?.field === undefined) pairs.pop();
      pairs.push({ ...pair, digits: value.digits, base: value.base, shape: text.slice(at, at + joint).trim() });
      if (pairs.length === 1) subject = /^\W{0,8}(?:guest\s{1,4})?(\w{1,20})\s{0,4}[:{(]/i.exec(key)?.[1] ?? "";
    }
    const segment = named?.plain === true ? segmentNamed(named.field) : undefined;
    if (segment !== undefined) subject = segment;
    // `field=0x6820 value=0x2`: what names a field belongs to the next value.
    if (named?.field !== undefined || !NAMING.test(key)) from = runEnd(text, value.end, CLOSERS);
    at = value.end - 1;
  }
  braces(text.slice(braced), context.open);
  return pairs.some(({ name }) => /^flags$/i.test(name)) ? withFlags(pairs) : pairs;
}

/** `FLAGS` beside the instruction or the stack pointer are the flags of the processor. */
function withFlags(pairs: readonly Pair[]): Pair[] {
  const isGuest = pairs.some(({ field }) => field?.row.key === "guest.rip" || field?.row.key === "guest.rsp");
  const rflags = isGuest ? namedField("GUEST_RFLAGS") : undefined;
  return pairs.map((pair) =>
    rflags !== undefined && pair.field === undefined && /^flags$/i.test(pair.name)
      ? { ...pair, field: rflags, plain: true as const }
      : pair,
  );
}

/** Length of the sign that joins name and value at a place; 0 when there is none. */
function jointAt(text: string, at: number): number {
  const code = text[at];
  const next = text[at + 1];
  if (code === "=") return next === ">" ? 2 : next === "=" || "<>!".includes(text[at - 1] ?? " ") ? 0 : 1;
  if (code === "<") return next === "-" ? 2 : 0;
  if (code === "-") return next === ">" && !/[A-Za-z_]/.test(text[at + 2] ?? "") ? 2 : 0;
  if (code !== ":") return 0;
  if (next === "=") return 2;
  return next === ":" || text[at - 1] === ":" ? 0 : 1;
}

/** Keeps the names of open braces: `guest: Guest {`. */
function braces(text: string, open: string[]): void {
  for (let at = 0; at < text.length; at++) {
    const code = text[at];
    if (code === "}") open.pop();
    else if (code === "{" && open.length < MOST_OPEN) {
      const words = text.slice(Math.max(0, at - NAME_MOST), at).match(TOKEN) ?? [];
      open.push(words.at(/[:=]/.test(text.slice(Math.max(0, at - 40), at)) ? 0 : -1) ?? "");
    }
  }
}

/** `Guest State`, `[host]`, `guest:`. A line of its own that names one part of the VMCS. */
function heading(text: string, context: PairContext): void {
  if (text.length > 60) return;
  const guest = /\bguest/i.test(text);
  const host = /\bhost/i.test(text);
  if (guest !== host) context.part = guest ? "guest" : "host";
  else if (/\bcontrol|\bexit info/i.test(text)) context.part = undefined;
}

/** `{ NAME, 0x1f },` `vmwrite(NAME, 0x1f);` `(path::NAME, 31),` */
function tuplePairs(text: string): Pair[] {
  const pairs: Pair[] = [];
  let from = 0;
  let open = -1;
  for (let at = 0; at < text.length; at++) {
    if ("({[".includes(text[at] as string)) open = at;
    if (text[at] !== "," || open < 0) continue;
    if (open < from) continue;
    const value = valueAt(text, at + 1);
    const close = value === undefined ? 0 : blanksEnd(text, runEnd(text, value.end, runOf(QUOTES)));
    if (value === undefined || !")}]".includes(text[close] ?? " ")) continue;
    const key = text.slice(Math.max(open + 1, at - NAME_MOST), at);
    const words = key.match(TOKEN) ?? [];
    // `padding = {0x0, 0x0, 0x0}` is an array of numbers.
    const inArray =
      /^[\s0-9a-fx,]+$/i.test(key) &&
      ((text[open] !== "(" && key.includes(",")) || /[=:]\s{0,4}$/.test(text.slice(Math.max(0, open - 8), open)));
    const named = inArray || words.length === 0 || words.length > 6 ? undefined : nameIn(key, { open: [] }, "");
    if (named !== undefined) {
      pairs.push({
        ...named,
        digits: value.digits,
        base: value.base,
        shape: `${wordBefore(text, open)}${text[open]},`,
      });
    }
    from = value.end;
    at = value.end - 1;
  }
  return pairs;
}

function wordBefore(text: string, at: number): string {
  return /\w{1,40}$/.exec(text.slice(Math.max(0, at - 40), at))?.[0] ?? "";
}

/** A row of a table: CSV, TSV, Markdown, or columns with blanks between them. */
function rowPair(text: string): readonly Pair[] {
  // Braces and equals signs are those of code.
  if (/[={}]/.test(text)) return [];
  const sign = /[|\t]|,|;|\s{2,}| /.exec(text.trim())?.[0];
  if (sign === undefined || text.length > 400) return [];
  const split = text.includes("|")
    ? "|"
    : text.includes("\t")
      ? "\t"
      : text.includes(",")
        ? ","
        : text.includes(";")
          ? ";"
          : "";
  const cells = (split === "" ? text.trim().split(/\s{2,}/) : text.split(split)).map((cell) =>
    cell.replace(/["'`*]/g, "").trim(),
  );
  if (split === "" && cells.length === 1) {
    const words = text.trim().split(" ");
    // More words with a blank between them are a sentence, or names and values by turns.
    if (words.length > 3) return byTurns(words);
    const [first = "", second = "", third] = words;
    // "exit reason 0x21" has a name of two words.
    const isTwo = third !== undefined && nameIn(`${first} ${second}`, { open: [] }, "")?.field !== undefined;
    cells.splice(0, 1, ...(isTwo ? [`${first} ${second}`, third] : words));
  }
  const filled = cells.filter((cell) => cell !== "");
  if (split === "" && filled.length > 1) {
    // Names and values by turns, a blank between the two.
    const each = filled.map(nameAndValue);
    if (each.every((pair) => pair !== undefined)) return each;
  }
  if (filled.length < 2 || filled.length > 8) return [];
  const at = filled.findIndex(
    (cell) => /^[A-Za-z_0x]/.test(cell) && nameIn(cell, { open: [] }, "")?.field !== undefined,
  );
  const named = nameIn(filled[Math.max(0, at)] as string, { open: [] }, "");
  if (named === undefined) return [];
  const encoding = named.field?.row.encoding ?? named.encoding;
  for (const cell of filled.slice(Math.max(0, at) + 1)) {
    const value = numberAt(cell, 0);
    if (value === undefined || value.end < cell.length) continue;
    // A column of encodings beside the names.
    if (value.base !== "decimal" && encoding !== undefined && Number.parseInt(value.digits, 16) === encoding) continue;
    return [{ ...named, digits: value.digits, base: value.base, shape: `row ${split}` }];
  }
  return [];
}

/** `guest rip 0x1000 rsp 0x0 rflags 0x2`: each value behind its name. */
function byTurns(words: readonly string[]): readonly Pair[] {
  const pairs: Pair[] = [];
  let from = 0;
  const side = words
    .slice(0, 3)
    .find((word) => /^(?:guest|host)$/i.test(word))
    ?.toLowerCase() as "guest" | "host" | undefined;
  for (let at = 0; at < words.length; at++) {
    const value = /^0x/i.test(words[at] as string) ? numberAt(words[at] as string, 0) : undefined;
    if (value === undefined) continue;
    const named = at === from ? undefined : nameIn(words.slice(from, at).join(" "), { open: [], part: side }, "");
    if (value.end < (words[at] as string).length || named?.field === undefined) return [];
    pairs.push({ ...named, digits: value.digits, base: value.base, shape: "turns" });
    from = at + 1;
  }
  return from === words.length && pairs.length > 1 ? pairs : [];
}

/** `CR0 0x31`, one of several on a line. */
function nameAndValue(cell: string): Pair | undefined {
  const blank = cell.indexOf(" ");
  if (blank < 0) return undefined;
  const value = numberAt(cell, blank + 1);
  const named = nameIn(cell.slice(0, blank), { open: [] }, "");
  if (value === undefined || value.end < cell.length || named?.field === undefined) return undefined;
  return { ...named, digits: value.digits, base: value.base, shape: "row " };
}
