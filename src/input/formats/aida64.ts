import type { Host } from "../../host/host.js";
import type { LineReader, LineRun, Passing } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { diagnosticLog, type Place } from "../text/diagnostic.js";
import { openDump, type Section } from "./dumps/dump.js";
import { endOfNothing } from "./dumps/nothing.js";
import { dumpBytes } from "./dumps/scan.js";

/**
 * CPUID dumps of AIDA64, as InstLatX64 collects them. Old ones have one MSR section without a CPU number, new ones a
 * section for each logical CPU; the header sections are often missing.
 */
export const aida64: LineReader = {
  kind: "lines",
  name: "aida64",
  knows:
    "AIDA64 CPUID dump: CPUID of every logical CPU, MSRs 0x480 to 0x490 of one or of every logical CPU; " +
    "never 0x491 to 0x493, and 0x3a only on CPUs of Centaur and Zhaoxin.",
  open: openDumps,
};

/** A line below the title of a CPU. */
const TOPOLOGY =
  /allcpu: Package \d{1,4} \/ Core \d{1,4} \/ Thread \d{1,4}: Valid(?:, Virtual)?(?:, Intel (?:Atom|Core))?\r?\n/y;
/** The same, with the blank lines around it. */
const TOPOLOGY_WITHIN = new RegExp(`(\\r?\\n)${TOPOLOGY.source}(\\r?\\n)?`, "y");
const TITLE = /^-{6}\[ (.{1,80}) \]-{6}\s*$/;
const CPUID_TITLE = /^(?:CPUID Registers \/ )?Logical CPU #(\d{1,5})$/;
const MSR_TITLE = /^MSR Registers(?: \/ Logical CPU #(\d{1,5}))?$/;
/** Titles of InstLatX64's own tool, and of Everest, which counts from 1. */
const OTHER_TITLE = /^(?:CPU#(\d{1,4})\s{1,8}AffMask:|CPUID Registers \(CPU #(\d{1,4})\):)/;
/** A further subleaf. */
const FIRST_AGAIN = /\[SL (?!00)/;
const CPUID_LINE =
  /^CPUID ([0-9A-Fa-f]{8}): ([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})(?: \[SL ([0-9A-Fa-f]{2})\])?/;
function openDumps(file: string | undefined, mayHaveMark: (line: string) => boolean): LineRun {
  const log = diagnosticLog(file);
  const hosts: Host[] = [];
  let dump = openDump(log);
  let section: Section = { kind: "start" };
  /** The CPU at hand of a dump whose CPUs have no titles. */
  let untitled: number | undefined;
  let lines = 0;

  const finish = (): void => {
    const host = dump.end(file, { line: Math.max(lines, 1), column: 1 });
    if (host !== undefined) hosts.push(host);
  };
  const enter = (next: Section, at: Place): void => {
    // Dumps pasted one after the other: a section that this dump has already begins the next.
    if (!dump.accepts(next)) {
      finish();
      dump = openDump(log);
    }
    dump.enter(next, at);
    section = next;
    if (next.kind !== "cpuid") untitled = undefined;
  };

  const dumpText = dumpBytes();
  const ahead = { at: 0, lines: 0, weight: 0, resumed: 0, words: false };
  /** Takes a title that is at `ahead`, or what is below one; as `line` does. */
  const titleAhead = (text: string, number: number, passing: Passing): void => {
    // Asking for a character behind the end makes V8 give up what it optimised.
    const letter = ahead.at < text.length ? text.charCodeAt(ahead.at) : 0;
    if (letter !== 45 && letter !== 97) return;
    const within = letter === 45 && passing !== "nowhere";
    if (letter === 45 && (titleAt(text, number) !== "cpuid" || !within)) return;
    const blank = topology(within ? TOPOLOGY_WITHIN : TOPOLOGY, text);
    if (blank === 0) return;
    ahead.lines += blank;
    ahead.resumed = number + ahead.lines;
  };
  const titleAt = (text: string, number: number): Section["kind"] | undefined => {
    USUAL_TITLE.lastIndex = ahead.at;
    const title = USUAL_TITLE.exec(text);
    const next = title === null ? undefined : sectionOfUsual(title);
    if (next === undefined) return undefined;
    ahead.at = USUAL_TITLE.lastIndex;
    ahead.lines++;
    ahead.weight += 5;
    lines = number + ahead.lines - 1;
    enter(next, { line: lines, column: 1 });
    return next.kind;
  };
  /** Takes the line of a CPU's place; how many blank lines are around it. */
  const topology = (pattern: RegExp, text: string): number => {
    pattern.lastIndex = ahead.at;
    const found = pattern.exec(text);
    if (found === null) return 0;
    ahead.at = pattern.lastIndex;
    ahead.lines++;
    ahead.weight++;
    return found[1] === undefined ? 0 : found[2] === undefined ? 1 : 2;
  };
  /** Passes over lines that say nothing. */
  const pass = (text: string, number: number): void => {
    const end = endOfNothing(text, ahead.at, mayHaveMark);
    if (end === ahead.at) return;
    const before = ahead.lines;
    for (let at = ahead.at; at < end; at = text.indexOf("\n", at) + 1) ahead.lines++;
    ahead.words ||= end - ahead.at > 2 * (ahead.lines - before);
    ahead.at = end;
    ahead.resumed = number + ahead.lines;
  };

  return {
    line(raw, number) {
      lines = number;
      const text = raw === "" || raw.charCodeAt(0) > 0x20 ? raw : raw.trimStart();
      if (text === "") return 0;
      switch (text.charCodeAt(0)) {
        case 45: {
          const title = TITLE.exec(text);
          if (title === null) return 0;
          enter(sectionOf(title[1] as string), { line: number, column: 1 });
          return 5;
        }
        case 67: {
          const other = OTHER_TITLE.exec(text);
          if (other !== null) {
            const cpu = other[1] === undefined ? Number(other[2]) - 1 : Number(other[1]);
            if (cpu < 0 || cpu > MAX_CPU) return 0;
            enter({ kind: "cpuid", cpu }, { line: number, column: 1 });
            return 5;
          }
          if (!text.startsWith("CPUID ")) return text.startsWith("CPU Alias") ? dump.cpuLine(section, text) : 0;
          // Without any title leaf 0 begins a CPU.
          if (section.kind === "start" && CPUID_LINE.test(text) && text.startsWith("CPUID 00000000")) {
            untitled = 0;
            enter({ kind: "cpuid", cpu: untitled }, { line: number, column: 1 });
          } else if (untitled !== undefined && text.startsWith("CPUID 00000000") && !FIRST_AGAIN.test(text)) {
            untitled++;
            if (untitled <= MAX_CPU) enter({ kind: "cpuid", cpu: untitled }, { line: number, column: 1 });
          }
          return dump.cpuLine(section, text);
        }
        case 77:
          return text.startsWith("MSR ") ? dump.msrLine(section, text, number) : 0;
        case 97:
          return text.startsWith("allcpu: ") ? 1 : 0;
        default:
          return 0;
      }
    },
    linesAt(text, start, number, passing) {
      ahead.at = start;
      ahead.lines = ahead.weight = ahead.resumed = 0;
      ahead.words = false;
      for (;;) {
        const before = ahead.lines;
        if (passing === "at once" || (passing === "behind" && before > 0)) pass(text, number);
        const passed = ahead.lines;
        titleAhead(text, number, passing);
        const bytes = section.kind === "cpuid" || section.kind === "msr" ? dumpText.of(text) : undefined;
        if (bytes !== undefined) {
          if (section.kind === "cpuid") dump.cpuidLines(bytes, ahead, untitled !== undefined);
          else dump.msrLines(bytes, ahead, number);
        }
        if (ahead.lines === passed || passing === "nowhere") break;
      }
      if (ahead.lines > 0) lines = number + ahead.lines - 1;
      // What was passed over is the last.
      if (ahead.resumed > lines) ahead.resumed = lines;
      return ahead;
    },
    end() {
      dumpText.end();
      finish();
      return { hosts, diagnostics: log.list() };
    },
  };
}

/** A title as AIDA64 writes it, of the sections that nearly all dumps have. */
const USUAL_TITLE =
  /-{6}\[ (?:(CPUID Registers \/ Logical|Logical|MSR Registers \/ Logical) CPU #(\d{1,5})|(MSR Registers|Versions|CPU Info|Motherboard Info|All CPUs|OC MailBox)) \]-{6}\r?\n/y;
const UNNUMBERED = new Map<string, Section>([
  ["MSR Registers", { kind: "msr", cpu: undefined }],
  ["Versions", { kind: "header" }],
]);
const OTHER: Section = { kind: "other" };

function sectionOfUsual([, beginning, number, unnumbered]: RegExpExecArray): Section | undefined {
  if (number === undefined) return UNNUMBERED.get(unnumbered as string) ?? OTHER;
  const cpu = Number(number);
  // "M"
  return cpu > MAX_CPU ? undefined : { kind: beginning?.charCodeAt(0) === 77 ? "msr" : "cpuid", cpu };
}

function sectionOf(title: string): Section {
  const cpuid = CPUID_TITLE.exec(title);
  if (cpuid !== null && Number(cpuid[1]) <= MAX_CPU) return { kind: "cpuid", cpu: Number(cpuid[1]) };
  const msr = MSR_TITLE.exec(title);
  if (msr !== null && (msr[1] === undefined || Number(msr[1]) <= MAX_CPU)) {
    return { kind: "msr", cpu: msr[1] === undefined ? undefined : Number(msr[1]) };
  }
  return { kind: title === "Versions" ? "header" : "other" };
}
