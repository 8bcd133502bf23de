import { bitsOf, word } from "../bits/word.js";
import { type CoreGroup, type CpuFeature, type Host, msrOf } from "../host/host.js";
import { type Msr, msrBit, msrWords } from "../host/msr.js";
import { rulesOf } from "../kvm/load/rule-list.js";
import { GROUP_WORDS } from "../kvm/load/wanted-controls.js";
import type { ReplayOptions } from "../kvm/replay.js";
import type { Condition } from "../rules/rule.js";
import { bitIndex, type MsrName, REPLAY_MSRS, type WordName } from "../rules/words.js";
import type { Feature, Layer } from "./features.js";
import { endsOf, layerStep, layersTo, reachedTo } from "./layer-step.js";
import { featureLayers } from "./layers.js";
import { type BitReason, leavesOfRule, reasonFor } from "./reason.js";
import { type TracedReplay, tracedReplay } from "./traced-replay.js";

/** Bits of registers, 0 to 63. */
export type SiliconBits = readonly { readonly msr: MsrName; readonly bit: number }[];

/** A host and how it is replayed. */
export interface Run {
  readonly host: Host;
  readonly options: ReplayOptions;
}

/** More rounds than any feature needs; each adds what the rules asked for next. */
const MOST_ROUNDS = 8;

/**
 * The bits that a CPU would have to have for a feature to get as far as `goal`: its own, and those that the rules on
 * the way ask for. They are found by granting bits, replaying, and following the reasons for the next failure;
 * afterwards every bit that turns out not to be needed is left out. `undefined` when no bits help.
 */
export function siliconNeeded(run: Run, feature: Feature, goal: Layer): SiliconBits | undefined {
  const own = ownBits(feature.silicon);
  if (own.length === 0) return undefined;
  const attempt = (bits: SiliconBits): TracedReplay =>
    tracedReplay(granted(withFeatures(run.host, feature.cpuid ?? []), bits), run.options);
  const works = (traced: TracedReplay) => reachedTo(featureLayers(traced.replayed, feature).cells, goal) === "yes";
  let bits: SiliconBits = own;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const traced = attempt(bits);
    if (works(traced)) return trimmed(bits, own, (fewer) => works(attempt(fewer)), run.host);
    const more = askedFor(traced, feature, goal).filter((one) => !bits.some((known) => same(known, one)));
    if (more.length === 0) return undefined;
    bits = [...bits, ...more];
  }
  return undefined;
}

/** The bits of a feature's own that the CPU is known to lack. */
export function ownMissing({ cores: [core] }: Host, { silicon }: Feature): SiliconBits {
  return ownBits(silicon).filter(({ msr, bit }) => msrBit(msrOf(core, REPLAY_MSRS[msr]), bit) === "no");
}

/** Without the bits that make no difference, and without those that the CPU has. */
function trimmed(bits: SiliconBits, own: SiliconBits, works: (bits: SiliconBits) => boolean, host: Host): SiliconBits {
  let kept = bits;
  for (const one of bits) {
    if (own.some((known) => same(known, one))) continue;
    const fewer = kept.filter((other) => other !== one);
    if (works(fewer)) kept = fewer;
  }
  const missing = kept.filter(({ msr, bit }) => !hasBit(host, msr, bit));
  return missing.length > 0 ? missing : kept;
}

function hasBit({ cores: [core] }: Host, msr: MsrName, bit: number): boolean {
  const words = msrWords(core.msrs.get(REPLAY_MSRS[msr]) ?? { state: "absent" });
  if (words === undefined) return false;
  const half = bit < 32 ? words.lo : words.hi;
  return (((half.value & ~half.unknown) >>> (bit & 31)) & 1) === 1;
}

function same(a: SiliconBits[number], b: SiliconBits[number]): boolean {
  return a.msr === b.msr && a.bit === b.bit;
}

/** The bits that a feature's own condition names. */
function ownBits(condition: Condition | undefined): SiliconBits {
  if (condition === undefined) return [];
  if ("all" in condition) return condition.all.flatMap(ownBits);
  if (!("bit" in condition)) return [];
  const [name, bit] = condition.bit;
  return [registerBit(name, bitIndex(name, bit))];
}

/** The register bits to which the loss of a feature is traced back. */
function askedFor(traced: TracedReplay, feature: Feature, goal: Layer): SiliconBits {
  const { cells } = featureLayers(traced.replayed, feature);
  const steps = layersTo(goal).filter((layer) => cells[layer] === "no" || cells[layer] === "unknown");
  const bits = steps.flatMap((layer) => layerStep(traced, feature, layer, cells[layer]).bits.flatMap(missingIn));
  return [...bits, ...askedByRefusals(traced)];
}

/** A CPU that KVM refuses lacks controls that it requires, or what makes it consistent. */
function askedByRefusals(traced: TracedReplay): SiliconBits {
  const { release, config, cpu } = traced.replayed;
  return cpu.refusals.flatMap(({ missing, rule }) => {
    const group = Object.values(GROUP_WORDS).find(({ word: name }) => name === missing?.word);
    if (missing !== undefined && group !== undefined) {
      return bitsOf(missing.bits).map((bit) => ({ msr: group.msr, bit: bit + 32 }));
    }
    const row = rulesOf(release, config).find(({ id }) => id === rule);
    if (row === undefined) return [];
    return leavesOfRule(traced, row).flatMap(({ condition }) => {
      if (!("bit" in condition)) return [];
      const [name, bit] = condition.bit;
      return missingIn(reasonFor(traced, name, bitIndex(name, bit)));
    });
  });
}

/** The register bits in which a reason ends and that are not known to be 1. */
function missingIn(found: BitReason): SiliconBits {
  return endsOf(found).flatMap(({ reason, value, word: name, bit }) =>
    reason.kind === "silicon" && value !== "yes" ? [registerBit(name, bit)] : [],
  );
}

function registerBit(name: WordName, bit: number): SiliconBits[number] {
  const dot = name.lastIndexOf(".");
  return { msr: name.slice(0, dot) as MsrName, bit: name.endsWith(".hi") ? bit + 32 : bit };
}

function granted(host: Host, bits: SiliconBits): Host {
  return bits.reduce((changed, { msr, bit }) => withMsr(changed, msr, (old) => allow(old, bit)), host);
}

/** The host with a register changed on every CPU. */
export function withMsr(host: Host, name: MsrName, msr: Msr | ((old: Msr | undefined) => Msr)): Host {
  const index = REPLAY_MSRS[name];
  const change = (core: CoreGroup): CoreGroup => {
    const msrs = new Map(core.msrs);
    msrs.set(index, typeof msr === "function" ? msr(core.msrs.get(index)) : msr);
    return { ...core, msrs };
  };
  const [first, ...others] = host.cores;
  return { ...host, cores: [change(first), ...others.map(change)] };
}

/** The CPU with these CPUID features; SGX also shows in leaf 12H. */
function withFeatures(host: Host, names: readonly CpuFeature[]): Host {
  if (names.length === 0) return host;
  const grant = (core: CoreGroup): CoreGroup => {
    const features = { ...core.cpuid.features, ...Object.fromEntries(names.map((name) => [name, true])) };
    const sgx = names.includes("sgx") ? { maxLeaf: Math.max(core.cpuid.maxLeaf ?? 0, 0x12), cpuid12Eax: 1 } : {};
    return { ...core, cpuid: { ...core.cpuid, features, ...sgx } };
  };
  const [first, ...others] = host.cores;
  return { ...host, cores: [grant(first), ...others.map(grant)] };
}

function allow(old: Msr | undefined, bit: number): Msr {
  const words = old === undefined ? undefined : msrWords(old);
  const lo = words?.lo ?? word(0);
  const hi = words?.hi ?? word(0);
  const mask = 1 << (bit & 31);
  const raise = (w: typeof lo) => word(w.value | mask, w.unknown & ~mask);
  return { state: "value", lo: bit < 32 ? raise(lo) : lo, hi: bit < 32 ? hi : raise(hi) };
}
