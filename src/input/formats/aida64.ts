import type { Host } from "../../host/host.js";
import type { LineReader, LineRun } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { diagnosticLog, type Place } from "../text/diagnostic.js";
import { isVmxMsr } from "../text/msr-names.js";
import { BIOS_SIGN_ID, openDump, type Section } from "./dumps/dump.js";
import { isFactLeaf } from "./dumps/leaves.js";
import { cpuidLeafAt, dumpBytes, msrIndexAt } from "./dumps/scan.js";

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
const MAX_TITLE = 80;
const TITLE = /^-{6}\[ (.{1,80}) \]-{6}\s*$/;
const CPUID_TITLE = /^(?:CPUID Registers \/ )?Logical CPU #(\d{1,5})$/;
const MSR_TITLE = /^MSR Registers(?: \/ Logical CPU #(\d{1,5}))?$/;
/** Titles of InstLatX64's own tool, and of Everest, which counts from 1. */
const OTHER_TITLE = /^(?:CPU#(\d{1,4})\s{1,8}AffMask:|CPUID Registers \(CPU #(\d{1,4})\):)/;
/** A further subleaf. */
const FIRST_AGAIN = /\[SL (?!00)/;
const CPUID_LINE =
  /^CPUID ([0-9A-Fa-f]{8}): ([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})(?: \[SL ([0-9A-Fa-f]{2})\])?/;
function openDumps(file: string | undefined): LineRun {
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
  const ahead = { at: 0, lines: 0, weight: 0 };
  /** As `line`, for a line of a section that is at hand; 0 for one that is left to `line`. */
  const weightAt = (bytes: Uint8Array, at: number, end: number, number: number): number => {
    if (section.kind === "cpuid") {
      const leaf = cpuidLeafAt(bytes, at, end);
      // Leaf 0 may begin another CPU.
      if (leaf < 0 || (leaf === 0 && untitled !== undefined)) return 0;
      return isFactLeaf(leaf) ? dump.cpuidAt(leaf, bytes, at) : 1;
    }
    if (section.kind !== "msr") return 0;
    const index = msrIndexAt(bytes, at, end);
    if (index < 0 || (!isVmxMsr(index) && index !== BIOS_SIGN_ID)) return index < 0 ? 0 : 1;
    return dump.msrAt(section.cpu, index, bytes, at, end, number);
  };
  /** As `line`, for a title of a section that something is read of, and what is below it. */
  const titleAt = (text: string, start: number, number: number): { end: number; weight: number } | undefined => {
    if (text.charCodeAt(start) === 97) {
      TOPOLOGY.lastIndex = start;
      return TOPOLOGY.test(text) ? { end: TOPOLOGY.lastIndex - 1, weight: 1 } : undefined;
    }
    const end = text.indexOf("\n", start);
    if (text.charCodeAt(start) !== 45 || end < 0 || end - start > MAX_TITLE) return undefined;
    const title = TITLE.exec(text.slice(start, end));
    const next = title === null ? undefined : sectionOf(title[1] as string);
    if (next?.kind !== "cpuid" && next?.kind !== "msr") return undefined;
    lines = number;
    enter(next, { line: number, column: 1 });
    return { end, weight: 5 };
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
    linesAt(text, start, number) {
      ahead.at = start;
      ahead.lines = ahead.weight = 0;
      const title = titleAt(text, start, number);
      if (title !== undefined) {
        ahead.at = title.end + 1;
        ahead.lines++;
        ahead.weight = title.weight;
      }
      const within = section.kind === "cpuid" || section.kind === "msr";
      const bytes = within ? dumpText.of(text) : undefined;
      while (bytes !== undefined) {
        const end = text.indexOf("\n", ahead.at);
        const weight = end < 0 ? 0 : weightAt(bytes, ahead.at, end, number + ahead.lines);
        if (weight === 0) break;
        ahead.at = end + 1;
        ahead.lines++;
        ahead.weight += weight;
      }
      if (ahead.lines > 0) lines = number + ahead.lines - 1;
      return ahead;
    },
    end() {
      dumpText.end();
      finish();
      return { hosts, diagnostics: log.list() };
    },
  };
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
