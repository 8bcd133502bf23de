import { layersReport } from "../../report/layers-report.js";
import { tracedReplay } from "../../why/traced-replay.js";
import { ready, show, showJson } from "../command.js";
import { EXIT } from "../exit-code.js";
import type { RawOptions } from "../options.js";
import type { World } from "../world.js";

/** `vmxlens layers [HOST]` */
export async function layers([query]: readonly (string | undefined)[], raw: RawOptions, world: World): Promise<number> {
  const prepared = await ready(query, raw, world);
  if (typeof prepared === "number") return prepared;
  const { subject, read, settings } = prepared;
  const traced = tracedReplay(subject.host, subject.options);
  if (settings.json) {
    const { layersJson } = await import("../../report/json/json-layers.js");
    showJson(layersJson({ subject, traced, host: read }), world);
  } else {
    await show(layersReport({ subject, traced, host: read }, settings.width), prepared, world);
  }
  return EXIT.ok;
}
