import { type CoreGroup, type Host, msrOf, withMsr } from "../../host/host.js";
import { knownValue, type Msr, msrBit, msrValue } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";
import { type MsrName, REPLAY_MSRS } from "../../rules/words.js";
import { BOOT_KINDS, type VerifyItem } from "../../situation/evidence/item.js";
import { endsOf } from "../../why/layer-step.js";
import { type BitReason, reasonFor } from "../../why/reason.js";
import { tracedReplay } from "../../why/traced-replay.js";
import type { Comparison, Scenario } from "./comparison.js";

/*
 * Reasons that lie in registers that had another value.
 */

interface SiliconBit {
  readonly msr: MsrName;
  /** 0 to 63. */
  readonly bit: number;
}

export function registersDiffered(comparison: Comparison, differing: readonly VerifyItem[]): Scenario[] {
  const vm = comparison.host.cores[0].cpuid.features.hypervisor === true;
  const because = vm
    ? "this is a virtual machine, whose hypervisor answers such reads and can answer differently later"
    : "the registers were read at another time (another microcode, another firmware setting) or on another CPU";
  return flipped(comparison, differing, (name, was) => `${name} was ${was} for the kernel: ${because}`);
}

export function registersDifferedAtBoot(comparison: Comparison, differing: readonly VerifyItem[]): Scenario[] {
  return flipped(
    comparison,
    differing.filter(({ kind }) => BOOT_KINDS.includes(kind)),
    (name, was) =>
      `${name} was ${was} when Linux booted, and KVM later read what it is now: microcode that was loaded after boot does that`,
  );
}

function flipped(
  { host, options }: Comparison,
  differing: readonly VerifyItem[],
  says: (name: string, was: 0 | 1) => string,
): Scenario[] {
  if (differing.every(({ at }) => at === undefined)) return [];
  const traced = tracedReplay(host, options);
  const bits = new Map<string, SiliconBit>();
  for (const { at } of differing) {
    if (at === undefined) continue;
    for (const found of siliconBits(reasonFor(traced, at.word, at.bit))) bits.set(`${found.msr} ${found.bit}`, found);
  }
  return [...bits.values()].flatMap(({ msr, bit }): Scenario[] => {
    const index = REPLAY_MSRS[msr];
    const before = msrOf(host.cores[0], index);
    const changed = flip(before, bit);
    if (changed === undefined) return [];
    const row = registerOf(index);
    const named = row?.bits.find((one) => one.bit === (row.layout === "controls" ? bit & 31 : bit));
    const name = `bit ${bit}${named === undefined ? "" : ` (${named.sdm})`} of ${row?.sdm ?? msr} (0x${index.toString(16)})`;
    return [
      {
        host: mapCores(host, (core) => withMsr(core, index, changed)),
        options,
        says: says(name, msrBit(before, bit) === "yes" ? 0 : 1),
      },
    ];
  });
}

function siliconBits(found: BitReason): SiliconBit[] {
  return endsOf(found).flatMap(({ reason }) =>
    reason.kind === "silicon" ? [{ msr: reason.msr, bit: reason.half === "hi" ? reason.bit + 32 : reason.bit }] : [],
  );
}

/** The register with one bit the other way round; an absent one reads as 0. */
function flip(msr: Msr, bit: number): Msr | undefined {
  const value = msr.state === "absent" ? { hi: 0, lo: 0 } : knownValue(msr);
  if (value === undefined) return undefined;
  const mask = 1 << (bit & 31);
  return msrValue(bit < 32 ? { ...value, lo: (value.lo ^ mask) >>> 0 } : { ...value, hi: (value.hi ^ mask) >>> 0 });
}

export function mapCores(host: Host, change: (core: CoreGroup) => CoreGroup): Host {
  const [first, ...others] = host.cores;
  return { ...host, cores: [change(first), ...others.map(change)] };
}
