import { collectScript } from "../../input/hosts/collect-script.js";
import { EXIT } from "../exit-code.js";
import { type RawOptions, readOptions } from "../options.js";
import { complain } from "../shell/problems.js";
import type { World } from "../world.js";

/** `vmxlens collect` */
export async function collect(_args: readonly (string | undefined)[], raw: RawOptions, world: World): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  if (settings.json) {
    return complain(world, [
      "--json: collect prints a shell script; vmxlens reads what that prints, and gives it as JSON",
    ]);
  }
  world.out(collectScript());
  return EXIT.ok;
}
