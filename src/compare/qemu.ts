import { checkOptions } from "../bits/misuse.js";
import type { CpuFacts } from "../host/host.js";
import { checkPairs, type MsrPairs } from "../kvm/guest/msr-pair.js";
import { type CpuidFit, fitOf, givenFeatures } from "./guest-cpuid.js";
import { featureBits } from "./qemu-features.js";
import {
  findModel,
  modelsOf,
  newestQemu,
  propertiesOf,
  type QemuCpuidFeature,
  type QemuModel,
  qemuData,
} from "./qemu-models.js";
import { isBetter, rivalsOf, score } from "./qemu-nearest.js";
import { build, forModel, namedIn, type QemuCpu } from "./qemu-text.js";
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
