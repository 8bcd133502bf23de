import { allOf, type Tri } from "../bits/tri.js";
import {
  type AskedCpu,
  bitsOfProperties,
  expand,
  type FeatureBits,
  featureKey,
  isMixed,
  propertyState,
} from "./qemu-features.js";
import {
  newestQemu,
  propertiesOf,
  QEMU_CPUID,
  type QemuCpuidFeature,
  type QemuModel,
  type QemuProperty,
  qemuData,
} from "./qemu-models.js";
import { atLeast } from "./versions.js";

/*
 * The `-cpu` text that gives wanted capabilities, from the host model or a named one.
 */

/** `-cpu` text that makes QEMU give a guest the wanted VMX capabilities. */
export interface QemuCpu {
  /** What goes behind `-cpu`. */
  readonly text: string;
  readonly model: string;
  readonly qemuVersion: string;
  /** Properties to add (`=on`) and to remove (`=off`), in the order of the text. */
  readonly additions: readonly string[];
  readonly removals: readonly string[];
  /** Properties whose wanted state is not known: they are not in the text. */
  readonly undecided: readonly string[];
  /** Wanted, and the model's CPUID lacks a feature without which QEMU (and KVM) would take it away again. */
  readonly needsCpuid: readonly { readonly property: string; readonly features: readonly QemuCpuidFeature[] }[];
  /** CPUID features of the model that the host may or may not have; empty for `host`. */
  readonly unchecked: readonly QemuCpuidFeature[];
  /** Sentences about the model and this QEMU version: that it is not known to have the model. */
  readonly doubts: readonly string[];
  /** Wanted, and this QEMU version is not known to have the property. */
  readonly tooNew: readonly QemuProperty[];
  /** Properties that differ from what is wanted whatever is chosen, with their wanted state. */
  readonly inexpressible: readonly { readonly property: string; readonly wanted: Tri }[];
  /** For `nearest`: models that would be nearer if the unknown bits favoured them. */
  readonly rivals: readonly string[];
  /** Does the text give exactly the wanted capabilities, as far as QEMU has names for them. */
  readonly exact: Tri;
  /** The feature bits that QEMU then has. */
  readonly features: FeatureBits;
}

/** The capabilities of a named model itself, as QEMU would ask for them with `vmx=on`. */
export function modelFeatures(model: QemuModel, version: string = newestQemu()): FeatureBits {
  return expand({ base: bitsOfProperties(model.on), on: [], off: [], cpuid: model.cpuid, version });
}

/**
 * What `-cpu host` takes of a KVM's features: only what this QEMU has a name for, because it is migratable by default
 * (x86_cpu_get_migratable_flags in target/i386/cpu.c).
 */
export function namedIn(version: string, bits: FeatureBits): FeatureBits {
  const known = new Set(propertiesOf(version).flatMap(({ msr, bits: own }) => own.map((bit) => featureKey(msr, bit))));
  return new Map([...bits].map(([key, state]) => [key, known.has(key) ? state : "no"]));
}

export function forModel(model: QemuModel, target: FeatureBits, version: string): QemuCpu {
  return build(model.name, { base: bitsOfProperties(model.on), cpuid: model.cpuid, version }, target);
}

export function build(name: string, start: Pick<AskedCpu, "base" | "cpuid" | "version">, target: FeatureBits): QemuCpu {
  const { version, cpuid } = start;
  const known = propertiesOf(version);
  const plain = expand({ ...start, on: [], off: [] });
  const wishes: string[] = [];
  const candidates: string[] = [];
  const undecided: string[] = [];
  const needsCpuid: { property: string; features: QemuCpuidFeature[] }[] = [];
  for (const property of known) {
    const want = propertyState(target, property);
    const has = propertyState(plain, property);
    if (isMixed(target, property)) continue;
    if (want === "unknown") undecided.push(property.name);
    else if (want === "no" && has !== "no") candidates.push(property.name);
    else if (want === "yes" && has !== "yes") {
      const features = missingCpuid(property.name, cpuid, version);
      if (features.length > 0) needsCpuid.push({ property: property.name, features });
      // What the model has already is missing only for the lack of something else, and asking again changes nothing.
      else if (propertyState(start.base, property) !== "yes") wishes.push(property.name);
    }
  }
  // What depends on something that is not wanted cannot be had.
  const most = expand({ ...start, on: wishes, off: candidates });
  const additions = wishes.filter((name) =>
    known.some((row) => row.name === name && propertyState(most, row) !== "no"),
  );
  // One name for two bits, only one of them wanted: it helps where the other depends on something that is off.
  for (const property of known) {
    if (!isMixed(target, property)) continue;
    const now = expand({ ...start, on: additions, off: candidates });
    const then = expand({ ...start, on: [...additions, property.name], off: candidates });
    if (differs(now, target, property) && !differs(then, target, property)) additions.push(property.name);
  }
  const removals = needed(candidates, (off) => expand({ ...start, on: additions, off }), target, known);
  const features = expand({ ...start, on: additions, off: removals });
  const inexpressible = known
    .filter((property) => !needsCpuid.some((row) => row.property === property.name))
    .filter((property) => differs(features, target, property))
    .map((property) => ({ property: property.name, wanted: propertyState(target, property) }));
  const tooNew = qemuData().properties.filter(
    (property) => !known.includes(property) && propertyState(target, property) !== "no",
  );
  const complete = needsCpuid.length === 0 && inexpressible.length === 0;
  const certain = tooNew.filter((property) => propertyState(target, property) === "yes");
  return {
    text: [
      name,
      ...(name === "host" ? [] : ["vmx=on"]),
      ...additions.map((property) => `${property}=on`),
      ...removals.map((property) => `${property}=off`),
    ].join(","),
    model: name,
    qemuVersion: version,
    additions,
    removals,
    undecided,
    needsCpuid,
    unchecked: [],
    doubts: [],
    tooNew,
    inexpressible,
    rivals: [],
    exact: allOf([
      complete && certain.length === 0 ? "yes" : "no",
      undecided.length === 0 && tooNew.length === certain.length ? "yes" : "unknown",
    ]),
    features,
  };
}

/** Bits that are known to be other than wanted. */
function differs(features: FeatureBits, target: FeatureBits, property: QemuProperty): boolean {
  return property.bits.some((bit) => {
    const key = featureKey(property.msr, bit);
    const want = target.get(key);
    const has = features.get(key);
    return (want === "yes" && has === "no") || (want === "no" && has === "yes");
  });
}

export function missingCpuid(
  name: string,
  cpuid: ReadonlySet<QemuCpuidFeature> | undefined,
  version: string,
): QemuCpuidFeature[] {
  if (cpuid === undefined) return [];
  return QEMU_CPUID.filter((row) => row.properties.includes(name) && atLeast(version, row.seenIn))
    .map((row) => row.feature)
    .filter((feature) => !cpuid.has(feature));
}

/** Drops the removals that follow from others, so that `vmx-ept=off` covers all that depends on it. */
function needed(
  candidates: readonly string[],
  result: (off: readonly string[]) => FeatureBits,
  target: FeatureBits,
  known: readonly QemuProperty[],
): string[] {
  let off = [...candidates];
  const unwanted = (features: FeatureBits) =>
    known.filter((row) => propertyState(target, row) === "no" && propertyState(features, row) !== "no").length;
  const least = unwanted(result(off));
  for (const name of candidates) {
    const fewer = off.filter((other) => other !== name);
    if (unwanted(result(fewer)) === least) off = fewer;
  }
  return off;
}
