import { assume } from "../../explain/assume.js";
import { type Feature, LAYERS, type Layer } from "../../explain/features.js";
import { findFeature } from "../../explain/find-feature.js";
import { layerCell } from "../../explain/layers.js";
import { atlas, entryHost } from "../../input/atlas.js";
import type { AtlasEntry } from "../../input/atlas-entry.js";
import { replay } from "../../kvm/replay.js";
import { hexIndex } from "../../report/bit-text.js";
import { cpusReport } from "../../report/cpus-report.js";
import { DEFAULT_RELEASE } from "../../rules/release.js";
import { foldName, nearest } from "../../spec/near.js";
import { complain, showJson } from "../command.js";
import { EXIT } from "../exit-code.js";
import { didYouMean, type RawOptions, readOptions, type Settings } from "../options.js";
import type { World } from "../world.js";

interface CpusOptions extends RawOptions {
  readonly has?: readonly string[];
  readonly without?: readonly string[];
  readonly layer?: string;
}

interface Wanted {
  readonly feature: Feature;
  readonly cell: "yes" | "no";
}

/** `vmxlens cpus [QUERY] [--has FEATURE] [--without FEATURE] [--layer LAYER]` */
export async function cpus([query]: readonly (string | undefined)[], raw: CpusOptions, world: World): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  const all = [...problems];
  const wanted = [...features(raw.has ?? [], "yes", all), ...features(raw.without ?? [], "no", all)];
  const layer = LAYERS.find((name) => name === (raw.layer ?? "silicon"));
  if (layer === undefined)
    all.push(`--layer ${raw.layer}: one of ${LAYERS.join(", ")}${didYouMean(nearest(raw.layer ?? "", LAYERS))}`);
  if (all.length > 0 || layer === undefined) return complain(world, all);

  const entries = atlas();
  const named = query === undefined ? entries : byName(query);
  const fitting = wanted.length === 0 ? named : named.filter((entry) => fits(entry, wanted, layer, settings));
  if (settings.json) {
    showJson({ format: "vmxlens-cpus/1", cpus: fitting.map(plain) }, world);
  } else {
    const { renderLines } = await import("../../report/ansi.js");
    world.out(
      renderLines(
        cpusReport(fitting, entries.length, conditionText(wanted, layer, settings), settings.width),
        settings.color,
      ),
    );
  }
  return fitting.length === 0 ? EXIT.no : EXIT.ok;
}

/** Every CPU that has the text somewhere in its names or signature, not only the one that HOST would take. */
function byName(query: string): readonly AtlasEntry[] {
  const wanted = foldName(query);
  return atlas().filter((entry) => {
    const { id, name, codename, generation, signature } = entry;
    return [id, name, codename, generation, hexIndex(signature)].some((text) => foldName(text).includes(wanted));
  });
}

function features(names: readonly string[], cell: Wanted["cell"], problems: string[]): Wanted[] {
  return names.flatMap((name) => {
    const found = findFeature(name);
    if (found.kind === "one") return [{ feature: found.feature, cell }];
    const option = cell === "yes" ? "--has" : "--without";
    if (found.kind === "many")
      problems.push(
        `${option} ${name} names more than one bit: ${found.features.map(({ name: own }) => own).join("; ")}`,
      );
    else problems.push(`${option} ${name}: no such feature${didYouMean(found.near)}`);
    return [];
  });
}

/** What is not known of a CPU is neither had nor missed. */
function fits(entry: AtlasEntry, wanted: readonly Wanted[], layer: Layer, settings: Settings): boolean {
  const { host } = assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled");
  const replayed = replay(host, {
    release: settings.kernel?.release ?? DEFAULT_RELEASE,
    params: settings.params,
    config: settings.config,
    machine: settings.machine,
  });
  return wanted.every(({ feature, cell }) => layerCell(replayed, feature, layer) === cell);
}

function conditionText(wanted: readonly Wanted[], layer: Layer, settings: Settings): string {
  if (wanted.length === 0) return "";
  const at =
    layer === "silicon" ? "" : ` at the layer ${layer} of Linux ${settings.kernel?.release ?? DEFAULT_RELEASE}`;
  const list = wanted.map(({ feature, cell }) => `${cell === "yes" ? "with" : "without"} ${feature.id}`);
  return `${list.join(" and ")}${at}`;
}

function plain(entry: AtlasEntry) {
  const { id, name, vendor, codename, generation, launchYear, signature } = entry;
  return { id, name, vendor, codename, generation, launchYear: launchYear ?? null, signature: hexIndex(signature) };
}
