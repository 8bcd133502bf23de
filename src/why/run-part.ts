import { VMX_FLAGS } from "../linux/vmx-features.js";
import { foldName } from "../registers/edit-distance.js";
import { atomsOf } from "../rules/condition.js";
import { valuesOf } from "../rules/held.js";
import type { TraceEvent } from "../rules/machine.js";
import type { Bit, Condition, Rule } from "../rules/rule.js";
import { BOOL_PARAMS, bitIndex, type WordName } from "../rules/words.js";
import type { Feature } from "./features.js";
import { knownRules } from "./known-rules.js";

/** A part of a run: the steps for which everything holds that is given. */
export interface RunPart {
  /** Of one of these functions of the kernel, by any of its names. */
  readonly functions?: readonly string[];
  /** That change one of these words. */
  readonly words?: readonly WordName[];
  /** That read or change one of these bits. */
  readonly bits?: readonly BitAt[];
  /** Of one of these rules, by their ids. */
  readonly rules?: readonly string[];
  /** That cut a group of controls to what the CPU allows. */
  readonly adjusts?: true;
}

/** A bit of a word by its number. */
export type BitAt = readonly [word: WordName, bit: number];

/** Whether a step, given as its rule and what the rule did, belongs to a part. */
export function isInPart(
  part: RunPart,
  { rule, events }: { readonly rule: Rule; readonly events: readonly TraceEvent[] },
): boolean {
  const { functions, words, bits, adjusts } = part;
  if (part.rules !== undefined && !part.rules.includes(rule.id)) return false;
  if (functions !== undefined && !functions.some((name) => isCalled(rule, name))) return false;
  if (adjusts === true && !rule.does.some((effect) => "adjust" in effect)) return false;
  if (words !== undefined && !events.some((event) => event.kind === "change" && words.includes(event.word)))
    return false;
  return bits === undefined || events.some((event) => bits.some((bit) => touches(event, bit)));
}

/** The rules of the functions that a part asks for, whatever the kernel. */
export function rulesOfFunctions({ functions = [] }: RunPart): readonly Rule[] {
  const wanted = functions.map(foldName);
  return knownRules().filter((rule) => namesOfFunction(rule).some((own) => wanted.includes(foldName(own))));
}

function isCalled(rule: Rule, name: string): boolean {
  return namesOfFunction(rule).some((own) => foldName(own) === foldName(name));
}

function touches(event: TraceEvent, [word, bit]: BitAt): boolean {
  if (event.kind === "read") return word === `${event.read.msr}.lo` || word === `${event.read.msr}.hi`;
  if (event.kind !== "change" || event.word !== word) return false;
  const { before, after } = event;
  return (((before.value ^ after.value) | (before.unknown ^ after.unknown)) >>> bit) % 2 === 1;
}

/** Every bit in which a feature lives on its way: in the register, at boot, in KVM, as a parameter, and for L1. */
export function bitsOfFeature(feature: Feature): readonly BitAt[] {
  const flag = VMX_FLAGS.find((row) => row.flag === feature.flag);
  const param = (BOOL_PARAMS as readonly string[]).indexOf(feature.param ?? "");
  return [
    ...[feature.silicon, feature.kvm, feature.nested].flatMap(bitsIn),
    ...(flag === undefined ? [] : [[`vmx_capability[${flag.word}]` as WordName, flag.bit] as const]),
    ...(param < 0 ? [] : [["params", param] as const]),
  ];
}

function bitsIn(condition: Condition | undefined): BitAt[] {
  if (condition === undefined) return [];
  return atomsOf(condition).flatMap((atom) => ("bit" in atom ? [placeOf(atom.bit)] : []));
}

const placeOf = ([word, bit]: Bit): BitAt => [word, bitIndex(word, bit)];

let functionNames: readonly string[] | undefined;

/** The functions of the kernel that a run goes through, by every name that a kernel has for them. */
export function runFunctions(): readonly string[] {
  functionNames ??= [...new Set(knownRules().flatMap(namesOfFunction))];
  return functionNames;
}

/** Every name by which a reader of some kernel looks for the step; a function that was divided keeps the name of the whole. */
function namesOfFunction(rule: Rule): readonly string[] {
  return rule.fn === undefined ? [rule.stage] : valuesOf(rule.fn).flatMap((names) => names.split(", "));
}
