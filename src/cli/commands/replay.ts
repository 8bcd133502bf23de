import { nearest } from "../../registers/edit-distance.js";
import { PHASES, replayReport } from "../../report/replay-report.js";
import { type BitAt, bitsOfFeature, type RunPart, runFunctions } from "../../why/run-part.js";
import { type ModuleRaw, type ReadyByModule, withModule } from "../by-module.js";
import { ready, show } from "../command.js";
import { knownExit } from "../exit-code.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { namedFeature } from "../shell/feature-option.js";
import { complain, didYouMean } from "../shell/problems.js";
import { onlyHost } from "../shell/several-hosts.js";
import type { World } from "../world.js";

interface ReplayOptions extends RawOptions, ModuleRaw {
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
  const wanted = (raw.phase ?? []).flatMap((list) => list.split(","));
  const phases = PHASES.filter((phase) => wanted.includes(phase));
  const wrong = wanted.filter((text) => !PHASES.some((phase) => phase === text));
  const part = await partOf(raw);
  const problems = [
    ...(wrong.length > 0 ? [`--phase ${wrong.join(",")}: one of ${PHASES.join(", ")}`] : []),
    ...("problems" in part ? part.problems : []),
    ...moduleProblems(raw),
  ];
  if (problems.length > 0 || "problems" in part) return complain(world, problems);
  const found = await onlyHost(query, "replay", world);
  if (found !== undefined && !("kind" in found)) return complain(world, found);
  const asked = await ready(query, raw, world, found);
  if (typeof asked === "number") return asked;
  const prepared = await withModule(asked, raw, world);
  if (typeof prepared === "number") return prepared;
  if (prepared.proof !== undefined) return showModuleRun(prepared as ReadyByModule, world);
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

/** The code of a module has no phases, no rules and no steps of the tables. */
function moduleProblems(raw: ReplayOptions): string[] {
  if (raw.module === undefined) return [];
  const unfit = (["phase", "fn", "bit"] as const).filter((name) => raw[name] !== undefined);
  return unfit.map((name) => `--${name} is about the steps of the tables, and --module runs the kernel's own code`);
}

/** The run of the kernel's own code: it has no rules, so no steps. */
async function showModuleRun(
  { situation, settings, found, prover, proof }: ReadyByModule,
  world: World,
): Promise<number> {
  if (settings.json) {
    const { moduleRunJson } = await import("../../report/json/json-module.js");
    showJson(moduleRunJson(situation, proof, prover.kernel), world);
  } else {
    const { moduleRunReport } = await import("../../report/prove/module-run-report.js");
    await show(moduleRunReport(situation, proof, settings.width), { found, settings }, world);
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
    else
      problems.push(`--fn ${name}: no function of the run has this name${didYouMean(nearest(name, runFunctions()))}`);
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
