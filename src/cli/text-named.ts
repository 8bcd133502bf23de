import { isFile } from "./files.js";
import { hostText } from "./host-text.js";
import type { World } from "./world.js";

/** The file of HOST, or `-`; undefined where it is something else. */
export function textNamed(query: string, world: World): string | undefined {
  const { host } = hostText(query, world);
  return host === "-" || isFile(host, world) ? host : undefined;
}
