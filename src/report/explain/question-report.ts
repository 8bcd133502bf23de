import { checkNumber } from "../../bits/misuse.js";
import type { Situation } from "../../situation/situation.js";
import { checkSituation } from "../../situation/situation.js";
import type { NextStep, QuestionAnswer } from "../../why/questions/answer.js";
import { basisLines } from "../basis.js";
import { labelled, wrap } from "../layout.js";
import { type Inline, joined, type Line, styled } from "../text.js";

/** The answer first, then what to type, then what it rests on, and the machine last. */
export function questionReport(situation: Situation, answer: QuestionAnswer, width: number): Line[] {
  checkSituation(situation);
  checkNumber(width, "width", "a number of columns");
  return [...answerLines(answer, width), ...basisLines(situation, width)];
}

/** The answer alone: of a text that shows no machine. */
export function answerLines({ answer, says, steps, evidence }: QuestionAnswer, width: number): Line[] {
  const rows: (readonly [string, Inline])[] = [
    ...steps.map((step): readonly [string, Inline] => ["do", stepInline(step)]),
    ...evidence.map((text): readonly [string, Inline] => ["rests on", text]),
  ];
  return [...wrap(styled(answer, says), width), ...(rows.length === 0 ? [] : labelled(rows, width))];
}

/** What to do, with its commands. */
export function stepInline({ text, commands = [] }: NextStep): Inline {
  if (commands.length === 0) return text;
  const typed: Inline = joined(
    commands.map((command) => styled("command", command)),
    "; ",
  );
  return [text.replace(/[.:]$/, ""), ": ", typed];
}
