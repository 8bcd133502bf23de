import { layersReport } from "../../report/layers-report.js";
import { type ModuleRaw, withModule } from "../by-module.js";
import { ready, show } from "../command.js";
import { knownExit } from "../exit-code.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import type { World } from "../world.js";

/** `vmxlens layers [HOST]` */
export async function layers(
  [query]: readonly (string | undefined)[],
  raw: RawOptions & ModuleRaw,
  world: World,
): Promise<number> {
  const asked = await ready(query, raw, world);
  if (typeof asked === "number") return asked;
  const prepared = await withModule(asked, raw, world);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  if (settings.json) {
    const { layersJson } = await import("../../report/json/json-layers.js");
    showJson(layersJson(situation), world);
  } else {
    await show(layersReport(situation, settings.width), prepared, world);
  }
  return knownExit(situation.read);
}
