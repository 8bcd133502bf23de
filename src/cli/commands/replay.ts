import { PHASES, replayReport } from "../../report/replay-report.js";
import { complain, ready, show, showJson } from "../command.js";
import { knownExit } from "../exit-code.js";
import type { RawOptions } from "../options.js";
import type { World } from "../world.js";

interface ReplayOptions extends RawOptions {
  readonly phase?: readonly string[];
}

/** `vmxlens replay [HOST] [--phase PHASE]` */
export async function replay(
  [query]: readonly (string | undefined)[],
  raw: ReplayOptions,
  world: World,
): Promise<number> {
  const asked = (raw.phase ?? []).flatMap((list) => list.split(","));
  const phases = PHASES.filter((phase) => asked.includes(phase));
  const wrong = asked.filter((text) => !PHASES.some((phase) => phase === text));
  if (wrong.length > 0) return complain(world, [`--phase ${wrong.join(",")}: one of ${PHASES.join(", ")}`]);
  const prepared = await ready(query, raw, world);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  if (settings.json) {
    const { replayJson } = await import("../../report/json/json-replay.js");
    showJson(replayJson(situation, phases), world);
  } else {
    await show(replayReport(situation, phases, settings.width), prepared, world);
  }
  return knownExit(situation.read);
}
