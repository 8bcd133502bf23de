import { type FeatureBits, propertyState } from "./qemu-features.js";
import type { QemuCpuidFeature, QemuModel, QemuProperty } from "./qemu-models.js";
import { missingCpuid } from "./qemu-text.js";

/*
 * Which of several models comes nearest to wanted capabilities.
 */

/** Every unknown property may be wrong in the best candidate and right in the other. */
export function rivalsOf(
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

interface Candidate {
  readonly model: QemuModel;
  /**
   * Distance from the host's own CPU, capabilities that cannot be had, CPUID features of the host that the model lacks,
   * properties to remove, and to add.
   */
  readonly costs: readonly [number, number, number, number, number];
}

export function score(
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
export function isBetter(a: Candidate, b: Candidate): boolean {
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
