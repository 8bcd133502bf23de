import type { RegisterDifference } from "../../compare/diff.js";
import type { ChangeKind, Changes, FeatureChange } from "../../compare/hosts/changes.js";
import { isOfMicrocode } from "../../compare/hosts/read-changes.js";
import { labelText } from "../../registers/bit-label.js";
import { LAYER_TITLES } from "../../why/features.js";
import { layerStep } from "../../why/layer-step.js";
import { layerCell } from "../../why/layers.js";
import { tracedReplays } from "../../why/traced-replay.js";
import { clipped, someOf, table, wrap } from "../layout.js";
import { BLANK, type Inline, type Line, styled } from "../text.js";
import { registerText } from "../wording/bit-text.js";
import { kernelLabel } from "../wording/kernel-text.js";
import { stepText } from "../wording/reason-text.js";

/** One sentence: has anything changed. */
export function changesText({ comparable, unchanged, features, sameCpu }: Changes): string {
  if (!sameCpu) return "The fingerprint is of another CPU.";
  if (!comparable) return "The fingerprint and this machine have no facts in common.";
  if (unchanged) return "Nothing changed.";
  const count = new Set(features.map(({ feature }) => feature.id)).size;
  if (count === 0) return "Something changed, but no feature did.";
  return count === 1
    ? "Something changed, and 1 feature with it."
    : `Something changed, and ${count} features with it.`;
}

/** What changed since the fingerprint. */
export function changesReport(file: string, changes: Changes, width: number): Line[] {
  const { unchanged, sameCpu, values, registers, features, onlyOnce } = changes;
  const style = !sameCpu || !unchanged ? "no" : changes.comparable ? "yes" : "unknown";
  const lines: Line[] = [[styled("heading", `Since ${file}`)], ...wrap(styled(style, changesText(changes)), width)];
  if (values.length > 0) {
    const rows = values.map(({ what, before, now }): Inline[] => [styled("strong", what), changeText(before, now)]);
    lines.push(BLANK, ...table(rows, { width, indent: 2 }));
  }
  for (const register of registers) lines.push(...registerLines(register, width));
  if (features.length > 0)
    lines.push(BLANK, [styled("heading", "Features")], ...featureLines(features, changes, width));
  if (onlyOnce.length > 0) {
    lines.push(BLANK, ...wrap(`Read only once, so not compared: ${someOf(onlyOnce, 12)}`, width));
  }
  return lines;
}

/** `yes → no`, `added`, `gone` */
function changeText(before: string | undefined, now: string | undefined): string {
  const short = (text: string) => clipped(text, 60);
  if (before === undefined) return now === "yes" ? "new" : `new: ${short(now ?? "")}`;
  if (now === undefined) return before === "yes" ? "gone" : `gone: it was ${short(before)}`;
  return `${short(before)} → ${short(now)}`;
}

function registerLines({ msr, values, bits, fields }: RegisterDifference, width: number): Line[] {
  const [before = "", now = ""] = values;
  return [
    BLANK,
    ...wrap([styled("strong", registerText(msr)), ` ${before} → ${now}`], width, "  ", 4),
    ...bits.flatMap(({ label, values: [was, is] }) => {
      const style = is === "yes" ? "yes" : "no";
      const number = (tri: string | undefined) => (tri === "yes" ? "1" : "0");
      const text = `bit ${label.msrBit}: ${number(was)} → ${number(is)}, ${labelText(label)}`;
      return wrap(styled(style, text), width, "    ", 6);
    }),
    ...fields.flatMap(({ field, values: [was, is] }) =>
      wrap(`bits ${field.high}:${field.low}: ${was ?? "?"} → ${is ?? "?"}, ${field.sdm}`, width, "    ", 6),
    ),
  ];
}

/**
 * Layers of a feature that changed in the same way for the same reason are shown together, with what decides at the
 * first.
 */
function featureLines(list: readonly FeatureChange[], changes: Changes, width: number): Line[] {
  const alike = new Map<string, [FeatureChange, ...FeatureChange[]]>();
  for (const change of list) {
    const key = JSON.stringify([change.feature.id, change.before, change.now, change.causes]);
    const group = alike.get(key);
    if (group === undefined) alike.set(key, [change]);
    else group.push(change);
  }
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    const { feature, before, now, impact } = first;
    const head: Inline = [
      styled("strong", feature.id),
      `: ${answer(before)} → `,
      styled(now === "yes" ? "yes" : "no", answer(now)),
      ` at ${group.map(({ layer }) => LAYER_TITLES[layer]).join(", ")}, ${causeText(first, changes)}`,
    ];
    return [
      ...wrap(head, width, "  ", 4),
      ...wrap(styled("dim", ruleText(first, changes)), width, "    "),
      ...(impact === undefined || now === "yes" ? [] : wrap(styled("dim", `without it: ${impact}`), width, "    ")),
    ];
  });
}

const answer = (cell: string) => (cell === "none" ? "-" : cell);

/** What made the change, in words. */
function causeText({ causes }: Pick<FeatureChange, "causes">, changes: Changes): string {
  return `because of ${causes.map((cause) => causeName(cause, changes)).join(" and ")}`;
}

function causeName(cause: ChangeKind, { values, before, now }: Changes): string {
  const microcode = values.find(isOfMicrocode);
  switch (cause) {
    case "registers":
      return microcode === undefined
        ? "the registers (the microcode is the same: a firmware setting, or the hypervisor below)"
        : `the registers (microcode ${microcode.before} → ${microcode.now})`;
    case "firmware":
      return "IA32_FEAT_CTL (a firmware setting)";
    case "cpuid":
      return "CPUID";
    case "kernel":
      return `the kernel (${kernelLabel(before)} → ${kernelLabel(now)})`;
    case "params":
      return "the parameters of the module";
  }
}

/** The rule, or bit, that decides on the side that lacks the feature; empty where that side says nothing. */
export function ruleText({ feature, layer, before, now }: FeatureChange, changes: Changes): string {
  const [cell, about] = now === "yes" ? [before, changes.before] : [now, changes.now];
  if (cell === "none") return `${kernelLabel(about)} has no name for it there`;
  // All kernels that it can be give this answer; the oldest names the rule.
  const [traced] = tracedReplays(about);
  const silicon = layerStep(traced, feature, "silicon", layerCell(traced.replayed, feature, "silicon"));
  return `${now === "yes" ? "before: " : ""}${stepText(traced, layerStep(traced, feature, layer, cell), silicon)}`;
}
