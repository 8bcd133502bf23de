import { allOf, and, not, or, type Tri } from "../bits/tri.js";
import { bitAt, maskOf, type Word, withBit, word } from "../bits/word.js";
import { bitOfPair, type MsrPair, type MsrPairs } from "../kvm/guest/msr-pair.js";
import { DEFAULT1 } from "../registers/default1.js";
import {
  QEMU_CPUID,
  QEMU_VMX_DEPENDENCIES,
  type QemuCpuidFeature,
  type QemuProperty,
  qemuData,
} from "./qemu-models.js";
import { atLeast } from "./versions.js";

/*
 * QEMU's VMX feature words: how they are made of KVM's capability MSRs, what QEMU takes out of them again, and which
 * MSRs it writes to a vCPU. Facts: kvm_arch_get_supported_msr_feature, make_vmx_msr_value and kvm_msr_entry_add_vmx in
 * target/i386/kvm/kvm.c; x86_cpu_expand_features in target/i386/cpu.c.
 */

/** State of every bit that some property names, keyed `msr:bit` with the bit as `QemuProperty` counts. */
export type FeatureBits = ReadonlyMap<string, Tri>;

const CONTROL_MSRS: readonly number[] = [0x48b, 0x48d, 0x48e, 0x48f, 0x490];

/** Key of a bit in `FeatureBits`. */
export function featureKey(msr: number, bit: number): string {
  return `${msr.toString(16)}:${bit}`;
}

/**
 * What QEMU makes of capability MSRs: a control counts when it may be 1 and need not be, so that a default1 control
 * (`vmx-cr3-load-noexit`) is on when the TRUE register lets it be 0; every other bit counts as it is.
 */
export function featureBits(msrs: MsrPairs): FeatureBits {
  const bits = new Map<string, Tri>();
  for (const { msr, bits: numbers } of qemuData().properties) {
    const pair = msrs.get(msr);
    for (const bit of numbers) {
      const state = pair === undefined ? "unknown" : featureBit(msr, bit, pair);
      bits.set(featureKey(msr, bit), state);
    }
  }
  return bits;
}

/** How many features are certainly on. Of two hosts, the one with fewer counts as the older. */
export function featureCount(features: FeatureBits): number {
  return [...features.values()].filter((state) => state === "yes").length;
}

function featureBit(msr: number, bit: number, pair: MsrPair): Tri {
  if (!CONTROL_MSRS.includes(msr)) return bitOfPair(pair, bit);
  return and(bitAt(pair.hi, bit), not(bitAt(pair.lo, bit)));
}

/** A property is on when all of its bits are. */
export function propertyState(bits: FeatureBits, property: QemuProperty): Tri {
  return allOf(property.bits.map((bit) => bits.get(featureKey(property.msr, bit)) ?? "unknown"));
}

/** The bits of a property as they are, when they are not all alike. */
export function isMixed(bits: FeatureBits, property: QemuProperty): boolean {
  const states = new Set(property.bits.map((bit) => bits.get(featureKey(property.msr, bit))));
  return states.has("yes") && states.has("no");
}

/** Bits of properties that are all on, and nothing else. */
export function bitsOfProperties(on: ReadonlySet<string>): FeatureBits {
  const bits = new Map<string, Tri>();
  for (const { name, msr, bits: numbers } of qemuData().properties) {
    for (const bit of numbers) bits.set(featureKey(msr, bit), on.has(name) ? "yes" : "no");
  }
  return bits;
}

/** A CPU as the user of `-cpu` asks for it. */
export interface AskedCpu {
  readonly base: FeatureBits;
  /** `vmx-…=on` and `=off`; they apply to all bits of a property. */
  readonly on: readonly string[];
  readonly off: readonly string[];
  /** CPUID features of the CPU. `undefined`: nothing is dropped for the lack of one. */
  readonly cpuid?: ReadonlySet<QemuCpuidFeature>;
  readonly version: string;
}

/** What QEMU makes of it: additions and removals, then everything dropped that depends on what is missing. */
export function expand({ base, on, off, cpuid, version }: AskedCpu): FeatureBits {
  const { properties } = qemuData();
  const bits = new Map(base);
  const set = (name: string, state: Tri) => {
    const property = properties.find((row) => row.name === name);
    if (property === undefined) throw new RangeError(`QEMU has no property ${name}`);
    for (const bit of property.bits) bits.set(featureKey(property.msr, bit), state);
  };
  for (const name of on) set(name, "yes");
  for (const name of off) set(name, "no");
  if (cpuid !== undefined) {
    for (const { feature, properties: dependent, seenIn } of QEMU_CPUID) {
      if (!atLeast(version, seenIn) || cpuid.has(feature)) continue;
      for (const name of dependent) set(name, "no");
    }
  }
  for (const { property: name, msr, bits: span, seenIn } of QEMU_VMX_DEPENDENCIES) {
    if (!atLeast(version, seenIn)) continue;
    const property = properties.find((row) => row.name === name);
    if (property === undefined) continue;
    const enabled = propertyState(bits, property);
    const [high, low] = span;
    for (const row of properties) {
      if (row.msr !== msr) continue;
      for (const bit of row.bits) {
        if (bit < low || bit > high) continue;
        const key = featureKey(msr, bit);
        bits.set(key, and(bits.get(key) ?? "unknown", enabled));
      }
    }
  }
  return bits;
}

const TRUE_REGISTERS = { 0x48d: "pin", 0x48e: "primary", 0x48f: "exit", 0x490: "entry" } as const;
const HOST_ADDR_SPACE_SIZE = 9;
/** Revision (30:0) and region size with memory type (63:32: 44:32 and 53:50) that QEMU takes from KVM. */
const BASIC_FIXED = { lo: 0x7fff_ffff, hi: 0x003c_1fff };
const MISC_FIXED = 0x0e00_001f;
const EPT_TYPES = maskOf([8, 14]);

/**
 * The MSRs that QEMU writes to a vCPU with these features, on a KVM that offers these values: what has no property comes
 * from KVM.
 *
 * @param longMode Whether the guest's CPUID has long mode; then the host-address-space control may be 1.
 */
export function qemuMsrs(features: FeatureBits, offered: MsrPairs, longMode: Tri = "yes"): MsrPairs {
  const zero: MsrPair = { hi: word(0), lo: word(0) };
  const at = (msr: number) => offered.get(msr) ?? zero;
  const control = (msr: number): MsrPair => {
    const group = TRUE_REGISTERS[msr as keyof typeof TRUE_REGISTERS];
    const default1 = group === undefined ? 0 : maskOf(DEFAULT1[group]);
    const free = wordOf(features, msr, 0);
    // Not free: 1 when in the default1 class, else 0.
    const lo = word(default1 & ~free.value & ~free.unknown, default1 & free.unknown);
    const hi = word(default1 | free.value, free.unknown & ~default1);
    if (msr !== 0x48f) return { hi, lo };
    return { hi: withBit(hi, HOST_ADDR_SPACE_SIZE, or(bitAt(hi, HOST_ADDR_SPACE_SIZE), longMode)), lo };
  };
  const merge = (msr: number, fixed: { lo: number; hi: number }): MsrPair => ({
    lo: mergeWords(wordOf(features, msr, 0), at(msr).lo, fixed.lo),
    hi: mergeWords(wordOf(features, msr, 32), at(msr).hi, fixed.hi),
  });
  const ept = features.get(featureKey(0x48b, 1)) ?? "unknown";
  const types = at(0x48c).lo;
  const eptLo = wordOf(features, 0x48c, 0);
  const known = ept === "yes" ? types : ept === "no" ? word(0) : word(0, types.value | types.unknown);
  const tscScaling = features.get(featureKey(0x48b, 25)) ?? "unknown";
  return new Map<number, MsrPair>([
    [0x480, merge(0x480, BASIC_FIXED)],
    [0x485, merge(0x485, { lo: MISC_FIXED, hi: 0 })],
    [0x486, { lo: word(0x8000_0021), hi: word(0) }],
    [0x488, { lo: word(0x2000), hi: word(0) }],
    [0x48a, { lo: withTri(word(0x2e), word(0x32), tscScaling), hi: word(0) }],
    [0x48b, control(0x48b)],
    [0x48c, { lo: mergeWords(eptLo, known, EPT_TYPES), hi: wordOf(features, 0x48c, 32) }],
    [0x48d, control(0x48d)],
    [0x48e, control(0x48e)],
    [0x48f, control(0x48f)],
    [0x490, control(0x490)],
    [0x491, { lo: wordOf(features, 0x491, 0), hi: word(0) }],
  ]);
}

function wordOf(features: FeatureBits, msr: number, from: number): Word {
  let value = 0;
  let unknown = 0;
  for (let bit = 0; bit < 32; bit++) {
    const state = features.get(featureKey(msr, bit + from));
    if (state === "yes") value |= 1 << bit;
    else if (state === "unknown") unknown |= 1 << bit;
  }
  return word(value, unknown);
}

/** Bits of `mask` from `b`, the others from `a`. */
function mergeWords(a: Word, b: Word, mask: number): Word {
  return word((a.value & ~mask) | (b.value & mask), (a.unknown & ~mask) | (b.unknown & mask));
}

function withTri(no: Word, yes: Word, which: Tri): Word {
  if (which !== "unknown") return which === "yes" ? yes : no;
  const unsure = no.value ^ yes.value;
  return word(no.value & ~unsure, unsure);
}
