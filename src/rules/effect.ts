import { bitsMask, compileTest, fieldMask, type KernelConfig, simplify } from "./condition.js";
import { heldIn, valueIn } from "./held.js";
import { kernelRow, type Release } from "./kernels.js";
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
import type { Condition, ControlGroup, Effect, MessageArg, Rule, Say, Wording } from "./rule.js";
import { MSR_NAMES, type MsrName, REPLAY_MSRS, STAGES, type WordName, wordIndex } from "./words.js";

/* Effects: each becomes a closure that changes the machine, for one kernel and configuration. */

/** A compiled effect; it knows whether it happens for certain. */
export type Action = (m: Machine, happens: Truth) => void;

/** Required and wanted bits of one group of controls, and where `adjust_vmx_controls` finds and puts them. */
export interface AdjustSpec {
  readonly msr: WordName;
  readonly into: WordName;
  readonly min: number;
  readonly opt: number;
  /** Wanted only while a condition holds, as ENCLS exiting before 6.1. */
  readonly optional?: readonly { readonly when: Condition; readonly bits: number }[];
  /** Bits that may be asked for: the tables do not know whether this kernel does. */
  readonly unsure?: number;
  /** 64-bit register of allowed-1 bits only (`adjust_vmx_controls64`). */
  readonly wide?: boolean;
}
export type AdjustSpecs = Readonly<Partial<Record<ControlGroup, AdjustSpec>>>;

/** What effects are compiled for. */
export interface Target {
  readonly release: Release;
  readonly config: KernelConfig;
  readonly adjust: AdjustSpecs;
}

/** The function of the kernel that a rule is about. */
export function functionOf(rule: Pick<Rule, "fn" | "stage">, release: Release): string {
  return (rule.fn === undefined ? undefined : valueIn(rule.fn, release)) ?? rule.stage;
}

/** The file of the kernel that a rule rests on. */
export function fileOf({ file }: Pick<Rule, "file">, release: Release): string {
  return valueIn(file, release) ?? "";
}

/** Whether what a rule does is the same in every kernel and configuration: no part that is used has a range. */
export function isSameEverywhere({ fn, does }: Rule): boolean {
  return does.every((effect) => {
    if ("adjust" in effect) return false;
    if ("read" in effect || "refuse" in effect) return isOne(fn);
    if ("say" in effect) return isOne(effect.say);
    return !("warn" in effect) || (isOne(effect.func) && isOne(effect.cond) && isOne(effect.text));
  });
}

const isOne = (value: unknown): boolean => typeof value !== "object";

/** Turns an effect into a closure. */
export function compileEffect(effect: Effect, rule: Rule, target: Target): Action {
  if ("read" in effect) return compileRead(effect, rule, functionOf(rule, target.release));
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
  if ("assignBits" in effect) {
    const index = wordIndex(effect.assignBits[0]);
    const mask = bitsMask(effect.assignBits);
    return (m, c) => store(m, index, mask, 0, c);
  }
  if ("assignNumber" in effect) {
    const index = wordIndex(effect.assignNumber);
    const value = effect.value | 0;
    return (m, c) => store(m, index, value, 0, c);
  }
  if ("copyWord" in effect) {
    const to = wordIndex(effect.copyWord);
    const from = wordIndex(effect.from);
    return (m, c) => store(m, to, m.value[from] as number, m.unknown[from] as number, c);
  }
  if ("copyOnly" in effect) {
    const to = wordIndex(effect.copyOnly[0]);
    const from = wordIndex(effect.from);
    const mask = bitsMask(effect.copyOnly);
    return (m, c) => store(m, to, (m.value[from] as number) & mask, (m.unknown[from] as number) & mask, c);
  }
  if ("copyField" in effect) {
    const to = wordIndex(effect.copyField[0]);
    const from = wordIndex(effect.from[0]);
    const [, toBit] = effect.copyField;
    const [, fromBit] = effect.from;
    const mask = fieldMask(effect.width - 1, 0);
    const rest = ~(mask << toBit);
    return (m, c) => {
      const value = (((m.value[from] as number) >>> fromBit) & mask) << toBit;
      const unknown = (((m.unknown[from] as number) >>> fromBit) & mask) << toBit;
      store(m, to, ((m.value[to] as number) & rest) | value, ((m.unknown[to] as number) & rest) | unknown, c);
    };
  }
  if ("adjust" in effect) return compileAdjust(effect.adjust, rule, target);
  if ("call" in effect || "leave" in effect) {
    const index = wordIndex("reached");
    const calls = "call" in effect;
    const mask = 1 << STAGES.indexOf(calls ? effect.call : effect.leave);
    return (m, c) => {
      const value = calls ? (m.value[index] as number) | mask : (m.value[index] as number) & ~mask;
      reach(m, index, value, (m.unknown[index] as number) & ~mask, c);
    };
  }
  if ("refuse" in effect) {
    const { refuse } = effect;
    const fn = functionOf(rule, target.release);
    return (m, c) => refuseWith(m, rule, c === YES, { errno: refuse, rule: rule.id, fn });
  }
  if ("say" in effect) return compileSay(effect, rule, target.release);
  return compileWarn(effect, rule, target.release);
}

/** Control flow is not a change worth reporting to a listener, so it does not go through `store`. */
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

function compileRead(effect: Extract<Effect, { read: unknown }>, rule: Rule, fn: string): Action {
  const msr = MSR_NAMES.indexOf(effect.read);
  const lo = msrWordIndex(msr);
  const plain = effect.how === "plain";
  const number = effect.read;
  const { how } = effect;
  // Known reads are by far the most common: share one frozen record instead of making one per replay.
  const common: MsrRead = Object.freeze({ msr: number, how, fn, happens: "yes", faults: "no" });
  const ifItLoads: MsrRead = Object.freeze({ ...common, happens: "if it loads" });
  return (m, c) => {
    const faults = m.faults[msr] as Truth;
    const read: MsrRead =
      c === YES && faults === NO
        ? m.refusals.length === 0
          ? common
          : ifItLoads
        : { msr: number, how, fn, happens: happensWord(certaintyOf(m, c)), faults: truthToTri(faults) };
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

function compileSay(effect: Say, rule: Rule, release: Release): Action {
  const { once } = effect;
  const wordings = wordingsOf(effect, release);
  // Where the tables do not know the wording, each that is possible may be printed.
  const surely = wordings.length === 1 && wordings[0]?.certain === true;
  const prints = wordings.map(({ text, level, args }) => {
    const compiled = (args ?? []).map(compileArg);
    return { level, text: compiled.length === 0 ? () => text : template(text, compiled) };
  });
  return (m, c) => {
    const before = once === undefined ? NO : (m.once.get(once) ?? NO);
    if (before === YES) return;
    if (once !== undefined) m.once.set(once, c);
    const certain = certaintyOf(m, surely && before === NO ? c : MAYBE);
    for (const { level, text } of prints) emitMessage(m, rule, { level, text: text(m), certain });
  };
}

/** What a step prints in a kernel; more than one text where it is not known which. */
export function wordingsOf(
  { say, level, args }: Say,
  release: Release,
): readonly (Required<Pick<Wording, "text" | "level">> & Pick<Wording, "args"> & { readonly certain: boolean })[] {
  if (typeof say === "string") return [{ text: say, level, ...(args === undefined ? {} : { args }), certain: true }];
  const kernel = kernelRow(release);
  const found = say.flatMap((wording) => {
    const held = heldIn(wording.held, kernel);
    if (held === false) return [];
    const own = wording.args ?? args;
    return [
      {
        text: wording.text,
        level: wording.level ?? level,
        ...(own === undefined ? {} : { args: own }),
        certain: held === true,
      },
    ];
  });
  const sure = found.find(({ certain }) => certain);
  return sure === undefined ? found : [sure];
}

function template(text: string, args: readonly ((m: Machine) => string)[]): (m: Machine) => string {
  return (m) => {
    let position = 0;
    return text.replace(/%x/g, () => (args[position++] as (m: Machine) => string)(m));
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

function compileWarn(effect: Extract<Effect, { warn: unknown }>, rule: Rule, release: Release): Action {
  const { warn: kind } = effect;
  const text = effect.text === undefined ? undefined : valueIn(effect.text, release);
  const known = {
    kind,
    func: valueIn(effect.func, release) ?? "",
    cond: valueIn(effect.cond, release) ?? "",
    ...(text === undefined ? {} : { text }),
  };
  return (m, c) => {
    const warning: Warning = { ...known, certain: certaintyOf(m, c) };
    m.warnings.push(warning);
    m.listener?.({ kind: "warning", rule, warning });
  };
}

/** The lists of a group of controls. Throws `RangeError` where none were given. */
export function specOf(group: ControlGroup, adjust: AdjustSpecs): AdjustSpec {
  const spec = adjust[group];
  if (spec === undefined) throw new RangeError(`no control lists were given for ${group}`);
  return spec;
}

function compileAdjust(group: ControlGroup, rule: Rule, { config, adjust }: Target): Action {
  const spec = specOf(group, adjust);
  const low = wordIndex(spec.msr);
  const high = low + 1;
  const into = wordIndex(spec.into);
  const { min, opt } = spec;
  if (spec.wide) {
    // adjust_vmx_controls64: the register holds allowed-1 bits only, so nothing can be required or forced.
    return (m, c) => {
      const value = (m.value[low] as number) & opt;
      const unknown = (m.unknown[low] as number) & opt;
      store(
        m,
        into,
        value,
        unknown | (((m.value[low] as number) | (m.unknown[low] as number)) & (spec.unsure ?? 0)),
        c,
      );
      store(m, into + 1, 0, 0, c);
    };
  }
  const asked = min | opt;
  const unsure = spec.unsure ?? 0;
  const extras = (spec.optional ?? []).flatMap(({ when, bits }) => {
    const test = simplify(when, config);
    if (test === false) return [];
    return [{ bits, truth: test === true ? (): Truth => YES : compileTest(test) }];
  });
  return (m, c) => {
    let value = asked;
    let unknown = unsure;
    for (const { bits, truth } of extras) {
      const holds = truth(m);
      if (holds === YES) value |= bits;
      else if (holds === MAYBE) unknown |= bits;
    }
    // ctl &= high
    const highValue = m.value[high] as number;
    const highUnknown = m.unknown[high] as number;
    unknown = (unknown & ~value & (highValue | highUnknown)) | (value & highUnknown);
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
      // Past this point the required bits are there.
      value |= missing;
      unknown &= ~missing;
    }
    store(m, into, value, unknown, c);
  };
}
