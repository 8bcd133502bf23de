import { type Word, word } from "../../src/bits/word.js";
import { registerExists } from "../../src/host/existence.js";
import { type CoreGroup, type Host, msrOf } from "../../src/host/host.js";
import { ABSENT, type Msr, msrBit, UNREAD } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { DEFAULT1 } from "../../src/registers/default1.js";
import { REGISTERS, type RegisterRow, registerOf } from "../../src/registers/registers.js";
import { randomFrom } from "../oracles/reference/reference-cases.js";

/*
 * Hosts whose registers are in every state that a text can leave them in (a value, a value with unknown bits, zeros that
 * may as well be a fault, absent, not read), and completions of them that keep to appendix A of the SDM.
 */

const INDEXES = (REGISTERS as readonly RegisterRow[]).map(({ index }) => index);
const PAIRS = [
  { plain: 0x481, index: 0x48d, class1: DEFAULT1.pin },
  { plain: 0x482, index: 0x48e, class1: DEFAULT1.primary },
  { plain: 0x483, index: 0x48f, class1: DEFAULT1.exit },
  { plain: 0x484, index: 0x490, class1: DEFAULT1.entry },
] as const;

/** A CPU of the atlas, everything known: registers that it does not list are absent. */
export function wholeHost(which: number): Host {
  const all = atlas();
  const host = entryHost(all[which % all.length] as (typeof all)[number]);
  const core = (group: CoreGroup): CoreGroup => {
    const msrs = new Map(group.msrs);
    for (const index of INDEXES) if (!msrs.has(index)) msrs.set(index, index === 0x3a ? known(5, 0) : ABSENT);
    return { ...group, msrs };
  };
  return { ...host, cores: [core(host.cores[0])] };
}

const known = (lo: number, hi: number): Msr => ({ state: "value", lo: word(lo), hi: word(hi) });

/** The host with some of its registers in another state; the true host is among the completions unless one is forged. */
export function partialHost(host: Host, seed: number): Host {
  const random = randomFrom(seed);
  const [core] = host.cores;
  const msrs = new Map(core.msrs);
  const often = 2 + random(12);
  for (const index of INDEXES) {
    if (random(often) === 0) msrs.set(index, blur(msrOf(core, index), random));
  }
  return { ...host, cores: [{ ...core, msrs }] };
}

function blur(msr: Msr, random: (below: number) => number): Msr {
  switch (random(4)) {
    case 0:
      return UNREAD;
    case 1:
      return ABSENT;
    case 2: {
      const mask = () => (random(2) === 0 ? 0 : random(0xffff_ffff) & random(0xffff_ffff));
      return { state: "value", lo: word(0, mask()), hi: word(0, mask()), mayBeAbsent: true };
    }
    default: {
      if (msr.state !== "value") return UNREAD;
      const mask = () => (random(2) === 0 ? (1 << random(32)) >>> 0 : random(0xffff_ffff) & random(0xffff_ffff));
      return { state: "value", lo: word(msr.lo.value, mask()), hi: word(msr.hi.value, mask()) };
    }
  }
}

/** What a partial host may be in truth; `undefined` where chance hit on nothing that a CPU can be. */
export function completion(partial: Host, original: Host, seed: number): Host | undefined {
  const random = randomFrom(seed);
  const [core] = partial.cores;
  const [whole] = original.cores;
  const msrs = new Map<number, Msr>();
  const done = (): CoreGroup => ({ ...core, msrs });
  for (const index of INDEXES) {
    const own = msrOf(core, index);
    msrs.set(index, defined(index, own, choose(own, msrOf(whole, index), random)));
  }
  for (const [index, msr] of msrs) {
    const sensible = contained(index, msr, msrs);
    if (sensible === undefined || !fits(sensible, msrOf(core, index))) return undefined;
    msrs.set(index, sensible);
  }
  const basic = msrs.get(0x480) as Msr;
  for (const { plain, index, class1 } of PAIRS) {
    const own = msrOf(core, index);
    const base = msrs.get(plain) as Msr;
    if (msrBit(basic, 55) === "no" || base.state !== "value") {
      if (!fits(ABSENT, own)) return undefined;
      msrs.set(index, ABSENT);
      continue;
    }
    let free = 0;
    for (const bit of class1) if (random(2) === 0) free |= 1 << bit;
    const wanted: Msr = { state: "value", lo: word(base.lo.value & ~free), hi: base.hi };
    const given = own.state === "value" ? filled(own, wanted) : wanted;
    if (!fits(given, own) || !agrees(given, base, class1)) return undefined;
    msrs.set(index, given);
  }
  for (const index of INDEXES) {
    if (registerExists(done(), index) !== "no" || msrs.get(index)?.state === "absent") continue;
    if (!fits(ABSENT, msrOf(core, index))) continue;
    msrs.set(index, ABSENT);
  }
  return { ...partial, cores: [done()] };
}

/** What must be 1 may be 1: in a register of controls, and in a pair of fixed bits. */
function contained(index: number, msr: Msr, all: ReadonlyMap<number, Msr>): Msr | undefined {
  if (msr.state !== "value") return msr;
  if (index === 0x487 || index === 0x489) {
    const fixed0 = all.get(index - 1);
    if (fixed0?.state !== "value") return msr;
    return known(msr.lo.value | fixed0.lo.value, msr.hi.value | fixed0.hi.value);
  }
  const controls = [0x481, 0x482, 0x483, 0x484, 0x48b].includes(index);
  return controls ? known(msr.lo.value, msr.hi.value | msr.lo.value) : msr;
}

/** Both registers of a pair allow the same, and demand the same outside the default1 class. */
function agrees(own: Msr, base: Msr, class1: readonly number[]): boolean {
  if (own.state !== "value" || base.state !== "value") return false;
  let open = 0;
  for (const bit of class1) open |= 1 << bit;
  return own.hi.value === base.hi.value && ((own.lo.value ^ base.lo.value) & ~(open & base.lo.value)) === 0;
}

/** Where nothing is defined above bit 31, an unknown bit can only be 0 there. */
function defined(index: number, own: Msr, chosen: Msr): Msr {
  if (chosen.state !== "value" || registerOf(index)?.nothingAbove31 !== true) return chosen;
  return { ...chosen, hi: word(own.state === "value" ? own.hi.value : 0) };
}

function choose(msr: Msr, original: Msr, random: (below: number) => number): Msr {
  if (msr.state === "absent") return msr;
  if (msr.state === "unknown") {
    if (random(4) === 0) return ABSENT;
    return original.state === "value" && random(3) > 0 ? original : known(random(0xffff_ffff), random(0xffff_ffff));
  }
  if (msr.mayBeAbsent === true && random(2) === 0) return ABSENT;
  const bits = (w: Word) => word(w.value | (w.unknown & random(0xffff_ffff)));
  return { state: "value", lo: bits(msr.lo), hi: bits(msr.hi) };
}

/** The unknown bits of a register as another has them. */
function filled(msr: Extract<Msr, { state: "value" }>, from: Extract<Msr, { state: "value" }>): Msr {
  const bits = (own: Word, other: Word) => word(own.value | (own.unknown & other.value));
  return { state: "value", lo: bits(msr.lo, from.lo), hi: bits(msr.hi, from.hi) };
}

/** Could the register in full be what the partial one says. */
export function fits(full: Msr, partial: Msr): boolean {
  if (partial.state === "unknown") return true;
  if (full.state === "absent")
    return partial.state === "absent" || (partial.state === "value" && partial.mayBeAbsent === true);
  if (full.state !== "value" || partial.state !== "value") return false;
  const equal = (a: Word, b: Word) => ((a.value ^ b.value) & ~b.unknown) === 0;
  return equal(full.lo, partial.lo) && equal(full.hi, partial.hi);
}
