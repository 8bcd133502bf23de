import { and, not as notTri, type Tri, tri } from "../../bits/tri.js";
import { bitAt } from "../../bits/word.js";
import { msrWords } from "../../host/msr.js";
import type { CpuView } from "../cpu.js";
import { activatorOf, type ControlBit, controlBit } from "../fields/control-bits.js";
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
import { partOf, placeInPart, valueInPart } from "./part.js";
import {
  areEqual,
  areEqualUnder,
  fitsWidth,
  highBitsEqual,
  isAtMost,
  isEqualUnder,
  isOneOf,
  isZero,
  isZeroUnder,
  patTypesHold,
} from "./predicates.js";
import { bitOf, placeOf, type Scene, UNKNOWN32 } from "./scene.js";

/** An expression as a function: some hundred of them run for every VMCS, and a log can have ten thousand. */
type Judge = (scene: Scene) => Tri;
type Reader = (scene: Scene) => Value64;

const judges = new WeakMap<Bool, Judge>();
const readers = new WeakMap<Num, Reader>();

/** The value of a quantity, bit by bit. Sound: a known bit is the same for every completion of the unknown inputs. */
export function evaluateNum(num: Num, scene: Scene): Value64 {
  return readerOf(num)(scene);
}

/** Kleene's value of a condition. Sound in the same sense as `evaluateNum`; not complete where inputs repeat. */
export function evaluate(bool: Bool, scene: Scene): Tri {
  return judgeOf(bool)(scene);
}

/** The function behind `evaluate`, made when it is first asked for. */
export function judgeOf(bool: Bool): Judge {
  let made = judges.get(bool);
  if (made === undefined) {
    made = makeJudge(bool);
    judges.set(bool, made);
  }
  return made;
}

function readerOf(num: Num): Reader {
  let made = readers.get(num);
  if (made === undefined) {
    made = makeReader(num);
    readers.set(num, made);
  }
  return made;
}

/** The CPU lets a control be 1, and the word that holds it be activated. */
export function controlMayBe1(cpu: CpuView, control: ControlBit): Tri {
  const own = bitOf(cpu.allowed(control.word.name, "may1"), control.bit);
  const activator = activatorOf(control.word);
  return activator === undefined || own === "no" ? own : and(own, controlMayBe1(cpu, controlBit(activator)));
}

function makeReader(num: Num): Reader {
  switch (num.op) {
    case "field": {
      const place = placeOf(num.row.encoding);
      return ({ values }) => values[place] as Value64;
    }
    case "const": {
      const { known } = num;
      return () => known;
    }
    case "slice": {
      const of = readerOf(num.of);
      const { high, low } = num;
      return (scene) => slice64(of(scene), high, low);
    }
    case "and": {
      const [a, b] = [readerOf(num.a), readerOf(num.b)];
      return (scene) => and64(a(scene), b(scene));
    }
    case "not": {
      const of = readerOf(num.of);
      return (scene) => not64(of(scene));
    }
    case "shl": {
      const of = readerOf(num.of);
      const { by } = num;
      return (scene) => shiftLeft64(of(scene), by);
    }
    case "msr": {
      const { index } = num;
      return ({ cpu }) => msrWords(cpu.msr(index)) ?? ZERO64;
    }
    case "allowed": {
      const { word, which } = num;
      return ({ cpu }) => cpu.allowed(word, which);
    }
    case "reserved": {
      const { register } = num;
      return ({ cpu }) => cpu.reserved(register);
    }
    case "memory": {
      const { name } = num;
      return ({ cpu }) => cpu.memory(name);
    }
    case "entry": {
      const { part } = num;
      return ({ entry }) => {
        if (entry === undefined) return UNKNOWN64;
        if (part === "value") return known64(entry.value);
        if (part === "index") return small64(entry.index);
        return entry.reserved === undefined ? UNKNOWN32 : small64(entry.reserved);
      };
    }
  }
}

function makeJudge(bool: Bool): Judge {
  switch (bool.op) {
    case "const": {
      const value = tri(bool.value);
      return () => value;
    }
    case "all": {
      const of = bool.of.map(judgeOf);
      return (scene) => {
        let result: Tri = "yes";
        for (const item of of) {
          const value = item(scene);
          if (value === "no") return value;
          if (value === "unknown") result = value;
        }
        return result;
      };
    }
    case "any": {
      const of = bool.of.map(judgeOf);
      return (scene) => {
        let result: Tri = "no";
        for (const item of of) {
          const value = item(scene);
          if (value === "yes") return value;
          if (value === "unknown") result = value;
        }
        return result;
      };
    }
    case "not": {
      const of = judgeOf(bool.of);
      return (scene) => notTri(of(scene));
    }
    case "control":
      return controlJudge(bool.bit);
    case "may1":
      return (scene) => controlMayBe1(scene.cpu, bool.bit);
    case "bit": {
      const part = partOf(bool.of);
      const at = placeInPart(part, bool.n);
      if (at === undefined) return () => "no";
      const of = readerOf(part.of);
      return at < 32 ? (scene) => bitAt(of(scene).lo, at) : (scene) => bitAt(of(scene).hi, at - 32);
    }
    case "zero": {
      const { of, mask } = partOf(bool.of);
      const reader = readerOf(of);
      return (scene) => isZeroUnder(reader(scene), mask);
    }
    case "equal":
      return equalJudge(bool);
    case "atMost": {
      const [a, b] = [readerOf(bool.a), readerOf(bool.b)];
      return (scene) => isAtMost(a(scene), b(scene));
    }
    case "oneOf": {
      const of = readerOf(bool.of);
      const { values } = bool;
      return (scene) => isOneOf(of(scene), values);
    }
    case "fact": {
      const { name } = bool;
      return ({ cpu }) => cpu.fact(name);
    }
    case "fitsPhysical": {
      const of = readerOf(bool.of);
      return (scene) => fitsWidth(of(scene), scene.cpu.physical);
    }
    case "sumFitsPhysical":
      return (scene) => sumFits(bool, scene);
    case "canonical": {
      const of = readerOf(bool.of);
      return (scene) => highBitsEqual(of(scene), scene.cpu.linear, 1);
    }
    case "linearWidth": {
      const of = readerOf(bool.of);
      return (scene) => highBitsEqual(of(scene), scene.cpu.linear, 0);
    }
    case "patTypes": {
      const of = readerOf(bool.of);
      return (scene) => patTypesHold(of(scene));
    }
    case "eachEntry": {
      const rule = judgeOf(bool.rule);
      return (scene) => everyEntry(rule, scene);
    }
  }
}

/** As `evaluate` for a control. */
export function controlInForce(scene: Scene, control: ControlBit): Tri {
  return controlJudge(control)(scene);
}

/** A control bit counts while its word is activated: an inactive word reads as 0 (SDM 26.6.2). */
function controlJudge({ word, bit }: ControlBit): Judge {
  const { encoding, activatedBy } = word;
  const place = placeOf(encoding);
  const own: Judge = ({ values }) => bitOf(values[place] as Value64, bit);
  if (activatedBy === undefined) return own;
  const above = controlJudge(controlBit(activatedBy));
  return (scene) => {
    const value = own(scene);
    return value === "no" ? value : and(above(scene), value);
  };
}

function equalJudge(bool: Extract<Bool, { op: "equal" }>): Judge {
  const [a, b] = [partOf(bool.a), partOf(bool.b)];
  if (bool.b.op === "const") {
    const wanted = valueInPart(a, bool.b.value);
    if (wanted === undefined) return () => "no";
    const of = readerOf(a.of);
    return (scene) => isEqualUnder(of(scene), wanted, a.mask);
  }
  if (a.low === b.low) {
    const [left, right] = [readerOf(a.of), readerOf(b.of)];
    return (scene) => areEqualUnder(left(scene), a.mask, right(scene), b.mask);
  }
  const [left, right] = [readerOf(bool.a), readerOf(bool.b)];
  return (scene) => areEqual(left(scene), right(scene));
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

function everyEntry(rule: Judge, scene: Scene): Tri {
  if (scene.msrLoad === undefined) {
    const { msrEntry } = scene;
    if (msrEntry !== undefined && rule({ ...scene, entry: msrEntry }) === "no") return "no";
    const count = scene.fields.get(0x4014);
    return count !== undefined && isZero(count) === "yes" ? "yes" : "unknown";
  }
  let result: Tri = "yes";
  for (const entry of scene.msrLoad) {
    result = and(result, rule({ ...scene, entry }));
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
