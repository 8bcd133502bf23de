import { checkList, checkNumber } from "../../bits/misuse.js";
import type { Explanation } from "../../messages/answer.js";
import type { ExplainedBit } from "../../messages/decoders/bits.js";
import { hexIndex } from "../../registers/registers.js";
import { kernelsText } from "../../situation/kernels-text.js";
import { labelled, table, wrap } from "../layout.js";
import { BLANK, type Inline, joined, type Line, styled } from "../text.js";

/** Explanations one after the other, what blocks first; lines that were not recognised last and short. */
export function explainReport(explanations: readonly Explanation[], width: number): Line[] {
  checkList(explanations, "lines", "explanations", "explanations, as explain(text) returns them");
  checkNumber(width, "width", "a number of columns");
  return explanations.flatMap((one, index) => [...(index === 0 ? [] : [BLANK]), ...explanationLines(one, width)]);
}

function explanationLines(one: Explanation, width: number): Line[] {
  const [first, last] = one.lines;
  const where = `${first === last ? `line ${first}` : `lines ${first} to ${last}`}${one.count > 1 ? `, ${one.count} times` : ""}`;
  const lines: Line[] = [...wrap([styled("strong", one.matched), styled("dim", `  (${where})`)], width)];
  if (one.kernels !== undefined) {
    lines.push(...wrap(styled("label", `under ${kernelsText(one.kernels)}:`), width, "  "));
  }
  lines.push(...wrap(one.what, width, "  "));
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
