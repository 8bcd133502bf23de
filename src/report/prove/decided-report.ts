import type { DecidedBit } from "../../prove/decided-bits.js";
import type { Situation } from "../../situation/situation.js";
import { labelled, wrap } from "../layout.js";
import { BLANK, type Inline, type Line, styled } from "../text.js";
import { decisionText, ruleOf, turnText } from "./prove-report.js";

/** For each bit the instruction of the module that made it what it is, the branches before it, and the rule of the tables. */
export function decidedLines(situation: Situation, decided: readonly DecidedBit[], width: number): Line[] {
  const lines: Line[] = [BLANK, [styled("heading", "In the module itself")]];
  if (decided.length === 0)
    return [...lines, ...wrap("The module keeps no bit of it: other layers decide.", width, "  ")];
  for (const { at, name, bit, label, value, decision } of decided) {
    const title = `${name} bit ${bit}${label === undefined ? "" : ` (${label})`} is ${value}`;
    const rows: [string, Inline][] = [
      [
        "decided",
        decision === undefined ? "not found: the bit comes from more than one place" : decisionText(decision),
      ],
      ...(decision?.turns ?? []).map((turn): [string, Inline] => ["branch", turnText(turn)]),
    ];
    const rule = ruleOf(situation, at[0], at[1]);
    rows.push(["tables", rule ?? "no rule changes it"]);
    lines.push(...wrap(styled("title", title), width, "  "), ...labelled(rows, width));
  }
  return lines;
}
