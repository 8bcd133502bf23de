import { parseHexU64 } from "../../bits/u64.js";
import { type CpuFacts, type Host, isSvmVendor } from "../../host/host.js";
import { ABSENT, type Msr, msrValue } from "../../host/msr.js";
import {
  assignCoreTypes,
  type CoreKind,
  type CpuidLookup,
  coreKindFromCpuid,
  type FeaturesSeen,
  factsFromCpuid,
  nameFromCpuid,
  vendorFromCpuid,
} from "../hosts/cpuid-facts.js";
import { type CpuidLeaves, cpuidLeaves, isFactLeaf } from "../hosts/cpuid-leaves.js";
import { hasNamedSection, tellWhatIsMissing } from "../hosts/dump-gaps.js";
import { type CpuDraft, type HostBuilder, hostBuilder } from "../hosts/host-builder.js";
import type { LineReader, LineRun } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { type DiagnosticLog, diagnosticLog, type Place } from "../text/diagnostic.js";
import { isVmxMsr } from "../text/msr-names.js";
import { cpuidLeafAt, dumpBytes, hasCpuidColumns, hexAt, msrIndexAt, msrValueAt, subleafAt } from "./dump-scan.js";

/** Microcode revision in bits 63:32 (IA32_BIOS_SIGN_ID). */
const BIOS_SIGN_ID = 0x8b;

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
  recognisedBy: "section titles such as ------[ MSR Registers ]------, and the lines MSR 00000480: hhhh-hhhh-hhhh-hhhh",
  open: openDumps,
};

/** What a section's lines are. `start` is the text before the first section title. */
type Section =
  | { readonly kind: "start" | "other" | "header" }
  | { readonly kind: "cpuid"; readonly cpu: number }
  | { readonly kind: "msr"; readonly cpu: number | undefined };

/** A line below the title of a CPU. */
const TOPOLOGY = /allcpu: Package \d{1,4} \/ Core \d{1,4} \/ Thread \d{1,4}: Valid(?:, Virtual)?\r?\n/y;
const MAX_TITLE = 80;
const MAX_CPUID_LINE = 60;
const TITLE = /^-{6}\[ (.{1,80}) \]-{6}\s*$/;
const CPUID_TITLE = /^(?:CPUID Registers \/ )?Logical CPU #(\d{1,5})$/;
const MSR_TITLE = /^MSR Registers(?: \/ Logical CPU #(\d{1,5}))?$/;
/** Titles of InstLatX64's own tool, and of Everest, which counts from 1. */
const OTHER_TITLE = /^(?:CPU#(\d{1,4})\s{1,8}AffMask:|CPUID Registers \(CPU #(\d{1,4})\):)/;
/** A further subleaf. */
const FIRST_AGAIN = /\[SL (?!00)/;
const CPUID_LINE =
  /^CPUID ([0-9A-Fa-f]{8}): ([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})-([0-9A-Fa-f]{8})(?: \[SL ([0-9A-Fa-f]{2})\])?/;
const MSR_LINE = /^MSR ([0-9A-Fa-f]{8}): (\S.*)$/;
const MSR_VALUE = /^([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})(?=$|\s)(.*)$/;
const FAILED = /^<\s*FAILED\s*>/;
/** Lines that look like an MSR line and are not one; the index shows whether it matters. */
const BROKEN_MSR_LINE = /^MSR\s{1,8}(?:0x)?([0-9A-Fa-f]{1,16})\b/;

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
      const text = raw.charCodeAt(0) <= 0x20 ? raw.trimStart() : raw;
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

interface Dump {
  readonly accepts: (next: Section) => boolean;
  readonly enter: (next: Section, at: Place) => void;
  readonly cpuLine: (section: Section, text: string) => number;
  /** Takes a line of CPUID that begins at a place of a text, with the dashes where they belong. */
  readonly cpuidAt: (leaf: number, bytes: Uint8Array, start: number) => number;
  /** Takes a line of an MSR that is at a place of a text. */
  readonly msrAt: (
    cpu: number | undefined,
    index: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    number: number,
  ) => number;
  readonly msrLine: (section: Section, text: string, number: number) => number;
  readonly end: (file: string | undefined, at: Place) => Host | undefined;
}

function openDump(log: DiagnosticLog): Dump {
  const builder = hostBuilder(log);
  const cpuids = cpuidLeaves();
  const msrSections = new Map<number | undefined, Place>();
  const microcode = new Map<number | undefined, number>();
  let sections = 0;
  let alias: string | undefined;
  let orphansTold = false;

  /** `CPUID 00000007: 00000002-219C07AB-1840072C-BC014410 [SL 00]`, by its columns. */
  const takeCpuid = (leaf: number, bytes: Uint8Array, at: number): number => {
    const [eax, ebx] = [hexAt(bytes, at + 16, 8), hexAt(bytes, at + 25, 8)];
    const [ecx, edx] = [hexAt(bytes, at + 34, 8), hexAt(bytes, at + 43, 8)];
    if (leaf < 0 || eax < 0 || ebx < 0 || ecx < 0 || edx < 0) return 0;
    const subleaf = subleafAt(bytes, at);
    // Old dumps show the subleaves of most leaves without their numbers; the first is 0.
    cpuids.put(leaf, Math.max(subleaf, 0), subleaf >= 0, eax, ebx, ecx, edx);
    return 1;
  };

  const lineBytes = dumpBytes();
  const halves = new Int32Array(2);
  /** What was read last of each MSR: the CPUs of a machine are most often alike. */
  const before = new Map<number, Extract<Msr, { state: "value" }>>();
  const sharedMsr = (index: number, hi: number, lo: number): Msr => {
    const last = before.get(index);
    if (last?.hi.value === hi && last.lo.value === lo) return last;
    const msr = msrValue({ hi, lo }) as Extract<Msr, { state: "value" }>;
    before.set(index, msr);
    return msr;
  };

  return {
    accepts(next) {
      if (next.kind === "header") return sections === 0;
      if (next.kind === "cpuid") return !cpuids.has(next.cpu);
      return next.kind !== "msr" || !msrSections.has(next.cpu);
    },
    enter(next, at) {
      sections++;
      if (next.kind === "cpuid") cpuids.open(next.cpu);
      if (next.kind === "msr") msrSections.set(next.cpu, at);
    },
    cpuLine(section, text) {
      if (section.kind !== "cpuid") {
        const found = /^CPU Alias\s{0,20}:\s{0,20}(\S.{0,80}?)\s{0,20}$/.exec(text.slice(0, 200));
        if (found !== null) alias = found[1] as string;
        return found === null ? 0 : 1;
      }
      // Most leaves say nothing that is asked for.
      if (text.charCodeAt(14) === 58 && !isFactLeaf(Number.parseInt(text.slice(6, 14), 16))) return 1;
      const bytes = lineBytes.of(text.slice(0, MAX_CPUID_LINE));
      return bytes !== undefined && hasCpuidColumns(bytes, 0) ? takeCpuid(hexAt(bytes, 6, 8), bytes, 0) : 0;
    },
    cpuidAt: takeCpuid,
    msrAt(cpu, index, bytes, start, end, number) {
      const kind = msrValueAt(bytes, start, end, halves);
      if (kind === "else") return 0;
      const [hi, lo] = [(halves[0] as number) >>> 0, (halves[1] as number) >>> 0];
      if (isVmxMsr(index)) {
        const msr = kind === "failed" ? ABSENT : sharedMsr(index, hi, lo);
        builder.msr(cpu ?? "unnamed", index, msr, { line: number, column: 15 });
      } else if (kind === "value" && hi !== 0) microcode.set(cpu, hi);
      return 2;
    },
    msrLine(section, text, number) {
      if (section.kind !== "msr" && section.kind !== "start") return 0;
      const cpu = section.kind === "msr" ? section.cpu : undefined;
      const found = MSR_LINE.exec(text);
      if (found === null) {
        const broken = BROKEN_MSR_LINE.exec(text);
        if (section.kind === "start" || broken === null || !isVmxMsr(Number.parseInt(broken[1] as string, 16)))
          return 0;
        log.error({ line: number, column: 5 }, "not an MSR line of an AIDA64 dump", LINE_EXPECTED);
        return 0;
      }
      const index = Number.parseInt(found[1] as string, 16);
      if (!isVmxMsr(index) && index !== BIOS_SIGN_ID) return 1;
      const read = takeMsr(index, found[2] as string);
      if (read === "broken" && isVmxMsr(index)) {
        // Without any section title this may be another format's line.
        if (section.kind === "start") return 0;
        log.error(
          { line: number, column: 15 },
          `no MSR value: ${JSON.stringify(clip(found[2] as string))}`,
          LINE_EXPECTED,
        );
        return 1;
      }
      if (read === "broken" || read === "sample") return 1;
      const at: Place = { line: number, column: 15 };
      if (section.kind === "start" && isVmxMsr(index) && !orphansTold) {
        orphansTold = true;
        log.warning(
          at,
          "MSR lines before any section title: treated as one CPU without a number",
          '"------[ MSR Registers ]------"',
        );
      }
      if (isVmxMsr(index)) builder.msr(cpu ?? "unnamed", index, read, at);
      else if (index === BIOS_SIGN_ID && read.state === "value" && read.hi.value !== 0)
        microcode.set(cpu, read.hi.value);
      return 2;
    },
    end(file, at) {
      if (sections === 0 && builder.msrsOf("unnamed").size === 0) return undefined;
      const identity = fillDrafts(builder, cpuids, msrSections, microcode);
      tellWhatIsMissing(builder, cpuids.cpus(), msrSections, isSvmVendor(identity.vendor), log, at);
      return builder.build({
        ...identity,
        ...(alias === undefined ? {} : { codename: alias }),
        ...(file === undefined ? {} : { source: file }),
      });
    },
  };
}

const LINE_EXPECTED = '"MSR 00000480: hhhh-hhhh-hhhh-hhhh" or "MSR 00000480: < FAILED >"';

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** `sample` is one of the extra readings, 200 ms apart, of an MSR that changes; the unmarked line counts. */
function takeMsr(index: number, text: string) {
  if (FAILED.test(text)) return ABSENT;
  const found = MSR_VALUE.exec(text);
  const value = found === null ? undefined : parseHexU64(`${found[1]}${found[2]}${found[3]}${found[4]}`);
  if (found === null || value === undefined) return "broken";
  if (isVmxMsr(index) || index === BIOS_SIGN_ID) {
    return /^\s*\[S\d/.test(found[5] as string) ? "sample" : msrValue(value);
  }
  return "sample";
}

/** Turns CPUID into facts for each CPU; gives what identifies the machine, taken from the first CPU. */
function fillDrafts(
  builder: HostBuilder,
  cpuids: CpuidLeaves,
  msrSections: ReadonlyMap<number | undefined, Place>,
  microcode: ReadonlyMap<number | undefined, number>,
): Omit<Host, "cores"> {
  const all = cpuids.cpus();
  // One unnamed MSR section holds for all CPUs; the CPUID that belongs to it is that of the first.
  const unnamed = (msrSections.has(undefined) || all.length === 0) && !hasNamedSection(msrSections);
  const cores: { draft: CpuDraft; kind: CoreKind }[] = [];
  let identity: Omit<Host, "cores"> = {};
  const seen: FeaturesSeen = new Map();
  /** CPUs that differ from those before them, as long as they are few. */
  const kinds: { readonly cpu: number; readonly facts: CpuFacts; readonly kind: CoreKind }[] = [];
  for (const cpu of unnamed ? all.slice(0, 1) : all) {
    const lookup = cpuids.lookup(cpu);
    const draft = builder.cpu(unnamed ? "unnamed" : cpu);
    let known = kinds.find((other) => cpuids.alike(other.cpu, cpu));
    if (known === undefined) {
      known = { cpu, facts: factsFromCpuid(lookup, seen), kind: coreKindFromCpuid(lookup) };
      if (kinds.length < MOST_KINDS) kinds.push(known);
      const vendor = vendorFromCpuid(lookup);
      const name = nameFromCpuid(lookup);
      identity = {
        ...(vendor === undefined ? {} : { vendor }),
        ...(name === undefined ? {} : { name }),
        ...identity,
      };
    }
    draft.facts = known.facts;
    if (unnamed && all.some((other) => !sameCounters(cpuids.lookup(other), lookup))) {
      const { cpuid0a: _, ...facts } = draft.facts;
      draft.facts = facts;
    }
    const signature = lookup(1, 0)?.eax;
    if (signature !== undefined) draft.signature = signature;
    cores.push({ draft, kind: known.kind });
  }
  if (!unnamed || all.length <= 1) assignCoreTypes(cores);
  for (const [cpu, revision] of microcode) builder.cpu(cpu ?? "unnamed").microcode = revision;
  return identity;
}

const MOST_KINDS = 8;

/** Whether two CPUs show the same in leaf 0AH; EBX is of no interest. */
function sameCounters(a: CpuidLookup, b: CpuidLookup): boolean {
  const [one, other] = [a(0xa, 0), b(0xa, 0)];
  return one?.eax === other?.eax && one?.ecx === other?.ecx && one?.edx === other?.edx;
}
