import { placedBit } from "../../registers/bit-place.js";
import type { BitRow } from "../../registers/bit-row.js";
import { type FoldedName, foldName, foldNames, nearestOf } from "../../registers/edit-distance.js";
import { NAME_NOTES, namesOf } from "../../registers/lookup.js";
import { registerOf } from "../../registers/registers.js";
import type { Condition } from "../../rules/rule.js";
import {
  activatorOf,
  CONTROL_WORDS,
  type ControlName,
  type ControlWord,
  type ControlWordName,
  controlBit,
} from "../../vmcs/fields/control-bits.js";
import { FEATURE_LIST, type Feature } from "../../why/features.js";

/* Which controls a name means, in the words of any vocabulary. */

export interface Complaint {
  readonly problem: string;
  readonly expected: string;
}

export type Resolved =
  | { readonly kind: "controls"; readonly controls: readonly ControlName[]; readonly negated: boolean }
  /** A name that does not say which control is meant. */
  | ({ readonly kind: "unclear" } & Complaint)
  | { readonly kind: "unknown" };

const GROUP_NAMES: { readonly [name: string]: ControlWordName } = {
  pin: "pin",
  pinbased: "pin",
  proc: "proc",
  primary: "proc",
  cpu: "proc",
  proc2: "proc2",
  secondary: "proc2",
  proc3: "proc3",
  tertiary: "proc3",
  exit: "exit",
  exit2: "exit2",
  entry: "entry",
  vmfunc: "vmfunc",
};

interface NamedControl {
  readonly word: ControlWord;
  readonly row: BitRow;
}

interface Names {
  /** Every control bit once. */
  readonly controls: readonly NamedControl[];
  readonly byName: ReadonlyMap<string, readonly NamedControl[]>;
}

let names: Names | undefined;

export function controlNames(): Names {
  if (names !== undefined) return names;
  const byName = new Map<string, NamedControl[]>();
  const controls = Object.values(CONTROL_WORDS).flatMap((word) =>
    word.bits
      .filter((row, i) => word.bits.findIndex(({ bit }) => bit === row.bit) === i)
      .map((row): NamedControl => ({ word, row })),
  );
  for (const control of controls) {
    for (const name of new Set([...namesOf(control.row)].map(([, one]) => foldName(one)))) {
      byName.set(name, [...(byName.get(name) ?? []), control]);
    }
  }
  names = { controls, byName };
  return names;
}

const NEGATED = NAME_NOTES.filter(({ isNegated }) => isNegated).map(({ name }) => foldName(name));

export function resolve(name: string): Resolved {
  const grouped = /^([\w-]+?)\s*[/.:]\s*(\S.*)$/.exec(name);
  const group = grouped === null ? undefined : GROUP_NAMES[foldName(grouped[1] as string).replaceAll("_", "")];
  const bare = group === undefined ? name : (grouped?.[2] as string);
  const wanted = foldName(bare);
  const feature = group === undefined ? featureControls(wanted) : undefined;
  if (feature !== undefined) return { kind: "controls", controls: feature, negated: false };
  const withName = (one: string) =>
    (controlNames().byName.get(one) ?? []).filter(({ word }) => group === undefined || word.name === group);
  const exact = withName(wanted);
  const matches = exact.length > 0 ? exact : withName(`vmx_${wanted}`);
  if (matches.length > 1) return ambiguous(bare, matches);
  const [only] = matches;
  if (only !== undefined) {
    const negated = NEGATED.includes(wanted) || NEGATED.includes(`vmx_${wanted}`);
    return { kind: "controls", controls: [controlName(only)], negated };
  }
  const placed = placedControl(name);
  if (placed !== undefined) return { kind: "controls", controls: [placed], negated: false };
  if (!features().has(wanted)) return { kind: "unknown" };
  const problem = `${name} is a capability that no control switches`;
  return { kind: "unclear", problem, expected: "the name of a control" };
}

/** The control at a place, as `0x48b[22]`. */
function placedControl(text: string): ControlName | undefined {
  const place = placedBit(text);
  if (place === undefined) return undefined;
  const found = controlNames().controls.find(
    ({ word, row }) => word.msr === place.register.index && row.bit === place.bit,
  );
  return found === undefined ? undefined : controlName(found);
}

function controlName({ word, row }: NamedControl): ControlName {
  return `${word.name}.${row.key}` as ControlName;
}

function ambiguous(name: string, matches: readonly NamedControl[]): Resolved {
  const words = matches.map(({ word }) => word.sdm);
  return {
    kind: "unclear",
    problem: `${name} is in the ${words.join(" and in the ")}`,
    expected: matches.map(({ word }) => `${word.name}/${name}`).join(" or "),
  };
}

let candidates: readonly FoldedName[] | undefined;

/** Every name of a control, of those that are alike the first. */
function controlCandidates(): readonly FoldedName[] {
  if (candidates !== undefined) return candidates;
  const byFolded = new Map<string, FoldedName>();
  for (const name of foldNames(controlNames().controls.flatMap(({ row }) => [...namesOf(row)].map(([, one]) => one)))) {
    if (!byFolded.has(name.folded)) byFolded.set(name.folded, name);
  }
  candidates = [...byFolded.values()];
  return candidates;
}

export function expectedFor(name: string): string {
  const near = nearestOf(name, controlCandidates(), 3);
  return near.length === 0 ? "a name as the SDM, Linux, QEMU or another vocabulary has it" : near.join(", ");
}

// ---- Features ----

let byFeatureName: ReadonlyMap<string, Feature> | undefined;

export function features(): ReadonlyMap<string, Feature> {
  byFeatureName ??= new Map(
    // The first feature with a name wins.
    [...FEATURE_LIST]
      .reverse()
      .flatMap((feature) =>
        [feature.id, feature.name, ...(feature.aliases ?? [])].map((name) => [foldName(name), feature]),
      ),
  );
  return byFeatureName;
}

/** The controls behind a feature; `undefined` if the name is not a feature or the feature has none. */
function featureControls(wanted: string): readonly ControlName[] | undefined {
  const silicon = features().get(wanted)?.silicon;
  const controls = silicon === undefined ? [] : controlsIn(silicon);
  // The activation of a word follows from the controls in it.
  const activators = controls.map((name) => activatorOf(controlBit(name).word));
  return controls.length === 0 ? undefined : controls.filter((name) => !activators.includes(name));
}

function controlsIn(condition: Condition): readonly ControlName[] {
  if ("all" in condition) return condition.all.flatMap(controlsIn);
  if (!("bit" in condition)) return [];
  const [word, bit] = condition.bit as readonly [string, string | number];
  const found = controlNames().controls.find(
    (one) => (one.row.key === bit || one.row.bit === bit) && allowedWordName(one.word) === word,
  );
  return found === undefined ? [] : [controlName(found)];
}

/** The name that rules give to the allowed-1 settings of a control word. */
function allowedWordName({ msr, shape }: ControlWord): string {
  return `${registerOf(msr)?.sdm}.${shape === "halves" ? "hi" : "lo"}`;
}
