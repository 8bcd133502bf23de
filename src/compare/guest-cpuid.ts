import { allOf, type Tri, tri } from "../bits/tri.js";
import type { CpuFacts } from "../host/host.js";
import { CPUID_FEATURES, type CpuidFeature, qemuNameOf } from "../registers/cpuid-features.js";
import { type QemuCpuidFeature, qemuData } from "./qemu-models.js";

/*
 * Which CPUID features of QEMU's CPU models a host can give a guest. A model with more than that does not suit it: QEMU
 * starts without what is missing (or not at all, with `enforce`), and libvirt refuses `match='exact'`.
 */

/**
 * Features that a guest has whatever the CPU: KVM emulates them (kvm_set_cpu_caps in arch/x86/kvm/cpuid.c) or QEMU sets
 * them (kvm_arch_get_supported_cpuid in target/i386/kvm/kvm.c).
 */
const ALWAYS: readonly QemuCpuidFeature[] = ["x2apic", "tsc-deadline", "tsc-adjust", "arat", "arch-capabilities"];

/** Features of models that QEMU leaves off under KVM unless asked for (kvm_default_props in target/i386/kvm/kvm-cpu.c). */
const OFF_UNDER_KVM: readonly QemuCpuidFeature[] = ["monitor", "acpi"];

const NAMES: ReadonlyMap<QemuCpuidFeature, CpuidFeature> = new Map(
  CPUID_FEATURES.flatMap((row) => {
    const qemu = qemuNameOf(row);
    return qemu === undefined ? [] : [[qemu, row.name] as const];
  }),
);

/** Whether every one of these CPUs lets a guest have a feature; unknown if its CPUID was not read. */
export function canGive(cpus: readonly CpuFacts[], feature: QemuCpuidFeature): Tri {
  if (ALWAYS.includes(feature) || OFF_UNDER_KVM.includes(feature)) return "yes";
  const name = NAMES.get(feature);
  // Bits of IA32_ARCH_CAPABILITIES are made up by KVM from what Linux knows of the CPU.
  if (name === undefined || cpus.length === 0) return "unknown";
  return allOf(cpus.map(({ features }) => tri(features[name])));
}

/** How the features of a CPU model fit CPUs. */
export interface CpuidFit {
  /** Features of the model that one of the CPUs is known to lack. */
  readonly missing: readonly QemuCpuidFeature[];
  /** Features of the model for which that is not known. */
  readonly unchecked: readonly QemuCpuidFeature[];
}

export function fitOf(features: Iterable<QemuCpuidFeature>, cpus: readonly CpuFacts[]): CpuidFit {
  const missing: QemuCpuidFeature[] = [];
  const unchecked: QemuCpuidFeature[] = [];
  for (const feature of features) {
    const given = canGive(cpus, feature);
    if (given === "no") missing.push(feature);
    else if (given === "unknown") unchecked.push(feature);
  }
  return { missing, unchecked };
}

/** Features that a guest with `-cpu host` sees change between hosts, by QEMU's names. */
export interface CpuidChange {
  readonly lost: readonly QemuCpuidFeature[];
  readonly gained: readonly QemuCpuidFeature[];
  /** Not known of one host or the other. */
  readonly unchecked: number;
}

export function cpuidChange(source: readonly CpuFacts[], destination: readonly CpuFacts[]): CpuidChange {
  const lost: QemuCpuidFeature[] = [];
  const gained: QemuCpuidFeature[] = [];
  let unchecked = 0;
  for (const feature of everyFeature()) {
    if (!NAMES.has(feature)) continue;
    const [before, after] = [canGive(source, feature), canGive(destination, feature)];
    if (before === "yes" && after === "no") lost.push(feature);
    else if (before === "no" && after === "yes") gained.push(feature);
    else if (before === "unknown" || after === "unknown") unchecked++;
  }
  return { lost, gained, unchecked };
}

let known: readonly QemuCpuidFeature[] | undefined;

/** Features that some model has: KVM lets a guest have them. */
function everyFeature(): readonly QemuCpuidFeature[] {
  known ??= [...new Set(qemuData().models.flatMap(({ cpuid }) => [...cpuid]))].sort();
  return known;
}

/** Features of any model that all of these CPUs have themselves: what a model can leave out. */
export function givenFeatures(cpus: readonly CpuFacts[]): readonly QemuCpuidFeature[] {
  if (cpus.length === 0) return [];
  return everyFeature().filter(
    (feature) => !ALWAYS.includes(feature) && !OFF_UNDER_KVM.includes(feature) && canGive(cpus, feature) === "yes",
  );
}
