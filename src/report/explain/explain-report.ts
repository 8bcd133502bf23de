import type { Explanation, TextVerdict } from "../../answers/answer.js";
import type { ExplainedBit } from "../../answers/bits.js";
import type { Step } from "../../answers/message.js";
import { checkList, checkNumber } from "../../bits/misuse.js";
import { LOAD_KVM } from "../../messages/rows/shared-advice.js";
import { hexIndex } from "../../registers/registers.js";
import { kernelsText } from "../../situation/kernels-text.js";
import { isOuterStep, OUTER_UNKNOWN } from "../../why/questions/next-steps.js";
import { labelled, table, wrap } from "../layout.js";
import { BLANK, type Inline, type Line, styled } from "../text.js";
import { stepInline } from "./question-report.js";

/**
 * The verdict on the text, where there is one, and what to type; then the messages, what blocks first. What is in the
 * verdict already, or with an earlier message, is not repeated; lines that were not recognised are only counted.
 */
export function explainReport(explanations: readonly Explanation[], width: number, verdict?: TextVerdict): Line[] {
  checkList(explanations, "lines", "explanations", "explanations, as explain(text) returns them");
  checkNumber(width, "width", "a number of columns");
  const shown = new Set<string>();
  const typed = new Set<string>();
  const lines: Line[] = verdict === undefined ? [] : [...verdictLines(verdict, { shown, typed, width }), BLANK];
  const unread = explanations.length === 1 ? [] : explanations.filter(saysNothing);
  // That no line is a message needs no saying after an answer.
  const answered = verdict !== undefined && explanations.length === 1 && explanations.every(saysNothing);
  const said = explanations.length === 1 ? explanations : explanations.filter((one) => !saysNothing(one));
  for (const [at, one] of (answered ? [] : said).entries()) {
    const covered = one.message !== undefined && verdict?.covers.includes(one.message) === true;
    // What differs between kernels is not printed then.
    if (covered && at > 0 && isSameLine(one, said[at - 1])) continue;
    if (at > 0) lines.push(BLANK);
    lines.push(...explanationLines(one, { covered, verdict, shown, typed, width }));
  }
  // Beside an answer to the whole text they are what it was read from.
  if (unread.length > 0 && (verdict === undefined || said.length > 0)) {
    const numbers = [...new Set(unread.map(({ lines: [first] }) => first))].sort((a, b) => a - b);
    const where = `${numbers.length === 1 ? "line" : "lines"} ${numbers.slice(0, 12).join(", ")}${numbers.length > 12 ? " and others" : ""}`;
    const text = `Not recognised, though about virtualization: ${where}.`;
    lines.push(...(lines.length === 0 ? [] : [BLANK]), ...wrap(styled("dim", text), width));
  }
  const sources = [...new Set(explanations.flatMap((one) => one.sources))];
  if (sources.length > 0) lines.push(BLANK, ...labelled([["sources", styled("dim", sources.join("; "))]], width));
  return lines;
}

const isSameLine = (one: Explanation, before: Explanation | undefined): boolean =>
  one.message === before?.message && one.lines[0] === before?.lines[0];

/** A line in which no message was recognised. */
export function saysNothing({ message, values, bits, steps }: Explanation): boolean {
  return message === undefined && values.length + bits.length + steps.length === 0;
}

/** The answer, before everything that it rests on. */
function verdictLines({ says, steps, evidence }: TextVerdict, { shown, typed, width }: Said): Line[] {
  const rows: (readonly [string, Inline])[] = [];
  // How other hypervisors pass VT-x on is of no use then, and without VT-x no module loads.
  if (steps.some(isOuterStep)) for (const text of [...OUTER_UNKNOWN, LOAD_KVM.text]) shown.add(text);
  for (const step of steps.slice(0, 3)) {
    shown.add(step.text);
    for (const command of step.commands ?? []) typed.add(command);
    if (OF_FIRMWARE.test(step.text)) typed.add(FIRMWARE);
    rows.push(["do", stepInline(step)]);
  }
  for (const text of evidence.slice(0, 6)) rows.push(["rests on", text]);
  return [...wrap(styled("strong", says), width), ...(rows.length === 0 ? [] : labelled(rows, width))];
}

interface Said {
  /** Texts of steps that are further up. */
  readonly shown: Set<string>;
  /** Commands of the verdict's. */
  readonly typed: Set<string>;
  readonly width: number;
}

interface Around extends Said {
  readonly covered: boolean;
  readonly verdict: TextVerdict | undefined;
}

/** Switching it on is one thing, in whatever words. */
const OF_FIRMWARE = /\b[Ee]nable [^.]{1,120}\bin the firmware setup\b/;
const FIRMWARE = "firmware setup";

function isSaid({ text, commands = [] }: Step, { shown, typed }: Said): boolean {
  if (shown.has(text) || (typed.has(FIRMWARE) && OF_FIRMWARE.test(text))) return true;
  return commands.length > 0 && commands.every((command) => typed.has(command));
}

function explanationLines(one: Explanation, around: Around): Line[] {
  const { covered, verdict, shown, width } = around;
  const [first, last] = one.lines;
  const where = `${first === last ? `line ${first}` : `lines ${first} to ${last}`}${one.count > 1 ? `, ${one.count} times` : ""}`;
  // The verdict is about the machine that is described, and its text was given by the reader of this.
  const described = verdict !== undefined && one.message === undefined && one.steps.length > 0;
  const lines: Line[] = described ? [] : wrap([styled("strong", one.matched), styled("dim", `  (${where})`)], width);
  if (one.kernels !== undefined && !covered) {
    lines.push(...wrap(styled("label", `under ${kernelsText(one.kernels)}:`), width, "  "));
  }
  if (verdict?.says.startsWith(one.what) !== true && !described) lines.push(...wrap(one.what, width, "  "));
  const ofKernel = (one.kernelNotes ?? []).map((text): readonly [string, Inline] => ["depends on", text]);
  // The verdict says the rest, but not how the name of a kernel was understood.
  if (covered) return ofKernel.length === 0 ? lines : [...lines, ...indented(labelled(ofKernel, width - 2))];
  if (one.values.length > 0) {
    lines.push(
      ...table(
        one.values.map(({ name, value }): Inline[] => [name, value]),
        { width, indent: 2 },
      ),
    );
  }
  lines.push(...bitLines(one, width));
  const facts: (readonly [string, Inline])[] = [];
  if (one.rule !== undefined) {
    const { fn, file, says, since } = one.rule;
    facts.push([
      "rule",
      `${fn}${file === undefined ? "" : ` (${file})`}, ${since}${says === undefined ? "" : `: ${says}`}`,
    ]);
  }
  for (const { text, certainty } of one.causes)
    facts.push([certainty === "certain" ? "cause" : `${certainty} cause`, text]);
  for (const text of one.depends) facts.push(["depends on", text]);
  facts.push(...ofKernel);
  for (const step of one.steps) {
    if (isSaid(step, around)) continue;
    shown.add(step.text);
    facts.push(["do", stepInline(step)]);
  }
  if (facts.length > 0) lines.push(...indented(labelled(facts, width - 2)));
  return lines;
}

const indented = (lines: readonly Line[]): Line[] => lines.map((line) => [{ text: "  " }, ...line]);

/**
 * What was refused comes first. Where that is certain, the bits that were asked for and given are only counted, so
 * that the one that matters is not one of twenty. A reason that many bits share is shown once, below them. The JSON
 * has it all.
 */
function bitLines({ bits, message }: Explanation, width: number): Line[] {
  if (bits.length === 0) return [];
  const refused = bits.filter(({ role }) => role === "refused" || role === "must be 1");
  const certain = refused.some(({ reason }) => reason === undefined);
  const given = certain ? bits.filter(({ role, reason }) => role === "asked" && reason === undefined) : [];
  const folded = given.length > 1 ? new Set(given) : new Set();
  const shown = [...refused, ...bits.filter((bit) => !refused.includes(bit) && !folded.has(bit))];
  const notes = new Map<string, string>();
  for (const { reason } of shown) {
    const alike = shown.filter((bit) => reason !== undefined && bit.reason === reason).length;
    if (reason !== undefined && alike > 2 && !notes.has(reason)) notes.set(reason, "*".repeat(notes.size + 1));
  }
  const rest = `and ${folded.size} others that ${message === "qemu-set-msr" ? "KVM offers" : "are given"}`;
  return [
    ...table(
      shown.map((bit) => bitCells(bit, notes)),
      { width, indent: 2 },
    ),
    ...[...notes].flatMap(([reason, mark]) => wrap(`${mark} ${reason}`, width, "  ")),
    ...(folded.size === 0 ? [] : wrap([styled("dim", rest)], width, "  ")),
  ];
}

function bitCells(one: ExplainedBit, notes: ReadonlyMap<string, string>): Inline[] {
  const { register, msr, bit, role, sdm, qemu, libvirt, reason } = one;
  const mark = reason === undefined ? undefined : notes.get(reason);
  const names = [qemu, libvirt === qemu ? undefined : libvirt].filter((name) => name !== undefined).join(", ");
  return [
    `${register}${msr === undefined ? "" : ` (${hexIndex(msr)})`} bit ${bit}`,
    role,
    [
      styled("strong", sdm ?? "no public name"),
      names === "" ? "" : ` ${names}`,
      reason === undefined ? "" : mark === undefined ? `: ${reason}` : ` ${mark}`,
    ],
  ];
}
