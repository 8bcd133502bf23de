import type { Tri } from "../bits/tri.js";
import { rulesOf } from "../kvm/load/rule-list.js";
import { adjustSpecs, GROUP_WORDS, WANTED_CONTROLS, type WantedControl } from "../kvm/load/wanted-controls.js";
import { simplify } from "../rules/condition.js";
import { holdsIn } from "../rules/held.js";
import { RELEASES, type ReleaseRange, rangesOf } from "../rules/release.js";
import type { Condition, ControlGroup, Rule } from "../rules/rule.js";
import { BOOL_PARAMS, bitIndex, bitName, MSR_NAMES, type MsrName, type WordName } from "../rules/words.js";
import { couldSet, lastChange, sourcesIn, sourcesOf } from "./bit-sources.js";
import { holdsBefore } from "./state-before.js";
import type { TracedReplay } from "./traced-replay.js";

/*
 * Why a bit of a finished replay is what it is, read off the rule tables and the trace: nothing here knows a feature or
 * a release by name.
 */

/** One leaf of a condition with its value. */
export interface Leaf {
  readonly condition: Condition;
  readonly value: Tri;
}

/** Why a bit is 1, 0 or unknown. */
export type Reason =
  /** A rule changed it last. */
  | { readonly kind: "changed"; readonly rule: Rule; readonly to: Tri; readonly leaves: readonly Leaf[] }
  /** The CPU's register says so. */
  | {
      readonly kind: "silicon";
      readonly msr: MsrName;
      readonly half: "lo" | "hi";
      readonly bit: number;
      readonly state: "absent" | "unknown" | "value";
      readonly value: Tri;
    }
  /**
   * KVM of this release does not ask for the control, or not on a CPU like this one (`here`); the ranges are those in
   * which it does.
   */
  | {
      readonly kind: "not asked";
      readonly group: ControlGroup;
      readonly askedIn: readonly ReleaseRange[];
      readonly here?: true;
    }
  /** A rule that would have set it did not run. */
  | { readonly kind: "not reached"; readonly rule: Rule; readonly leaves: readonly Leaf[] }
  /** No rule of this release sets it. */
  | { readonly kind: "never" }
  /** A fact about the machine that is not a register: CPUID, the way it was booted, an erratum. */
  | { readonly kind: "fact"; readonly name: string }
  /** The user asked for this value of a parameter, or it is the default. */
  | { readonly kind: "parameter"; readonly name: string; readonly given: boolean };

/** One bit at the end of a replay with the reason for its value. */
export interface BitReason {
  readonly word: WordName;
  readonly bit: number;
  readonly value: Tri;
  readonly reason: Reason;
  /** Where the bit was taken from, if it is a copy. */
  readonly because: readonly BitReason[];
}

/**
 * What was found out about a replay. A condition with many leaves asks for the same bits and rules again and again, six
 * levels deep; each is worked out once.
 */
interface Remembered {
  readonly leaves: Map<Rule, readonly Leaf[]>;
  /** By word, bit and depth. */
  readonly reasons: Map<string, BitReason>;
}

const remembered = new WeakMap<TracedReplay, Remembered>();

function memoryOf(traced: TracedReplay): Remembered {
  let memory = remembered.get(traced);
  if (memory === undefined) {
    memory = { leaves: new Map(), reasons: new Map() };
    remembered.set(traced, memory);
  }
  return memory;
}

/** The leaves that made a rule's condition what it was when the rule had its turn. */
export function leavesOfRule(traced: TracedReplay, rule: Rule): readonly Leaf[] {
  const { leaves } = memoryOf(traced);
  let found = leaves.get(rule);
  if (found === undefined) {
    found = leavesOf(traced, rule.when, holdsBefore(traced, rule));
    leaves.set(rule, found);
  }
  return found;
}

/**
 * The leaves that make a condition what it is at the end of the replay, each with its value: of parts that all have to
 * hold those that do not, if one does not. Build options are folded away.
 */
export function leavesOf(
  traced: TracedReplay,
  condition: Condition | undefined,
  holds: (condition: Condition) => Tri = traced.replayed.cpu.holds,
): readonly Leaf[] {
  if (condition === undefined) return [];
  const rest = simplify(condition, traced.replayed.config);
  if (typeof rest === "boolean") return [];
  const leaves: Leaf[] = [];
  const visit = (part: Condition): void => {
    if ("not" in part) visit(part.not);
    else if ("xor" in part) for (const inner of part.xor) visit(inner);
    else if ("all" in part || "any" in part) {
      const whole = holds(part);
      for (const inner of "all" in part ? part.all : part.any) if (holds(inner) === whole) visit(inner);
    } else leaves.push({ condition: part, value: holds(part) });
  };
  visit(rest);
  return leaves;
}

const MOST_STEPS_BACK = 6;

/**
 * Why a bit has its value, followed back through copies to the register or rule that decided. Reasons are shared: the
 * same bit at the same depth is the same object, so that a walk through them can leave out what it has seen.
 */
export function reasonFor(traced: TracedReplay, word: WordName, bit: number, depth = 0): BitReason {
  const { reasons } = memoryOf(traced);
  const key = `${word} ${bit} ${depth}`;
  let found = reasons.get(key);
  if (found === undefined) {
    found = findReason(traced, word, bit, depth);
    reasons.set(key, found);
  }
  return found;
}

function findReason(traced: TracedReplay, word: WordName, bit: number, depth: number): BitReason {
  const value = traced.replayed.cpu.bit(word, bit);
  const answer = (reason: Reason, because: readonly BitReason[] = []): BitReason => ({
    word,
    bit,
    value,
    reason,
    because,
  });

  const msr = registerOf(word);
  if (msr !== undefined) return answer(siliconReason(traced, msr.name, msr.half, bit, value));

  if (word === "machine" || word === "cpu_has")
    return answer({ kind: "fact", name: bitName(word, bit) ?? String(bit) });

  const back = (sources: readonly (readonly [WordName, number])[]) =>
    depth >= MOST_STEPS_BACK ? [] : sources.map(([w, b]) => reasonFor(traced, w, b, depth + 1));

  const change = lastChange(traced.events, word, bit);
  if (change !== undefined) {
    const leaves = leavesOfRule(traced, change.rule);
    const reason: Reason = { kind: "changed", rule: change.rule, to: value, leaves };
    // A rule that set the bit from elsewhere is explained by where it came from; one that cleared it by its condition.
    const taken = value === "no" ? [] : sourcesIn(change.rule, word, bit);
    const asked = value === "yes" ? [] : bitsOfLeaves(leaves, word, bit);
    const sources = [...taken, ...asked, ...(value === "unknown" ? optionalSources(traced, change.rule, bit) : [])];
    return answer(reason, back(sources));
  }
  if (word === "params") {
    const name = BOOL_PARAMS[bit] as string;
    return answer({ kind: "parameter", name, given: name in traced.given });
  }
  return unsetReason(traced, word, bit, answer, back);
}

function unsetReason(
  traced: TracedReplay,
  word: WordName,
  bit: number,
  answer: (reason: Reason, because?: readonly BitReason[]) => BitReason,
  back: (sources: readonly (readonly [WordName, number])[]) => BitReason[],
): BitReason {
  const { release, config, cpu } = traced.replayed;
  const group = groupOf(word);
  const candidates: Rule[] = [];
  const copies: (readonly [WordName, number])[] = [];
  for (const rule of rulesOf(release, config)) {
    for (const effect of rule.does) {
      if (group !== undefined && "adjust" in effect && effect.adjust === group) {
        const ran = rule.when === undefined ? "yes" : cpu.holds(rule.when);
        if (ran === "no") {
          const leaves = leavesOfRule(traced, rule);
          return answer({ kind: "not reached", rule, leaves }, back(bitsOfLeaves(leaves, word, bit)));
        }
        return adjustReason(traced, group, bit, answer, back);
      }
      if (couldSet(effect, word, bit)) candidates.push(rule);
      for (const source of sourcesOf(effect, word, bit)) copies.push(source);
    }
  }
  if (copies.length > 0) {
    const because = back(copies);
    const copying = rulesOf(release, config).filter((rule) =>
      rule.does.some((effect) => sourcesOf(effect, word, bit).length > 0),
    );
    const ran = copying.findLast((rule) => rule.when === undefined || holdsBefore(traced, rule)(rule.when) !== "no");
    if (ran !== undefined) return answer({ kind: "changed", rule: ran, to: cpu.bit(word, bit), leaves: [] }, because);
    const [skipped] = copying;
    if (skipped !== undefined) {
      const leaves = leavesOfRule(traced, skipped);
      return answer({ kind: "not reached", rule: skipped, leaves }, back(bitsOfLeaves(leaves, word, bit)));
    }
  }
  const [candidate] = candidates;
  if (candidate !== undefined) {
    const leaves = leavesOfRule(traced, candidate);
    return answer({ kind: "not reached", rule: candidate, leaves }, back(bitsOfLeaves(leaves, word, bit)));
  }
  if (group !== undefined) return answer({ kind: "not asked", group, askedIn: askedIn(group, bit) });
  return answer({ kind: "never" });
}

function adjustReason(
  traced: TracedReplay,
  group: ControlGroup,
  bit: number,
  answer: (reason: Reason, because?: readonly BitReason[]) => BitReason,
  back: (sources: readonly (readonly [WordName, number])[]) => BitReason[],
): BitReason {
  const { release, config, cpu } = traced.replayed;
  const spec = adjustSpecs(release, config)[group];
  if (spec === undefined) return answer({ kind: "never" });
  const mask = 1 << bit;
  const optional = spec.optional?.find(({ bits }) => (bits & mask) !== 0);
  const asked = ((spec.min | spec.opt | (spec.unsure ?? 0)) & mask) !== 0 || optional !== undefined;
  if (!asked) return answer({ kind: "not asked", group, askedIn: askedIn(group, bit) });
  const conditional = ((spec.min | spec.opt) & mask) === 0 ? optional?.when : undefined;
  if (conditional !== undefined && cpu.holds(conditional) === "no") {
    const leaves = leavesOf(traced, conditional);
    const because = back(bitsOfLeaves(leaves, "reached", 0));
    return answer({ kind: "not asked", group, askedIn: askedIn(group, bit), here: true }, because);
  }
  const half = spec.wide ? spec.msr : (spec.msr.replace(/\.lo$/, ".hi") as WordName);
  const rule = rulesOf(release, config).find((candidate) =>
    candidate.does.some((effect) => "adjust" in effect && effect.adjust === group),
  );
  if (rule === undefined) return answer({ kind: "never" });
  return answer({ kind: "changed", rule, to: "no", leaves: [] }, back([[half, bit]]));
}

/** Release ranges in which KVM asks for a control; empty for one it never asks for. */
function askedIn(group: ControlGroup, bit: number): readonly ReleaseRange[] {
  const { word } = GROUP_WORDS[group];
  const rows = (WANTED_CONTROLS[group] as readonly WantedControl[]).filter(
    (control) => bitIndex(word, control.name) === bit,
  );
  return rangesOf(RELEASES.filter((release) => rows.some(({ held }) => holdsIn(release, held) !== false)));
}

function groupOf(word: WordName): ControlGroup | undefined {
  return (Object.keys(GROUP_WORDS) as ControlGroup[]).find((group) => GROUP_WORDS[group].word === word);
}

function registerOf(word: WordName): { readonly name: MsrName; readonly half: "lo" | "hi" } | undefined {
  const dot = word.lastIndexOf(".");
  const name = word.slice(0, dot) as MsrName;
  if (dot < 0 || !MSR_NAMES.includes(name)) return undefined;
  return { name, half: word.slice(dot + 1) as "lo" | "hi" };
}

function siliconReason(traced: TracedReplay, msr: MsrName, half: "lo" | "hi", bit: number, value: Tri): Reason {
  const faults = traced.replayed.cpu.holds({ faults: msr });
  const state = faults === "yes" ? "absent" : faults === "unknown" ? "unknown" : "value";
  return { kind: "silicon", msr, half, bit, state, value };
}

/** Bits on which it depends whether KVM asks for a control at all. */
function optionalSources(traced: TracedReplay, rule: Rule, bit: number): readonly (readonly [WordName, number])[] {
  const { release, config } = traced.replayed;
  return rule.does.flatMap((effect) => {
    const optional = "adjust" in effect ? adjustSpecs(release, config)[effect.adjust]?.optional : undefined;
    return (optional ?? []).flatMap(({ bits, when }) =>
      ((bits >>> bit) & 1) === 0 ? [] : bitsOfLeaves(leavesOf(traced, when), "reached", 0),
    );
  });
}

/** Bits that decided a condition, to be explained in turn; never the bit that is being explained. */
function bitsOfLeaves(leaves: readonly Leaf[], word: WordName, bit: number): readonly (readonly [WordName, number])[] {
  const bits: (readonly [WordName, number])[] = [];
  for (const { condition } of leaves) {
    if (!("bit" in condition)) continue;
    const [leafWord, name] = condition.bit;
    const index = bitIndex(leafWord, name);
    if (leafWord === "reached" || (leafWord === word && index === bit)) continue;
    bits.push([leafWord, index]);
  }
  return bits;
}
