import { msrOf } from "../../host/host.js";
import { isThere, type Msr, msrBit } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";
import { withHost } from "../../situation/changed.js";
import { replays } from "../../situation/replays.js";
import type { SetLayer } from "../capability-set.js";
import { kvmSet, nestedSet } from "../capability-set.js";
import type { ComparedHost } from "./compared-host.js";

/**
 * Where a host loses a capability that KVM does not offer its nested hypervisors: the CPU lacks it, and KVM would
 * offer it if the CPU had it (`silicon`); KVM does not use it (`kvm`); or KVM uses it and keeps it for itself
 * (`nested`). `undefined` when more than this one bit decides, or something that was not read.
 */
export function lossLayer({ situation }: ComparedHost, msr: number, bit: number): SetLayer | undefined {
  const { host } = situation;
  const [core, ...rest] = host.cores;
  const { plain, trueMsr } = pairOf(msr);
  const own = msrOf(core, trueMsr ?? msr);
  const [byOwn, byPlain] = [msrBit(own, bit), msrBit(msrOf(core, plain), bit)];
  // Both registers of a pair have the same upper half.
  const plainly = own.state === "absent" || (own.state === "unknown" && bit >= 32) || byOwn === byPlain;
  const state = isThere(own) ? byOwn : plainly ? byPlain : "unknown";
  if (state === "unknown") return undefined;
  if (state === "yes") {
    const words = kvmSet("", replays(situation).cpu).registers.get(plain);
    const used = words === undefined ? "yes" : msrBit(words, bit);
    return used === "unknown" ? undefined : used === "no" ? "kvm" : "nested";
  }
  const msrs = new Map(core.msrs);
  for (const index of new Set([plain, msr, trueMsr ?? msr])) {
    const value = msrs.get(index);
    if (value?.state === "value") msrs.set(index, withOne(value, bit));
  }
  const better = { ...host, cores: [{ ...core, msrs }, ...rest] } as const;
  const offered = nestedSet("", replays(withHost(situation, better)).cpu).registers.get(msr);
  return offered !== undefined && msrBit(offered, bit) === "yes" ? "silicon" : undefined;
}

function pairOf(msr: number): { readonly plain: number; readonly trueMsr?: number } {
  const row = registerOf(msr);
  const other = row?.counterpart;
  if (row?.layout !== "controls" || other === undefined) return { plain: msr };
  return row.isTrue === true ? { plain: other, trueMsr: msr } : { plain: msr, trueMsr: other };
}

/** The register with a bit that is 1: so it is there. */
function withOne({ mayBeAbsent: _, ...value }: Extract<Msr, { state: "value" }>, bit: number): Msr {
  const mask = 1 << (bit & 31);
  const half = bit < 32 ? "lo" : "hi";
  const word = value[half];
  return { ...value, [half]: { value: (word.value | mask) >>> 0, unknown: (word.unknown & ~mask) >>> 0 } };
}
