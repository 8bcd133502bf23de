import { and, not as notTri, or, type Tri } from "../../bits/tri.js";
import { bitAt } from "../../bits/word.js";
import { msrWords } from "../../host/msr.js";
import type { CpuView } from "../cpu.js";
import { type ControlBit, controlBit } from "../fields/controls.js";
import type { FieldRow } from "../fields/field-row.js";
import type { MsrLoadEntry, Vmcs } from "../state.js";
import {
  addU64,
  and64,
  compareU64,
  greatest,
  known64,
  least,
  lowMask,
  not64,
  shiftLeft64,
  slice64,
  small64,
  UNKNOWN64,
  type Value64,
  ZERO64,
} from "../value64.js";
import type { Bool, Num } from "./expr.js";
import { areEqual, fitsWidth, highBitsEqual, isOneOf, isZero, isZeroUnder, patTypesHold } from "./predicates.js";

/** Everything that an expression can refer to. */
export interface Scene {
  readonly fields: ReadonlyMap<number, Value64>;
  readonly msrLoad?: readonly MsrLoadEntry[] | undefined;
  readonly msrEntry?: Vmcs["msrEntry"] | undefined;
  readonly cpu: CpuView;
  /** The MSR-load entry at hand inside `eachEntry`. */
  readonly entry?: MsrLoadEntry;
}

export function sceneOf(vmcs: Vmcs, cpu: CpuView): Scene {
  return { fields: vmcs.fields, msrLoad: vmcs.msrLoad, msrEntry: vmcs.msrEntry, cpu };
}

/** The value of a field: unknown above nothing, zero above its width. */
export function fieldValue(fields: ReadonlyMap<number, Value64>, row: FieldRow): Value64 {
  const value = fields.get(row.encoding);
  if (value !== undefined) return value;
  switch ((row.encoding >>> 13) & 3) {
    case 0:
      return UNKNOWN16;
    case 2:
      return UNKNOWN32;
    default:
      return UNKNOWN64;
  }
}

const UNKNOWN16: Value64 = Object.freeze({ lo: Object.freeze({ value: 0, unknown: 0xffff }), hi: ZERO64.hi });
const UNKNOWN32: Value64 = Object.freeze({ lo: UNKNOWN64.lo, hi: ZERO64.hi });

/** A control bit counts while its word is activated: an inactive word reads as 0 (SDM 26.6.2). */
export function controlInForce(scene: Scene, control: ControlBit): Tri {
  const activator = control.word.activatedBy;
  const active = activator === undefined ? "yes" : controlInForce(scene, controlBit(activator));
  if (active === "no") return "no";
  const value = scene.fields.get(control.word.encoding);
  if (value === undefined) return "unknown";
  return and(active, bitOf(value, control.bit));
}

export function bitOf(value: Value64, n: number): Tri {
  return bitAt(n < 32 ? value.lo : value.hi, n & 31);
}

function mayBe1(scene: Scene, control: ControlBit): Tri {
  const value = bitOf(scene.cpu.allowed(control.word.name, "may1"), control.bit);
  const activator = control.word.activatedBy;
  return activator === undefined || value === "no" ? value : and(value, mayBe1(scene, controlBit(activator)));
}

/** The value of a quantity, bit by bit. Sound: a known bit is the same for every completion of the unknown inputs. */
export function evaluateNum(num: Num, scene: Scene): Value64 {
  switch (num.op) {
    case "field":
      return fieldValue(scene.fields, num.row);
    case "const":
      return num.known;
    case "slice":
      return slice64(evaluateNum(num.of, scene), num.high, num.low);
    case "and":
      return and64(evaluateNum(num.a, scene), evaluateNum(num.b, scene));
    case "not":
      return not64(evaluateNum(num.of, scene));
    case "shl":
      return shiftLeft64(evaluateNum(num.of, scene), num.by);
    case "msr":
      return msrWords(scene.cpu.msr(num.index)) ?? ZERO64;
    case "allowed":
      return scene.cpu.allowed(num.word, num.which);
    case "reserved":
      return scene.cpu.reserved(num.register);
    case "memory":
      return scene.cpu.memory(num.name);
    case "entry": {
      const entry = scene.entry;
      if (entry === undefined) return UNKNOWN64;
      if (num.part === "value") return known64(entry.value);
      if (num.part === "index") return small64(entry.index);
      return entry.reserved === undefined ? UNKNOWN32 : small64(entry.reserved);
    }
  }
}

/** Kleene's value of a condition. Sound in the same sense as `evaluateNum`; not complete where inputs repeat. */
export function evaluate(bool: Bool, scene: Scene): Tri {
  switch (bool.op) {
    case "const":
      return bool.value ? "yes" : "no";
    case "all": {
      let result: Tri = "yes";
      for (const item of bool.of) {
        result = and(result, evaluate(item, scene));
        if (result === "no") break;
      }
      return result;
    }
    case "any": {
      let result: Tri = "no";
      for (const item of bool.of) {
        result = or(result, evaluate(item, scene));
        if (result === "yes") break;
      }
      return result;
    }
    case "not":
      return notTri(evaluate(bool.of, scene));
    case "control":
      return controlInForce(scene, bool.bit);
    case "may1":
      return mayBe1(scene, bool.bit);
    case "bit":
      return bitOf(evaluateNum(bool.of, scene), bool.n);
    case "zero":
      // Most rows ask for some bits of a field.
      return bool.of.op === "and" && bool.of.b.op === "const"
        ? isZeroUnder(evaluateNum(bool.of.a, scene), bool.of.b.value)
        : isZero(evaluateNum(bool.of, scene));
    case "equal":
      return areEqual(evaluateNum(bool.a, scene), evaluateNum(bool.b, scene));
    case "atMost": {
      const a = evaluateNum(bool.a, scene);
      const b = evaluateNum(bool.b, scene);
      if (compareU64(greatest(a), least(b)) <= 0) return "yes";
      return compareU64(least(a), greatest(b)) > 0 ? "no" : "unknown";
    }
    case "oneOf":
      return isOneOf(evaluateNum(bool.of, scene), bool.values);
    case "fact":
      return scene.cpu.fact(bool.name);
    case "fitsPhysical":
      return fitsWidth(evaluateNum(bool.of, scene), scene.cpu.physical);
    case "sumFitsPhysical":
      return sumFits(bool, scene);
    case "canonical":
      return highBitsEqual(evaluateNum(bool.of, scene), scene.cpu.linear, 1);
    case "linearWidth":
      return highBitsEqual(evaluateNum(bool.of, scene), scene.cpu.linear, 0);
    case "patTypes":
      return patTypesHold(evaluateNum(bool.of, scene));
    case "eachEntry":
      return everyEntry(bool.rule, scene);
  }
}

function sumFits(bool: Extract<Bool, { op: "sumFitsPhysical" }>, scene: Scene): Tri {
  const base = evaluateNum(bool.base, scene);
  const count = evaluateNum(bool.count, scene);
  const last = (from: (v: Value64) => { lo: number; hi: number }) => {
    const span = from(count).lo * bool.scale - bool.less;
    const { sum, carry } = addU64(from(base), { lo: span >>> 0, hi: Math.floor(span / 0x1_0000_0000) });
    return { sum, carry };
  };
  const high = last(greatest);
  if (!high.carry && compareU64(high.sum, lowMask(scene.cpu.physical.min)) <= 0) return "yes";
  const low = last(least);
  return low.carry || compareU64(low.sum, lowMask(scene.cpu.physical.max)) > 0 ? "no" : "unknown";
}

function everyEntry(rule: Bool, scene: Scene): Tri {
  if (scene.msrLoad === undefined) {
    const { msrEntry } = scene;
    if (msrEntry !== undefined && evaluate(rule, { ...scene, entry: msrEntry }) === "no") return "no";
    const count = scene.fields.get(0x4014);
    return count !== undefined && isZero(count) === "yes" ? "yes" : "unknown";
  }
  let result: Tri = "yes";
  for (const entry of scene.msrLoad) {
    result = and(result, evaluate(rule, { ...scene, entry }));
    if (result === "no") break;
  }
  return result;
}

/** 1-based number of the first MSR-load entry that breaks the rule, as the exit qualification counts. */
export function firstBadEntry(rule: Bool, scene: Scene): number | undefined {
  const each = findEachEntry(rule);
  if (each === undefined) return undefined;
  const { msrEntry } = scene;
  if (scene.msrLoad === undefined)
    return msrEntry !== undefined && evaluate(each, { ...scene, entry: msrEntry }) === "no"
      ? msrEntry.number
      : undefined;
  const at = scene.msrLoad.findIndex((entry) => evaluate(each, { ...scene, entry }) === "no");
  return at < 0 ? undefined : at + 1;
}

function findEachEntry(rule: Bool): Bool | undefined {
  if (rule.op === "eachEntry") return rule.rule;
  if (rule.op === "all" || rule.op === "any") {
    for (const item of rule.of) {
      const found = findEachEntry(item);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
