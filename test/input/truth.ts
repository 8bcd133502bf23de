import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseHexU64, type U64 } from "../../src/bits/u64.js";
import type { CoreGroup, Host } from "../../src/host/host.js";
import { knownValue, type Msr } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { registerOf } from "../../src/registers/registers.js";
import type { Capture } from "../oracles/captures/capture-parse.js";
import type { Registers } from "./write-formats.js";

/** A machine of which everything is known. */
export interface Truth {
  readonly name: string;
  readonly msrs: Registers;
}

/** Kernels booted on emulated CPUs: MSRs, flags, parameters and feature MSRs of the same machine. */
export const CAPTURES: readonly Capture[] = gunzipSync(
  readFileSync(join(import.meta.dirname, "../captures/captures.jsonl.gz")),
)
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Capture);

export function registersOf(stated: { readonly [index: string]: string | null }): Registers {
  const registers = new Map<number, U64>();
  for (const [index, value] of Object.entries(stated)) {
    const known = value === null ? undefined : parseHexU64(value);
    if (known !== undefined) registers.set(Number(index), known);
  }
  return registers;
}

/** CPUs of the atlas, each set of registers once, with IA32_FEAT_CTL as firmware leaves it. */
export const ATLAS_TRUTH: readonly Truth[] = (() => {
  const seen = new Map<string, Truth>();
  for (const entry of atlas()) {
    const host = entryHost(entry);
    const msrs = new Map<number, U64>([[0x3a, { hi: 0, lo: 5 }]]);
    for (const [index, msr] of host.cores[0].msrs) {
      const value = knownValue(msr);
      if (value !== undefined) msrs.set(index, value);
    }
    const key = JSON.stringify([...msrs]);
    if (!seen.has(key)) seen.set(key, { name: entry.id, msrs });
  }
  return [...seen.values()];
})();

export const CAPTURE_TRUTH: readonly Truth[] = CAPTURES.map((capture) => ({
  name: capture.name,
  msrs: registersOf(capture.cpus[0]?.msrs ?? {}),
}));

/** Known bits that are not what the register holds, as text; and how many bits are known. */
export function compare(
  msrs: ReadonlyMap<number, Msr> | undefined,
  truth: Registers,
): { wrong: string[]; known: number } {
  const wrong: string[] = [];
  let known = 0;
  for (const [index, msr] of msrs ?? []) {
    const value = truth.get(index);
    if (msr.state === "unknown") continue;
    if (msr.state === "absent") {
      if (value !== undefined) wrong.push(`0x${index.toString(16)} absent`);
      continue;
    }
    if (value === undefined) {
      // A fault reads as 0 for Linux, and a text that shows only zeros may leave it open.
      if (msr.mayBeAbsent !== true || msr.hi.value !== 0 || msr.lo.value !== 0)
        wrong.push(`0x${index.toString(16)} is there`);
      continue;
    }
    for (let bit = 0; bit < 64; bit++) {
      const [word, real] = bit < 32 ? [msr.lo, value.lo] : [msr.hi, value.hi];
      if ((word.unknown >>> (bit & 31)) & 1) continue;
      known++;
      if (((word.value ^ real) >>> (bit & 31)) & 1) wrong.push(`0x${index.toString(16)} bit ${bit}`);
    }
  }
  return { wrong, known };
}

/** The keys of the bits of a register that are known to be 1, and known to be 0; an allowed-1 bit for a control. */
export function bitsOf(
  core: CoreGroup | undefined,
  index: number,
): { readonly ones: string[]; readonly zeros: string[] } {
  return named(core?.msrs.get(index), index);
}

export function nestedBitsOf(
  host: Host | undefined,
  index: number,
): { readonly ones: string[]; readonly zeros: string[] } {
  return named(host?.observed?.nestedMsrs?.get(index), index);
}

function named(msr: Msr | undefined, index: number): { readonly ones: string[]; readonly zeros: string[] } {
  const register = registerOf(index);
  const ones: string[] = [];
  const zeros: string[] = [];
  if (msr?.state !== "value") return { ones, zeros };
  for (const row of register?.bits ?? []) {
    const bit = register?.layout === "controls" ? row.bit + 32 : row.bit;
    const word = bit < 32 ? msr.lo : msr.hi;
    if ((word.unknown >>> (bit & 31)) & 1) continue;
    ((word.value >>> (bit & 31)) & 1 ? ones : zeros).push(row.key);
  }
  return { ones, zeros };
}
