import { type LibvirtCpu, libvirtCpu } from "../compare/libvirt.js";
import { surely } from "../compare/migrate/fix.js";
import { qemuCpu } from "../compare/qemu.js";
import type { QemuCpu } from "../compare/qemu-text.js";
import type { CpuFacts } from "../host/host.js";
import { msrWords } from "../host/msr.js";
import type { MsrPair } from "../kvm/guest/msr-pair.js";
import type { Pool } from "./pools.js";

/** The guest that every host of a pool can run: what it is asked for is in the pool's common set for certain. */
export interface PoolConfig {
  readonly qemu: QemuCpu;
  readonly libvirt?: LibvirtCpu;
}

/** What is known of the CPUs of a pool's hosts besides VMX: a named model has to suit all of them. */
export interface PoolCpus {
  readonly cpuid: readonly CpuFacts[];
  readonly signature?: number;
}

export interface Versions {
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
}

/** The configuration for a pool, or why there is none. */
export function poolConfig(
  { baseline }: Pool,
  cpus: PoolCpus,
  versions: Versions = {},
): PoolConfig | { readonly problem: string } {
  const pairs = new Map<number, MsrPair>();
  for (const { msr, value } of baseline.registers) {
    const words = msrWords(value);
    if (value.state === "value" && words !== undefined) pairs.set(msr, words);
  }
  // What is not known to be common is not asked for.
  const common = surely(pairs);
  const options = { ...versions, ...cpus, model: "nearest" };
  const qemu = qemuCpu(common, options);
  if (qemu.kind !== "cpu") return { problem: qemu.message };
  const libvirt = libvirtCpu(common, options);
  if (libvirt.kind === "unknown version") return { problem: libvirt.message };
  return { qemu, ...(libvirt.kind === "cpu" ? { libvirt } : {}) };
}
