import type { BootRun } from "../../../src/prove/kernel/boot.js";
import { factsOfHost, value64 } from "../../../src/prove/kernel/facts-of-host.js";
import type { HostFacts } from "../../../src/prove/kernel/host-facts.js";
import type { Log, MsrRead } from "../../../src/prove/kernel/log.js";
import type { Fields, Known64 } from "../../../src/prove/kernel/outcome.js";
import type { ModuleRun } from "../../../src/prove/kernel/run-modules.js";
import type { Half, HostRead } from "../../../src/prove/machine/op.js";
import { hostOf, type VectorCase } from "./vector-case.js";

/*
 * One case of the vector files, run by a module of the kernel itself: the input becomes the facts of a machine, and what
 * the module made of it is written in the form of the expected output, as far as a module decides it.
 */

/** MSRs that a case does not name read as these, or fault (README of the vectors). */
function otherMsr(input: VectorCase["in"], index: number): HostRead {
  const values: { readonly [index: number]: bigint } = {
    0x277: 0x0007040600070406n,
    0xc0000080: 0xd01n,
    0xd90: 0n,
    0x6a2: 0n,
    0xda0: input.features.includes("shstk") ? 0x1800n : 0n,
  };
  const value = values[index];
  if (value === undefined) return { kind: "fault" };
  return value64(value);
}

/** The machine of a case. */
export function factsOfCase(input: VectorCase["in"]): HostFacts {
  const host = hostOf(input);
  const [core] = host.cores;
  return factsOfHost(
    host,
    { ...core, cpuid: { ...core.cpuid, physAddrBits: 46, linAddrBits: 48 } },
    {
      pmu: input.pmu,
      irqPosting: input.irqPosting,
      tboot: input.tboot,
      otherMsrs: (index) => otherMsr(input, index),
    },
  );
}

const hex = (number: Known64 | undefined): unknown =>
  number === undefined ? undefined : number.unknown !== 0n ? "unknown" : `0x${number.value.toString(16)}`;
const plain = (half: Half | undefined): unknown =>
  half === undefined ? null : half.unknown !== 0 ? "unknown" : half.value | 0;
const read = ({ index, safe }: MsrRead) => `0x${index.toString(16)}${safe ? " safe" : ""}`;
const fields = (all: Fields) => Object.fromEntries([...all].map(([name, number]) => [name, hex(number)]));

const ERRNO: { readonly [number: number]: string } = {
  5: "EIO",
  22: "EINVAL",
  34: "ERANGE",
  95: "EOPNOTSUPP",
  12: "ENOMEM",
};

/** Names of the caps of KVM by where a release keeps them. */
const CAPS: readonly (readonly [name: string, variables: readonly string[]])[] = [
  ["has_tsc_control", ["kvm_caps.has_tsc_control", "kvm_has_tsc_control"]],
  ["has_bus_lock_exit", ["kvm_caps.has_bus_lock_exit", "kvm_has_bus_lock_exit"]],
  ["has_notify_vmexit", ["kvm_caps.has_notify_vmexit"]],
  ["tdp_enabled", ["tdp_enabled"]],
  ["max_tdp_level", ["max_tdp_level"]],
  ["max_huge_page_level", ["max_huge_page_level"]],
];
const NUMBERS = ["max_tdp_level", "max_huge_page_level"];

/** What the module made of a case; of what only some kernels have, the members of `expected`, or all where there is none. */
export function proofOutput(run: ModuleRun, expected: { readonly kvm?: unknown } | undefined): unknown {
  const value = run.result === undefined || run.result.unknown !== 0 ? undefined : run.result.value | 0;
  const loads = value === 0;
  const setUp = run.setupVmcsConfig?.value === 0 && run.setupVmcsConfig.unknown === 0;
  const [from, to] = run.setupReads ?? [0, 0];
  const params = (module: string) =>
    Object.fromEntries(
      [...run.params].flatMap(([name, text]) =>
        name.startsWith(`${module}.`) ? [[name.slice(module.length + 1), text] as const] : [],
      ),
    );
  const nested = run.params.get("kvm_intel.nested");
  const kvm = {
    loads: value === undefined ? "unknown" : loads,
    errno: value === undefined ? "unknown" : -value,
    error: value === undefined ? "unknown" : (ERRNO[-value] ?? null),
    setup_vmcs_config: plain(run.setupVmcsConfig),
    vmcs_config: setUp ? fields(run.vmcsConfig) : null,
    vmx_capability: setUp ? fields(run.vmxCapability) : null,
    rdmsr_setup: run.log.rdmsr.slice(from, to).map(read),
    params: loads ? without(params("kvm_intel"), ["vmentry_l1d_flush"]) : null,
    kvm_params: loads ? pick(params("kvm"), kvmParams(expected, params("kvm"))) : null,
    caps: loads ? caps(run, expected === undefined ? ALL_OFFERED : memberNames(expected.kvm, "caps")) : null,
    unknown_params: [...run.unknownParams].sort(),
    ...logOutput(run.log),
    unchecked_rdmsr: uncheckedOutput(run.log),
  };
  return {
    kvm,
    nested:
      !loads || nested !== "Y"
        ? null
        : {
            ...fields(run.nested),
            msrs: Object.fromEntries(
              [...(run.nestedMsrs ?? [])].map(([index, number]) => [`0x${index.toString(16)}`, hex(number)]),
            ),
          },
  };
}

/** Capabilities of `out.boot.caps` by the name that /proc/cpuinfo prints; the one without a name by its number. */
const BOOT_CAPS: readonly (readonly [name: string, printed: string | number])[] = [
  ["VMX", "vmx"],
  ["MSR_IA32_FEAT_CTL", 7 * 32 + 31],
  ["TPR_SHADOW", "tpr_shadow"],
  ["VNMI", "vnmi"],
  ["FLEXPRIORITY", "flexpriority"],
  ["EPT", "ept"],
  ["VPID", "vpid"],
  ["EPT_AD", "ept_ad"],
  ["SGX", "sgx"],
  ["SGX_LC", "sgx_lc"],
];

/** What the kernel's own boot made of a case, in the form of `out.boot`; `null` when it did not run to its end. */
export function bootOutput(boot: BootRun, expected: { readonly boot?: unknown } | undefined): unknown {
  if (boot.stopped !== undefined) return null;
  const bit = (at: number | undefined) =>
    at !== undefined && (((boot.capabilities[at >> 5]?.value ?? 0) >>> (at & 31)) & 1) === 1;
  const place = (printed: string | number) =>
    typeof printed === "number" ? printed : boot.capabilityBits.get(printed);
  const wanted = expected === undefined ? BOOT_CAPS.map(([name]) => name) : memberNames(expected.boot, "caps");
  const caps = Object.fromEntries(
    BOOT_CAPS.flatMap(([name, printed]) => (wanted.includes(name) ? [[name, bit(place(printed))]] : [])),
  );
  const printed = [...boot.vmxNames].filter(
    ([at]) => (((boot.vmxCapability[at >> 5]?.value ?? 0) >>> (at & 31)) & 1) === 1,
  );
  const written = boot.log.wrmsr.find(({ index }) => index === 0x3a);
  const line = bit(place("vmx")) && (boot.vmxCapability[0]?.value ?? 0) !== 0;
  const cpuFlags = [...boot.capabilityBits]
    .filter(([name, at]) => bit(at) && BOOT_CAPS.some(([, printed]) => printed === name))
    .sort(([, a], [, b]) => a - b);
  return {
    feat_ctl_written:
      written === undefined ? null : `0x${((BigInt(written.hi >>> 0) << 32n) | BigInt(written.lo >>> 0)).toString(16)}`,
    caps,
    vmx_capability: boot.vmxCapability.map(({ value }) => `0x${value.toString(16)}`),
    cpuinfo_flags: cpuFlags.map(([name]) => name).join(" "),
    vmx_flags: line ? printed.map(([, name]) => name).join(" ") : null,
    rdmsr: boot.log.rdmsr.map(read),
    messages: boot.log.messages.map(({ level, text }) => ({ level, text })),
    // A function that the compiler put into another one has the other one's name.
    warns: boot.log.warnings.length,
    unchecked_rdmsr: uncheckedOutput(boot.log),
  };
}

function uncheckedOutput({ unchecked }: Log) {
  return unchecked.filter(({ certain }) => certain).map(({ index }) => `0x${index.toString(16)}`);
}

/** `out.boot` of a case, without what the kernel's image does not show. */
export function expectedBoot(out: unknown): unknown {
  const { boot } = out as { readonly boot: Record<string, unknown> };
  const { warns, ...rest } = boot;
  return { ...rest, warns: (warns as unknown[]).length };
}

/** What KVM offers guests, by word and bit of what it keeps in the order of `x86_capability`. */
const OFFERED: readonly (readonly [name: string, word: number, bit: bigint])[] = [
  ["shstk", 16, 7n],
  ["ibt", 18, 20n],
];

const ALL_OFFERED = OFFERED.map(([name]) => name);

/** Of the parameters of kvm those that the kernel fixes while it loads. */
function kvmParams(expected: { readonly kvm?: unknown } | undefined, all: Record<string, string>): readonly string[] {
  if (expected !== undefined) return memberNames(expected.kvm, "kvm_params");
  return ["enable_pmu", "tdp_mmu"].filter((name) => all[name] !== undefined);
}

function caps(run: ModuleRun, wanted: readonly string[]) {
  const found: Record<string, unknown> = {};
  for (const [name, variables] of CAPS) {
    const number = variables.map((variable) => run.variables.get(variable)).find((entry) => entry !== undefined);
    if (number === undefined) continue;
    const known = number.unknown === 0n ? number.value : undefined;
    found[name] = known === undefined ? "unknown" : NUMBERS.includes(name) ? Number(known) : known !== 0n;
  }
  for (const [name, word, bit] of OFFERED) {
    if (!wanted.includes(name)) continue;
    const number = run.variables.get(`kvm_cpu_caps[${word}]`);
    const known = number !== undefined && ((number.unknown >> bit) & 1n) === 0n;
    found[name] = known ? ((number.value >> bit) & 1n) === 1n : "unknown";
  }
  const shift = run.variables.get("cpu_preemption_timer_multi");
  if (shift !== undefined) found.preemption_timer_shift = shift.unknown === 0n ? Number(shift.value) : "unknown";
  return found;
}

function logOutput(log: Log) {
  const sure = ({ certain }: { readonly certain: boolean }) => certain;
  return {
    messages: log.messages.filter(sure).map(({ level, text }) => ({ level, text })),
    // The condition of a WARN is in the source only.
    warns: log.warnings.filter(sure).map(({ function: func, once, text }) => ({
      kind: text === undefined ? `WARN_ON${once ? "_ONCE" : ""}` : "WARN",
      func,
      ...(text === undefined ? {} : { text }),
    })),
  };
}

function memberNames(value: unknown, name: string): string[] {
  const inner = (value as { readonly [name: string]: unknown } | undefined)?.[name];
  return inner === null || inner === undefined ? [] : Object.keys(inner);
}

function pick(all: Record<string, string>, names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

function without(all: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
}

/**
 * The expected output, without what a binary does not show. A parameter that the module has is not an unknown one, where
 * the build that made the vectors had left it out.
 */
export function expectedOutput(out: unknown, has: ReadonlyMap<string, string> = new Map()): unknown {
  const { kvm, nested } = out as { readonly kvm: Record<string, unknown>; readonly nested: unknown };
  const { warns, unknown_params: unknown, ...rest } = kvm;
  return {
    kvm: {
      ...rest,
      unknown_params: (unknown as string[]).filter((name) => !has.has(name)).sort(),
      // That a WARN with a text is to be said once is kept in a variable beside it, not in its entry.
      warns: (warns as Record<string, unknown>[]).map(({ cond: _cond, ...warning }) =>
        warning.text === undefined ? warning : { ...warning, kind: "WARN" },
      ),
    },
    nested,
  };
}
