import {
  cleanLine,
  commonIndent,
  isNumbered,
  isQuotedPrintable,
  lineNumberLength,
  quotedPrintable,
  type Unfolder,
} from "../text/clean-line.js";
import { columnShifts } from "../text/column-shifts.js";
import type { DiagnosticLog } from "../text/diagnostic.js";
import { lineSplitter, ownCopy } from "../text/text.js";
import { LIKE_THIS, unreadMsr, unreadText } from "../text/unread-msr.js";
import { jsonReaders, xmlReaders } from "./document-lines.js";
import { type FactCollectorOptions, factCollector } from "./fact-collector.js";
import { finish, type LinesReading } from "./lines-reading.js";
import { type Prefilter, prefilterOf } from "./mark-filter.js";
import type { FactReader, FactRun, JsonReader, LineReader, LineRun, TextLine, XmlReader } from "./reader.js";

export interface LinesSink {
  readonly push: (text: string) => void;
  readonly end: () => LinesReading;
}

type Inline = LineReader | FactReader | JsonReader | XmlReader;

const NONE: ReadonlySet<number> = new Set();

/** A line that another reader has claimed looks like this to the others: it ends what they wait for. */
const FOREIGN = "\u0000";

/** The other readers get this for lines with words that were passed over. */
const WORDS = "words";

/** What only dumps of CPUID and MSRs look like, without anything that would have to be taken off. */
const DUMP_LINE = /^(?:CPUID|MSR) [0-9A-Fa-f]{8}: [ -%'-)+-_a-~]*$/;

/** Words that begin no document, no tag, no listing of a dump and no part of any of these. */
const MAY_BE_INERT = /^(?!\s{0,80}\[|CPUID |CPU Alias|MSR )[^{<\r]{0,200}$/;
const MAX_INERT = 200;
const MOST_INERT = 2000;
const MOST_UNMARKED = 5000;

/**
 * Lines of a dump's other sections that have nothing to be taken off and the mark of no reader, by what looks for marks. Dumps share
 * most of them, and looking again takes longer than reading all the rest of a dump.
 */
const unmarked = new WeakMap<Prefilter, Set<string>>();

interface FactEntry {
  readonly reader: FactReader;
  /** Begun with the first line that has the mark; most readers have none in most texts. */
  run: FactRun | undefined;
  claims: number;
  /** A line with the mark that was not taken: perhaps the first part of a wrapped one. */
  part: string;
  partLine: number;
}

interface Divided {
  readonly byFact: readonly FactReader[];
  readonly byLine: readonly LineReader[];
  readonly byJson: readonly JsonReader[];
  readonly byXml: readonly XmlReader[];
  readonly mayHaveMark: Prefilter;
}

const divisions = new WeakMap<readonly Inline[], Divided>();

/** Readers by kind, divided once: most texts are short, and all have the same readers. */
function divided(readers: readonly Inline[]): Divided {
  const before = divisions.get(readers);
  if (before !== undefined) return before;
  const byFact = readers.filter((reader) => reader.kind === "facts");
  const made = {
    byFact,
    byLine: readers.filter((reader) => reader.kind === "lines"),
    byJson: readers.filter((reader) => reader.kind === "json"),
    byXml: readers.filter((reader) => reader.kind === "xml"),
    mayHaveMark: prefilterOf(byFact),
  };
  divisions.set(readers, made);
  return made;
}

/**
 * All readers see all lines, cleaned of what mail, terminals and logs put around them; a line belongs to the first
 * reader that claims it. What they find is merged into one host for each machine that the text speaks of.
 */
export function readLines(
  readers: readonly Inline[],
  options: FactCollectorOptions & { readonly head: string; readonly onLine?: (line: number, format: string) => void },
  log: DiagnosticLog,
): LinesSink {
  const collected = factCollector(options);
  const { byFact, byLine, byJson, byXml, mayHaveMark } = divided(readers);
  const facts = byFact.map((reader): FactEntry => ({ reader, run: undefined, claims: 0, part: "", partLine: -1 }));
  const known = unmarked.get(mayHaveMark) ?? new Set<string>();
  unmarked.set(mayHaveMark, known);
  const runs = byLine.map((reader): { reader: LineReader; run: LineRun; score: number } => ({
    reader,
    run: reader.open(options.file, mayHaveMark),
    score: 0,
  }));
  const json = jsonReaders(byJson, collected.sink);
  const xml = xmlReaders(byXml, collected.sink);
  const columns = columnShifts();
  const numbered = isNumbered(options.head);
  const indent = commonIndent(options.head);
  const mayBeDumps = !numbered && indent === "" && runs.length > 0;

  /** Those that have begun, in their order. */
  let begun: readonly FactEntry[] = [];
  const runOf = (entry: FactEntry): FactRun => {
    if (entry.run === undefined) {
      entry.run = entry.reader.open(collected.sink(entry.reader.name));
      begun = facts.filter(({ run }) => run !== undefined);
    }
    return entry.run;
  };
  /** Whether the last line that fact readers were asked about may have had the mark of one. */
  let marked = false;
  const factLine = (line: TextLine, isKnown: boolean): string | undefined => {
    marked = !isKnown && mayHaveMark(line.text);
    let claimed: string | undefined;
    for (const entry of marked ? facts : begun) {
      const busy = entry.run?.busy?.() === true;
      if (claimed !== undefined) {
        if (busy) entry.run?.line({ ...line, text: FOREIGN });
        continue;
      }
      const own = marked && entry.reader.mark.test(line.text);
      const follows = entry.partLine === line.after;
      if ((own || busy) && runOf(entry).line(line)) {
        entry.claims++;
        claimed = entry.reader.name;
      } else if (follows && takeWrapped(entry, line)) claimed = entry.reader.name;
      else if (own && entry.reader.unwraps === true) {
        entry.part = line.text;
        entry.partLine = line.number;
      }
    }
    return claimed;
  };

  const isWaiting = (line: number): boolean =>
    begun.some(({ run, partLine }) => partLine === line || run?.busy?.() === true) || json.isOpen();
  let after = 0;
  /** Number of the last line that all readers have seen. */
  let lastGiven = 0;
  /** No reader waits for a line; a line that goes to the readers of dumps alone leaves it so. */
  let idle = false;
  /** The other readers of lines know that a dump is at hand. */
  let atDump = false;
  const [dumps, ...others] = runs;
  /** Lines behind one of a dump that no reader wants and that leave all of them as they are. */
  const inert = new Set<string>();
  /** No reader waits for a line, and no line before it would change how the next one is read. */
  let calm = false;
  /** Number of the last line that was passed over as one of `inert`, and of the last that the other readers need not see. */
  let passed = 0;
  let unseen = 0;
  /** The other readers of lines have seen that the text has words which say nothing. */
  let worded = false;
  const ahead = { at: 0, lines: 0 };
  /** The lines of a dump are read where they are in the text, as long as no reader waits for one. */
  const linesAt = (piece: string, start: number, number: number): typeof ahead => {
    ahead.at = start;
    ahead.lines = 0;
    for (;;) {
      // Asking for a character behind the end makes V8 give up what it optimised.
      if (ahead.at >= piece.length) return ahead;
      // Another follows, so that this one is not the last.
      if (held !== undefined) take(held, heldAt, false);
      held = undefined;
      const letter = piece.charCodeAt(ahead.at);
      const first = number + ahead.lines;
      const isValue = letter === 67 || letter === 77;
      if (!calm && !isValue && letter !== 45 && letter !== 97) return ahead;
      idle ||= !isWaiting(after);
      const inTag = xml.isOpen();
      const passing = options.onLine !== undefined || inTag ? "nowhere" : calm ? "at once" : "behind";
      const read = idle && (isValue || !inTag) ? dumps?.run.linesAt?.(piece, ahead.at, first, passing) : undefined;
      if (read !== undefined && read.lines > 0) {
        if (read.weight > 0) tookDump(read.weight, first, read.lines);
        if (read.resumed > 0) unseen = read.resumed;
        if (read.words && !worded) for (const { run } of others) run.line(WORDS, first);
        worded ||= read.words;
        if (read.weight === 0) passed = after = read.resumed;
        ahead.at = read.at;
        ahead.lines += read.lines;
        continue;
      }
      const end = calm ? inertEnd(piece, ahead.at) : -1;
      if (end < 0) return ahead;
      passed = unseen = after = first;
      ahead.at = end + 1;
      ahead.lines++;
    }
  };
  /** Where a line ends that is one of `inert`; -1 for every other. */
  const inertEnd = (piece: string, at: number): number => {
    const end = piece.indexOf("\n", at);
    if (end < 0 || end - at > MAX_INERT) return -1;
    return inert.has(piece.slice(at, piece.charCodeAt(end - 1) === 13 && end > at ? end - 1 : end)) ? end : -1;
  };
  const tookDump = (weight: number, number: number, lines: number): void => {
    if (dumps === undefined) return;
    dumps.score += weight;
    for (let i = 0; options.onLine !== undefined && i < lines; i++) options.onLine(number + i, dumps.reader.name);
    // After one foreign line the others wait for nothing.
    if (!atDump) for (const { run } of others) run.line(FOREIGN, number);
    if (!atDump || unseen > lastGiven) unseen = number;
    if (!atDump) lastGiven = number;
    atDump = true;
    calm = !xml.isOpen();
    columns.add(number, 0);
    after = number + lines - 1;
  };
  /** A line of a dump goes to the readers of dumps at once. */
  const dumpLine = (raw: string, number: number): boolean => {
    const letter = raw === "" ? 0 : raw.charCodeAt(0);
    if ((letter !== 67 && letter !== 77) || !mayBeDumps || !DUMP_LINE.test(raw)) return false;
    idle ||= !isWaiting(after);
    if (!idle || dumps === undefined) return false;
    const weight = dumps.run.line(raw, number);
    if (weight === 0) return false;
    tookDump(weight, number, 1);
    return true;
  };
  const take = (raw: string, number: number, cut: boolean): void => {
    if (!cut && dumpLine(raw, number)) return;
    const wasCalm = calm;
    calm = false;
    idle = false;
    atDump = false;
    const inDump = mayBeDumps && dumps !== undefined && dumps.score > 0;
    const isKnown = inDump && known.has(raw);
    const own = numbered ? lineNumberLength(raw, number) : raw.startsWith(indent) ? indent.length : 0;
    const { text, shift } = isKnown ? { text: raw, shift: 0 } : cleanLine(own === 0 ? raw : raw.slice(own));
    columns.add(number, own + shift);
    const line: TextLine = { text, number, after, cut };
    after = number;
    // Lines inside a JSON document belong to its reader alone.
    const inJson = json.isOpen() && json.line(text, number);
    const fact = inJson ? undefined : factLine(line, isKnown);
    lastGiven = number;
    const claimed = inJson || fact !== undefined || json.line(text, number) || xml.line(text, number);
    if (claimed) options.onLine?.(number, fact ?? "");
    const by = claimant(claimed ? FOREIGN : text, number);
    if (by !== undefined && by === dumps) calm = mayBeDumps && isSettled(number);
    if (!claimed && by === undefined) unclaimed(raw, line, isKnown, own + shift, wasCalm, inDump);
  };
  const isSettled = (number: number): boolean => !isWaiting(number) && !xml.isOpen();
  /** The first of the readers of lines that claims one; to the others it is foreign. */
  const claimant = (text: string, number: number): (typeof runs)[number] | undefined => {
    let by: (typeof runs)[number] | undefined;
    for (const entry of runs) {
      const weight = entry.run.line(by === undefined ? text : FOREIGN, number);
      if (weight === 0) continue;
      entry.score += weight;
      options.onLine?.(number, entry.reader.name);
      by ??= entry;
    }
    return by;
  };
  /** Warns if an unclaimed line has a register, and notes whether lines like it may be passed over. */
  const unclaimed = (
    raw: string,
    { text, number }: TextLine,
    isKnown: boolean,
    shift: number,
    wasCalm: boolean,
    inDump: boolean,
  ): void => {
    const unread = isKnown ? undefined : unreadMsr(text, NONE);
    if (unread !== undefined) {
      log.warning({ line: number, column: unread.column + shift }, unreadText(unread.index), LIKE_THIS);
      return;
    }
    if (!wasCalm && !inDump) return;
    const isPlain = isKnown || (text === raw && !marked && MAY_BE_INERT.test(raw));
    if (isPlain && inDump && !isKnown && known.size < MOST_UNMARKED) known.add(ownCopy(raw));
    if (!wasCalm) return;
    calm = isSettled(number) && !runs.some(({ run }) => run.waits?.() === true);
    if (calm && isPlain && inert.size < MOST_INERT) inert.add(raw);
  };

  const unfold: Unfolder | undefined = isQuotedPrintable(options.head) ? quotedPrintable() : undefined;
  // One line is held back, so that the last one is known to be the last.
  let held: string | undefined;
  let heldAt = 0;
  const hold = (text: string, number: number): void => {
    if (held !== undefined) take(held, heldAt, false);
    held = text;
    heldAt = number;
  };
  const splitter = lineSplitter(
    unfold === undefined
      ? hold
      : (text, number) => {
          const whole = unfold.push(text, number);
          if (whole !== undefined) hold(whole.text, whole.number);
        },
    log,
    unfold === undefined && mayBeDumps ? linesAt : undefined,
  );

  return {
    push: splitter.push,
    end() {
      const { lines, cut } = splitter.end();
      const rest = unfold?.end();
      if (held !== undefined) take(held, heldAt, cut && rest === undefined);
      if (rest !== undefined) take(rest.text, rest.number, true);
      // A complaint that concerns a whole text is at its last line.
      if (unseen > lastGiven) for (const { run } of others) run.line(FOREIGN, unseen);
      if (passed === after) dumps?.run.line(FOREIGN, passed);
      for (const { run } of begun) run?.end?.();
      json.end();
      xml.end();
      const found = [
        ...facts.map(({ reader, claims }) => ({ name: reader.name, claims })),
        ...json.claims(),
        ...xml.claims(),
      ].filter(({ claims }) => claims > 0);
      return finish(collected, runs, found, { cut, lines, columns, alone: readers.length === 1 });
    },
  };
}

function takeWrapped(entry: FactEntry, line: TextLine): boolean {
  const { part } = entry;
  entry.partLine = -1;
  const joined = { text: `${part} ${line.text.trimStart()}`, number: line.after, after: -1, cut: line.cut };
  if (entry.run?.line(joined) !== true) return false;
  entry.claims++;
  return true;
}
