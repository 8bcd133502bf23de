import type { AtlasEntry } from "../input/atlas/atlas-entry.js";
import { hexIndex } from "../registers/registers.js";
import type { AssumptionId } from "../situation/assume.js";
import type { Situation } from "../situation/situation.js";
import type { Feature, Layer } from "../why/features.js";
import { someOf, table, wrap } from "./layout.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";
import { LAYER_NAMES } from "./verdict.js";
import { kernelText } from "./wording/kernel-text.js";

export interface WantedFeature {
  readonly feature: Feature;
  readonly cell: "yes" | "no";
}

export interface CpusInput {
  readonly entries: readonly AtlasEntry[];
  /** CPUs that may fit: what decides was not read. */
  readonly unknown: readonly AtlasEntry[];
  /** CPUs of the atlas. */
  readonly total: number;
  readonly wanted: readonly WantedFeature[];
  readonly layer: Layer;
  /** Any of the CPUs in the situation that was asked about; missing where nothing was replayed. */
  readonly situation?: Situation;
  readonly assumed: readonly AssumptionId[];
}

/** How many CPUs of the atlas fit and how many may, then those that do, one a row. */
export function cpusReport(input: CpusInput, width: number): Line[] {
  const { entries, unknown, assumed } = input;
  const rows: Inline[][] = entries.map((entry) => [
    styled("strong", entry.id),
    entry.launchYear === undefined ? "" : String(entry.launchYear),
    entry.codename,
    styled("dim", hexIndex(entry.signature)),
    entry.name,
  ]);
  const head: Inline[] = ["id", "year", "code name", "signature", "name"].map((text) => styled("label", text));
  const lines = wrap(`${countText(input)}.`, width);
  if (unknown.length > 0) {
    const names = someOf(unknown.map(({ id }) => id));
    lines.push(...wrap([styled("unknown", `${unknown.length} unknown`), `: ${names}.`], width));
  }
  if (entries.length > 0) lines.push(BLANK, ...table([head, ...rows], { width }));
  if (assumed.length > 0) {
    lines.push(
      BLANK,
      ...wrap(
        [
          styled("dim", `assumed: ${assumed.join(", ")}; `),
          styled("command", "--assume none"),
          styled("dim", " drops it"),
        ],
        width,
      ),
    );
  }
  return lines;
}

/** `3 of the 130 CPUs of the atlas have ept and lack mbec at KVM's controls in Linux 6.18` */
function countText({ entries, total, wanted, layer, situation }: CpusInput): string {
  const one = entries.length === 1;
  const many =
    entries.length === 0
      ? `None of the ${total} CPUs of the atlas`
      : entries.length === total
        ? `All ${total} CPUs of the atlas`
        : `${entries.length} of the ${total} CPUs of the atlas`;
  if (wanted.length === 0)
    return entries.length === total ? `The atlas has ${total} CPUs` : `${many} ${one ? "fits" : "fit"}`;
  const [has, lacks] = one || entries.length === 0 ? ["has", "lacks"] : ["have", "lack"];
  const list = wanted.map(({ feature, cell }) => `${cell === "yes" ? has : lacks} ${feature.id}`);
  const where =
    layer === "silicon" || situation === undefined ? "" : ` at ${LAYER_NAMES[layer]} in ${kernelText(situation)}`;
  return `${many} ${list.join(" and ")}${where}`;
}
