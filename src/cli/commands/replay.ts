import { nearest } from "../../registers/edit-distance.js";
import { PHASES, replayReport } from "../../report/replay-report.js";
import { type BitAt, bitsOfFeature, type RunPart, runFunctions } from "../../why/run-part.js";
import { complain, ready, show, showJson } from "../command.js";
import { knownExit } from "../exit-code.js";
import { namedFeature } from "../feature-option.js";
import { didYouMean, type RawOptions } from "../options.js";
import type { World } from "../world.js";

interface ReplayOptions extends RawOptions {
  readonly phase?: readonly string[];
  readonly fn?: readonly string[];
  readonly bit?: readonly string[];
}

/** `vmxlens replay [HOST] [--phase PHASE] [--fn FUNCTION] [--bit NAME]` */
export async function replay(
  [query]: readonly (string | undefined)[],
  raw: ReplayOptions,
  world: World,
): Promise<number> {
  const asked = (raw.phase ?? []).flatMap((list) => list.split(","));
  const phases = PHASES.filter((phase) => asked.includes(phase));
  const wrong = asked.filter((text) => !PHASES.some((phase) => phase === text));
  const part = await partOf(raw);
  const problems = [
    ...(wrong.length > 0 ? [`--phase ${wrong.join(",")}: one of ${PHASES.join(", ")}`] : []),
    ...("problems" in part ? part.problems : []),
  ];
  if (problems.length > 0 || "problems" in part) return complain(world, problems);
  const prepared = await ready(query, raw, world);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  const only = raw.fn === undefined && raw.bit === undefined ? undefined : part;
  if (settings.json) {
    const { replayJson } = await import("../../report/json/json-replay.js");
    showJson(replayJson(situation, phases, only), world);
  } else {
    await show(replayReport(situation, phases, settings.width, only), prepared, world);
  }
  return knownExit(situation.read);
}

/** The steps that --fn and --bit ask for, or what is wrong with them. */
async function partOf({ fn, bit }: ReplayOptions): Promise<RunPart | { readonly problems: readonly string[] }> {
  const { findPlace } = await import("../../why/find-place.js");
  const problems: string[] = [];
  const names = (list: readonly string[] = []) => list.flatMap((text) => text.split(",")).map((text) => text.trim());
  let part: RunPart = {};
  for (const name of names(fn)) {
    const place = findPlace(name);
    if (place?.kind === "run") part = { ...part, ...together(part, place.part) };
    else problems.push(`--fn ${name}: no function of the run is called so${didYouMean(nearest(name, runFunctions()))}`);
  }
  const bits = names(bit).flatMap((name): readonly BitAt[] => {
    const named = namedFeature(name);
    if ("feature" in named) return bitsOfFeature(named.feature);
    problems.push(`--bit: ${named.problems[0]}`, ...named.problems.slice(1));
    return [];
  });
  if (problems.length > 0) return { problems };
  return bit === undefined ? part : { ...part, bits };
}

/** Steps of this function or of that one. */
function together(one: RunPart, other: RunPart): RunPart {
  if (one.functions === undefined || other.functions === undefined) return other;
  return { functions: [...one.functions, ...other.functions] };
}
