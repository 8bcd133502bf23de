import {
  certaintyOf,
  happensWord,
  MAYBE,
  type Machine,
  type Message,
  type MsrRead,
  msrWordIndex,
  NO,
  type Refusal,
  settleRecords,
  store,
  type Truth,
  truthToTri,
  type Warning,
  wordAt,
  YES,
} from "./machine.js";
import { inRange, type Release } from "./release.js";
import type { Bits, Condition, ConfigOption, ControlGroup, Effect, MessageArg, Rule } from "./rule.js";
import { timerTooFast } from "./timer.js";
import {
  bitIndex,
  FUNCTIONS,
  type FunctionName,
  MSR_NAMES,
  type MsrName,
  REPLAY_MSRS,
  type WordName,
  wordIndex,
} from "./words.js";

/*
 * The one evaluator. A table of rules is turned into closures once per release and kernel configuration; running them
 * is then a loop over the steps that exist in that release.
 */

export type KernelConfig = Readonly<Record<ConfigOption, boolean>>;
type Test = (m: Machine) => Truth;
type Action = (m: Machine, happens: Truth) => void;

/** Required and wanted bits of one group of controls, and where `adjust_vmx_controls` finds and puts them. */
export interface AdjustSpec {
  readonly msr: WordName;
  readonly into: WordName;
  readonly min: number;
  readonly opt: number;
  /** Wanted only while a condition holds (ENCLS exiting up to 5.15). */
  readonly optional?: { readonly when: Condition; readonly bits: number };
  /** 64-bit register of allowed-1 bits only (`adjust_vmx_controls64`). */
  readonly wide?: boolean;
}
export type AdjustSpecs = Readonly<Partial<Record<ControlGroup, AdjustSpec>>>;

interface Step {
  readonly rule: Rule;
  readonly test: Test | undefined;
  readonly actions: readonly Action[];
}

export interface Program {
  readonly steps: readonly Step[];
}

/** Functions that are entered by a `call` or left by a `leave`: only their steps ask whether they are reached. */
export function compile(
  rules: readonly Rule[],
  release: Release,
  config: KernelConfig,
  adjust: AdjustSpecs = {},
): Program {
  const present = rules.filter((rule) => inRange(release, rule.releases));
  const gated = new Set<FunctionName>();
  for (const rule of present) {
    for (const effect of rule.does) {
      if ("call" in effect) gated.add(effect.call);
      if ("leave" in effect) gated.add(effect.leave);
    }
  }
  const steps: Step[] = [];
  for (const rule of present) {
    const parts: Condition[] = [];
    if (gated.has(rule.fn)) parts.push({ bit: ["reached", rule.fn] });
    if (rule.when !== undefined) parts.push(rule.when);
    const condition = simplify({ all: parts }, config);
    if (condition === false) continue;
    steps.push({
      rule,
      test: condition === true ? undefined : compileTest(condition),
      actions: rule.does.map((effect) => compileEffect(effect, rule, config, adjust)),
    });
  }
  return { steps };
}

export function run(m: Machine, program: Program): void {
  const { steps } = program;
  const traced = m.listener !== undefined;
  for (const step of steps) {
    const happens = step.test === undefined ? YES : step.test(m);
    if (happens === NO) continue;
    if (traced) m.rule = step.rule;
    for (const action of step.actions) {
      action(m, happens);
      if (m.stopped) return;
    }
  }
}

/** Folds build options into a condition: true, false, or what is left to ask at run time. */
export function simplify(condition: Condition, config: KernelConfig): Condition | boolean {
  if ("config" in condition) return config[condition.config];
  if ("not" in condition) {
    const inner = simplify(condition.not, config);
    return typeof inner === "boolean" ? !inner : { not: inner };
  }
  if ("all" in condition || "any" in condition) {
    const conjunction = "all" in condition;
    const rest: Condition[] = [];
    for (const part of conjunction ? condition.all : condition.any) {
      const inner = simplify(part, config);
      if (typeof inner !== "boolean") rest.push(inner);
      else if (inner !== conjunction) return inner;
    }
    if (rest.length === 0) return conjunction;
    if (rest.length === 1) return rest[0] as Condition;
    return conjunction ? { all: rest } : { any: rest };
  }
  return condition;
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

function compileTest(condition: Condition): Test {
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

function allTest(parts: readonly Condition[]): Test {
  const tests = parts.map(compileTest);
  if (tests.length === 2) {
    const [a, b] = tests as [Test, Test];
    return (m) => {
      const left = a(m);
      if (left === NO) return NO;
      const right = b(m);
      return right === NO ? NO : left === YES ? right : MAYBE;
    };
  }
  return (m) => {
    let result: Truth = YES;
    for (const test of tests) {
      const truth = test(m);
      if (truth === NO) return NO;
      if (truth === MAYBE) result = MAYBE;
    }
    return result;
  };
}

function fieldMask(hi: number, lo: number): number {
  return ((hi === 31 ? 0 : 1 << (hi + 1)) - (1 << lo)) | 0;
}

function bitsMask([word, ...bits]: Bits): number {
  let mask = 0;
  for (const bit of bits) mask |= 1 << bitIndex(word, bit);
  return mask;
}

function compileEffect(effect: Effect, rule: Rule, config: KernelConfig, adjust: AdjustSpecs): Action {
  if ("read" in effect) return compileRead(effect, rule);
  if ("set" in effect) {
    const index = wordIndex(effect.set[0]);
    const mask = bitsMask(effect.set);
    return (m, c) => store(m, index, (m.value[index] as number) | mask, (m.unknown[index] as number) & ~mask, c);
  }
  if ("clear" in effect) {
    const index = wordIndex(effect.clear[0]);
    const mask = ~bitsMask(effect.clear);
    return (m, c) => store(m, index, (m.value[index] as number) & mask, (m.unknown[index] as number) & mask, c);
  }
  if ("put" in effect) {
    const index = wordIndex(effect.put[0]);
    const mask = bitsMask(effect.put);
    return (m, c) => store(m, index, mask, 0, c);
  }
  if ("load" in effect) {
    const index = wordIndex(effect.load);
    const value = effect.value | 0;
    return (m, c) => store(m, index, value, 0, c);
  }
  if ("copy" in effect) {
    const to = wordIndex(effect.copy);
    const from = wordIndex(effect.from);
    return (m, c) => store(m, to, m.value[from] as number, m.unknown[from] as number, c);
  }
  if ("keep" in effect) {
    const to = wordIndex(effect.keep[0]);
    const from = wordIndex(effect.from);
    const mask = bitsMask(effect.keep);
    return (m, c) => store(m, to, (m.value[from] as number) & mask, (m.unknown[from] as number) & mask, c);
  }
  if ("copyBits" in effect) {
    const to = wordIndex(effect.copyBits[0]);
    const from = wordIndex(effect.from[0]);
    const [, toBit] = effect.copyBits;
    const [, fromBit] = effect.from;
    const mask = fieldMask(effect.width - 1, 0);
    const rest = ~(mask << toBit);
    return (m, c) => {
      const value = (((m.value[from] as number) >>> fromBit) & mask) << toBit;
      const unknown = (((m.unknown[from] as number) >>> fromBit) & mask) << toBit;
      store(m, to, ((m.value[to] as number) & rest) | value, ((m.unknown[to] as number) & rest) | unknown, c);
    };
  }
  if ("adjust" in effect) return compileAdjust(effect.adjust, rule, config, adjust);
  if ("call" in effect || "leave" in effect) {
    const index = wordIndex("reached");
    const calls = "call" in effect;
    const mask = 1 << FUNCTIONS.indexOf(calls ? effect.call : effect.leave);
    return (m, c) => {
      const value = calls ? (m.value[index] as number) | mask : (m.value[index] as number) & ~mask;
      reach(m, index, value, (m.unknown[index] as number) & ~mask, c);
    };
  }
  if ("refuse" in effect) {
    const { refuse } = effect;
    return (m, c) => refuseWith(m, rule, c === YES, { errno: refuse, rule: rule.id, fn: rule.fn });
  }
  if ("say" in effect) return compileSay(effect, rule);
  return compileWarn(effect, rule);
}

/** Control flow is not a change worth telling a listener about, so it does not go through `store`. */
function reach(m: Machine, index: number, newValue: number, newUnknown: number, happens: Truth): void {
  const old = m.value[index] as number;
  const unknown = happens === MAYBE ? newUnknown | (m.unknown[index] as number) | (newValue ^ old) : newUnknown;
  m.value[index] = newValue & ~unknown;
  m.unknown[index] = unknown;
}

/** `stops`: whenever the run gets here, it ends here. */
function refuseWith(m: Machine, rule: Rule, stops: boolean, reason: Omit<Refusal, "certain">): void {
  // An earlier refusal that is possible may take the place of this one.
  const refusal: Refusal = { ...reason, certain: stops && m.refusals.length === 0 };
  m.refusals.push(refusal);
  if (stops) {
    m.stopped = true;
    // How far the run gets is not known: what was recorded for a module that loads may not happen.
    if (!refusal.certain) settleRecords(m, "no");
  }
  m.listener?.({ kind: "refusal", rule, refusal });
}

function compileRead(effect: Extract<Effect, { read: unknown }>, rule: Rule): Action {
  const msr = MSR_NAMES.indexOf(effect.read);
  const lo = msrWordIndex(msr);
  const plain = effect.how === "plain";
  const number = effect.read;
  const { how } = effect;
  // Known reads are by far the most common: share one frozen record instead of making one per replay.
  const common: MsrRead = Object.freeze({ msr: number, how, fn: rule.fn, happens: "yes", faults: "no" });
  const ifItLoads: MsrRead = Object.freeze({ ...common, happens: "if it loads" });
  return (m, c) => {
    const faults = m.faults[msr] as Truth;
    const read: MsrRead =
      c === YES && faults === NO
        ? m.refusals.length === 0
          ? common
          : ifItLoads
        : { msr: number, how, fn: rule.fn, happens: happensWord(certaintyOf(m, c)), faults: truthToTri(faults) };
    m.reads.push(read);
    m.listener?.({ kind: "read", rule, read, value: { lo: wordAt(m, lo), hi: wordAt(m, lo + 1) } });
    if (plain && faults !== NO) reportFault(m, rule, effect.read, c === YES && faults === YES ? YES : MAYBE);
  };
}

function reportFault(m: Machine, rule: Rule, msr: MsrName, happens: Truth): void {
  const seen = m.unchecked.find((entry) => entry.msr === msr);
  if (seen !== undefined && seen.certain !== false) return;
  if (seen !== undefined) m.unchecked.splice(m.unchecked.indexOf(seen), 1);
  m.unchecked.push({ msr, certain: certaintyOf(m, happens) });
  if (m.uncheckedPrinted === YES) return;
  const certain = certaintyOf(m, m.uncheckedPrinted === NO ? happens : MAYBE);
  const text = `unchecked MSR access error: RDMSR from 0x${REPLAY_MSRS[msr].toString(16)}`;
  emitMessage(m, rule, { level: 4, text, certain });
  if (happens === YES) m.uncheckedPrinted = YES;
  else m.uncheckedPrinted = MAYBE;
}

function emitMessage(m: Machine, rule: Rule, message: Message): void {
  m.messages.push(message);
  m.listener?.({ kind: "message", rule, message });
}

function compileSay(effect: Extract<Effect, { say: unknown }>, rule: Rule): Action {
  const { say, level, once } = effect;
  const args = (effect.args ?? []).map(compileArg);
  return (m, c) => {
    const before = once === undefined ? NO : (m.once.get(once) ?? NO);
    if (before === YES) return;
    if (once !== undefined) m.once.set(once, c);
    let position = 0;
    const text = args.length === 0 ? say : say.replace(/%x/g, () => (args[position++] as (m: Machine) => string)(m));
    emitMessage(m, rule, { level, text, certain: certaintyOf(m, before === NO ? c : MAYBE) });
  };
}

function compileArg(arg: MessageArg): (m: Machine) => string {
  if ("wanted" in arg) {
    const text = (bitsMask(arg.wanted) >>> 0).toString(16);
    return () => text;
  }
  const index = wordIndex(arg.of[0]);
  const mask = bitsMask(arg.of);
  return (m) => {
    if (((m.unknown[index] as number) & mask) !== 0) return "?";
    return (((m.value[index] as number) & mask) >>> 0).toString(16);
  };
}

function compileWarn(effect: Extract<Effect, { warn: unknown }>, rule: Rule): Action {
  const { warn: kind, func, cond, text } = effect;
  return (m, c) => {
    const base = { kind, func, cond, certain: certaintyOf(m, c) };
    const warning: Warning = text === undefined ? base : { ...base, text };
    m.warnings.push(warning);
    m.listener?.({ kind: "warning", rule, warning });
  };
}

function compileAdjust(group: ControlGroup, rule: Rule, config: KernelConfig, specs: AdjustSpecs): Action {
  const spec = specs[group];
  if (spec === undefined) throw new RangeError(`no control lists were given for ${group}`);
  const low = wordIndex(spec.msr);
  const high = low + 1;
  const into = wordIndex(spec.into);
  const { min, opt } = spec;
  if (spec.wide) {
    // adjust_vmx_controls64: the register holds allowed-1 bits only, so nothing can be required or forced.
    return (m, c) => {
      store(m, into, (m.value[low] as number) & opt, (m.unknown[low] as number) & opt, c);
      store(m, into + 1, 0, 0, c);
    };
  }
  const asked = min | opt;
  const extra = spec.optional;
  const extraTest = extra === undefined ? undefined : simplify(extra.when, config);
  const extraTruth: Test | undefined =
    extraTest === undefined
      ? undefined
      : typeof extraTest === "boolean"
        ? () => (extraTest ? YES : NO)
        : compileTest(extraTest);
  return (m, c) => {
    let value = asked;
    let unknown = 0;
    if (extra !== undefined && extraTruth !== undefined) {
      const truth = extraTruth(m);
      if (truth === YES) value |= extra.bits;
      else if (truth === MAYBE) unknown |= extra.bits;
    }
    // ctl &= high
    const highValue = m.value[high] as number;
    const highUnknown = m.unknown[high] as number;
    unknown = (unknown & (highValue | highUnknown)) | (value & highUnknown);
    value &= highValue;
    // ctl |= low
    value |= m.value[low] as number;
    unknown = (unknown | (m.unknown[low] as number)) & ~value;
    const missing = min & ~value;
    if (missing !== 0) {
      const certain = (missing & ~unknown) !== 0;
      refuseWith(m, rule, certain && c === YES, {
        errno: "EIO",
        rule: rule.id,
        fn: "adjust_vmx_controls",
        missing: { word: spec.into, bits: (certain ? missing & ~unknown : missing) >>> 0 },
      });
      if (m.stopped) return;
      // Whoever gets past this has the required bits.
      value |= missing;
      unknown &= ~missing;
    }
    store(m, into, value, unknown, c);
  };
}
