import { parseHexU64 } from "../../bits/u64.js";
import { type Host, isSvmVendor } from "../../host/host.js";
import { ABSENT, msrValue } from "../../host/msr.js";
import {
  assignCoreTypes,
  type CoreKind,
  type CpuidRegisters,
  coreKindFromCpuid,
  type FeaturesSeen,
  factsFromCpuid,
  nameFromCpuid,
  vendorFromCpuid,
} from "../hosts/cpuid-facts.js";
import { hasNamedSection, tellWhatIsMissing } from "../hosts/dump-gaps.js";
import { type CpuDraft, type HostBuilder, hostBuilder } from "../hosts/host-builder.js";
import type { LineReader, LineRun } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { type DiagnosticLog, diagnosticLog, type Place } from "../text/diagnostic.js";
import { isVmxMsr } from "../text/msr-names.js";
import { FACT_LEAVES } from "./cpuid-raw.js";

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
    lineAt(text, start, end) {
      const length = end - start;
      if (section.kind === "cpuid") {
        if (length > CPUID_LENGTH || !text.startsWith("CPUID ", start) || !hasColumns(text, start)) return 0;
        const leaf = hexAt(text, start + 6, 8);
        // Leaf 0 may begin another CPU.
        if (leaf <= 0) return 0;
        return FACT_LEAVES.has(leaf) ? dump.cpuidAt(section.cpu, leaf, text, start) : 1;
      }
      if (section.kind !== "msr" || length < 33 || length > MSR_LENGTH || !text.startsWith("MSR ", start)) return 0;
      if (text.charCodeAt(start + 12) !== COLON || text.charCodeAt(start + 18) !== DASH) return 0;
      const index = hexAt(text, start + 4, 8);
      return index < 0 || isVmxMsr(index) || index === BIOS_SIGN_ID ? 0 : 1;
    },
    end() {
      finish();
      return { hosts, diagnostics: log.list() };
    },
  };
}

/** Lengths of lines that have room for nothing but their value and the number of a subleaf or of a sample. */
const CPUID_LENGTH = 60;
const MSR_LENGTH = 42;

/** A number of so many hex digits at a place; -1 where there is something else. */
function hexAt(text: string, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) {
    const code = text.charCodeAt(i);
    const digit =
      code >= 48 && code <= 57
        ? code - 48
        : code >= 65 && code <= 70
          ? code - 55
          : code >= 97 && code <= 102
            ? code - 87
            : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
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

const COLON = 58;
const DASH = 45;

function hasColumns(text: string, start: number): boolean {
  return (
    text.charCodeAt(start + 14) === COLON &&
    text.charCodeAt(start + 24) === DASH &&
    text.charCodeAt(start + 33) === DASH &&
    text.charCodeAt(start + 42) === DASH
  );
}

interface Dump {
  readonly accepts: (next: Section) => boolean;
  readonly enter: (next: Section, at: Place) => void;
  readonly cpuLine: (section: Section, text: string) => number;
  /** Takes a line of CPUID that begins at a place of a text, with the dashes where they belong. */
  readonly cpuidAt: (cpu: number, leaf: number, text: string, start: number) => number;
  readonly msrLine: (section: Section, text: string, number: number) => number;
  readonly end: (file: string | undefined, at: Place) => Host | undefined;
}

function openDump(log: DiagnosticLog): Dump {
  const builder = hostBuilder(log);
  /** CPUID by logical CPU, then by leaf and subleaf as one number. */
  const cpuids = new Map<number, Map<number, CpuidRegisters>>();
  const msrSections = new Map<number | undefined, Place>();
  const microcode = new Map<number | undefined, number>();
  let sections = 0;
  let alias: string | undefined;
  let orphansTold = false;

  /** `CPUID 00000007: 00000002-219C07AB-1840072C-BC014410 [SL 00]`, by its columns. */
  const takeCpuid = (cpu: number, leaf: number, text: string, start: number): number => {
    const [eax, ebx] = [hexAt(text, start + 16, 8), hexAt(text, start + 25, 8)];
    const [ecx, edx] = [hexAt(text, start + 34, 8), hexAt(text, start + 43, 8)];
    if (leaf < 0 || eax < 0 || ebx < 0 || ecx < 0 || edx < 0) return 0;
    const numbered = text.startsWith(" [SL ", start + 51) && text.charCodeAt(start + 58) === 93;
    const subleaf = numbered ? hexAt(text, start + 56, 2) : -1;
    const leaves = cpuids.get(cpu) as Map<number, CpuidRegisters>;
    const key = leaf * 256 + Math.max(subleaf, 0);
    // Old dumps show the subleaves of most leaves without their numbers; the first is 0.
    if (subleaf >= 0 || !leaves.has(key)) leaves.set(key, { eax, ebx, ecx, edx });
    return 1;
  };

  return {
    accepts(next) {
      if (next.kind === "header") return sections === 0;
      if (next.kind === "cpuid") return !cpuids.has(next.cpu);
      return next.kind !== "msr" || !msrSections.has(next.cpu);
    },
    enter(next, at) {
      sections++;
      if (next.kind === "cpuid") cpuids.set(next.cpu, new Map());
      if (next.kind === "msr") msrSections.set(next.cpu, at);
    },
    cpuLine(section, text) {
      if (section.kind !== "cpuid") {
        const found = /^CPU Alias\s{0,20}:\s{0,20}(\S.{0,80}?)\s{0,20}$/.exec(text.slice(0, 200));
        if (found !== null) alias = found[1] as string;
        return found === null ? 0 : 1;
      }
      // Most leaves say nothing that is asked for.
      if (text.charCodeAt(14) === 58 && !FACT_LEAVES.has(Number.parseInt(text.slice(6, 14), 16))) return 1;
      return hasColumns(text, 0) ? takeCpuid(section.cpu, hexAt(text, 6, 8), text, 0) : 0;
    },
    cpuidAt: takeCpuid,
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
      tellWhatIsMissing(builder, cpuids, msrSections, isSvmVendor(identity.vendor), log, at);
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
  cpuids: ReadonlyMap<number, ReadonlyMap<number, CpuidRegisters>>,
  msrSections: ReadonlyMap<number | undefined, Place>,
  microcode: ReadonlyMap<number | undefined, number>,
): Omit<Host, "cores"> {
  // One unnamed MSR section holds for all CPUs; the CPUID that belongs to it is that of the first.
  const unnamed = (msrSections.has(undefined) || cpuids.size === 0) && !hasNamedSection(msrSections);
  const sorted = [...cpuids].sort(([a], [b]) => a - b);
  const cores: { draft: CpuDraft; kind: CoreKind }[] = [];
  let identity: Omit<Host, "cores"> = {};
  const seen: FeaturesSeen = new Map();
  for (const [cpu, leaves] of unnamed ? sorted.slice(0, 1) : sorted) {
    const lookup = (leaf: number, subleaf: number): CpuidRegisters | undefined => leaves.get(leaf * 256 + subleaf);
    const draft = builder.cpu(unnamed ? "unnamed" : cpu);
    draft.facts = factsFromCpuid(lookup, seen);
    if (unnamed && sorted.some(([, other]) => !sameCounters(other, leaves))) {
      const { cpuid0a: _, ...facts } = draft.facts;
      draft.facts = facts;
    }
    const signature = lookup(1, 0)?.eax;
    if (signature !== undefined) draft.signature = signature;
    cores.push({ draft, kind: coreKindFromCpuid(lookup) });
    const vendor = vendorFromCpuid(lookup);
    const name = nameFromCpuid(lookup);
    identity = {
      ...(vendor === undefined ? {} : { vendor }),
      ...(name === undefined ? {} : { name }),
      ...identity,
    };
  }
  if (!unnamed || sorted.length <= 1) assignCoreTypes(cores);
  for (const [cpu, revision] of microcode) builder.cpu(cpu ?? "unnamed").microcode = revision;
  return identity;
}

/** Whether two CPUs show the same in leaf 0AH; EBX is of no interest. */
function sameCounters(a: ReadonlyMap<number, CpuidRegisters>, b: ReadonlyMap<number, CpuidRegisters>): boolean {
  const [one, other] = [a.get(0xa00), b.get(0xa00)];
  return one?.eax === other?.eax && one?.ecx === other?.ecx && one?.edx === other?.edx;
}
