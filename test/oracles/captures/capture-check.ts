import { formatU64, parseHexU64, type U64 } from "../../../src/bits/u64.js";
import type { Word } from "../../../src/bits/word.js";
import type { CoreGroup, Host } from "../../../src/host/host.js";
import { ABSENT, msrValue } from "../../../src/host/msr.js";
import { vmcsConfigLayout } from "../../../src/kvm/guest/layout.js";
import { FREE_PARAMS } from "../../../src/kvm/load/params.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { paramsOf } from "../../../src/kvm/programs.js";
import { type Replay, replay } from "../../../src/kvm/replay.js";
import { paramText } from "../../../src/kvm/replay-params.js";
import { cpuFlags, vmxFlagsLine, vmxWordCount } from "../../../src/linux/cpuinfo.js";
import type { Release } from "../../../src/rules/release.js";
import { type Difference, differencesOf } from "../vectors/vector-case.js";
import type { Capture, CapturedCpu, Scenario } from "./capture-parse.js";

/*
 * A capture against the replay: the machine of the capture becomes a host, and everything that the capture shows of the
 * kernel's state is compared.
 */

/** The emulated machine: no performance counters, no interrupt remapping. */
const MACHINE = { tboot: false, pmu: false, irqPosting: false, mediatedPmu: false };
const ERRNO = { EIO: 5, ENOMEM: 12, EINVAL: 22, ERANGE: 34, EOPNOTSUPP: 95 } as const;

export interface CaptureResult {
  /** `boot of cpu N` or the name of the scenario. */
  readonly name: string;
  readonly differences: readonly Difference[];
}

/** Replays a capture; one result for the boot of each CPU and one for each scenario. */
export function checkCapture(capture: Capture): CaptureResult[] {
  return [
    ...capture.cpus.map((cpu, position) => ({
      name: `boot of cpu ${position}`,
      differences: differencesOf(...bootPair(capture, cpu, position), "boot"),
    })),
    ...capture.scenarios.map((scenario) => ({
      name: scenario.name,
      differences: differencesOf(...loadPair(capture, scenario), "load"),
    })),
  ];
}

function coreOf({ signature, cpuid, msrs }: CapturedCpu, position: number): CoreGroup {
  return {
    coreTypes: [],
    logicalCpus: String(position),
    signature,
    cpuid,
    msrs: new Map(
      Object.entries(msrs).map(([index, text]) => [
        Number(index),
        text === null ? ABSENT : msrValue(parseHexU64(text) as U64),
      ]),
    ),
  };
}

function hostOf(capture: Capture, cpus: readonly CapturedCpu[]): Host {
  return { vendor: capture.vendor, cores: cpus.map(coreOf) as unknown as Host["cores"] };
}

const hex = (w: Word) => `0x${w.value.toString(16)}`;
const hex64 = (value: { readonly hi: Word; readonly lo: Word }) =>
  formatU64({ hi: value.hi.value, lo: value.lo.value });

function bootPair(capture: Capture, captured: CapturedCpu, position: number): [unknown, unknown] {
  const { release } = capture;
  const { cpu } = replay(hostOf(capture, [captured]), { release, machine: MACHINE });
  const words = ([0, 1, 2, 3, 4] as const).map((n) => cpu.word(`vmx_capability[${n}]`));
  const line = vmxFlagsLine(release, cpu.bit("caps", "VMX"), words);
  const set = <T extends { readonly set: string; readonly flag: string }>(flags: readonly T[]) =>
    flags.filter((flag) => flag.set === "yes").map((flag) => flag.flag);
  const ours = words.slice(0, vmxWordCount(release)).map(hex);
  const dumped = dumpedWords(release, captured.words ?? [], ours);
  const expected = {
    featCtl: captured.featCtl,
    flags: captured.flags,
    vmxFlags: captured.vmxFlags,
    words: dumped,
    messages: position === 0 ? capture.bootMessages : [],
  };
  const actual = {
    featCtl: captured.featCtl === null ? null : hex64({ hi: cpu.word("feat_ctl.hi"), lo: cpu.word("feat_ctl.lo") }),
    flags: set(cpuFlags(release, (name) => cpu.bit("caps", name))),
    vmxFlags: line.printed === "yes" ? set(line.flags).join(" ") : null,
    words: ours.slice(0, dumped.length),
    // Each message is printed once, by the first CPU that has a reason to.
    messages: position === 0 ? cpu.boot.messages.map((message) => message.text) : [],
  };
  return [expected, actual];
}

/**
 * By how many words vmx_capability[] lies behind its place in 6.1, where every dump begins. For a release that is not
 * listed it is found by its content.
 */
const CAPABILITY_SHIFT: Readonly<Partial<Record<Release, number>>> = { "5.10": 0, "6.1": 0, "7.2": 1 };

function dumpedWords(release: Release, dump: readonly string[], ours: readonly string[]): readonly string[] {
  const known = CAPABILITY_SHIFT[release];
  const shifts = known === undefined ? [0, 1, 2] : [known];
  const at = (shift: number) => dump.slice(shift, shift + ours.length);
  const fits = shifts.find((shift) => at(shift).every((word, position) => word === ours[position]));
  return at(fits ?? shifts[0] ?? 0);
}

function loadPair(capture: Capture, scenario: Scenario): [unknown, unknown] {
  const { release } = capture;
  const { given, exit, params, messages, vmcsConfig, capability, features } = scenario;
  const result = replay(hostOf(capture, capture.cpus), { release, machine: MACHINE, params: given, anyParams: true });
  const { cpu } = result;
  const ours = ourParams(result, params);
  const expected = { exit, params: ours.expected, messages, capability, vmcsConfig: {}, features };
  const actual = {
    exit: result.error === undefined ? 0 : ERRNO[result.error],
    params: ours.actual,
    messages: cpu.load.messages.map((message) => message.text),
    capability: capability && { ept: hex(cpu.word("vmx_capability.ept")), vpid: hex(cpu.word("vmx_capability.vpid")) },
    vmcsConfig: {},
    features: features && ourFeatures(result),
  };
  if (vmcsConfig !== undefined) {
    const rows = vmcsConfigLayout(release);
    expected.vmcsConfig = Object.fromEntries(rows.map(({ offset, field }) => [field, vmcsConfig[offset]]));
    actual.vmcsConfig = ourVmcsConfig(result);
  }
  return [expected, actual];
}

/** Parameters of kvm that have to do with VMX. */
export const KVM_PARAMS = ["enable_pmu", "tdp_mmu"];

/** All parameters of kvm_intel, and those of kvm that have to do with VMX. */
function ourParams({ release, config, loads, cpu }: Replay, captured: Scenario["params"]) {
  const free = FREE_PARAMS.map((name) => name.replace("kvm_intel.", "")) as readonly string[];
  const rows = paramsOf(release, config);
  const texts = (module: "kvm" | "kvm_intel") =>
    Object.fromEntries(rows.filter((row) => row.module === module).map((row) => [row.name, paramText(cpu, row)]));
  const expected = Object.entries(captured.kvm_intel).filter(([name]) => !free.includes(name));
  return {
    expected: {
      kvm: Object.fromEntries(Object.entries(captured.kvm).filter(([name]) => KVM_PARAMS.includes(name))),
      kvm_intel: Object.fromEntries(expected),
    },
    // A module that did not load has no parameters to show.
    actual: { kvm: texts("kvm"), kvm_intel: loads === "yes" ? texts("kvm_intel") : {} },
  };
}

function ourFeatures({ cpu }: Replay): Record<string, string> {
  if (cpu.bit("params", "nested") !== "yes") return {};
  return Object.fromEntries([...nestedMsrs(cpu)].map(([index, value]) => [`0x${index.toString(16)}`, hex64(value)]));
}

function ourVmcsConfig({ release, cpu }: Replay): Record<string, string> {
  const rows = vmcsConfigLayout(release).map(({ field, word, bits }): [string, string] => {
    // The one field without a word is `order`, 0 for a region of a page or less.
    if (word === undefined) return [field, "0x0"];
    const { value } = cpu.word(word);
    if (bits === undefined) return [field, hex(cpu.word(word))];
    const mask = (2n ** BigInt(bits.hi - bits.lo + 1) - 1n) << BigInt(bits.lo);
    return [field, `0x${(BigInt(value) & mask).toString(16)}`];
  });
  return Object.fromEntries(rows);
}
