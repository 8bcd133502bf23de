import { MAYBE, type Machine, NO, type Truth, YES } from "./machine.js";
import type { Bits, Condition, ConfigOption } from "./rule.js";
import { timerTooFast } from "./timer.js";
import { bitIndex, MSR_NAMES, type WordName, wordIndex } from "./words.js";

/* Conditions: build options are folded away first, and what is left becomes a closure over the machine. */

/** Which build options are set. */
export type KernelConfig = Readonly<Record<ConfigOption, boolean>>;

/** A compiled condition. */
export type Test = (m: Machine) => Truth;

/** Folds build options into a condition: true, false, or what is left to ask at run time; itself where it asks for none. */
export function simplify(condition: Condition, config: KernelConfig): Condition | boolean {
  if ("config" in condition) return config[condition.config];
  if ("not" in condition) {
    const inner = simplify(condition.not, config);
    if (typeof inner === "boolean") return !inner;
    return inner === condition.not ? condition : { not: inner };
  }
  if ("all" in condition || "any" in condition) {
    const conjunction = "all" in condition;
    const parts = conjunction ? condition.all : condition.any;
    const rest: Condition[] = [];
    for (const part of parts) {
      const inner = simplify(part, config);
      if (typeof inner !== "boolean") rest.push(inner);
      else if (inner !== conjunction) return inner;
    }
    if (rest.length > 1 && rest.length === parts.length && rest.every((part, at) => part === parts[at]))
      return condition;
    if (rest.length === 0) return conjunction;
    if (rest.length === 1) return rest[0] as Condition;
    return conjunction ? { all: rest } : { any: rest };
  }
  return condition;
}

/** A condition that is made of no others. */
export type Atom = Exclude<Condition, { not: unknown } | { all: unknown } | { any: unknown } | { xor: unknown }>;

/** What a condition asks about, whatever it makes of the answers. */
export function atomsOf(condition: Condition): readonly Atom[] {
  if ("not" in condition) return atomsOf(condition.not);
  if ("all" in condition) return condition.all.flatMap(atomsOf);
  if ("any" in condition) return condition.any.flatMap(atomsOf);
  return "xor" in condition ? condition.xor.flatMap(atomsOf) : [condition];
}

/** Evaluates a condition at once; for callers that ask about a finished replay. */
export function evaluate(m: Machine, condition: Condition, config: KernelConfig): Truth {
  let byConfig = compiled.get(config);
  if (byConfig === undefined) {
    byConfig = new WeakMap();
    compiled.set(config, byConfig);
  }
  let test = byConfig.get(condition);
  if (test === undefined) {
    const rest = simplify(condition, config);
    test = typeof rest === "boolean" ? () => (rest ? YES : NO) : compileTest(rest);
    byConfig.set(condition, test);
  }
  return test(m);
}

/** Conditions that were asked for before; a table's conditions are compiled once. */
const compiled = new WeakMap<KernelConfig, WeakMap<Condition, Test>>();

/** Turns a condition without build options into a closure. */
export function compileTest(condition: Condition): Test {
  if ("bit" in condition) return bitTest(condition.bit);
  if ("not" in condition) {
    const inner = compileTest(condition.not);
    return (m) => {
      const truth = inner(m);
      return truth === MAYBE ? MAYBE : truth === YES ? NO : YES;
    };
  }
  if ("all" in condition) return allTest(condition.all);
  if ("any" in condition) {
    const inverted = allTest(condition.any.map((part): Condition => ({ not: part })));
    return (m) => {
      const truth = inverted(m);
      return truth === MAYBE ? MAYBE : truth === YES ? NO : YES;
    };
  }
  if ("xor" in condition) {
    const a = compileTest(condition.xor[0]);
    const b = compileTest(condition.xor[1]);
    return (m) => {
      const left = a(m);
      const right = b(m);
      if (left === MAYBE || right === MAYBE) return MAYBE;
      return left === right ? NO : YES;
    };
  }
  if ("nonzero" in condition) {
    const index = wordIndex(condition.nonzero);
    const mask = fieldMask(condition.hi ?? 31, condition.lo ?? 0);
    return (m) => {
      if (((m.value[index] as number) & mask) !== 0) return YES;
      return ((m.unknown[index] as number) & mask) !== 0 ? MAYBE : NO;
    };
  }
  if ("field" in condition) {
    const index = wordIndex(condition.field);
    const { hi, lo } = condition;
    const mask = fieldMask(hi, lo);
    if ("above" in condition) {
      const { above } = condition;
      return (m) => {
        const least = ((m.value[index] as number) & mask) >>> lo;
        const most = (((m.value[index] as number) | (m.unknown[index] as number)) & mask) >>> lo;
        return least > above ? YES : most <= above ? NO : MAYBE;
      };
    }
    const wanted = (condition.equals << lo) & mask;
    return (m) => {
      const unknown = (m.unknown[index] as number) & mask;
      if (((((m.value[index] as number) & mask) ^ wanted) & ~unknown) !== 0) return NO;
      return unknown === 0 ? YES : MAYBE;
    };
  }
  if ("faults" in condition) {
    const index = MSR_NAMES.indexOf(condition.faults);
    return (m) => m.faults[index] as Truth;
  }
  if ("timerTooFast" in condition) {
    const { timerTooFast: limit } = condition;
    return (m) => timerTooFast(m, limit);
  }
  throw new RangeError("a build option must be folded before a condition is compiled");
}

function bitTest([word, bit]: readonly [WordName, string | number]): Test {
  const index = wordIndex(word);
  const mask = 1 << bitIndex(word, bit);
  return (m) => {
    if (((m.unknown[index] as number) & mask) !== 0) return MAYBE;
    return ((m.value[index] as number) & mask) !== 0 ? YES : NO;
  };
}

/**
 * A conjunction. Most parts ask for one bit: those are numbers in an array, gone through before anything is called, as most
 * rules of a table are passed over and calling a closure for each bit is what a replay spends its time on.
 */
function allTest(parts: readonly Condition[]): Test {
  const literals: number[] = [];
  const others: Test[] = [];
  for (const part of parts.flatMap(conjuncts)) {
    const inverted = "not" in part;
    const inner = inverted ? part.not : part;
    if (!("bit" in inner)) {
      others.push(compileTest(part));
      continue;
    }
    const [word, bit] = inner.bit;
    const mask = 1 << bitIndex(word, bit);
    literals.push(wordIndex(word), mask, inverted ? 0 : mask);
  }
  const bits = Int32Array.from(literals);
  if (others.length === 0) return (m) => bitsHold(m, bits);
  return (m) => {
    let result = bitsHold(m, bits);
    if (result === NO) return NO;
    for (const test of others) {
      const truth = test(m);
      if (truth === NO) return NO;
      if (truth === MAYBE) result = MAYBE;
    }
    return result;
  };
}

/** Triples of word, mask and what the masked word has to be. */
function bitsHold(m: Machine, bits: Int32Array): Truth {
  const { value, unknown } = m;
  let result: Truth = YES;
  for (let i = 0; i < bits.length; i += 3) {
    const at = bits[i] as number;
    const mask = bits[i + 1] as number;
    if (((unknown[at] as number) & mask) !== 0) result = MAYBE;
    else if (((value[at] as number) & mask) !== bits[i + 2]) return NO;
  }
  return result;
}

/** The parts of a conjunction, those of one inside it as well. */
function conjuncts(condition: Condition): readonly Condition[] {
  if ("all" in condition) return condition.all.flatMap(conjuncts);
  if ("not" in condition && "any" in condition.not)
    return condition.not.any.map((part): Condition => ({ not: part })).flatMap(conjuncts);
  if ("not" in condition && "not" in condition.not) return conjuncts(condition.not.not);
  return [condition];
}

/** Bits `hi` to `lo` of a word. */
export function fieldMask(hi: number, lo: number): number {
  return ((hi === 31 ? 0 : 1 << (hi + 1)) - (1 << lo)) | 0;
}

/** The named bits of a word. */
export function bitsMask([word, ...bits]: Bits): number {
  let mask = 0;
  for (const bit of bits) mask |= 1 << bitIndex(word, bit);
  return mask;
}
