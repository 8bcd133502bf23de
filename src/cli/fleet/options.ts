import { type PathReader, pathReader } from "../../fleet/labels.js";
import type { Wanted } from "../../fleet/sql/questions.js";
import { readWhere, type Where } from "../../fleet/sql/where.js";
import { FEATURE_LIST, type Feature, type Layer } from "../../why/features.js";
import { type RawOptions, readOptions, type Settings } from "../options.js";
import { namedFeature } from "../shell/feature-option.js";
import { layerOption } from "../shell/layer-option.js";
import type { World } from "../world.js";

/** Options of `vmxlens fleet`, as commander hands them over. */
export interface FleetRaw extends RawOptions {
  readonly store?: string;
  readonly label?: readonly string[];
  readonly paths?: string;
  readonly labels?: string;
  readonly again?: boolean;
  readonly where?: readonly string[];
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
  readonly layer?: string;
  readonly limit?: string;
  readonly by?: string;
  readonly count?: string;
  readonly without?: readonly string[];
  readonly as?: string;
  readonly out?: string;
  readonly parquet?: string;
  readonly shard?: string;
  readonly parallel?: string;
  readonly timeout?: string;
  readonly retries?: string;
  readonly ssh?: string;
}

/** The same, checked. */
export interface FleetOptions {
  readonly settings: Settings;
  readonly store: string;
  readonly where: readonly Where[];
  readonly wanted: readonly Wanted[];
  readonly layer: Layer;
  readonly limit: number;
  readonly labels: { readonly [key: string]: string };
  readonly paths?: PathReader;
  readonly count?: number;
}

const DEFAULT_STORE = "fleet.duckdb";
const DEFAULT_LIMIT = 20;

/** Problems are sentences for standard error. */
export function fleetOptions(
  raw: FleetRaw,
  world: World,
): { readonly options: FleetOptions; readonly problems: readonly string[] } {
  const { settings, problems: wrong } = readOptions(raw, world);
  const problems = [...wrong];
  const layer = layerOption(raw.layer ?? "nested");
  if ("problem" in layer) problems.push(layer.problem);
  const paths = raw.paths === undefined ? undefined : pathReader(raw.paths);
  if (raw.paths !== undefined && paths === undefined)
    problems.push(`--paths ${raw.paths}: name parts of it in braces, as dumps/{site}/{host}.txt`);
  const options: FleetOptions = {
    settings,
    store: raw.store ?? world.env.VMXLENS_FLEET ?? DEFAULT_STORE,
    where: (raw.where ?? []).flatMap((text) => {
      const found = readWhere(text);
      if (found === undefined)
        problems.push(`--where ${text}: write it as site=fra, kernel=6.1* or vendor!=GenuineIntel`);
      return found === undefined ? [] : [found];
    }),
    wanted: [...features(raw.has, "has", problems), ...features(raw.lacks, "lacks", problems)].map(
      ([feature, how]) => ({
        feature,
        has: how === "has",
      }),
    ),
    layer: "layer" in layer ? layer.layer : "nested",
    limit: wholeNumber("limit", raw.limit, 0, 100_000_000, problems) ?? DEFAULT_LIMIT,
    labels: Object.fromEntries(
      (raw.label ?? []).flatMap((text) => {
        const at = text.indexOf("=");
        if (at < 1) problems.push(`--label ${text}: write it as site=fra`);
        return at < 1 ? [] : [[text.slice(0, at), text.slice(at + 1)]];
      }),
    ),
    ...(paths === undefined ? {} : { paths }),
    ...optional("count", wholeNumber("count", raw.count, 1, 1000, problems)),
  };
  return { options, problems };
}

function optional<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: T });
}

function features(
  names: readonly string[] | undefined,
  how: "has" | "lacks",
  problems: string[],
): (readonly [Feature, string])[] {
  return (names ?? [])
    .flatMap((list) => list.split(","))
    .flatMap((name) => {
      const found = namedFeature(name);
      if ("problems" in found) {
        const [first, ...rest] = found.problems;
        problems.push(`--${how}: ${first}`, ...rest);
        return [];
      }
      if (FEATURE_LIST.includes(found.feature)) return [[found.feature, how] as const];
      problems.push(`--${how} ${name}: a fleet is asked about the features that vmxlens layers lists`);
      return [];
    });
}

/** A number given as text; a sentence for anything else. */
export function wholeNumber(
  option: string,
  text: string | undefined,
  least: number,
  most: number,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  problems.push(`--${option} ${text}: a whole number from ${least} to ${most}`);
  return undefined;
}
