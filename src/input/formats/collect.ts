import { parseHexU64 } from "../../bits/u64.js";
import { ABSENT, msrValue } from "../../host/msr.js";
import { assignCoreTypes, type CoreKind } from "../hosts/cpuid-facts.js";
import type { FactSink } from "../hosts/evidence.js";
import type { CpuDraft } from "../hosts/host-builder.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";
import { formatCpuRanges, MAX_CPU, parseCpuRanges } from "../text/cpu-ranges.js";
import type { Place } from "../text/diagnostic.js";
import { describeMsr, isVmxMsr } from "../text/msr-names.js";

/** First and last line of what the script of `vmxlens collect` prints. */
export const COLLECT_HEADER = "# vmxlens-collect 1";
export const COLLECT_END = "# end of vmxlens-collect";

/**
 * The output of `vmxlens collect`. Its own lines are read here; /proc/cpuinfo, parameters, CPUID and kernel messages
 * are in it unchanged, for their own readers.
 */
export const collect: FactReader = {
  kind: "facts",
  name: "collect",
  knows:
    "The output of vmxlens collect: the VMX MSRs of every CPU with their faults, /proc/cpuinfo, kernel release, module " +
    "parameters, CPUID or at least the kinds of cores, kernel messages about VMX; which CPUs were offline, and what " +
    "could not be read.",
  mark: /^# (?:end of )?vmxlens-collect\b/,
  open: openCollect,
};

/** As grep prints files of /sys/devices where CPUID could not be read. */
const KIND = /\/sys\/devices\/cpu_(core|atom)\/cpus:([\d,-]{1,400})\s*$/;
const CACHE = /\/sys\/devices\/system\/cpu\/cpu(\d{1,4})\/cache\/index\d{1,2}\/level:(\d)\s*$/;
const PROGRAM = /^(?:qemu|libvirt|hypervisor): \S{1,40}\s*$/;
const MSR = /^msr (\d{1,4}) 0x([0-9a-f]{1,8}) (?:([0-9a-f]{16})|(fault)|failed: (.{1,100}))\s*$/;

function openCollect(sink: FactSink): FactRun {
  let inside: Place | undefined;
  let cores: CoresOfSysfs = new Map();

  const notWhole = (): void => {
    if (inside === undefined) return;
    sink.log.warning(inside, "the output of vmxlens collect is not whole: its last line is missing", COLLECT_END);
    inside = undefined;
  };

  return {
    line(line) {
      const { text } = line;
      if (text.startsWith("# vmxlens-collect")) {
        notWhole();
        const version = /^# vmxlens-collect (\d{1,4})\s*$/.exec(text)?.[1];
        if (version !== "1") {
          sink.log.error(placeOf(line), "not a version of vmxlens collect that is known here", COLLECT_HEADER);
          return version !== undefined;
        }
        sink.nextMachine();
        inside = placeOf(line);
        cores = new Map();
        return true;
      }
      if (text.startsWith(COLLECT_END)) {
        if (inside !== undefined) emitCoreTypes(sink, cores);
        inside = undefined;
        return true;
      }
      const msr = MSR.exec(text);
      if (msr !== null) {
        const [, cpu, digits, value, fault, trouble] = msr;
        const index = Number.parseInt(digits as string, 16);
        if (Number(cpu) > MAX_CPU || !isVmxMsr(index)) return true;
        const at = placeOf(line, 5);
        const known = value === undefined ? undefined : parseHexU64(value);
        if (known !== undefined) sink.msr(Number(cpu), index, msrValue(known), at);
        else if (fault !== undefined) sink.msr(Number(cpu), index, ABSENT, at);
        else
          sink.log.warning(
            at,
            `MSR ${describeMsr(index)} of CPU ${cpu} was not read: ${trouble}`,
            "root, and modprobe msr",
          );
        return true;
      }
      // Not "kernel:", which is what loggers put before a line and is taken off.
      const release = /^release: (\S{1,100})\s*$/.exec(text);
      if (release !== null && !line.cut) {
        sink.system("kernel", release[1] as string, placeOf(line, 10));
        return true;
      }
      if (coreLine(cores, line)) return true;
      const offline = parseCpuRanges(/^offline: ([\d,-]{1,400})\s*$/.exec(text)?.[1] ?? "");
      if (offline !== undefined && !line.cut) {
        sink.log.note(placeOf(line), `offline and therefore not read: CPU ${formatCpuRanges(offline)}`);
        return true;
      }
      const missing = /^missing: (.{1,600})$/.exec(text);
      if (missing === null) return PROGRAM.test(text);
      sink.log.warning(placeOf(line), `not collected: ${missing[1]}`);
      return true;
    },
    busy: () => inside !== undefined,
    end: notWhole,
  };
}

type CoresOfSysfs = Map<number, { kind: CoreKind["kind"]; hasL3: boolean | undefined; at: Place }>;

function coreLine(cores: CoresOfSysfs, line: TextLine): boolean {
  const { text } = line;
  const at = placeOf(line);
  const core = (cpu: number) => {
    const known = cores.get(cpu) ?? { kind: undefined, hasL3: undefined, at };
    cores.set(cpu, known);
    return known;
  };
  const kind = KIND.exec(text);
  if (kind !== null) {
    for (const cpu of parseCpuRanges(kind[2] as string) ?? []) core(cpu).kind = kind[1] as "core" | "atom";
    return true;
  }
  const cache = CACHE.exec(text);
  if (cache === null) return false;
  const known = core(Number(cache[1]));
  known.hasL3 = known.hasL3 === true || cache[2] === "3";
  return true;
}

/** Only when the list of caches is whole: an Atom core is LP-E because another one has a level-3 cache. */
function emitCoreTypes(sink: FactSink, cores: CoresOfSysfs): void {
  const drafts = [...cores].map(([cpu, { at, ...kind }]) => ({ cpu, at, kind, draft: {} as CpuDraft }));
  assignCoreTypes(drafts);
  for (const { cpu, at, draft } of drafts) {
    if (draft.coreType !== undefined && cpu <= MAX_CPU) sink.cpu(cpu, { coreType: draft.coreType }, at);
  }
}
