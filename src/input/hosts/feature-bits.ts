import type { Msr } from "../../host/msr.js";
import { partialMsr } from "../../host/partial-msr.js";
import { REGISTERS, type RegisterRow } from "../../registers/registers.js";

/** A bit of an MSR that a `vmx-…` feature of QEMU or libvirt means. */
export interface FeatureBit {
  /** The TRUE register where there is one: that is what QEMU looks at. */
  readonly index: number;
  /** 0 to 63; the allowed-1 bit of a control. */
  readonly bit: number;
  /** A control, so that the bit 32 below says whether it must be 1. */
  readonly control: boolean;
  /** A control that is always allowed to be 1, and about which the name says whether it may be 0. */
  readonly default1: boolean;
}

type Vocabulary = "qemu" | "libvirt";

function table(vocabulary: Vocabulary): ReadonlyMap<string, readonly FeatureBit[]> {
  const names = new Map<string, FeatureBit[]>();
  for (const register of REGISTERS as readonly RegisterRow[]) {
    if (register.isTrue === true || register.layout === "fixed0" || register.layout === "fixed1") continue;
    const control = register.layout === "controls";
    for (const row of register.bits) {
      const name = row[vocabulary];
      if (name === undefined) continue;
      const bits = names.get(name) ?? [];
      names.set(name, bits);
      bits.push({
        index: (control ? register.counterpart : undefined) ?? register.index,
        bit: control ? row.bit + 32 : row.bit,
        control,
        default1: register.default1?.includes(row.bit) === true,
      });
    }
  }
  return names;
}

const TABLES: { readonly [V in Vocabulary]: ReadonlyMap<string, readonly FeatureBit[]> } = {
  qemu: table("qemu"),
  libvirt: table("libvirt"),
};

/** The bits that a feature name means; empty for a name that the vocabulary does not have. */
export function featureBits(vocabulary: Vocabulary, name: string): readonly FeatureBit[] {
  return TABLES[vocabulary].get(name) ?? [];
}

const BY_PLACE: ReadonlyMap<number, FeatureBit> = new Map(
  [...TABLES.qemu.values(), ...TABLES.libvirt.values()]
    .flat()
    .map((feature) => [feature.index * 64 + feature.bit, feature]),
);

/** The feature bit at a position of a register, as libvirt's masks give it. */
export function featureBitAt(index: number, bit: number): FeatureBit | undefined {
  return BY_PLACE.get(index * 64 + bit);
}

/**
 * What a feature that KVM offers, or does not offer, shows about its MSR. A control that is offered can be both 0 and
 * 1 (kvm_arch_get_supported_msr_feature of QEMU takes the ones that must be 1 away). One of the default1 class that
 * is not offered proves nothing: it may have to be 1, or there may be no VMX at all.
 */
export function offered(feature: FeatureBit, yes: boolean): Msr {
  const { bit, control, default1 } = feature;
  if (yes) return partialMsr([bit], control ? [bit - 32] : []);
  return partialMsr([], default1 ? [] : [bit]);
}
