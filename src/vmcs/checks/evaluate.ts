import { and, not as notTri, or, type Tri } from "../../bits/tri.js";
import { bitAt } from "../../bits/word.js";
import { msrBit, msrWords } from "../../host/msr.js";
import type { CpuView } from "../cpu.js";
import { CONTROL_WORDS, type ControlBit, controlBit } from "../fields/controls.js";
import type { FieldRow } from "../fields/field-row.js";
import type { MsrLoadEntry, Vmcs } from "../state.js";
import {
  addU64,
  and64,
  compareU64,
  greatest,
  isKnown,
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
      return known64(num.value);
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
      return isZero(evaluateNum(bool.of, scene));
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
      return fitsPhysical(evaluateNum(bool.of, scene), scene.cpu.physical);
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

function isZero(v: Value64): Tri {
  if ((v.lo.value | v.hi.value) !== 0) return "no";
  return isKnown(v) ? "yes" : "unknown";
}

function areEqual(a: Value64, b: Value64): Tri {
  const differ = (x: Value64["lo"], y: Value64["lo"]) => (x.value ^ y.value) & ~(x.unknown | y.unknown);
  if (differ(a.lo, b.lo) !== 0 || differ(a.hi, b.hi) !== 0) return "no";
  return isKnown(a) && isKnown(b) ? "yes" : "unknown";
}

function isOneOf(v: Value64, values: readonly number[]): Tri {
  if (isKnown(v)) return v.hi.value === 0 && values.includes(v.lo.value) ? "yes" : "no";
  return values.some((value) => areEqual(v, small64(value)) !== "no") ? "unknown" : "no";
}

function fitsPhysical(v: Value64, width: CpuView["physical"]): Tri {
  const above = (bits: number) => not64(known64(lowMask(bits)));
  if (isZero(and64(v, above(width.min))) === "yes") return "yes";
  return isZero(and64(v, above(width.max))) === "no" ? "no" : "unknown";
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

/** Bits 63 to N-`extra` are all equal, for a linear-address width N between `min` and `max`. */
function highBitsEqual(v: Value64, width: CpuView["linear"], extra: number): Tri {
  const holds = (from: number): Tri => {
    const mask = not64(known64(lowMask(from)));
    const zeros = isZero(and64(v, mask));
    if (zeros === "yes") return "yes";
    const ones = isZero(and64(not64(v), mask));
    if (ones === "yes") return "yes";
    return zeros === "no" && ones === "no" ? "no" : "unknown";
  };
  if (holds(width.min - extra) === "yes") return "yes";
  return holds(width.max - extra) === "no" ? "no" : width.min === width.max ? holds(width.min - extra) : "unknown";
}

/** Memory types UC, WC, WT, WP, WB and UC-, SDM volume 3, 13.12.2. */
const PAT_TYPES = [0, 1, 4, 5, 6, 7];

function patTypesHold(v: Value64): Tri {
  let result: Tri = "yes";
  for (let low = 0; low < 64; low += 8) {
    result = and(result, isOneOf(slice64(v, low + 7, low), PAT_TYPES));
    if (result === "no") break;
  }
  return result;
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

/** Names of the inputs that keep a condition undecided: fields, capability MSRs, CPUID facts, state, memory. */
export function missingInputs(bool: Bool, scene: Scene, into: Set<string> = new Set()): Set<string> {
  if (evaluate(bool, scene) !== "unknown") return into;
  switch (bool.op) {
    case "all":
    case "any":
      for (const item of bool.of) missingInputs(item, scene, into);
      break;
    case "not":
      missingInputs(bool.of, scene, into);
      break;
    case "control":
      missingControl(bool.bit, scene, into);
      break;
    case "may1":
      into.add(`msr:${bool.bit.word.msr.toString(16)}`);
      break;
    case "bit":
    case "zero":
    case "oneOf":
    case "patTypes":
      missingNum(bool.of, scene, into);
      break;
    case "equal":
    case "atMost":
      missingNum(bool.a, scene, into);
      missingNum(bool.b, scene, into);
      break;
    case "fact":
      into.add(`fact:${bool.name}`);
      break;
    case "fitsPhysical":
      missingNum(bool.of, scene, into);
      if (scene.cpu.physical.min !== scene.cpu.physical.max) into.add("cpuid:physical-address width");
      break;
    case "sumFitsPhysical":
      missingNum(bool.base, scene, into);
      missingNum(bool.count, scene, into);
      if (scene.cpu.physical.min !== scene.cpu.physical.max) into.add("cpuid:physical-address width");
      break;
    case "canonical":
    case "linearWidth":
      missingNum(bool.of, scene, into);
      if (scene.cpu.linear.min !== scene.cpu.linear.max) into.add("cpuid:linear-address width");
      break;
    case "eachEntry":
      into.add(
        scene.msrLoad === undefined && scene.msrEntry === undefined
          ? "memory:VM-entry MSR-load area"
          : "memory:what WRMSR accepts",
      );
      break;
    case "const":
      break;
  }
  return into;
}

function missingControl(control: ControlBit, scene: Scene, into: Set<string>): void {
  const activator = control.word.activatedBy;
  if (activator !== undefined) missingControl(controlBit(activator), scene, into);
  const value = scene.fields.get(control.word.encoding);
  if (value === undefined || bitOf(value, control.bit) === "unknown")
    into.add(`field:${control.word.encoding.toString(16).padStart(4, "0")}`);
}

function missingNum(num: Num, scene: Scene, into: Set<string>): void {
  if (isKnown(evaluateNum(num, scene))) return;
  switch (num.op) {
    case "field":
      into.add(`field:${num.row.encoding.toString(16).padStart(4, "0")}`);
      break;
    case "slice":
    case "not":
    case "shl":
      missingNum(num.of, scene, into);
      break;
    case "and":
      missingNum(num.a, scene, into);
      missingNum(num.b, scene, into);
      break;
    case "msr":
      into.add(`msr:${num.index.toString(16)}`);
      break;
    case "allowed": {
      const word = CONTROL_WORDS[num.word];
      into.add(`msr:${word.msr.toString(16)}`);
      if (word.trueMsr !== undefined && num.which === "must1") {
        if (scene.cpu.msr(word.trueMsr).state === "unknown" && msrBit(scene.cpu.msr(0x480), 55) !== "no")
          into.add(`msr:${word.trueMsr.toString(16)}`);
      }
      break;
    }
    case "reserved":
      into.add(`cpuid:reserved bits of ${num.register}`);
      break;
    case "memory":
      into.add(`memory:${num.name}`);
      break;
    case "entry":
      into.add("memory:VM-entry MSR-load area");
      break;
    case "const":
      break;
  }
}

/** Fields that an expression reads, in order of first use. */
export function fieldsOf(bool: Bool, into: Set<number> = new Set()): Set<number> {
  switch (bool.op) {
    case "all":
    case "any":
      for (const item of bool.of) fieldsOf(item, into);
      break;
    case "not":
      fieldsOf(bool.of, into);
      break;
    case "control": {
      into.add(bool.bit.word.encoding);
      let activator = bool.bit.word.activatedBy;
      while (activator !== undefined) {
        const above = controlBit(activator);
        into.add(above.word.encoding);
        activator = above.word.activatedBy;
      }
      break;
    }
    case "bit":
    case "zero":
    case "oneOf":
    case "patTypes":
    case "fitsPhysical":
    case "canonical":
    case "linearWidth":
      numFields(bool.of, into);
      break;
    case "equal":
    case "atMost":
      numFields(bool.a, into);
      numFields(bool.b, into);
      break;
    case "sumFitsPhysical":
      numFields(bool.base, into);
      numFields(bool.count, into);
      break;
    case "eachEntry":
      into.add(0x200a);
      into.add(0x4014);
      break;
    case "const":
    case "may1":
    case "fact":
      break;
  }
  return into;
}

function numFields(num: Num, into: Set<number>): void {
  if (num.op === "field") into.add(num.row.encoding);
  else if (num.op === "slice" || num.op === "not" || num.op === "shl") numFields(num.of, into);
  else if (num.op === "and") {
    numFields(num.a, into);
    numFields(num.b, into);
  }
}
