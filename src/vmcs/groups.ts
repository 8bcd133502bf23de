import { lowerFirst } from "../bits/first-letter.js";
import { judge } from "./audit-judge.js";
import type { Check } from "./checks/check-row.js";
import type { Bool } from "./checks/expr.js";
import { fieldsOf } from "./checks/inputs.js";
import { fieldValue, type Scene, sceneWith } from "./checks/scene.js";
import { controlWordOf } from "./fields/control-bits.js";
import { decodeField } from "./fields/decode.js";
import type { FieldRow } from "./fields/field-row.js";
import { fieldName } from "./fields/fields.js";
import { type Change, describeChange } from "./finding.js";
import { applyEdits, changedBits, type Repair } from "./repair.js";
import { breaksAnother, costOf, isEvasion, stepsFor } from "./steps.js";
import { format64 } from "./value64.js";

/** Failing checks that one change mends: they have one cause. */
export interface Group {
  /** The check that says most directly what is wrong. */
  readonly primary: Check;
  /** Ids of all of them, in the order of the manual. */
  readonly checks: readonly string[];
  /** The change, where one of fields mends them. */
  readonly change?: Change;
  /** What is wrong, as a plain sentence. */
  readonly sentence: string;
}

/** From so many failing checks the changes are taken that are tried. */
const TRIED = 8;
const MOST_GROUPS = 12;
/** What is said about the bits of one value, whatever the others are. */
const OF_ITS_BITS = /\.(?:reserved|bit1)(?:\.|$)/;

function isMalformed({ id, rule, when }: Check): boolean {
  return (
    OF_ITS_BITS.test(id) &&
    fieldsOf(rule).size === 1 &&
    [...fieldsOf(when)].every((encoding) => controlWordOf(encoding) !== undefined)
  );
}

/** Groups failing checks by the smallest change that mends them; the group of most checks first. */
export function groupsOf(
  failing: readonly Check[],
  scene: Scene,
  prefers: (check: Check) => boolean,
): readonly Group[] {
  const groups: Group[] = [];
  let left = failing;
  let here = scene;
  while (left.length > 0 && groups.length < MOST_GROUPS) {
    // What the CPU reported comes first, if anything fits it.
    const wanted = left.filter(prefers);
    const pool = wanted.length > 0 ? wanted : left;
    // A value that no VMCS may hold comes before two that contradict each other.
    const malformed = pool.find(isMalformed);
    const mended = malformed === undefined ? undefined : bestStep([malformed], left, here, "value");
    const best = mended ?? bestStep(pool, left, here);
    if (best === undefined) {
      const first = malformed ?? pool[0];
      groups.push({
        primary: first as Check,
        checks: [(first as Check).id],
        sentence: sentenceOf(first as Check, undefined, here, 1),
      });
      left = left.filter((check) => check !== first);
      continue;
    }
    const served = left.filter((check) => best.served.has(check));
    const primary = primaryOf(served.some(prefers) ? served.filter(prefers) : served, best.way);
    groups.push({
      primary,
      checks: served.map(({ id }) => id),
      change: describeChange(best.way, here),
      sentence: sentenceOf(primary, best.way, here, served.length),
    });
    left = left.filter((check) => !best.served.has(check));
    here = sceneWith(here, applyEdits(here.fields, best.way));
  }
  return groups;
}

interface Step {
  readonly way: Repair;
  readonly served: ReadonlySet<Check>;
  readonly score: number;
}

/** The step that mends most, or with `value` that does not only keep the CPU from looking; where two mend as many, the one that changes less and breaks nothing. */
function bestStep(
  from: readonly Check[],
  failing: readonly Check[],
  scene: Scene,
  mend: "value" | "anything" = "anything",
): Step | undefined {
  let best: Step | undefined;
  for (const check of spread(from)) {
    for (const first of stepsFor(check, scene)) {
      const way = widened(first, failing, scene);
      const served = servedBy(way, failing, scene);
      if (!served.has(check)) continue;
      const evades = isEvasion(way, scene) && check.remedy !== "when";
      if (mend === "value" && !way.every(({ row }) => fieldsOf(check.rule).has(row.encoding))) continue;
      const score = served.size * (evades ? 50 : 100) - costOf(way, scene) * 10 - bitsOf(way, scene) / 10;
      if (best !== undefined && score <= best.score) continue;
      // A change that breaks something else is a change that another one has to follow.
      const honest = breaksAnother(way, scene) ? score - 60 : score;
      if (best === undefined || honest > best.score) best = { way, served, score: honest };
    }
  }
  return best;
}

function servedBy(way: Repair, failing: readonly Check[], scene: Scene): ReadonlySet<Check> {
  const after = sceneWith(scene, applyEdits(scene.fields, way));
  return new Set(failing.filter((check) => judge(check, after).result !== "fails"));
}

const MOST_WIDENED = 4;

/** A field that several checks find wrong is changed for all of them. */
function widened(first: Repair, failing: readonly Check[], scene: Scene): Repair {
  let way = first;
  const rows = new Set(way.map(({ row }) => row));
  const [only] = rows;
  if (only === undefined || rows.size > 1) return way;
  for (let round = 0; round < MOST_WIDENED; round++) {
    const after = sceneWith(scene, applyEdits(scene.fields, way));
    let more: Repair | undefined;
    for (const check of failing) {
      const looked = isEvasion(way, scene) ? fieldsOf(check.rule, fieldsOf(check.when)) : fieldsOf(check.rule);
      if (!looked.has(only.encoding) || judge(check, after).result !== "fails") continue;
      more = stepsFor(check, after).find((other) => other.every(({ row }) => row === only));
      if (more !== undefined) break;
    }
    if (more === undefined) break;
    way = [...way, ...more];
  }
  return way;
}

/** A few of a long list, over its whole length. */
function spread(checks: readonly Check[]): readonly Check[] {
  if (checks.length <= TRIED) return checks;
  // The general rules, from which the special ones follow, come last in a long list.
  return [...checks.slice(0, TRIED / 2), ...checks.slice(-TRIED / 2)];
}

function bitsOf(way: Repair, scene: Scene): number {
  const after = applyEdits(scene.fields, way);
  let bits = 0;
  for (const row of new Set(way.map((edit) => edit.row))) {
    const { set, cleared } = changedBits(fieldValue(scene.fields, row), fieldValue(after, row));
    bits += set.length + cleared.length;
  }
  return Math.min(bits, 64);
}

/** Of the checks that a change mends, the one that speaks of little else than what is changed. */
function primaryOf(served: readonly Check[], way: Repair): Check {
  const changed = new Set(way.map(({ row }) => row.encoding));
  const distance = (check: Check) => {
    const inRule = fieldsOf(check.rule);
    const others = [...fieldsOf(check.rule, fieldsOf(check.when))].filter((encoding) => !changed.has(encoding)).length;
    const own = way.some(
      ({ row }) => check.id.startsWith(row.key.replace(/\.[^.]*$/, ".")) || check.id.startsWith(`${row.key}.`),
    );
    return (
      ([...inRule].some((encoding) => changed.has(encoding)) ? 0 : 8) + others + (own ? 0 : 0.5) + inRule.size / 10
    );
  };
  // Where the change takes the condition away, none of them is nearer than the others.
  if (served.every((check) => ![...fieldsOf(check.rule)].some((encoding) => changed.has(encoding))))
    return served[0] as Check;
  return served.reduce((best, check) => (distance(check) < distance(best) ? check : best));
}

/** `RFLAGS.VM is set in a 64-bit guest`, or what the check demands where no bit says it. */
function sentenceOf(check: Check, way: Repair | undefined, scene: Scene, served: number): string {
  const rows = way === undefined ? [] : [...new Set(way.map(({ row }) => row))];
  const looked = fieldsOf(check.rule, fieldsOf(check.when));
  const row = rows.find(({ encoding }) => looked.has(encoding));
  if (way === undefined || row === undefined) return check.text;
  const state = stateOf(row, way, scene);
  if (state === undefined)
    return `${fieldName(row)} is ${format64(fieldValue(scene.fields, row))}: ${asClause(check.text)}`;
  if (served > 1 && !fieldsOf(check.rule).has(row.encoding))
    return `${state}, and the rest is not as that demands: ${asClause(check.text)}`;
  return `${state}${whereOf(check.when)}: ${asClause(check.text)}`;
}

/** The text of a check after a colon: a name in capitals stays. */
export function asClause(text: string): string {
  return /^[A-Z][a-z ]/.test(text) ? lowerFirst(text) : text;
}

/** `GUEST_RFLAGS.VM is set`, where the change turns one or two bits with a name. */
function stateOf(row: FieldRow, way: Repair, scene: Scene): string | undefined {
  const before = fieldValue(scene.fields, row);
  const { set, cleared } = changedBits(before, fieldValue(applyEdits(scene.fields, way), row));
  const bits = [...set.map((bit) => [bit, "clear"] as const), ...cleared.map((bit) => [bit, "set"] as const)];
  if (bits.length === 0 || bits.length > 2) return undefined;
  const { parts } = decodeField(row, before);
  const said = bits.map(([bit, state]) => {
    const name = parts.find((part) => part.bits === String(bit))?.name;
    return name === undefined || name === "" ? undefined : { name, state };
  });
  const [first, second] = said;
  if (first === undefined || said.includes(undefined)) return undefined;
  const title = ({ name, state }: { readonly name: string; readonly state: string }) => {
    if (/^[A-Z0-9]+$/.test(name)) return `${shortName(row)}.${name} is ${state}`;
    return /^bits? \d/.test(name)
      ? `${name} of ${fieldName(row)} is ${state}`
      : `${fieldName(row)} has "${name}" ${state}`;
  };
  return second === undefined ? title(first) : `${title(first)} and ${title(second)}`;
}

/** `RFLAGS` for a guest's field, as people say; a host's keeps its name. */
function shortName(row: FieldRow): string {
  return fieldName(row)
    .replace(/^GUEST_/, "")
    .replace(/_INTERRUPTIBILITY_INFO$|_BYTES$/, "");
}

/** In which guest a check applies, in words. */
function whereOf(when: Bool): string {
  if (when.op === "control" && when.bit.name === "entry.IA32E_MODE") return " in a 64-bit guest";
  if (when.op === "any" || when.op === "all") {
    for (const item of when.of) {
      const found = whereOf(item);
      if (found !== "") return found;
    }
  }
  return "";
}
