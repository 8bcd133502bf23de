import { atlas, entryHost } from "../../input/atlas/atlas.js";
import type { AtlasEntry } from "../../input/atlas/atlas-entry.js";
import { findCpu } from "../../input/atlas/atlas-find.js";
import { foldName } from "../../registers/edit-distance.js";
import { renderLines } from "../../report/ansi.js";
import { type CpusInput, cpusReport, type WantedFeature } from "../../report/cpus-report.js";
import { cpusJson } from "../../report/json/json-cpus.js";
import { inOrder } from "../../situation/assume.js";
import { replays } from "../../situation/replays.js";
import { type Situation, situation } from "../../situation/situation.js";
import type { Feature, Layer } from "../../why/features.js";
import { layersUnder } from "../../why/layers.js";
import { EXIT } from "../exit-code.js";
import { type RawOptions, readOptions, type Settings } from "../options.js";
import { showJson } from "../outlet.js";
import { namedFeature } from "../shell/feature-option.js";
import { layerOption } from "../shell/layer-option.js";
import { complain, didYouMean } from "../shell/problems.js";
import { askedOf } from "../situation.js";
import type { World } from "../world.js";

interface CpusOptions extends RawOptions {
  readonly has?: readonly string[];
  readonly without?: readonly string[];
  readonly layer?: string;
}

/** `vmxlens cpus [QUERY…] [--has FEATURE] [--without FEATURE] [--layer LAYER]`: exit code 1 when none fits. */
export async function cpus(args: readonly (string | undefined)[], raw: CpusOptions, world: World): Promise<number> {
  const { settings, problems: wrong } = readOptions(raw, world);
  const problems = [...wrong];
  const wanted = [...features(raw.has, "yes", problems), ...features(raw.without, "no", problems)];
  const asked = [...(raw.has ?? []), ...(raw.without ?? [])];
  const found = raw.layer === undefined ? { layer: layerWithASay(wanted, asked) } : layerOption(raw.layer);
  if ("problem" in found) problems.push(found.problem);
  else problems.push(...withoutASay(wanted, found.layer));
  if (problems.length > 0 || "problem" in found) return complain(world, problems);

  const words = args.flatMap((arg) => arg?.split(/\s+/) ?? []).filter((word) => word !== "");
  const named = atlas().filter((entry) => words.every((word) => isIn(entry, word)));
  if (named.length === 0) {
    const near = findCpu(words.join(" "));
    return complain(world, [
      `no CPU of the atlas is called ${words.join(" ")}${near.kind === "none" ? didYouMean(near.near) : ""}`,
    ]);
  }
  const input = judged(named, wanted, found.layer, settings);
  if (settings.json) showJson(cpusJson(input), world);
  else world.out(renderLines(cpusReport(input, settings.width), settings.color));
  return input.entries.length === 0 ? EXIT.no : EXIT.ok;
}

/** The layers at which a feature can be asked for in some kernel. */
function layersOf({ silicon, flag, kvm, param, nested, notForL1 }: Feature): readonly Layer[] {
  return [
    ...(silicon === undefined ? [] : ["silicon" as const]),
    "firmware",
    ...(flag === undefined ? [] : ["boot" as const]),
    ...(kvm === undefined ? [] : ["kvm" as const]),
    ...(param === undefined ? [] : ["param" as const]),
    ...(nested === undefined && notForL1 === true ? [] : ["nested" as const]),
  ];
}

/** Where it is asked when --layer does not say: in the CPU, but at the parameter for what was named by its parameter. */
function layerWithASay(wanted: readonly WantedFeature[], names: readonly string[]): Layer {
  const byParameter = wanted.some(({ feature }, at) => {
    const name = foldName(names[at] ?? "");
    return feature.silicon === undefined || (name === foldName(feature.param ?? "") && name !== foldName(feature.id));
  });
  return byParameter ? "param" : "silicon";
}

/** A question at a layer that has no say would get a number that means nothing. */
function withoutASay(wanted: readonly WantedFeature[], layer: Layer): readonly string[] {
  return wanted.flatMap(({ feature }) => {
    const layers = layersOf(feature);
    if (layers.includes(layer)) return [];
    return [
      `--layer ${layer} has no say about ${feature.id}; ask at ${layers.filter((one) => one !== "firmware").join(", ")}`,
    ];
  });
}

/** A word is looked for in everything by which a CPU is called; punctuation does not count. */
function isIn({ id, name, codename, generation, launchYear }: AtlasEntry, word: string): boolean {
  const fold = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "");
  const wanted = fold(word.replace(/^0x/i, ""));
  return [id, name, codename, generation, String(launchYear)].some((text) => fold(text).includes(wanted));
}

function features(
  names: readonly string[] | undefined,
  cell: WantedFeature["cell"],
  problems: string[],
): WantedFeature[] {
  return (names ?? []).flatMap((name) => {
    const found = namedFeature(name);
    if ("feature" in found) return [{ feature: found.feature, cell }];
    const [first, ...rest] = found.problems;
    problems.push(`--${cell === "yes" ? "has" : "without"}: ${first}`, ...rest);
    return [];
  });
}

/** Sorts the CPUs into those that fit and those that may. */
function judged(
  entries: readonly AtlasEntry[],
  wanted: readonly WantedFeature[],
  layer: Layer,
  settings: Settings,
): CpusInput {
  const asked = askedOf("atlas", settings);
  const ids = inOrder([...(asked.assumeByDefault ?? []), ...(asked.assume ?? [])]);
  let any: Situation | undefined;
  const fitting: AtlasEntry[] = [];
  const unknown: AtlasEntry[] = [];
  for (const entry of wanted.length === 0 ? [] : entries) {
    const about = situation(entryHost(entry), asked);
    any ??= about;
    const cells = wanted.map(({ feature }) => layersUnder(replays(about), feature).cells[layer]);
    const fits = cells.map((cell, at) => cell === wanted[at]?.cell);
    if (fits.every(Boolean)) fitting.push(entry);
    else if (cells.every((cell, at) => fits[at] || cell === "unknown")) unknown.push(entry);
  }
  return {
    entries: wanted.length === 0 ? entries : fitting,
    unknown,
    total: atlas().length,
    wanted,
    layer,
    ...(any === undefined ? {} : { situation: any }),
    // What the CPU itself has needs no kernel, and no firmware.
    assumed: wanted.length === 0 ? [] : layer === "silicon" ? ids.filter((id) => id === "registers=sdm") : ids,
  };
}
