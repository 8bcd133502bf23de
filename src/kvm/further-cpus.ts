import { and, type Tri } from "../bits/tri.js";
import type { CoreGroup, Host } from "../host/host.js";
import { type Program, run } from "../rules/compile.js";
import type { KernelConfig } from "../rules/condition.js";
import { createMachine, type Machine } from "../rules/machine.js";
import type { Release } from "../rules/release.js";
import { bitIndex, wordIndex } from "../rules/words.js";
import { CPU_HAS, fillMachine, MACHINE, MACHINE_BITS, type MachineFacts } from "./fill-machine.js";
import { type CompatibilityCheck, compatibilityCheck } from "./guest/compatibility.js";
import { bootPhase } from "./phase-log.js";
import type { Programs } from "./programs.js";
import { PARAM_BITS } from "./replay-params.js";

/*
 * CPUs besides the boot CPU: they boot on their own, and KVM compares them with the first.
 */

interface FurtherCpu {
  readonly core: CoreGroup;
  readonly machine: Machine;
  readonly featCtl: Tri;
  readonly vmx: Tri;
  /** Has the CPU both flags that KVM asks for. */
  readonly usable: Tri;
}

export function bootFurther(
  host: Host,
  core: CoreGroup,
  prepared: Programs,
  config: KernelConfig,
  facts: MachineFacts | undefined,
): FurtherCpu {
  const machine = createMachine(undefined);
  fillMachine(machine, host, core, config, facts);
  bootPhase(machine, prepared.bootFurther());
  const featCtl = bitOf(machine, CAPS, FEAT_CTL_CAP);
  const vmx = bitOf(machine, CAPS, VMX_CAP);
  return { core, machine, featCtl, vmx, usable: and(featCtl, vmx) };
}

/** The per-CPU check runs with the parameters, and the messages printed once, that the boot CPU left. */
export function checkFurther(
  release: Release,
  { core, machine, featCtl, vmx }: FurtherCpu,
  reference: Machine,
  check: Program,
): CompatibilityCheck {
  copyBits(machine, reference, PARAM_BITS, -1);
  copyBits(machine, reference, KVM_CAPS, -1);
  // Asked of the boot CPU, wherever the check runs.
  copyBits(machine, reference, CPU_HAS, 1 << bitIndex("cpu_has", "umip"));
  copyBits(machine, reference, MACHINE, 1 << MACHINE_BITS.perf_global_ctrl_erratum);
  machine.once = new Map(reference.once);
  machine.uncheckedPrinted = reference.uncheckedPrinted;
  run(machine, check);
  const inCpuid = bitOf(machine, CPU_HAS, bitIndex("cpu_has", "vmx"));
  return compatibilityCheck(release, { core, inCpuid, featCtl, vmx, reference, here: machine });
}

const CAPS = wordIndex("caps");

const VMX_CAP = bitIndex("caps", "VMX");

const FEAT_CTL_CAP = bitIndex("caps", "MSR_IA32_FEAT_CTL");

const KVM_CAPS = wordIndex("kvm_caps");

function copyBits(to: Machine, from: Machine, index: number, mask: number): void {
  to.value[index] = ((to.value[index] as number) & ~mask) | ((from.value[index] as number) & mask);
  to.unknown[index] = ((to.unknown[index] as number) & ~mask) | ((from.unknown[index] as number) & mask);
}

function bitOf(m: Machine, index: number, bit: number): Tri {
  const mask = 1 << bit;
  if (((m.unknown[index] as number) & mask) !== 0) return "unknown";
  return ((m.value[index] as number) & mask) !== 0 ? "yes" : "no";
}
