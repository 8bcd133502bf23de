import type { ComparedHost } from "../../compare/hosts/compared-host.js";
import {
  contradictedText,
  kernelLabel,
  kernelReason,
  kernelText,
  ruledOutTexts,
  tellApart,
} from "../wording/kernel-text.js";
import { whoText } from "./who.js";

/** `a (Linux 6.1)`; only the label where it names the release, as `a@6.1`. */
export function underKernel({ label, situation }: ComparedHost): string {
  const [only, ...others] = situation.candidates;
  const named = others.length === 0 && situation.kernel.text === only.release && label.endsWith(`@${only.release}`);
  return named ? label : `${label} (${kernelLabel(situation)})`;
}

/**
 * The last lines of a report on several hosts, or none: what to know about each of them, how its kernel was understood, and
 * `Assumed, …: firmware=enabled of a, b`. Without `replayed` the kernel does not matter.
 */
export function caveatLines(compared: readonly ComparedHost[], replayed = true): string[] {
  const all = compared.map(({ label }) => label);
  const kernels = replayed ? grouped(compared, (situation) => [kernelCaveat(situation) ?? []].flat()) : [];
  const notes = grouped(compared, ({ notes: own }) => own);
  const assumed = grouped(compared, ({ assumed: own }) => own.map(({ id }) => id));
  const parts = assumed.map(([id, labels]) => (labels.length === all.length ? id : `${id} of ${whoText(labels, all)}`));
  const caveats = [
    ...kernels.map(([text, labels]) => `Kernel of ${whoText(labels, all)}: ${text}`),
    ...notes.map(([text, labels]) => `Note on ${whoText(labels, all)}: ${text}`),
  ];
  return [
    ...(caveats.length === 0 ? [] : ["", ...caveats]),
    ...(parts.length === 0 ? [] : ["", `Assumed, because it was not read: ${parts.join("; ")}`]),
  ];
}

/** What is to be known about how the kernel was understood; undefined where its name says it all. */
function kernelCaveat(situation: ComparedHost["situation"]): string | undefined {
  if (situation.kernel.note === undefined && situation.candidates.length === 1) return undefined;
  return [
    `${kernelText(situation)} (${kernelReason(situation)})`,
    ...ruledOutTexts(situation).map((text) => `ruled out by the host itself: ${text}`),
    ...[contradictedText(situation) ?? []].flat(),
    ...[tellApart(situation) ?? []].flat().map((command) => `to distinguish them: ${command}`),
  ].join("; ");
}

/** Texts about the hosts, each once, with the hosts that it is about. */
function grouped(
  compared: readonly ComparedHost[],
  textsOf: (situation: ComparedHost["situation"]) => readonly string[],
): readonly (readonly [text: string, labels: readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const { label, situation } of compared) {
    for (const text of textsOf(situation)) groups.set(text, [...(groups.get(text) ?? []), label]);
  }
  return [...groups];
}
