import type { ComparedHost } from "../../compare/hosts/compared-host.js";
import {
  contradictedText,
  kernelLabel,
  kernelReason,
  kernelText,
  ruledOutTexts,
  tellApart,
} from "../wording/kernel-text.js";

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
  const kernels = (replayed ? compared : []).flatMap(({ label, situation }) =>
    situation.kernel.note === undefined && situation.candidates.length === 1
      ? []
      : [
          [
            `Kernel of ${label}: ${kernelText(situation)} (${kernelReason(situation)})`,
            ...ruledOutTexts(situation).map((text) => `ruled out by the host itself: ${text}`),
            ...[contradictedText(situation) ?? []].flat(),
            ...[tellApart(situation) ?? []].flat().map((command) => `to distinguish them: ${command}`),
          ].join("; "),
        ],
  );
  const notes = compared.flatMap(({ label, situation }) => situation.notes.map((text) => `Note on ${label}: ${text}`));
  const of = new Map<string, string[]>();
  for (const { label, situation } of compared) {
    for (const { id } of situation.assumed) of.set(id, [...(of.get(id) ?? []), label]);
  }
  const parts = [...of].map(([id, labels]) =>
    labels.length === compared.length ? id : `${id} of ${labels.join(", ")}`,
  );
  const caveats = [...kernels, ...notes];
  return [
    ...(caveats.length === 0 ? [] : ["", ...caveats]),
    ...(parts.length === 0 ? [] : ["", `Assumed, because it was not read: ${parts.join("; ")}`]),
  ];
}
