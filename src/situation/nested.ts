import type { Tri } from "../bits/tri.js";
import { and } from "../bits/tri.js";
import type { Word } from "../bits/word.js";
import type { Host } from "../host/host.js";
import { formatMsr } from "../host/msr.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { replays, type SplitAnswer, split } from "./replays.js";
import type { Situation } from "./situation.js";

/** A capability MSR as a nested hypervisor starts with it. */
export interface NestedMsr {
  readonly index: number;
  readonly hi: Word;
  readonly lo: Word;
  /** `0x…`, with a `?` for each digit that holds an unknown bit. */
  readonly text: string;
}

/** What KVM offers a nested hypervisor. */
export interface Nested {
  /** Does KVM load, with nested=1. */
  readonly offered: Tri;
  /** 0x480 to 0x491 by index, provided that it is offered. */
  readonly msrs: ReadonlyMap<number, NestedMsr>;
}

/**
 * The VMX MSRs that KVM offers a nested hypervisor: what KVM_GET_MSRS on /dev/kvm returns. Throws `RangeError` for what is
 * neither a situation nor a host.
 *
 * @example
 * import { atlasHost } from "vmxlens/input";
 * import { nested, situation } from "vmxlens/situation";
 *
 * const skylake = situation(atlasHost("intel-50654-skylakex"), { kernel: "6.12", assume: ["firmware=enabled"] });
 * const { offered, msrs } = nested(skylake);
 * offered; // "yes"
 * msrs.get(0x48b)?.text; // "0x2137bff00000000"
 * msrs.get(0x480)?.text; // "0xd8100011e57ed0"
 */
export function nested(subject: Situation | Host): Nested {
  const { cpu, loads } = replays(subject);
  const msrs = [...nestedMsrs(cpu)].map(([index, words]): [number, NestedMsr] => [
    index,
    { index, ...words, text: formatMsr({ state: "value", ...words }) },
  ]);
  return { offered: and(loads, cpu.bit("params", "nested")), msrs: new Map(msrs) };
}

/** Registers that the kernels of a situation offer with different values, and the value under each, as text. */
export function nestedSplits(
  situation: Situation,
): readonly { readonly index: number; readonly answers: readonly SplitAnswer<string>[] }[] {
  const each = replays(situation).each.map((replayed) => {
    const offers = and(replayed.loads, replayed.cpu.bit("params", "nested"));
    return offers === "no" ? new Map<number, string>() : texts(nestedMsrs(replayed.cpu));
  });
  const indices = [...new Set(each.flatMap((one) => [...one.keys()]))];
  return indices.flatMap((index) => {
    const answers = split(situation, (_, at) => each[at]?.get(index) ?? "nothing");
    return answers.length > 1 ? [{ index, answers }] : [];
  });
}

function texts(msrs: ReturnType<typeof nestedMsrs>): ReadonlyMap<number, string> {
  return new Map([...msrs].map(([index, words]) => [index, formatMsr({ state: "value", ...words })]));
}
