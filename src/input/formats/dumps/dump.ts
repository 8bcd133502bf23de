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
import { CPUID_END, type CpuidLeaves, cpuidLeaves, isFactLeaf } from "./cpuid-lines.js";
import { BIOS_SIGN_ID, type MsrRows, msrRows } from "./msr-lines.js";
import { dumpBytes, type Run } from "./scan.js";

/** What a section's lines are. `start` is the text before the first section title. */
export type Section =
  | { readonly kind: "start" | "other" | "header" }
  | { readonly kind: "cpuid"; readonly cpu: number }
  | { readonly kind: "msr"; readonly cpu: number | undefined };

/** Of a line of CPUID as far as its subleaf. */
const MAX_CPUID_LINE = 60;
const SUBLEAF = /^ \[SL [^\n]{2}\]/;
const MSR_LINE = /^MSR ([0-9A-Fa-f]{8}): (\S.*)$/;
const MSR_VALUE = /^([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})(?=$|\s)(.*)$/;
const FAILED = /^<\s*FAILED\s*>/;
/** Lines that look like an MSR line and are not one; the index shows whether it matters. */
const BROKEN_MSR_LINE = /^MSR\s{1,8}(?:0x)?([0-9A-Fa-f]{1,16})\b/;

/** One dump, that of a machine. */
export interface Dump {
  readonly accepts: (next: Section) => boolean;
  readonly enter: (next: Section, at: Place) => void;
  readonly cpuLine: (section: Section, text: string) => number;
  /** Takes as many lines as it can of a section of CPUID where they are in a text. `untitled`: leaf 0 may begin another CPU. */
  readonly cpuidLines: (bytes: Uint8Array, run: Run, untitled: boolean) => void;
  /** As `cpuidLines`, for a section of MSRs. `number`: of the first line of the run. */
  readonly msrLines: (bytes: Uint8Array, run: Run, number: number) => void;
  readonly msrLine: (section: Section, text: string, number: number) => number;
  readonly end: (file: string | undefined, at: Place) => Host | undefined;
}

export function openDump(log: DiagnosticLog): Dump {
  const builder = hostBuilder(log);
  const cpuids = cpuidLeaves();
  const msrSections = new Map<number | undefined, Place>();
  const rows = msrRows(builder);
  let sections = 0;
  let alias: string | undefined;
  let orphansTold = false;

  const lineBytes = dumpBytes();
  /** `CPUID 00000007: 00000002-219C07AB-1840072C-BC014410 [SL 00]`, by its columns. */
  const takeCpuid = (text: string): number => {
    const line = text.slice(0, MAX_CPUID_LINE);
    const behind = line.slice(CPUID_END);
    const columns = `${line.slice(0, 15)} ${line.slice(16, CPUID_END)}${SUBLEAF.test(behind) ? behind.slice(0, 8) : ""}\n`;
    const bytes = lineBytes.of(line) === undefined ? undefined : lineBytes.of(columns);
    const run: Run = { at: 0, lines: 0, weight: 0 };
    if (bytes !== undefined) cpuids.read(bytes, run, false);
    return run.lines;
  };
  /** Adds to what was read of a CPU where it is in the text. */
  const addMsr = (cpu: number | undefined, index: number, msr: Msr, at: Place): void => {
    rows.handInEarly(cpu);
    builder.msr(cpu ?? "unnamed", index, msr, at);
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
      if (next.kind !== "msr") return;
      msrSections.set(next.cpu, at);
      rows.open(next.cpu);
    },
    cpuLine(section, text) {
      if (section.kind !== "cpuid") {
        const found = /^CPU Alias\s{0,20}:\s{0,20}(\S.{0,80}?)\s{0,20}$/.exec(text.slice(0, 200));
        if (found !== null) alias = found[1] as string;
        return found === null ? 0 : 1;
      }
      // Most leaves say nothing that is asked for.
      if (text.charCodeAt(14) === 58 && !isFactLeaf(Number.parseInt(text.slice(6, 14), 16))) return 1;
      return takeCpuid(text);
    },
    cpuidLines: cpuids.read,
    msrLines: rows.read,
    msrLine(section, text, number) {
      if (section.kind !== "msr" && section.kind !== "start") return 0;
      const cpu = section.kind === "msr" ? section.cpu : undefined;
      const found = MSR_LINE.exec(text);
      if (found === null) {
        const broken = BROKEN_MSR_LINE.exec(text);
        if (section.kind === "start" || broken === null || !isVmxMsr(Number.parseInt(broken[1] as string, 16)))
          return 0;
        log.ifAlone.error({ line: number, column: 5 }, "not an MSR line of an AIDA64 dump", LINE_EXPECTED);
        return 0;
      }
      const index = Number.parseInt(found[1] as string, 16);
      if (!isVmxMsr(index) && index !== BIOS_SIGN_ID) return 1;
      const read = takeMsr(index, found[2] as string);
      if (read === "broken" && isVmxMsr(index)) {
        // Without any section title this may be another format's line.
        if (section.kind === "start") return 0;
        log.ifAlone.error(
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
      if (isVmxMsr(index)) addMsr(cpu, index, read, at);
      else if (read.state === "value" && read.hi.value !== 0) rows.setMicrocode(cpu, read.hi.value);
      return 2;
    },
    end(file, at) {
      const empty = sections === 0 && builder.msrsOf("unnamed").size === 0;
      const identity = empty ? {} : fillDrafts(builder, cpuids, msrSections, rows);
      rows.end();
      cpuids.end();
      if (empty) return undefined;
      tellWhatIsMissing(builder, cpuids.cpus(), msrSections, isSvmVendor(identity.vendor), log.ifAlone, at);
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

/** CPUs that show the same CPUID, and those of them that differ in their MSRs. */
interface Kind {
  readonly cpu: number;
  readonly facts: CpuFacts;
  readonly core: CoreKind;
  readonly others: number[];
}

/** Turns what was read into drafts, one for CPUs that are alike; gives what identifies the machine, taken from the first CPU. */
function fillDrafts(
  builder: HostBuilder,
  cpuids: CpuidLeaves,
  msrSections: ReadonlyMap<number | undefined, Place>,
  rows: MsrRows,
): Omit<Host, "cores"> {
  const all = cpuids.cpus();
  // One unnamed MSR section holds for all CPUs; the CPUID that belongs to it is that of the first.
  const unnamed = (msrSections.has(undefined) || all.length === 0) && !hasNamedSection(msrSections);
  const cores: { draft: CpuDraft; kind: CoreKind }[] = [];
  let identity: Omit<Host, "cores"> = {};
  const seen: FeaturesSeen = new Map();
  /** CPUs that differ from those before them, as long as they are few. */
  const kinds: Kind[] = [];
  for (const cpu of unnamed ? all.slice(0, 1) : all) {
    let known = kinds.find((other) => cpuids.alike(other.cpu, cpu));
    const twin = unnamed ? undefined : known?.others.find((other) => rows.alike(other, cpu));
    if (twin !== undefined) {
      builder.sameAs(cpu, twin);
      continue;
    }
    const lookup = cpuids.lookup(cpu);
    if (known === undefined) {
      known = { cpu, facts: factsFromCpuid(lookup, seen), core: coreKindFromCpuid(lookup), others: [] };
      if (kinds.length < MOST_KINDS) kinds.push(known);
      const vendor = vendorFromCpuid(lookup);
      const name = nameFromCpuid(lookup);
      identity = {
        ...(vendor === undefined ? {} : { vendor }),
        ...(name === undefined ? {} : { name }),
        ...identity,
      };
    }
    if (known.others.length < MOST_KINDS) known.others.push(cpu);
    const draft = builder.cpu(unnamed ? "unnamed" : cpu);
    draft.facts = known.facts;
    if (unnamed && all.some((other) => !sameCounters(cpuids.lookup(other), lookup))) {
      const { cpuid0a: _, ...facts } = draft.facts;
      draft.facts = facts;
    }
    const signature = lookup(1, 0)?.eax;
    if (signature !== undefined) draft.signature = signature;
    cores.push({ draft, kind: known.core });
    if (!unnamed) rows.handIn(cpu);
  }
  if (!unnamed || all.length <= 1) assignCoreTypes(cores);
  for (const cpu of rows.cpus()) if (unnamed || cpu === undefined || !cpuids.has(cpu)) rows.handIn(cpu);
  return identity;
}

const MOST_KINDS = 8;

/** Whether two CPUs show the same in leaf 0AH; EBX is of no interest. */
function sameCounters(a: CpuidLookup, b: CpuidLookup): boolean {
  const [one, other] = [a(0xa, 0), b(0xa, 0)];
  return one?.eax === other?.eax && one?.ecx === other?.ecx && one?.edx === other?.edx;
}
