import type { Msr } from "../host/msr.js";
import { orAbsent, partialMsr } from "../host/partial-msr.js";
import { type Held, holdsIn } from "../rules/held.js";
import { resolveRelease } from "../rules/release.js";
import { VMX_FLAGS, type VmxFlagName } from "./vmx-features.js";

/*
 * The `vmx flags` line read backwards: which register bits a printed, or a missing, name proves. Facts:
 * init_vmx_capabilities (arch/x86/kernel/cpu/feat_ctl.c), as tabulated in vmx-capabilities.ts.
 */

interface Bit {
  readonly index: number;
  readonly bit: number;
}

/** Bits of word 0 that are not pin-based controls; the aggregates combine several. */
const WORD_0: { readonly [bit: number]: readonly Bit[] } = {
  16: [{ index: 0x48c, bit: 32 }],
  17: [{ index: 0x48c, bit: 0 }],
  18: [{ index: 0x48c, bit: 21 }],
  19: [{ index: 0x48c, bit: 17 }],
  20: [{ index: 0x48c, bit: 7 }],
  24: [
    { index: 0x482, bit: 32 + 21 },
    { index: 0x48b, bit: 32 },
  ],
  25: [
    { index: 0x482, bit: 32 + 21 },
    { index: 0x48b, bit: 32 + 8 },
    { index: 0x48b, bit: 32 + 9 },
    { index: 0x481, bit: 32 + 7 },
  ],
  // Taken from the upper half of IA32_VMX_VMFUNC, where EPTP switching is not.
  28: [{ index: 0x491, bit: 32 }],
};

function bitsOfFlag(row: (typeof VMX_FLAGS)[number]): readonly Bit[] {
  if (row.word === 0) return row.bit < 16 ? [{ index: 0x481, bit: 32 + row.bit }] : (WORD_0[row.bit] ?? []);
  if (row.word === 3) return [{ index: 0x492, bit: row.bit }];
  return [{ index: row.word === 1 ? 0x482 : 0x48b, bit: 32 + row.bit }];
}

/** Registers that Linux reads with a plain RDMSR; a missing one would have been noticed. */
const ALWAYS_THERE = new Set([0x481, 0x482]);

export function isVmxFlag(name: string): name is VmxFlagName {
  return VMX_FLAGS.some((row) => row.flag === name);
}

/** Position of a name in the order of printing; -1 for a name that no release prints. */
export function vmxFlagOrder(name: string): number {
  return VMX_FLAGS.findIndex((row) => row.flag === name);
}

/** Whether every kernel that may have printed the line would have printed the name. */
function isAlwaysPrinted(held: Held | undefined, kernel: string | undefined): boolean {
  if (held === undefined) return true;
  if (kernel === undefined) return false;
  const resolved = resolveRelease(kernel);
  return resolved.release !== undefined && holdsIn(resolved.release, held) === true;
}

/**
 * What the names on a `vmx flags` line prove of the registers, by MSR index: allowed-1 bits of the plain control
 * registers and capability bits. A missing name proves a 0 only if the line is `whole` and every kernel that comes into
 * question prints that name: without `kernel` (as `uname -r` prints it) those that all releases know, else those that
 * the release knows, or for a release that is not tabulated the nearest older one.
 */
export function msrsFromVmxFlags(
  names: ReadonlySet<string>,
  whole: boolean,
  kernel: string | undefined,
): ReadonlyMap<number, Msr> {
  const ones = new Map<number, Set<number>>();
  const zeros = new Map<number, Set<number>>();
  const add = (into: Map<number, Set<number>>, { index, bit }: Bit): void => {
    const bits = into.get(index) ?? new Set();
    into.set(index, bits.add(bit));
  };
  for (const row of VMX_FLAGS) {
    const bits = bitsOfFlag(row);
    if (names.has(row.flag)) for (const bit of bits) add(ones, bit);
    else if (whole && bits.length === 1 && isAlwaysPrinted("held" in row ? row.held : undefined, kernel)) {
      add(zeros, bits[0] as Bit);
    }
  }
  const msrs = new Map<number, Msr>();
  for (const index of new Set([...ones.keys(), ...zeros.keys()])) {
    const msr = partialMsr(ones.get(index) ?? [], zeros.get(index) ?? []);
    msrs.set(index, ALWAYS_THERE.has(index) ? msr : orAbsent(msr));
  }
  return msrs;
}

/**
 * What VMX names on the `flags` line prove, by MSR index. Linux leaves out all of them for many reasons, but `ept` and
 * `flexpriority` for one alone where it shows `tpr_shadow`, which the same function of every kernel sets: on a `whole` line
 * their bits are 0 then. Without the release only names that meant the same before 5.6; since then both `vnmi` and
 * `vpid` follow virtual NMIs.
 */
export function msrsFromCpuFlags(
  names: ReadonlySet<string>,
  whole: boolean,
  kernel: string | undefined,
): ReadonlyMap<number, Msr> {
  const ones = new Map<number, number[]>();
  const add = (index: number, bit: number): void => {
    ones.set(index, [...(ones.get(index) ?? []), bit]);
  };
  const zeros: number[] = [];
  if (whole && names.has("vmx") && names.has("tpr_shadow")) {
    if (!names.has("flexpriority")) zeros.push(32);
    if (!names.has("ept")) zeros.push(32 + 1);
  }
  if (names.has("tpr_shadow") || names.has("flexpriority")) add(0x482, 32 + 21);
  if (names.has("flexpriority")) add(0x48b, 32);
  if (names.has("ept")) add(0x48b, 32 + 1);
  if (names.has("ept_ad")) add(0x48c, 21);
  const tabulated = kernel !== undefined && resolveRelease(kernel).release !== undefined;
  if (tabulated && (names.has("vnmi") || names.has("vpid"))) add(0x481, 32 + 5);
  const msrs = new Map([...ones].map(([index, bits]) => [index, partialMsr(bits)]));
  if (zeros.length > 0) {
    const secondary = partialMsr(ones.get(0x48b) ?? [], zeros);
    // A CPU without secondary controls has no such register.
    msrs.set(0x48b, ones.has(0x48b) ? secondary : orAbsent(secondary));
  }
  return msrs;
}
