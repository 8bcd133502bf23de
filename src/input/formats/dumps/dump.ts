import { parseHexU64 } from "../../../bits/u64.js";
import { type CpuFacts, type Host, isSvmVendor } from "../../../host/host.js";
import { ABSENT, type Msr, msrValue } from "../../../host/msr.js";
import {
  assignCoreTypes,
  type CoreKind,
  type CpuidLookup,
  coreKindFromCpuid,
  type FeaturesSeen,
  factsFromCpuid,
  nameFromCpuid,
  vendorFromCpuid,
} from "../../hosts/cpuid-facts.js";
import { hasNamedSection, tellWhatIsMissing } from "../../hosts/dump-gaps.js";
import { type CpuDraft, type HostBuilder, hostBuilder } from "../../hosts/host-builder.js";
import type { DiagnosticLog, Place } from "../../text/diagnostic.js";
import { isVmxMsr } from "../../text/msr-names.js";
import { type CpuidLeaves, cpuidLeaves, isFactLeaf } from "./leaves.js";
import { dumpBytes, hasCpuidColumns, hexAt, msrValueAt, subleafAt } from "./scan.js";

/** Microcode revision in bits 63:32 (IA32_BIOS_SIGN_ID). */
export const BIOS_SIGN_ID = 0x8b;

/** What a section's lines are. `start` is the text before the first section title. */
export type Section =
  | { readonly kind: "start" | "other" | "header" }
  | { readonly kind: "cpuid"; readonly cpu: number }
  | { readonly kind: "msr"; readonly cpu: number | undefined };

const MAX_CPUID_LINE = 60;
const MSR_LINE = /^MSR ([0-9A-Fa-f]{8}): (\S.*)$/;
const MSR_VALUE = /^([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})(?=$|\s)(.*)$/;
const FAILED = /^<\s*FAILED\s*>/;
/** Lines that look like an MSR line and are not one; the index shows whether it matters. */
const BROKEN_MSR_LINE = /^MSR\s{1,8}(?:0x)?([0-9A-Fa-f]{1,16})\b/;

/** Where the value of an MSR is put that was read last. */
const halves = new Int32Array(2);

/** One dump, that of a machine. */
export interface Dump {
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

export function openDump(log: DiagnosticLog): Dump {
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
