import type { Explanation } from "../answers/answer.js";
import type { ReadResult } from "../input/read.js";
import { visible } from "../report/visible.js";
import type { VmcsDump } from "../vmcs/dumps/dump.js";
import { findField } from "../vmcs/fields/field-names.js";
import { fieldName } from "../vmcs/fields/fields.js";
import { format64 } from "../vmcs/value64.js";

/** What a line of the text was to the readers. */
export interface LineMark {
  readonly kind: "used" | "doubtful" | "error";
  /** The facts that it gave, or what is wrong with it. */
  readonly text: string;
}

export type Marks = Map<number, LineMark>;

/** The most facts that are shown of one line, and the most characters of one. */
const MOST_FACTS = 4;
const LONGEST_FACT = 80;

const clip = (text: string, most = LONGEST_FACT) => (text.length > most ? `${text.slice(0, most)}…` : text);

/** The facts about a machine, each beside the line that says it. */
export function markFacts(marks: Marks, { evidence }: ReadResult): void {
  const facts = new Map<number, string[]>();
  for (const { line, about, value } of evidence()) {
    const here = facts.get(line) ?? [];
    if (here.length < MOST_FACTS) here.push(`${about} = ${clip(value)}`);
    facts.set(line, here);
  }
  for (const [line, here] of facts) marks.set(line, { kind: "used", text: visible(here.join(" · ")) });
}

/** What an error means, beside the line where it begins. */
export function markErrors(marks: Marks, errors: readonly Explanation[]): void {
  for (const { lines, what } of errors) {
    marks.set(lines[0], { kind: "used", text: visible(clip(what, 2 * LONGEST_FACT)) });
  }
}

/** Lines of a dump beyond these are the same again. */
const MOST_DUMP_LINES = 1000;
/** Names on one line of a dump: the kernel writes several fields on some. */
const NAMES = /[A-Za-z_][\w.]{2,60}/g;
const MOST_NAMES = 12;

/** The fields of the dumps, beside the lines that name them. */
export function markDumps(marks: Marks, dumps: readonly VmcsDump[], lines: readonly string[]): void {
  for (const {
    lines: [first, last],
    vmcs,
  } of dumps) {
    for (let line = first; line <= Math.min(last, first + MOST_DUMP_LINES); line++) {
      const facts: string[] = [];
      for (const [name] of [...(lines[line - 1] ?? "").slice(0, 1000).matchAll(NAMES)].slice(0, MOST_NAMES)) {
        const row = findField(name);
        const value = row === undefined ? undefined : vmcs.fields.get(row.encoding);
        if (row === undefined || value === undefined || facts.length === MOST_FACTS) continue;
        const fact = `${fieldName(row)} = ${format64(value)}`;
        if (!facts.includes(fact)) facts.push(fact);
      }
      if (facts.length > 0) marks.set(line, { kind: "used", text: visible(facts.join(" · ")) });
    }
  }
}
