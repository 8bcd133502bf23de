import type { U64 } from "../bits/u64.js";
import { word } from "../bits/word.js";
import { controlInForce, evaluate, evaluateNum } from "./checks/evaluate.js";
import type { Bool, Num } from "./checks/expr.js";
import { fieldValue, type Scene, sceneWith } from "./checks/scene.js";
import { type ControlBit, controlBit } from "./fields/control-bits.js";
import type { FieldRow } from "./fields/field-row.js";
import { fieldByEncoding, widthOf } from "./fields/fields.js";
import { addU64, and64, bitMask, exact, isKnown, least, lowMask, not64, type Value64 } from "./value64.js";

/** New bits for one field: `value` where `mask` is 1. */
export interface Edit {
  readonly row: FieldRow;
  readonly mask: U64;
  readonly value: U64;
}
/** Edits that belong together. */
export type Repair = readonly Edit[];

const LIMIT = 24;

/** The fields after an edit; bits of a field that was unknown and that no edit names stay unknown. */
export function applyEdits(fields: ReadonlyMap<number, Value64>, edits: Iterable<Edit>): Map<number, Value64> {
  const result = new Map(fields);
  for (const { row, mask, value } of edits) {
    const old = fieldValue(result, row);
    result.set(row.encoding, {
      lo: word((old.lo.value & ~mask.lo) | (value.lo & mask.lo), old.lo.unknown & ~mask.lo),
      hi: word((old.hi.value & ~mask.hi) | (value.hi & mask.hi), old.hi.unknown & ~mask.hi),
    });
  }
  return result;
}

/**
 * Ways to make a condition take the wanted value by changing fields, most direct first. Nothing outside
 * the VMCS (capability MSRs, CPUID, memory) is ever changed; a condition that only such things decide gives no way.
 */
export function repairs(bool: Bool, want: boolean, scene: Scene): readonly Repair[] {
  const now = evaluate(bool, scene);
  if (now === (want ? "yes" : "no")) return [[]];
  switch (bool.op) {
    case "not":
      return repairs(bool.of, !want, scene);
    case "all":
      return want ? together(bool.of, true, scene) : each(bool.of, false, scene);
    case "any":
      return want ? each(bool.of, true, scene) : together(bool.of, false, scene);
    case "control":
      return setControl(bool.bit, want, scene);
    case "bit":
      return one(assign(bool.of, bitMask(bool.n), want ? bitMask(bool.n) : { lo: 0, hi: 0 }, scene));
    case "zero":
      return want ? clearAll(bool.of, scene) : setSome(bool.of, scene);
    case "equal":
      return want ? makeEqual(bool.a, bool.b, scene) : makeDiffer(bool.a, bool.b, scene);
    case "atMost":
      return order(bool.a, bool.b, want, scene);
    case "oneOf":
      return want
        ? bool.values.flatMap((value) => one(assignAll(bool.of, { lo: value, hi: 0 }, scene)))
        : avoid(bool.of, bool.values, scene);
    case "fitsPhysical":
      return want
        ? one(assign(bool.of, inverse(lowMask(scene.cpu.physical.min)), { lo: 0, hi: 0 }, scene))
        : one(
            assign(
              bool.of,
              bitMask(Math.min(63, scene.cpu.physical.max)),
              bitMask(Math.min(63, scene.cpu.physical.max)),
              scene,
            ),
          );
    case "sumFitsPhysical":
      return want
        ? one(assignAll(bool.count, { lo: 0, hi: 0 }, scene)).concat(
            one(assign(bool.base, inverse(lowMask(31)), { lo: 0, hi: 0 }, scene)),
          )
        : pushOver(bool, scene);
    case "canonical":
      return extend(bool.of, want, 1, scene);
    case "linearWidth":
      return extend(bool.of, want, 0, scene);
    case "patTypes":
      return want ? fixPat(bool.of, scene) : one(assign(bool.of, { lo: 0xff, hi: 0 }, { lo: 2, hi: 0 }, scene));
    case "const":
    case "may1":
    case "fact":
    case "eachEntry":
      return [];
  }
}

function one(repair: Repair | undefined): readonly Repair[] {
  return repair === undefined ? [] : [repair];
}

function each(items: readonly Bool[], want: boolean, scene: Scene): readonly Repair[] {
  return items.flatMap((item) => repairs(item, want, scene)).slice(0, LIMIT);
}

/** All items at once; each is repaired in the scene that the earlier ones left. */
function together(items: readonly Bool[], want: boolean, scene: Scene): readonly Repair[] {
  let partial: readonly Repair[] = [[]];
  for (const item of items) {
    const next: Repair[] = [];
    for (const so of partial) {
      const here = so.length === 0 ? scene : sceneWith(scene, applyEdits(scene.fields, so));
      for (const more of repairs(item, want, here)) next.push([...so, ...more]);
      if (next.length >= LIMIT) break;
    }
    partial = next;
  }
  return partial.slice(0, LIMIT);
}

function setControl(control: ControlBit, want: boolean, scene: Scene): readonly Repair[] {
  const row = fieldByEncoding(control.word.encoding) as FieldRow;
  const mask = bitMask(control.bit);
  if (!want) return [[{ row, mask, value: { lo: 0, hi: 0 } }]];
  const edit: Edit = { row, mask, value: mask };
  const activator = control.word.activatedBy;
  if (activator === undefined || controlInForce(scene, controlBit(activator)) === "yes") return [[edit]];
  return setControl(controlBit(activator), true, scene).map((first) => [...first, edit]);
}

/** Gives the bits under `mask` of a quantity the bits of `value`; `undefined` when no field can do it. */
function assign(num: Num, mask: U64, value: U64, scene: Scene): Repair | undefined {
  if (mask.lo === 0 && mask.hi === 0) return [];
  switch (num.op) {
    case "field": {
      const limit = lowMask(widthOf(num.row));
      const outside = { lo: mask.lo & ~limit.lo, hi: mask.hi & ~limit.hi };
      if (((outside.lo & value.lo) | (outside.hi & value.hi)) !== 0) return undefined;
      return [{ row: num.row, mask: { lo: (mask.lo & limit.lo) >>> 0, hi: (mask.hi & limit.hi) >>> 0 }, value }];
    }
    case "slice": {
      const limit = lowMask(num.high - num.low + 1);
      if (((mask.lo & ~limit.lo & value.lo) | (mask.hi & ~limit.hi & value.hi)) !== 0) return undefined;
      const inside = { lo: (mask.lo & limit.lo) >>> 0, hi: (mask.hi & limit.hi) >>> 0 };
      return assign(num.of, up(inside, num.low), up(value, num.low), scene);
    }
    case "shl":
      return assign(num.of, down(mask, num.by), down(value, num.by), scene);
    case "not":
      return assign(num.of, mask, inverse(value), scene);
    case "and":
      return assignThrough(num.a, num.b, mask, value, scene) ?? assignThrough(num.b, num.a, mask, value, scene);
    default:
      return undefined;
  }
}

/** Sets bits of `a and b` by changing `a`: a bit becomes 1 only where `b` is known to be 1, and 0 where it may be. */
function assignThrough(a: Num, b: Num, mask: U64, value: U64, scene: Scene): Repair | undefined {
  const filter = evaluateNum(b, scene);
  const wanted = { lo: value.lo & mask.lo, hi: value.hi & mask.hi };
  if (((wanted.lo & ~filter.lo.value) | (wanted.hi & ~filter.hi.value)) !== 0) return undefined;
  const open = {
    lo: (mask.lo & (filter.lo.value | filter.lo.unknown)) >>> 0,
    hi: (mask.hi & (filter.hi.value | filter.hi.unknown)) >>> 0,
  };
  return assign(a, open, value, scene);
}

function assignAll(num: Num, value: U64, scene: Scene): Repair | undefined {
  return assign(num, lowMask(64), value, scene);
}

function clearAll(num: Num, scene: Scene): readonly Repair[] {
  // Only the bits that are not known to be 0, so that an edit touches no more than it must.
  const value = evaluateNum(num, scene);
  const mask = { lo: (value.lo.value | value.lo.unknown) >>> 0, hi: (value.hi.value | value.hi.unknown) >>> 0 };
  if (num.op === "and") {
    const ways: Repair[] = [];
    for (const side of [num.a, num.b]) {
      const way = assign(side, mask, { lo: 0, hi: 0 }, scene);
      if (way !== undefined) ways.push(way);
    }
    return ways;
  }
  return one(assign(num, mask, { lo: 0, hi: 0 }, scene));
}

/** Makes a quantity non-zero by one bit: tries every bit that some field can set. */
function setSome(num: Num, scene: Scene): readonly Repair[] {
  const ways: Repair[] = [];
  for (let bit = 0; bit < 64 && ways.length < LIMIT; bit++) {
    const mask = bitMask(bit);
    const way = assign(num, mask, mask, scene);
    if (way !== undefined && way.length > 0 && way.every((edit) => (edit.mask.lo | edit.mask.hi) !== 0)) ways.push(way);
  }
  return ways;
}

function makeEqual(a: Num, b: Num, scene: Scene): readonly Repair[] {
  const ways: Repair[] = [];
  const toB = exact(evaluateNum(b, scene));
  if (toB !== undefined) ways.push(...one(assignAll(a, toB, scene)));
  const toA = exact(evaluateNum(a, scene));
  if (toA !== undefined) ways.push(...one(assignAll(b, toA, scene)));
  return ways;
}

function makeDiffer(a: Num, b: Num, scene: Scene): readonly Repair[] {
  const ways: Repair[] = [];
  for (const [num, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const value = exact(evaluateNum(other, scene));
    if (value === undefined) continue;
    for (const bit of [0, 1, 2, 12, 33]) {
      const mask = bitMask(bit);
      const flipped = { lo: (~value.lo & mask.lo) >>> 0, hi: (~value.hi & mask.hi) >>> 0 };
      const way = assign(num, mask, flipped, scene);
      if (way?.some((edit) => (edit.mask.lo | edit.mask.hi) !== 0)) ways.push(way);
    }
  }
  return ways;
}

function order(a: Num, b: Num, want: boolean, scene: Scene): readonly Repair[] {
  const left = evaluateNum(a, scene);
  const right = evaluateNum(b, scene);
  if (want) {
    return [
      ...(isKnown(right) ? one(assignAll(a, least(right), scene)) : []),
      ...(isKnown(left) ? one(assignAll(b, least(left), scene)) : []),
    ];
  }
  const ways: Repair[] = [];
  const more = addU64(least(right), { lo: 1, hi: 0 });
  if (isKnown(right) && !more.carry) ways.push(...one(assignAll(a, more.sum, scene)));
  const value = least(left);
  if (isKnown(left) && (value.lo | value.hi) !== 0) {
    const less = value.lo === 0 ? { lo: 0xffff_ffff, hi: value.hi - 1 } : { lo: value.lo - 1, hi: value.hi };
    ways.push(...one(assignAll(b, less, scene)));
  }
  return ways;
}

function avoid(num: Num, values: readonly number[], scene: Scene): readonly Repair[] {
  const ways: Repair[] = [];
  for (let value = 0; value <= 32 && ways.length < LIMIT; value++) {
    if (!values.includes(value)) ways.push(...one(assignAll(num, { lo: value, hi: 0 }, scene)));
  }
  return ways;
}

function pushOver(bool: Extract<Bool, { op: "sumFitsPhysical" }>, scene: Scene): readonly Repair[] {
  // The start still fits and stays aligned; only the end of the area does not.
  const top = lowMask(scene.cpu.physical.max);
  const start = { lo: 0xffff_fff0, hi: top.hi };
  const base = assignAll(bool.base, start, scene);
  const count = assignAll(bool.count, { lo: Math.ceil((17 + bool.less) / bool.scale), hi: 0 }, scene);
  return base === undefined || count === undefined ? [] : [[...base, ...count]];
}

function extend(num: Num, want: boolean, extra: number, scene: Scene): readonly Repair[] {
  const narrow = scene.cpu.linear.min - extra;
  const high = inverse(lowMask(narrow));
  if (want) {
    const value = evaluateNum(num, scene);
    const sign = Math.min(63, narrow);
    const negative = ((sign < 32 ? value.lo.value : value.hi.value) >>> (sign & 31)) & 1;
    const zeros = one(assign(num, high, { lo: 0, hi: 0 }, scene));
    const ones = one(assign(num, high, high, scene));
    return negative === 1 ? [...ones, ...zeros] : [...zeros, ...ones];
  }
  const flip = bitMask(62);
  const value = exact(evaluateNum(num, scene));
  if (value === undefined) return [];
  return one(assign(num, flip, { lo: 0, hi: (~value.hi & flip.hi) >>> 0 }, scene));
}

function fixPat(num: Num, scene: Scene): readonly Repair[] {
  const value = exact(evaluateNum(num, scene));
  if (value === undefined) return [];
  const mend = (half: number) => {
    let mask = 0;
    for (let low = 0; low < 32; low += 8) {
      const byte = (half >>> low) & 0xff;
      if (byte > 7 || byte === 2 || byte === 3) mask |= 0xff << low;
    }
    return mask >>> 0;
  };
  return one(assign(num, { lo: mend(value.lo), hi: mend(value.hi) }, { lo: 0, hi: 0 }, scene));
}

function inverse(value: U64): U64 {
  return { lo: ~value.lo >>> 0, hi: ~value.hi >>> 0 };
}

function up(value: U64, by: number): U64 {
  if (by === 0) return value;
  if (by >= 32) return { lo: 0, hi: (value.lo << (by - 32)) >>> 0 };
  return { lo: (value.lo << by) >>> 0, hi: ((value.hi << by) | (value.lo >>> (32 - by))) >>> 0 };
}

function down(value: U64, by: number): U64 {
  if (by === 0) return value;
  return { lo: ((value.lo >>> by) | (value.hi << (32 - by))) >>> 0, hi: value.hi >>> by };
}

/** The bits of a field that an edit turns around, for words like "set bit 0". */
export function changedBits(
  before: Value64,
  after: Value64,
): { readonly set: readonly number[]; readonly cleared: readonly number[] } {
  const gained = and64(after, not64(before));
  const lost = and64(before, not64(after));
  const list = (v: Value64) => {
    const bits: number[] = [];
    for (let bit = 0; bit < 64; bit++) if (((bit < 32 ? v.lo.value : v.hi.value) >>> (bit & 31)) & 1) bits.push(bit);
    return bits;
  };
  return { set: list(gained), cleared: list(lost) };
}
