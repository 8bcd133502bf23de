import { layersReport } from "../../report/layers-report.js";
import { type ModuleRaw, withModule } from "../by-module.js";
import { ready, show } from "../command.js";
import { knownExit } from "../exit-code.js";
import type { FoundHost } from "../host.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { eachHost } from "../shell/several-hosts.js";
import type { World } from "../world.js";

/** `vmxlens layers [HOST...]` */
export function layers(
  queries: readonly (string | undefined)[],
  raw: RawOptions & ModuleRaw,
  world: World,
): Promise<number> {
  return eachHost(
    queries,
    raw,
    world,
    "kvm_intel loads",
    ({ loads }) => String(loads),
    layersOf,
    (hosts) => `What differs, feature by feature: vmxlens diff ${hosts.join(" ")}`,
  );
}

async function layersOf(
  query: string | undefined,
  raw: RawOptions & ModuleRaw,
  world: World,
  before?: FoundHost,
): Promise<number> {
  const asked = await ready(query, raw, world, before);
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
