import { checkOptions } from "../bits/misuse.js";
import { allOf, type Tri } from "../bits/tri.js";
import type { CpuFacts } from "../host/host.js";
import type { MsrPairs } from "../kvm/guest/restore.js";
import { checkPairs } from "../kvm/guest/restore.js";
import { type CpuidFit, fitOf, givenFeatures } from "./guest-cpuid.js";
import {
  type AskedCpu,
  bitsOfProperties,
  expand,
  type FeatureBits,
  featureBits,
  featureKey,
  isMixed,
  propertyState,
} from "./qemu-features.js";
import {
  findModel,
  modelsOf,
  newestQemu,
  propertiesOf,
  QEMU_CPUID,
  type QemuCpuidFeature,
  type QemuModel,
  type QemuProperty,
  qemuData,
} from "./qemu-models.js";
import { atLeast, seenText, versionNumber } from "./versions.js";

/** Which model, QEMU and host a text is for. */
export interface QemuOptions {
  /** `host` (default), `nearest`, or a model with or without a version, as in `Skylake-Server` or `Skylake-Server-v4`. */
  readonly model?: string;
  /** As in `7.2`. Default: the newest that the tables know. */
  readonly qemuVersion?: string;
  /** CPUID.1:EAX of the host: `nearest` then prefers the models of the same CPU. */
  readonly signature?: number;
  /**
   * CPUID of every kind of core that the guest may run on. A model with a feature that one of them is known to lack is
   * not proposed. Default: nothing is known of it.
   */
  readonly cpuid?: readonly CpuFacts[];
  /** Models that may be chosen. Default: all that the QEMU version has. */
  readonly only?: (model: QemuModel) => boolean;
  /**
   * What KVM of the host offers, where the wanted MSRs are fewer: `-cpu host` starts from it. Default: the wanted MSRs.
   */
  readonly offered?: MsrPairs;
}

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

/** The answer of `qemuCpu`; the other kinds say which version or model is not in the tables, and names like it. */
export type QemuResult =
  | ({ readonly kind: "cpu" } & QemuCpu)
  | { readonly kind: "unknown version"; readonly message: string }
  | { readonly kind: "unknown model"; readonly message: string; readonly near: readonly string[] }
  | UnfitModel;

/** The host lacks CPUID features of the model that was asked for. */
export interface UnfitModel {
  readonly kind: "unfit model";
  readonly message: string;
  /** The model with the fewest missing features, and these. */
  readonly model: string;
  readonly missing: readonly QemuCpuidFeature[];
}

/**
 * The `-cpu` text for wanted nested VMX capabilities, usually what KVM offers (`nestedMsrs`): the host model, or a named
 * model with the additions and removals that make the difference. Only properties that the QEMU version knows are in it.
 */
export function qemuCpu(wanted: MsrPairs, options: QemuOptions = {}): QemuResult {
  checkPairs(wanted, "wanted");
  checkOptions(options);
  const version = options.qemuVersion ?? newestQemu();
  const oldest = qemuData().qemu[0] as string;
  const number = versionNumber(version);
  if (number === undefined) {
    return { kind: "unknown version", message: `"${version}" is not a QEMU version; write it like 7.2` };
  }
  if (!atLeast(version, oldest)) {
    return { kind: "unknown version", message: `QEMU ${version} has no VMX properties; they came with ${oldest}` };
  }
  const target = featureBits(wanted);
  const name = options.model ?? "host";
  if (name === "host") {
    const base = namedIn(version, featureBits(options.offered ?? wanted));
    return { kind: "cpu", ...build("host", { base, version }, target) };
  }
  let candidates: readonly QemuModel[];
  let unsure = false;
  if (name === "nearest") {
    candidates = modelsOf(version);
  } else {
    const found = findModel(name, version);
    if (found.kind === "none") {
      const { near, elsewhere } = found;
      const message =
        elsewhere === undefined
          ? `QEMU has no CPU model ${name} with VMX features`
          : `QEMU ${version} does not have ${elsewhere.name}, which ${seenText(elsewhere.seen, version)}`;
      return { kind: "unknown model", message, near };
    }
    candidates = found.kind === "one" ? [found.model] : found.models;
    unsure = found.unsure;
  }
  const { only } = options;
  if (only !== undefined) candidates = candidates.filter(only);
  if (candidates.length === 0) {
    return { kind: "unknown model", message: `no version of ${name} can be used`, near: [] };
  }
  const cpus = options.cpuid ?? [];
  const fits = candidates.map((model) => ({ model, ...fitOf(model.cpuid, cpus) }));
  const suitable = fits.filter(({ missing }) => missing.length === 0).map(({ model }) => model);
  if (suitable.length === 0) return unfit(name, fits);
  const known = propertiesOf(version);
  const given = givenFeatures(cpus);
  const scored = suitable.map((model) => score(model, known, target, version, options.signature, given));
  const best = scored.reduce((a, b) => (isBetter(b, a) ? b : a));
  const rivals = name === "nearest" ? rivalsOf(best, scored, known, target) : [];
  const { unchecked } = fitOf(best.model.cpuid, cpus);
  const doubts = unsure
    ? [`whether QEMU ${version} has ${best.model.name} is not known: it ${seenText(best.model.seen, version)}`]
    : [];
  return { kind: "cpu", ...forModel(best.model, target, version), rivals, unchecked, doubts };
}

function unfit(name: string, fits: readonly ({ readonly model: QemuModel } & CpuidFit)[]): UnfitModel {
  const { model, missing } = fits.reduce((a, b) => (b.missing.length <= a.missing.length ? b : a));
  const what = `${missing.join(", ")}, which ${model.name} has`;
  return {
    kind: "unfit model",
    message: name === "nearest" ? `no CPU model fits: the CPU lacks ${what}` : `the CPU lacks ${what}`,
    model: model.name,
    missing,
  };
}

/** Every unknown property may be wrong in the best candidate and right in the other. */
function rivalsOf(
  best: Candidate,
  scored: readonly Candidate[],
  known: readonly QemuProperty[],
  target: FeatureBits,
): string[] {
  const open = known.filter((property) => propertyState(target, property) === "unknown").map(({ name }) => name);
  const [far, lost, poorer, removals] = best.costs;
  return scored
    .filter(({ model, costs }) => {
      const unlike = open.filter((name) => model.on.has(name) !== best.model.on.has(name)).length;
      const [theirFar, theirLost, theirPoorer, theirRemovals] = costs;
      if (theirFar !== far || theirLost - lost >= unlike) return false;
      return theirPoorer <= poorer && theirLost + theirRemovals - lost - removals < unlike;
    })
    .map(({ model }) => model.name);
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

interface Candidate {
  readonly model: QemuModel;
  /**
   * Distance from the host's own CPU, capabilities that cannot be had, CPUID features of the host that the model lacks,
   * properties to remove, and to add.
   */
  readonly costs: readonly [number, number, number, number, number];
}

function score(
  model: QemuModel,
  known: readonly QemuProperty[],
  target: FeatureBits,
  version: string,
  signature: number | undefined,
  given: readonly QemuCpuidFeature[],
): Candidate {
  let lost = 0;
  let removals = 0;
  let additions = 0;
  for (const property of known) {
    const want = propertyState(target, property);
    if (want === "unknown" || (want === "yes") === model.on.has(property.name)) continue;
    if (want === "no") removals++;
    else if (missingCpuid(property.name, model.cpuid, version).length > 0) lost++;
    else additions++;
  }
  return {
    model,
    costs: [
      signature === undefined ? 0 : distance(model.signature, signature),
      lost,
      given.filter((feature) => !model.cpuid.has(feature)).length,
      removals,
      additions,
    ],
  };
}

/**
 * The host's own model, then the fewest missing capabilities, the most of the host's CPUID features, the fewest
 * removals, the fewest additions, and the newest version. Where CPUID is unknown, a model with more to remove counts
 * as that of a newer CPU.
 */
function isBetter(a: Candidate, b: Candidate): boolean {
  for (const [i, cost] of a.costs.entries()) {
    const other = b.costs[i] as number;
    if (cost !== other) return cost < other;
  }
  return a.model.family === b.model.family && a.model.version > b.model.version;
}

/** How far two signatures are apart: in steppings of one model; any other model; a model of another family or maker. */
function distance(a: number, b: number): number {
  const [family, otherFamily] = [familyOf(a), familyOf(b)];
  if (family !== otherFamily) return 32;
  const model = (signature: number) => signature & 0x0fff_0ff0;
  return model(a) === model(b) ? Math.abs((a & 0xf) - (b & 0xf)) : 16;
}

/** DisplayFamily of CPUID.1:EAX: 6 for nearly every Intel CPU with VMX, 7 for Zhaoxin's. */
function familyOf(signature: number): number {
  const family = (signature >>> 8) & 0xf;
  return family === 0xf ? family + ((signature >>> 20) & 0xff) : family;
}

function forModel(model: QemuModel, target: FeatureBits, version: string): QemuCpu {
  return build(model.name, { base: bitsOfProperties(model.on), cpuid: model.cpuid, version }, target);
}

function build(name: string, start: Pick<AskedCpu, "base" | "cpuid" | "version">, target: FeatureBits): QemuCpu {
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

function missingCpuid(
  name: string,
  cpuid: ReadonlySet<QemuCpuidFeature> | undefined,
  version: string,
): QemuCpuidFeature[] {
  if (cpuid === undefined) return [];
  return QEMU_CPUID.filter((row) => atLeast(version, row.seenIn) && row.properties.includes(name))
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
