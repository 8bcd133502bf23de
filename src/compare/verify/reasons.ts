import { replay } from "../../kvm/replay.js";
import { BOOT_KINDS, type ItemKind, type VerifyItem } from "../../situation/evidence/item.js";
import { verifyItems } from "../../situation/evidence/items.js";
import { buildOptions, kernelAsked, otherRelease, parametersAsked, parametersSet } from "./asked-reasons.js";
import type { IN_NO_CASE } from "./by-cases.js";
import type { BETWEEN_LINES } from "./by-vmx-flags.js";
import type { Comparison, Scenario } from "./comparison.js";
import { firmwareAtBoot, flagsCleared, machineFacts, otherCores } from "./machine-reasons.js";
import { registersDiffered, registersDifferedAtBoot } from "./register-reasons.js";
import { differingIds } from "./settle.js";

/*
 * Why a machine says something else than a replay of it. A row of `LIKELY_REASONS` proposes scenarios (another release,
 * build option, value of a register at boot …); a scenario is a reason for the differences that are gone when it is replayed,
 * and only if nothing differs in it that agreed before. So nothing is said that was not tried, and a row that fits
 * nothing says nothing.
 */

/** A reason, tested on this difference. */
export interface LikelyReason {
  readonly id: LikelyReasonId;
  /** A sentence without the full stop. */
  readonly text: string;
  /** How many differences it explains, this one included. */
  readonly explains: number;
}

interface ReasonRow {
  readonly id: string;
  /** Kinds of items that the row may explain, and that must not get worse; all of them if not given. */
  readonly about?: readonly ItemKind[];
  /** Items of other kinds must not change either, unless the row is about another time than they are. */
  readonly scenarios?: (comparison: Comparison, differing: readonly VerifyItem[]) => readonly Scenario[];
  /** For what a replay cannot try: the items that the evidence explains, and the sentence. */
  readonly seen?: (comparison: Comparison, differing: readonly VerifyItem[]) => readonly (readonly [string, string])[];
  /** Not asked when one of these rows explains the item. */
  readonly unless?: string;
}

/** In the order in which they are named when they explain as much. */
export const LIKELY_REASONS = [
  { id: "parameter-set", seen: parametersSet },
  { id: "parameter-asked", seen: parametersAsked },
  { id: "kernel-asked", seen: kernelAsked },
  { id: "other-release", seen: otherRelease },
  { id: "build-option", scenarios: buildOptions },
  { id: "machine-fact", scenarios: machineFacts },
  { id: "firmware-at-boot", scenarios: firmwareAtBoot, about: ["cpu-flag", "vmx-flag", "message", "loads"] },
  { id: "other-core", scenarios: otherCores, about: ["cpu-flag", "vmx-flag"] },
  { id: "register-differed", scenarios: registersDiffered },
  {
    id: "register-differed-at-boot",
    scenarios: registersDifferedAtBoot,
    about: BOOT_KINDS,
    unless: "register-differed",
  },
  { id: "flag-cleared", seen: flagsCleared },
] as const satisfies readonly ReasonRow[];

export type LikelyReasonId =
  | (typeof LIKELY_REASONS)[number]["id"]
  | (typeof BETWEEN_LINES)["id"]
  | (typeof IN_NO_CASE)["id"];

/** Of one kind of reason the best for each difference, by the id of the item; the one that explains most first. */
export function reasonsFor(comparison: Comparison): ReadonlyMap<string, readonly LikelyReason[]> {
  const differing = comparison.settled.items.filter(({ verdict }) => verdict === "differ");
  const found = new Map<string, LikelyReason[]>();
  if (differing.length === 0) return found;
  const add = (item: string, reason: LikelyReason) => found.set(item, [...(found.get(item) ?? []), reason]);
  for (const row of LIKELY_REASONS as readonly (ReasonRow & { readonly id: LikelyReasonId })[]) {
    const best = new Map<string, LikelyReason>();
    const take = (items: readonly string[], text: string) => {
      for (const item of items) {
        if (items.length > (best.get(item)?.explains ?? 0))
          best.set(item, { id: row.id, text, explains: items.length });
      }
    };
    for (const [text, items] of seenBy(row, comparison, differing)) take(items, text);
    for (const scenario of row.scenarios?.(comparison, differing) ?? [])
      take(explainedBy(scenario, row, comparison), scenario.says);
    for (const [item, reason] of best) {
      if (row.unless === undefined || !found.get(item)?.some(({ id }) => id === row.unless)) add(item, reason);
    }
  }
  for (const reasons of found.values()) reasons.sort((a, b) => b.explains - a.explains);
  return found;
}

function seenBy(
  row: ReasonRow,
  comparison: Comparison,
  differing: readonly VerifyItem[],
): ReadonlyMap<string, string[]> {
  const byText = new Map<string, string[]>();
  for (const [item, text] of row.seen?.(comparison, differing) ?? []) {
    byText.set(text, [...(byText.get(text) ?? []), item]);
  }
  return byText;
}

/** Items that differ no more in a scenario, if none differs that did not. */
function explainedBy(scenario: Scenario, { about }: ReasonRow, { settled }: Comparison): readonly string[] {
  const concerns = (item: VerifyItem) => about === undefined || about.includes(item.kind);
  const set = new Set(settled.set.map(({ item }) => item));
  const items = verifyItems(scenario.host, replay(scenario.host, scenario.options)).filter(concerns);
  const agreed = new Set(items.filter(({ verdict }) => verdict === "agree").map(({ id }) => id));
  const before = differingIds(settled.items);
  if ([...differingIds(items)].some((id) => !before.has(id))) return [];
  return [...before].filter((id) => agreed.has(id) && !set.has(id));
}
