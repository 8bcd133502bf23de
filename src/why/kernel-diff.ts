import { WANTED_CONTROLS, type WantedControl } from "../kvm/load/controls.js";
import { loadRules } from "../kvm/load/load-order.js";
import { PARAMS, type ParamRow } from "../kvm/load/params.js";
import { BOOT_RULES } from "../linux/boot-rules.js";
import { vmxWordCount } from "../linux/cpuinfo.js";
import { CPU_FLAGS, VMX_FLAGS } from "../linux/vmx-features.js";
import { inRange, type Release } from "../rules/release.js";
import type { ControlGroup, Rule } from "../rules/rule.js";

/** What changed between two releases, read off the tables: nothing here names a release. */
export interface KernelDiff {
  readonly from: Release;
  readonly to: Release;
  readonly flags: Changed<string>;
  readonly words: readonly [number, number];
  readonly controls: readonly ControlDiff[];
  readonly params: Changed<ParamRow>;
  readonly rules: Changed<Rule>;
  /** Rules of both releases that run earlier or later than others they used to follow. */
  readonly moved: readonly Rule[];
}

/** Rows that hold in the second release only (`added`), and in the first only (`removed`). */
export interface Changed<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
}

/** A control that the two releases do not ask for alike. Another condition for asking does not count. */
export interface ControlDiff {
  readonly group: ControlGroup;
  readonly name: string;
  /** How KVM asks for the control; undefined: not at all. */
  readonly before: "min" | "opt" | undefined;
  readonly after: "min" | "opt" | undefined;
}

/**
 * What the tables say of `to` and not of `from`, and the other way round. Each may be the older one. Build options are
 * left out of account: a row that exists with some configuration counts.
 */
export function diffKernels(from: Release, to: Release): KernelDiff {
  const flags = (release: Release) =>
    [...VMX_FLAGS, ...CPU_FLAGS]
      .filter((row) => inRange(release, "releases" in row ? row.releases : undefined))
      .map((row) => ("cap" in row ? `flags: ${row.flag}` : row.flag));
  const rulesAt = (release: Release) =>
    [...BOOT_RULES, ...loadRules(release)].filter((rule) => inRange(release, rule.releases));
  const before = rulesAt(from);
  const after = rulesAt(to);
  const params = (release: Release) => PARAMS.filter((row: ParamRow) => inRange(release, row.releases));
  return {
    from,
    to,
    flags: changed(flags(from), flags(to)),
    words: [vmxWordCount(from), vmxWordCount(to)],
    controls: controlDiff(from, to),
    params: changed<ParamRow>(params(from), params(to)),
    rules: changed(before, after),
    moved: movedRules(before, after),
  };
}

function changed<T>(before: readonly T[], after: readonly T[]): Changed<T> {
  return {
    added: after.filter((item) => !before.includes(item)),
    removed: before.filter((item) => !after.includes(item)),
  };
}

function controlDiff(from: Release, to: Release): ControlDiff[] {
  const rows: ControlDiff[] = [];
  for (const group of Object.keys(WANTED_CONTROLS) as ControlGroup[]) {
    const table = WANTED_CONTROLS[group] as readonly WantedControl[];
    for (const name of new Set(table.map((control) => control.name))) {
      const at = (release: Release) =>
        table.find((control) => control.name === name && inRange(release, control.releases))?.how;
      const before = at(from);
      const after = at(to);
      if (before !== after) rows.push({ group, name, before, after });
    }
  }
  return rows;
}

/** Shared rules that are not in the longest run that kept its order: the fewest that have to move. */
function movedRules(before: readonly Rule[], after: readonly Rule[]): readonly Rule[] {
  const shared = after.filter((rule) => before.includes(rule));
  const places = shared.map((rule) => before.indexOf(rule));
  const kept = longestAscending(places);
  return shared.filter((_, index) => !kept.has(index));
}

function longestAscending(values: readonly number[]): ReadonlySet<number> {
  const length: number[] = [];
  const previous: number[] = [];
  let last = -1;
  for (const [i, value] of values.entries()) {
    length[i] = 1;
    previous[i] = -1;
    for (let j = 0; j < i; j++) {
      if ((values[j] as number) < value && (length[j] as number) + 1 > (length[i] as number)) {
        length[i] = (length[j] as number) + 1;
        previous[i] = j;
      }
    }
    if (last < 0 || (length[i] as number) > (length[last] as number)) last = i;
  }
  const kept = new Set<number>();
  for (let i = last; i >= 0; i = previous[i] as number) kept.add(i);
  return kept;
}
