import type { Tri } from "../bits/tri.js";
import type { Check, Failure } from "./checks/check-row.js";
import { ENTRY_CAUSES } from "./checks/checks-msr-load.js";
import { evaluateNum } from "./checks/evaluate.js";
import { type Bool, msr, type Num } from "./checks/expr.js";
import { fieldsOf } from "./checks/inputs.js";
import { fieldValue, type Scene } from "./checks/scene.js";
import { controlWordOf } from "./fields/control-bits.js";
import { decodeField } from "./fields/decode.js";
import type { FieldRow } from "./fields/field-row.js";
import { fieldByEncoding, fieldName } from "./fields/fields.js";
import { type KnownReport, knownReports } from "./known-reports.js";
import { describeInput, msrName } from "./missing-inputs.js";
import { applyEdits, changedBits, type Edit, repairs } from "./repair.js";
import { fits } from "./reported.js";
import type { MsrLoadEntry, Reported } from "./state.js";
import { breaksAnother, isRetyped, stepOf, weightOf } from "./steps.js";
import { format64, known64 } from "./value64.js";

/** A value that a failing check looked at. */
export interface Evidence {
  /** The field as `fieldName` names it, or the MSR or CPU fact. */
  readonly name: string;
  readonly encoding?: number;
  readonly value: string;
  /** The value in words, where the project knows its parts. */
  readonly decoded?: string;
}

/** A change of fields that makes the check pass. */
export interface Change {
  readonly fields: readonly {
    readonly name: string;
    readonly encoding: number;
    readonly from: string;
    readonly to: string;
  }[];
  /** As in `clear bit 0 of GUEST_INTERRUPTIBILITY_INFO (0x9 becomes 0x8)`. */
  readonly text: string;
}

export interface Finding {
  readonly check: Check;
  /** What the CPU does: as in `exit reason 33 (0x80000021), qualification 0`. */
  readonly outcome: string;
  /** Whether the failure of this check is what was reported. */
  readonly fitsReport: Tri;
  readonly evidence: readonly Evidence[];
  /** Alternatives, best first. */
  readonly changes: readonly Change[];
  /** The hypervisor does not check it: the CPU does, after everything that the hypervisor checks. */
  readonly leftToCpu?: true;
  /** 1-based number of the MSR-load entry at fault. */
  readonly entry?: number;
  /** How a violation usually comes about. */
  readonly cause?: string;
  /** Public reports of the same failing check, with what cured them. */
  readonly known: readonly KnownReport[];
  /** What the CPU demands, what the VMCS says, how it comes about and what to change, as one paragraph. */
  readonly paragraph: string;
}

/** What the CPU does when a check fails, in words. */
export function describeFailure(failure: Failure, entry?: number): string {
  switch (failure.kind) {
    case "fault":
      return failure.fault;
    case "VMfailInvalid":
      return "VMfailInvalid";
    case "VMfailValid":
      return `VM-instruction error ${failure.error}`;
    case "entry-failure":
      return `exit reason ${failure.reason} (0x800000${failure.reason.toString(16)}), qualification ${failure.qualification === "entry" ? (entry ?? "the number of the entry") : failure.qualification}`;
    case "undefined":
      return "undefined behaviour";
  }
}

/**
 * A finding that makes its texts on demand: a log can have ten thousand dumps. It is a class because V8 makes a hidden class
 * of its own for every object that is written with getters.
 */
class Explained implements Finding {
  readonly check: Check;
  readonly outcome: string;
  readonly fitsReport: Tri;
  declare readonly entry?: number;
  declare readonly leftToCpu?: true;
  declare readonly cause?: string;
  readonly #scene: Scene;
  #evidence: readonly Evidence[] | undefined;
  #changes: readonly Change[] | undefined;

  constructor(
    check: Check,
    scene: Scene,
    fitsReport: Tri,
    { entry, leftToCpu, cause }: Pick<Finding, "entry" | "leftToCpu" | "cause">,
  ) {
    this.check = check;
    this.outcome = describeFailure(check.failure, entry);
    this.fitsReport = fitsReport;
    this.#scene = scene;
    if (entry !== undefined) this.entry = entry;
    if (leftToCpu !== undefined) this.leftToCpu = leftToCpu;
    if (cause !== undefined) this.cause = cause;
  }

  get evidence(): readonly Evidence[] {
    this.#evidence ??= evidenceFor(this.check, this.#scene, this.entry);
    return this.#evidence;
  }

  get changes(): readonly Change[] {
    this.#changes ??= changesFor(this.check, this.#scene);
    return this.#changes;
  }

  get known(): readonly KnownReport[] {
    return knownReports(this.check.id);
  }

  get paragraph(): string {
    return paragraphOf(this.check, this.outcome, this.cause, this.evidence, this.changes);
  }

  toJSON(): Finding {
    const { evidence, changes, known, paragraph } = this;
    return { ...this, evidence, changes, known, paragraph };
  }
}

/** Builds the explanation of a failing check from its row and the values it looked at. */
export function explainFinding(
  check: Check,
  scene: Scene,
  reported: Reported,
  { entry, leftToCpu }: Pick<Finding, "entry" | "leftToCpu"> = {},
): Finding {
  let fitsReport = fits(check.failure, reported);
  if (
    fitsReport === "yes" &&
    reported.kind === "entry-failure" &&
    check.failure.kind === "entry-failure" &&
    check.failure.qualification === "entry"
  ) {
    const q = reported.qualification;
    if (q !== undefined && entry !== undefined && q.lo !== entry) fitsReport = "no";
  }
  const cause = (entry === undefined ? undefined : causeOfEntry(entry, scene)) ?? check.cause;
  return new Explained(check, scene, fitsReport, {
    ...(entry === undefined ? {} : { entry }),
    ...(leftToCpu === undefined ? {} : { leftToCpu }),
    ...(cause === undefined ? {} : { cause }),
  });
}

function paragraphOf(
  check: Check,
  outcome: string,
  cause: string | undefined,
  evidence: readonly Evidence[],
  [best, next]: readonly Change[],
): string {
  const says = evidence
    .map(
      ({ name, value, decoded }) =>
        `${name} is ${value}${decoded === undefined || decoded === "" ? "" : ` (${decoded})`}`,
    )
    .join("; ");
  const sentences = [
    `The CPU demands (SDM volume 3, ${check.sdm}): ${check.text}`,
    `The VMCS says: ${says}.`,
    `The failure it causes is ${outcome}.`,
  ];
  if (cause !== undefined) sentences.push(`How it comes about: ${cause}`);
  if (best !== undefined) sentences.push(`To change: ${best.text}${next === undefined ? "" : `; or ${next.text}`}.`);
  return sentences.join(" ");
}

function evidenceFor(check: Check, scene: Scene, entry: number | undefined): readonly Evidence[] {
  const list: Evidence[] = [];
  if (entry !== undefined) {
    const bad = scene.msrLoad === undefined ? scene.msrEntry : scene.msrLoad[entry - 1];
    if (bad !== undefined) list.push(entryEvidence(entry, bad));
    return list;
  }
  for (const encoding of fieldsOf(check.rule, new Set())) pushField(encoding, scene, check, list);
  for (const encoding of fieldsOf(check.when, new Set())) pushField(encoding, scene, check, list);
  for (const num of capabilities(check.rule)) {
    const value = evaluateNum(num, scene);
    if (num.op === "msr") list.push({ name: describeInput(`msr:${num.index.toString(16)}`), value: format64(value) });
    else if (num.op === "allowed")
      list.push({
        name: `${num.which === "must1" ? "bits that must be 1" : "bits that may be 1"} in the ${num.word} controls of the CPU`,
        value: format64(value),
      });
    else if (num.op === "reserved") list.push({ name: `reserved bits of ${num.register}`, value: format64(value) });
  }
  return list;
}

function causeOfEntry(number: number, scene: Scene): string | undefined {
  const index = (scene.msrLoad === undefined ? scene.msrEntry : scene.msrLoad[number - 1])?.index;
  return ENTRY_CAUSES.find(({ msrs }) =>
    msrs.some((item) =>
      typeof item === "number" ? item === index : index !== undefined && index >= item[0] && index <= item[1],
    ),
  )?.cause;
}

/** One entry of the VM-entry MSR-load area, with the name of its MSR. */
export function entryEvidence(number: number, { index, value }: MsrLoadEntry): Evidence {
  return { name: `MSR-load entry ${number}`, value: `MSR ${msrName(index)} = ${format64(known64(value))}` };
}

function pushField(encoding: number, scene: Scene, check: Check, list: Evidence[]): void {
  const row = fieldByEncoding(encoding);
  if (row === undefined || list.some((item) => item.encoding === encoding)) return;
  const value = fieldValue(scene.fields, row);
  const decoded =
    controlWordOf(encoding) === undefined ? decodeField(row, value).summary : controlsUsed(check, encoding, scene);
  list.push({ name: fieldName(row), encoding, value: format64(value), ...(decoded === "" ? {} : { decoded }) });
}

/** Of a control word only the bits that the check names, as in `unrestricted guest = 0`. */
function controlsUsed(check: Check, encoding: number, scene: Scene): string {
  const words: string[] = [];
  const visit = (bool: Bool): void => {
    if (bool.op === "all" || bool.op === "any") for (const item of bool.of) visit(item);
    else if (bool.op === "not") visit(bool.of);
    else if (bool.op === "control" && bool.bit.word.encoding === encoding) {
      const value = scene.fields.get(encoding);
      const half = bool.bit.bit < 32 ? value?.lo : value?.hi;
      const shown =
        half === undefined || (half.unknown >>> (bool.bit.bit & 31)) & 1
          ? "?"
          : `${(half.value >>> (bool.bit.bit & 31)) & 1}`;
      const text = `${bool.bit.row.sdm} = ${shown}`;
      if (!words.includes(text)) words.push(text);
    }
  };
  visit(check.when);
  visit(check.rule);
  return words.join(", ");
}

/** Capability MSRs and CPU-dependent masks that a rule reads. */
function capabilities(bool: Bool): readonly Num[] {
  const found: Num[] = [];
  const visitNum = (num: Num): void => {
    if (num.op === "msr" || num.op === "allowed" || num.op === "reserved") found.push(num);
    else if (num.op === "slice" || num.op === "not" || num.op === "shl") visitNum(num.of);
    else if (num.op === "and") {
      visitNum(num.a);
      visitNum(num.b);
    }
  };
  const visit = (item: Bool): void => {
    if (item.op === "all" || item.op === "any") for (const part of item.of) visit(part);
    else if (item.op === "not") visit(item.of);
    else if (item.op === "equal" || item.op === "atMost") {
      visitNum(item.a);
      visitNum(item.b);
    } else if (item.op === "bit" || item.op === "zero" || item.op === "oneOf") visitNum(item.of);
    else if (item.op === "may1") found.push(msr(item.bit.word.msr));
  };
  visit(bool);
  return found.filter((num, at) => found.findIndex((other) => JSON.stringify(other) === JSON.stringify(num)) === at);
}

/**
 * Changes that make the check pass, best first. Taking the condition away counts only where that means dropping an
 * event, a blocking or a control: a segment is not fixed by entering virtual-8086 mode.
 */
function changesFor(check: Check, scene: Scene): readonly Change[] {
  const describe = (ways: readonly (readonly Edit[])[]) => {
    const changes: Change[] = [];
    for (const way of ways) {
      if (way.length === 0) continue;
      const change = describeChange(way, scene);
      if (change.fields.length > 0 && !changes.some((other) => other.text === change.text)) changes.push(change);
    }
    // Stable: fewer fields first.
    return changes.sort((a, b) => a.fields.length - b.fields.length);
  };
  const accepted = (ways: readonly (readonly Edit[])[]) => {
    const steps = ways.map((way) => stepOf(way, scene));
    const right = steps.filter((way) => !way.some((edit) => isRetyped(edit, scene)) && !breaksAnother(way, scene));
    // Where every way breaks something, more has to change, and each is a beginning.
    return right.length > 0 ? right : steps;
  };
  const meet = describe(accepted(repairs(check.rule, true, scene)));
  const drop = describe(accepted(repairs(check.when, false, scene).filter((way) => way.every(isDroppable))));
  const changes = check.remedy === "when" ? [...drop, ...meet] : [...meet, ...drop];
  const cost = ({ fields }: Change) =>
    fields.reduce((sum, { encoding }) => sum + weightOf(fieldByEncoding(encoding) as FieldRow), 0);
  return check.remedy === "when" ? changes : [...changes].sort((a, b) => cost(a) - cost(b));
}

/** IA-32e mode guest (entry bit 9) and host address-space size (exit bit 9) are not options but the mode itself. */
function isDroppable({ row, mask }: Edit): boolean {
  if (row.key === "ctl.entry" || row.key === "ctl.exit") return ((mask.lo >>> 9) & 1) === 0;
  return row.key.startsWith("ctl.") || row.key === "guest.interruptibility" || row.key === "guest.activity";
}

export function describeChange(way: readonly Edit[], scene: Scene): Change {
  const after = applyEdits(scene.fields, way);
  const rows = [...new Set(way.map((edit) => edit.row))];
  const fields: { name: string; encoding: number; from: string; to: string }[] = [];
  const words: string[] = [];
  for (const row of rows) {
    const from = fieldValue(scene.fields, row);
    const to = fieldValue(after, row);
    const text = describeEdit(row, from, to);
    if (text === undefined) continue;
    words.push(text);
    fields.push({ name: fieldName(row), encoding: row.encoding, from: format64(from), to: format64(to) });
  }
  return { fields, text: words.join(" and ") };
}

function describeEdit(
  row: FieldRow,
  from: ReturnType<typeof fieldValue>,
  to: ReturnType<typeof fieldValue>,
): string | undefined {
  const before = format64(from);
  const after = format64(to);
  if (before === after) return undefined;
  const { set, cleared } = changedBits(from, to);
  const name = fieldName(row);
  // Any number passes the check, and one alone is in the GDT.
  if (/^HOST_(?:CS|TR)_SELECTOR$/.test(name) && before === "0x0")
    return `set ${name} to what ${name.startsWith("HOST_TR") ? "STR" : "CS"} has in the host part (it is 0x0)`;
  const bits = (list: readonly number[]) => `bit${list.length === 1 ? "" : "s"} ${list.join(", ")}`;
  if (
    set.length + cleared.length <= 4 &&
    set.length + cleared.length > 0 &&
    from.lo.unknown === 0 &&
    from.hi.unknown === 0
  ) {
    const verbs = [
      ...(set.length > 0 ? [`set ${bits(set)}`] : []),
      ...(cleared.length > 0 ? [`clear ${bits(cleared)}`] : []),
    ];
    return `${verbs.join(" and ")} of ${name} (${before} becomes ${after})`;
  }
  return `set ${name} to ${after} (it is ${before})`;
}
