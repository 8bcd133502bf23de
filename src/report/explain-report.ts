import type { Explanation } from "../explain/explain-answer.js";
import type { ExplainedBit } from "../explain/explain-bits.js";
import { hexIndex } from "./bit-text.js";
import { labelled, table, wrap } from "./layout.js";
import { BLANK, type Inline, joined, type Line, styled } from "./text.js";

/** Explanations one after the other, what blocks first; lines that were not recognised last and short. */
export function explainReport(explanations: readonly Explanation[], width: number): Line[] {
  return explanations.flatMap((one, index) => [...(index === 0 ? [] : [BLANK]), ...explanationLines(one, width)]);
}

function explanationLines(one: Explanation, width: number): Line[] {
  const [first, last] = one.lines;
  const where = `${first === last ? `line ${first}` : `lines ${first} to ${last}`}${one.count > 1 ? `, ${one.count} times` : ""}`;
  const lines: Line[] = [...wrap([styled("strong", one.matched), styled("dim", `  (${where})`)], width)];
  lines.push(...wrap(one.what, width, "  "));
  if (one.values.length > 0) {
    lines.push(
      ...table(
        one.values.map(({ name, value }): Inline[] => [name, value]),
        { width, indent: 2 },
      ),
    );
  }
  if (one.bits.length > 0) lines.push(...table(one.bits.map(bitCells), { width, indent: 2 }));
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
  for (const { text, commands } of one.steps) {
    const typed: Inline = joined(
      (commands ?? []).map((command) => styled("command", command)),
      "; ",
    );
    facts.push(["do", commands === undefined || commands.length === 0 ? text : [text.replace(/\.$/, ""), ": ", typed]]);
  }
  if (one.sources.length > 0) facts.push(["source", styled("dim", one.sources.join("; "))]);
  lines.push(...labelled(facts, width).map((line): Line => [{ text: "  " }, ...line]));
  return lines;
}

function bitCells({ register, msr, bit, role, sdm, qemu, libvirt, reason }: ExplainedBit): Inline[] {
  const names = [qemu, libvirt === qemu ? undefined : libvirt].filter((name) => name !== undefined).join(", ");
  return [
    `${register}${msr === undefined ? "" : ` (${hexIndex(msr)})`} bit ${bit}`,
    role,
    [
      styled("strong", sdm ?? "no public name"),
      names === "" ? "" : ` ${names}`,
      reason === undefined ? "" : `: ${reason}`,
    ],
  ];
}
