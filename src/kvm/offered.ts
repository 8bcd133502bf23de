import { maskOf } from "../bits/word.js";
import type { Host } from "../host/host.js";
import type { Msr } from "../host/msr.js";
import { CPU_FLAGS, type CpuFlag, VMX_FLAGS, type VmxFlag } from "../linux/vmx-features.js";
import { DEFAULT1 } from "../registers/default1.js";
import { holdsIn } from "../rules/held.js";
import { type Machine, store, YES } from "../rules/machine.js";
import type { Release } from "../rules/release.js";
import type { Rule } from "../rules/rule.js";
import { bitIndex, wordIndex } from "../rules/words.js";
import type { IntParam, ParamRow } from "./load/params.js";
import { NESTED_WORDS } from "./nested-words.js";
import { PARAM_BITS, parseParam } from "./replay-params.js";

/*
 * A QMP reply or a libvirt document comes without one register of the CPU, and says what KVM offers guests. A replay of
 * such a host can start from there.
 */

/** The machine's own answer, as a rule in a trace. */
const REPORTED: Rule = {
  id: "offered",
  stage: "nested_vmx_setup_ctls_msrs",
  does: [],
  says: "The machine's own KVM reported what it offers.",
  file: "the text that was read",
};

/** Fills the unknown bits of the nested MSRs with what the machine reported; known bits stay. */
export function fillOffered(m: Machine, nestedMsrs: ReadonlyMap<number, Msr>): void {
  if (m.listener !== undefined) m.rule = REPORTED;
  for (const [index, { hi, lo, default1 }] of Object.entries(NESTED_WORDS)) {
    const msr = nestedMsrs.get(Number(index));
    if (msr?.state !== "value") continue;
    fill(m, wordIndex(hi), msr.hi, 0);
    // A plain register answers 1 for the default1 class, whatever the word says.
    fill(m, wordIndex(lo), msr.lo, default1 === undefined ? 0 : maskOf(DEFAULT1[default1]));
  }
}

function fill(m: Machine, index: number, reported: { readonly value: number; readonly unknown: number }, not: number) {
  const [value, unknown] = [m.value[index] as number, m.unknown[index] as number];
  const known = unknown & ~reported.unknown & ~not;
  if (known !== 0) store(m, index, (value & ~known) | (reported.value & known), unknown & ~known, YES);
}

/** Gives what boot leaves open the values that the lines of /proc/cpuinfo show. */
export function fillFlags(m: Machine, { observed }: Host, release: Release): void {
  if (m.listener !== undefined) m.rule = REPORTED;
  const fill = (index: number, bit: number, set: boolean): void => {
    const mask = 1 << bit;
    const unknown = m.unknown[index] as number;
    if ((unknown & mask) === 0) return;
    const value = (m.value[index] as number) & ~mask;
    store(m, index, set ? value | mask : value, unknown & ~mask, YES);
  };
  const { cpuFlags, vmx, vmxFlags } = observed ?? {};
  const shown = cpuFlags ?? (vmx === undefined ? undefined : vmx ? ["vmx"] : []);
  for (const { flag, cap, held } of CPU_FLAGS as readonly CpuFlag[]) {
    if (shown === undefined || (cpuFlags === undefined && flag !== "vmx")) continue;
    if (holdsIn(release, held) === true) fill(wordIndex("caps"), bitIndex("caps", cap), shown.includes(flag));
  }
  // Without the line nothing follows about its words.
  if (vmxFlags === undefined || vmxFlags.length === 0) return;
  for (const { flag, word: at, bit, held } of VMX_FLAGS as readonly VmxFlag[]) {
    if (holdsIn(release, held) === true) fill(wordIndex(`vmx_capability[${at}]`), bit, vmxFlags.includes(flag));
  }
}

/** Gives parameters that the registers leave open the values that the machine shows. */
export function fillReported(m: Machine, rows: readonly ParamRow[], shown: Host["params"], release: Release): void {
  if (shown === undefined) return;
  for (const row of rows) {
    const text = shown[row.module]?.[row.name];
    const value = text === undefined ? undefined : parseParam(row, text, release);
    if (typeof value !== "number") continue;
    const bool = row.type === "bool";
    const index = bool ? PARAM_BITS : wordIndex(row.name as IntParam);
    const open = (m.unknown[index] as number) & (bool ? 1 << bitIndex("params", row.name) : -1);
    if (open === 0) continue;
    if (m.listener !== undefined) m.rule = REPORTED;
    const given = bool && value !== 0 ? -1 : value;
    store(m, index, ((m.value[index] as number) & ~open) | (given & open), (m.unknown[index] as number) & ~open, YES);
  }
}
