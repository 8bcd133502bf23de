import { formatU64, parseHexU64, type U64 } from "../../../src/bits/u64.js";
import type { Word } from "../../../src/bits/word.js";
import { CPU_FEATURES, type CpuFeature, type Host } from "../../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../../src/host/msr.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { paramsOf } from "../../../src/kvm/programs.js";
import { type Replay, replay } from "../../../src/kvm/replay.js";
import { paramText } from "../../../src/kvm/replay-params.js";
import { cpuFlags, vmxFlagsLine, vmxWordCount } from "../../../src/linux/cpuinfo.js";
import { type Held, holdsIn } from "../../../src/rules/held.js";
import type { Message, MsrRead, Warning } from "../../../src/rules/machine.js";
import { type Release, resolveRelease } from "../../../src/rules/release.js";
import { type BitName, REPLAY_MSRS, type WordName } from "../../../src/rules/words.js";

/*
 * One case of the vector files (outputs of the kernel's own functions): the input becomes a host, the replay's result is
 * written in the form of the expected output, and the two are compared field by field.
 */

/** A case as a vector file holds it. */
export interface VectorCase {
  readonly id: string;
  readonly release: string;
  readonly in: {
    readonly vendor: string;
    readonly signature: string;
    readonly maxLeaf: string;
    readonly cpuid12Eax: string;
    readonly features: readonly string[];
    readonly tscKhz: number;
    readonly tboot: boolean;
    readonly pmu: boolean;
    readonly irqPosting: boolean;
    readonly msrs: Readonly<Record<string, string>>;
    readonly faults: readonly string[];
    readonly params: { readonly kvm: Record<string, string>; readonly kvm_intel: Record<string, string> };
  };
  readonly out: unknown;
}

/** The series that the files name without a patch level, and the state they were made from (README of the vectors). */
const STATES: { readonly [name: string]: string } = {
  "5.10": "5.10.223",
  "6.1": "6.1.192",
  "6.12": "6.12.107",
  "7.2": "7.2.13",
};

/** The modelled kernel that a vector file names; undefined where it is not modelled. */
export function kernelOf(name: string): Release | undefined {
  const resolved = resolveRelease(STATES[name] ?? name);
  return resolved.release !== undefined && resolved.exact ? resolved.release : undefined;
}

/** Whether the project models the kernel that a vector file names. */
export function isModelled(name: string): boolean {
  return kernelOf(name) !== undefined;
}

export function hostOf(input: VectorCase["in"]): Host {
  const msrs = new Map<number, Msr>();
  // The files list what can be read: any other register of VMX faults. The rest has the kernel's defaults.
  for (const index of Object.values(REPLAY_MSRS)) {
    if (index === 0x3a || (index >= 0x480 && index <= 0x493)) msrs.set(index, ABSENT);
  }
  for (const [index, text] of Object.entries(input.msrs)) {
    msrs.set(Number(index), msrValue(parseHexU64(text) as U64));
  }
  for (const index of input.faults) msrs.set(Number(index), ABSENT);
  const features = Object.fromEntries(CPU_FEATURES.map((name) => [name, input.features.includes(name)])) as Record<
    CpuFeature,
    boolean
  >;
  return {
    vendor: input.vendor,
    cores: [
      {
        coreTypes: [],
        signature: Number(input.signature),
        msrs,
        cpuid: {
          features,
          maxLeaf: Number(input.maxLeaf),
          cpuid12Eax: Number(input.cpuid12Eax),
          tscKhz: input.tscKhz,
          // A case does not carry the leaf; the kernels ran with zeroes.
          cpuid15: { eax: 0, ebx: 0, ecx: 0 },
        },
      },
    ],
  };
}

export function replayCase(vector: VectorCase): Replay {
  const { tboot, pmu, irqPosting, params } = vector.in;
  return replay(hostOf(vector.in), {
    release: kernelOf(vector.release) as Release,
    params,
    anyParams: true,
    // The build that made the vectors has no mediated PMU.
    machine: { tboot, pmu, irqPosting, mediatedPmu: false },
  });
}

const hex = (w: Word) => `0x${w.value.toString(16)}`;
const hex64 = (w: { readonly hi: Word; readonly lo: Word }) => formatU64({ hi: w.hi.value, lo: w.lo.value });
const yes = (value: string) => value === "yes";
const plainMessage = ({ level, text }: Message) => ({ level, text });
const plainWarning = ({ kind, func, cond, text }: Warning) => ({
  kind,
  func,
  cond,
  ...(text === undefined ? {} : { text }),
});
const msrHex = (name: keyof typeof REPLAY_MSRS) => `0x${REPLAY_MSRS[name].toString(16)}`;
const plainRead = (read: MsrRead) => msrHex(read.msr) + (read.how === "safe" ? " safe" : "");

const ERRNO = { EIO: 5, EINVAL: 22, ERANGE: 34, EOPNOTSUPP: 95, ENOMEM: 12 } as const;

/** Fields that a kernel does not have, by the README of the vectors. */
const HAS = {
  words: { since: "5.6" },
  sgxFlags: { since: ["5.15", "el8.4"] },
  tdpLevel: { since: ["5.10", "el8.4"] },
  hugePages: { since: ["5.10", "el8.3"] },
  busLock: { since: "5.15" },
  notify: { since: "6.0" },
  cet: { since: "6.18" },
  misc: { since: "6.1" },
  tertiary: { since: "6.0" },
  oneWordBasic: { since: ["6.12", "!el9"] },
  order: { before: ["5.19", "el8.7"] },
  /** Fixed at load; before, the build that made the vectors left it out, and counts it as unknown. */
  tdpMmu: { since: ["6.3", "el9.2"] },
} as const satisfies { readonly [field: string]: Held };
const has = (release: Release, field: keyof typeof HAS) => holdsIn(release, HAS[field]) === true;
const withoutTdpMmu = (release: Release) => !has(release, "tdpMmu");

/** The result of a replay in the form of `out` of a vector file. */
export function vectorOutput(result: Replay, given: VectorCase["in"]["params"]): unknown {
  const { release, cpu } = result;
  return { boot: bootOutput(result), kvm: kvmOutput(result, given), nested: nestedOutput(result, cpu, release) };
}

function bootOutput({ release, cpu }: Replay) {
  const words = (["0", "1", "2", "3", "4"] as const).map((n) => cpu.word(`vmx_capability[${n}]`));
  const cap = (name: Parameters<Parameters<typeof cpuFlags>[1]>[0]) => cpu.bit("caps", name);
  const caps: BitName<"caps">[] = [
    "VMX",
    ...(has(release, "words") ? (["MSR_IA32_FEAT_CTL"] as const) : []),
    "TPR_SHADOW",
    "VNMI",
    "FLEXPRIORITY",
    "EPT",
    "VPID",
    "EPT_AD",
  ];
  if (has(release, "sgxFlags")) caps.push("SGX", "SGX_LC");
  const line = vmxFlagsLine(release, cap("VMX"), words.slice(0, vmxWordCount(release)));
  const written = yes(cpu.bit("want", "write_feat_ctl"));
  return {
    feat_ctl_written: written ? hex64({ hi: cpu.word("feat_ctl.hi"), lo: cpu.word("feat_ctl.lo") }) : null,
    caps: Object.fromEntries(caps.map((name) => [name, yes(cpu.bit("caps", name))])),
    ...(has(release, "words") ? { vmx_capability: words.slice(0, vmxWordCount(release)).map(hex) } : {}),
    cpuinfo_flags: cpuFlags(release, cap)
      .filter((flag) => yes(flag.set))
      .map((flag) => flag.flag)
      .join(" "),
    vmx_flags: yes(line.printed)
      ? line.flags
          .filter((flag) => yes(flag.set))
          .map((flag) => flag.flag)
          .join(" ")
      : null,
    ...logOutput(cpu.boot),
    rdmsr: cpu.boot.rdmsr.map(plainRead),
  };
}

function logOutput(log: Replay["cpu"]["boot"]) {
  return {
    messages: log.messages.map(plainMessage),
    warns: log.warnings.map(plainWarning),
    unchecked_rdmsr: log.unchecked.map((entry) => msrHex(entry.msr)),
  };
}

function kvmOutput(result: Replay, given: VectorCase["in"]["params"]) {
  const { release, cpu } = result;
  const loads = result.loads === "yes";
  const errno = result.error === undefined ? 0 : ERRNO[result.error];
  const setupReads = cpu.load.rdmsr.filter((read) => read.fn === "setup_vmcs_config");
  const refusal = cpu.refusals.at(-1);
  const reached = setupReads.length > 0;
  const setupFailed = refusal?.fn === "adjust_vmx_controls" || refusal?.fn === "setup_vmcs_config";
  const rows = paramsOf(release, result.config);
  const vendorParams = rows.filter((row) => row.module === "kvm_intel");
  const kvmParams = rows.filter((row) => row.module === "kvm" && !(row.name === "tdp_mmu" && withoutTdpMmu(release)));
  const list = (rows: typeof vendorParams) => Object.fromEntries(rows.map((row) => [row.name, paramText(cpu, row)]));
  const left = withoutTdpMmu(release) && rows.some((row) => row.name === "tdp_mmu");
  const unknown = [
    ...result.unknownParams.filter((name) => name.startsWith("kvm_intel.")),
    ...Object.keys(given.kvm)
      .map((name) => `kvm.${name}`)
      .filter((name) => result.unknownParams.includes(name) || (left && name === "kvm.tdp_mmu")),
  ];
  return {
    loads,
    errno,
    error: result.error ?? null,
    setup_vmcs_config: reached ? (setupFailed ? -5 : 0) : null,
    vmcs_config: reached && !setupFailed ? vmcsConfigOutput(result) : null,
    vmx_capability:
      reached && !setupFailed
        ? { ept: hex(cpu.word("vmx_capability.ept")), vpid: hex(cpu.word("vmx_capability.vpid")) }
        : null,
    rdmsr_setup: setupReads.map(plainRead),
    params: loads ? list(vendorParams) : null,
    kvm_params: loads ? list(kvmParams) : null,
    caps: loads ? capsOutput(result) : null,
    unknown_params: unknown,
    ...logOutput(cpu.load),
  };
}

function vmcsConfigOutput({ release, cpu }: Replay) {
  const h = (name: WordName) => hex(cpu.word(name));
  const size = cpu.word("basic.hi").value & 0x1fff;
  const basic = has(release, "oneWordBasic")
    ? { basic: hex64({ hi: cpu.word("basic.hi"), lo: cpu.word("basic.lo") }) }
    : {
        size: `0x${size.toString(16)}`,
        ...(has(release, "order") ? { order: size === 0 ? "0x34" : "0x0" } : {}),
        basic_cap: `0x${((cpu.word("basic.hi").value & ~0x1fff) >>> 0).toString(16)}`,
        revision_id: h("basic.lo"),
      };
  return {
    ...basic,
    pin_based_exec_ctrl: h("pin_based_exec_ctrl"),
    cpu_based_exec_ctrl: h("cpu_based_exec_ctrl"),
    cpu_based_2nd_exec_ctrl: h("cpu_based_2nd_exec_ctrl"),
    ...(has(release, "tertiary")
      ? {
          cpu_based_3rd_exec_ctrl: hex64({
            hi: cpu.word("cpu_based_3rd_exec_ctrl.hi"),
            lo: cpu.word("cpu_based_3rd_exec_ctrl.lo"),
          }),
        }
      : {}),
    vmexit_ctrl: h("vmexit_ctrl"),
    vmentry_ctrl: h("vmentry_ctrl"),
    ...(has(release, "misc") ? { misc: hex64({ hi: cpu.word("misc.hi"), lo: cpu.word("misc.lo") }) } : {}),
  };
}

function capsOutput({ release, cpu }: Replay) {
  const cap = (name: BitName<"kvm_caps">) => yes(cpu.bit("kvm_caps", name));
  return {
    has_tsc_control: cap("has_tsc_control"),
    ...(has(release, "busLock") ? { has_bus_lock_exit: cap("has_bus_lock_exit") } : {}),
    ...(has(release, "notify") ? { has_notify_vmexit: cap("has_notify_vmexit") } : {}),
    ...(has(release, "cet") ? { shstk: cap("shstk"), ibt: cap("ibt") } : {}),
    tdp_enabled: cap("tdp_enabled"),
    ...(has(release, "tdpLevel") ? { max_tdp_level: cap("tdp_level_5") ? 5 : 4 } : {}),
    ...(has(release, "hugePages")
      ? { max_huge_page_level: cap("huge_page_1g") ? 3 : cap("huge_page_2m") ? 2 : 1 }
      : {}),
    preemption_timer_shift: cpu.word("preemption_timer_shift").value,
  };
}

function nestedOutput(result: Replay, cpu: Replay["cpu"], _release: Release) {
  if (result.loads !== "yes" || cpu.bit("params", "nested") !== "yes") return null;
  const h = (name: WordName) => hex(cpu.word(name));
  const wide = (name: "cr0_fixed0" | "cr0_fixed1" | "cr4_fixed0" | "cr4_fixed1" | "vmcs_enum" | "vmfunc_controls") =>
    hex64({ hi: cpu.word(`${name}.hi`), lo: cpu.word(`${name}.lo`) });
  const words = [
    "procbased_ctls_low",
    "procbased_ctls_high",
    "secondary_ctls_low",
    "secondary_ctls_high",
    "pinbased_ctls_low",
    "pinbased_ctls_high",
    "exit_ctls_low",
    "exit_ctls_high",
    "entry_ctls_low",
    "entry_ctls_high",
    "misc_low",
    "misc_high",
    "ept_caps",
    "vpid_caps",
  ] as const;
  return {
    ...Object.fromEntries(words.map((name) => [name, h(name)])),
    basic: hex64({ hi: cpu.word("nested.basic.hi"), lo: cpu.word("nested.basic.lo") }),
    cr0_fixed0: wide("cr0_fixed0"),
    cr0_fixed1: wide("cr0_fixed1"),
    cr4_fixed0: wide("cr4_fixed0"),
    cr4_fixed1: wide("cr4_fixed1"),
    vmcs_enum: wide("vmcs_enum"),
    vmfunc_controls: wide("vmfunc_controls"),
    msrs: Object.fromEntries([...nestedMsrs(cpu)].map(([index, value]) => [`0x${index.toString(16)}`, hex64(value)])),
  };
}

export interface Difference {
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Every leaf that differs, with its path. Key order does not matter, everything else does. */
export function differencesOf(expected: unknown, actual: unknown, path = "out"): Difference[] {
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (!isObject(expected) || !isObject(actual) || Array.isArray(expected) !== Array.isArray(actual)) {
    return expected === actual ? [] : [{ path, expected, actual }];
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...keys].flatMap((key) => differencesOf(expected[key], actual[key], `${path}.${key}`));
}

/** Is the value an object as `in` of a vector file describes it, at least in the members that every case has. */
export function isVectorCase(value: unknown): value is VectorCase {
  if (!isRecord(value) || typeof value.id !== "string" || typeof value.release !== "string") return false;
  const input = value.in;
  if (!isRecord(input) || !isRecord(value.out)) return false;
  const { msrs, faults, features, params } = input;
  if (!isRecord(msrs) || !Array.isArray(faults) || !Array.isArray(features)) return false;
  if (!isRecord(params) || !isRecord(params.kvm) || !isRecord(params.kvm_intel)) return false;
  return Object.values(msrs).every((text) => typeof text === "string" && parseHexU64(text) !== undefined);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Replays a case and gives what differs from its expectation. */
export function checkCase(vector: VectorCase): Difference[] {
  if (!isModelled(vector.release)) {
    return [{ path: "release", expected: vector.release, actual: "not a modelled kernel" }];
  }
  return differencesOf(vector.out, vectorOutput(replayCase(vector), vector.in.params));
}
