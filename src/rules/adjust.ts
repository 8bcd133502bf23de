import { compileTest, type KernelConfig, simplify } from "./condition.js";
import type { Release } from "./kernels.js";
import { MAYBE, type Machine, type Refusal, settleRecords, store, type Truth, YES } from "./machine.js";
import type { Condition, ControlGroup, Rule } from "./rule.js";
import { type WordName, wordIndex } from "./words.js";

/* adjust_vmx_controls: what a group of controls becomes, bit by bit, on a machine whose registers may be unknown. */

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

/** `stops`: whenever the run gets here, it ends here. */
export function refuseWith(m: Machine, rule: Rule, stops: boolean, reason: Omit<Refusal, "certain">): void {
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

/** The lists of a group of controls. Throws `RangeError` where none were given. */
export function specOf(group: ControlGroup, adjust: AdjustSpecs): AdjustSpec {
  const spec = adjust[group];
  if (spec === undefined) throw new RangeError(`no control lists were given for ${group}`);
  return spec;
}

export function compileAdjust(group: ControlGroup, rule: Rule, { config, adjust }: Target): Action {
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
