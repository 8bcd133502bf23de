import { paramsOf } from "../kvm/replay.js";
import { vmxWordCount } from "../linux/cpuinfo.js";
import { VMX_FLAGS } from "../linux/vmx-features.js";
import { DEFAULT_RELEASE, inRange, LONGTERM, RELEASES, type Release } from "../rules/release.js";
import type { Rule } from "../rules/rule.js";
import type { ControlDiff, KernelDiff } from "../why/kernel-diff.js";
import { table, wrap } from "./layout.js";
import { BLANK, type Inline, joined, type Line, styled } from "./text.js";

/** The releases known, one a row. */
export function kernelsReport(width: number): Line[] {
  const rows: Inline[][] = RELEASES.map((release) => [
    styled("strong", release),
    String(vmxWordCount(release)),
    String(flagsIn(release)),
    String(paramsOf(release).length),
    remark(release),
  ]);
  const head: Inline[] = ["release", "words", "vmx flags", "params", ""].map((text) => styled("label", text));
  return [
    ...table([head, ...rows], { width, right: [1, 2, 3] }),
    BLANK,
    ...wrap(
      "A release stands for the newest stable version of its series that was read. One that is not listed is replayed as the nearest older one.",
      width,
    ),
  ];
}

function flagsIn(release: Release): number {
  return VMX_FLAGS.filter((row) => inRange(release, "releases" in row ? row.releases : undefined)).length;
}

function remark(release: Release): string {
  const parts = LONGTERM.includes(release) ? ["long-term"] : [];
  if (release === DEFAULT_RELEASE) parts.push("used where no release is named");
  return parts.join(", ");
}

/** What changed from one release to the next that was asked for. */
export function kernelDiffReport(diff: KernelDiff, width: number): Line[] {
  const lines: Line[] = [[styled("title", `From Linux ${diff.from} to ${diff.to}`)]];
  const section = (title: string, items: readonly Line[]) => {
    if (items.length > 0) lines.push(BLANK, [styled("heading", title)], ...items);
  };
  section("vmx_capability[]", wordLines(diff));
  section("/proc/cpuinfo", changedNames(diff.flags.added, diff.flags.removed, width));
  section("Controls that KVM asks for", controlLines(diff.controls, width));
  section(
    "Module parameters",
    changedNames(
      diff.params.added.map((row) => `${row.module}.${row.name} (default ${row.default}): ${row.about}`),
      diff.params.removed.map((row) => `${row.module}.${row.name}: ${row.about}`),
      width,
    ),
  );
  section("Steps that are new", ruleLines(diff.rules.added, "yes", width));
  section("Steps that are gone", ruleLines(diff.rules.removed, "no", width));
  section("Steps that moved", ruleLines(diff.moved, "unknown", width));
  if (lines.length === 1) lines.push(BLANK, ...wrap("Nothing that the tables know of changed.", width));
  return lines;
}

function wordLines({ words: [before, after] }: KernelDiff): Line[] {
  return before === after ? [] : [[{ text: `  ${before} words before, ${after} words after` }]];
}

function changedNames(added: readonly string[], removed: readonly string[], width: number): Line[] {
  return [
    ...added.flatMap((name) => wrap(name, width, ["  ", styled("yes", "+ ")])),
    ...removed.flatMap((name) => wrap(name, width, ["  ", styled("no", "- ")])),
  ];
}

const HOW = { min: "required", opt: "wanted" } as const;

function controlLines(controls: readonly ControlDiff[], width: number): Line[] {
  return table(
    controls.map(({ group, name, before, after }) => [
      group,
      styled("strong", name),
      joined(
        [before === undefined ? "not asked for" : HOW[before], after === undefined ? "not asked for" : HOW[after]],
        " → ",
      ),
    ]),
    { width, indent: 2 },
  );
}

function ruleLines(rules: readonly Rule[], style: "yes" | "no" | "unknown", width: number): Line[] {
  return table(
    rules.map((rule) => [styled("dim", rule.fn), styled(style, rule.id), rule.says]),
    { width, indent: 2 },
  );
}
