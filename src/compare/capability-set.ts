import { ZERO } from "../bits/word.js";
import { effectiveMsr } from "../host/existence.js";
import { type CoreGroup, isSvmVendor, msrOf } from "../host/host.js";
import { ABSENT, type Msr } from "../host/msr.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import type { CpuState } from "../kvm/replay.js";
import { REGISTERS } from "../registers/registers.js";
import type { WordName } from "../rules/words.js";
import type { Situation } from "../situation/situation.js";

/**
 * Where capabilities are compared: what the CPU has (`silicon`), what KVM makes use of (`kvm`), what KVM offers a nested
 * hypervisor (`nested`).
 */
export const SET_LAYERS = ["silicon", "kvm", "nested"] as const;
/** Whose capabilities a set holds: those of the CPU, those KVM uses, those KVM offers a nested hypervisor. */
export type SetLayer = (typeof SET_LAYERS)[number];

/** The capability registers of one host, or of one kind of its cores, at one layer. */
export interface CapabilitySet {
  /** Who it is, for people. */
  readonly label: string;
  readonly layer: SetLayer;
  /** By MSR index; a register that the layer does not have is not in the map. */
  readonly registers: ReadonlyMap<number, Msr>;
}

/** VMX capability registers in the order of their index, 0x480 to 0x493. */
export const CAPABILITY_MSRS: readonly number[] = REGISTERS.map((row) => row.index).filter((index) => index !== 0x3a);

/** What a CPU has; a register that its own bits rule out is absent. `vendor`: its CPUID vendor string. */
export function siliconSet(label: string, core: CoreGroup, vendor?: string): CapabilitySet {
  const registers = new Map(CAPABILITY_MSRS.map((msr) => [msr, effectiveMsr(core, msr, vendor)]));
  return { label, layer: "silicon", registers };
}

/** The capabilities of the first kind of core, from what is known and asked. */
export function siliconSetOf(label: string, { host, asRead }: Situation): CapabilitySet {
  const [core] = host.cores;
  if (asRead !== true || isSvmVendor(host.vendor)) return siliconSet(label, core, host.vendor);
  const registers = new Map(CAPABILITY_MSRS.map((msr) => [msr, msrOf(core, msr)]));
  return { label, layer: "silicon", registers };
}

/** Words of vmcs_config and vmx_capability, by the register that limits them. */
const KVM_WORDS: { readonly [msr: number]: { readonly hi?: WordName; readonly lo?: WordName } } = {
  0x481: { hi: "pin_based_exec_ctrl" },
  0x482: { hi: "cpu_based_exec_ctrl" },
  0x483: { hi: "vmexit_ctrl" },
  0x484: { hi: "vmentry_ctrl" },
  0x48b: { hi: "cpu_based_2nd_exec_ctrl" },
  0x48c: { lo: "vmx_capability.ept", hi: "vmx_capability.vpid" },
  0x492: { lo: "cpu_based_3rd_exec_ctrl.lo", hi: "cpu_based_3rd_exec_ctrl.hi" },
};

/**
 * What KVM uses: a control counts as one that may be 1 when it is in vmcs_config; nothing counts as forced. Given that
 * KVM loads; ask `cpu.loads` whether it does. All empty when it certainly does not.
 */
export function kvmSet(label: string, cpu: CpuState): CapabilitySet {
  const registers = new Map<number, Msr>();
  for (const [msr, { hi, lo }] of Object.entries(KVM_WORDS)) {
    const loads = cpu.loads !== "no";
    registers.set(Number(msr), {
      state: "value",
      hi: loads && hi !== undefined ? cpu.word(hi) : ZERO,
      lo: loads && lo !== undefined ? cpu.word(lo) : ZERO,
    });
  }
  return { label, layer: "kvm", registers };
}

/** What KVM offers a nested hypervisor, given that it loads with nested=1; all absent when it certainly does not. */
export function nestedSet(label: string, cpu: CpuState): CapabilitySet {
  const registers = new Map<number, Msr>();
  const nothing = cpu.loads === "no" || cpu.bit("params", "nested") === "no";
  for (const [msr, pair] of nestedMsrs(cpu)) registers.set(msr, nothing ? ABSENT : { state: "value", ...pair });
  return { label, layer: "nested", registers };
}
