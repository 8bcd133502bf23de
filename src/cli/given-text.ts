import { createReadStream } from "node:fs";
import { isFile } from "./host.js";
import type { World } from "./world.js";

/** What a user gave: a file if there is one of that name, standard input for `-`, else the text itself. */
export async function givenText(
  given: string,
  world: World,
): Promise<{ readonly text: string; readonly file?: string }> {
  if (given !== "-" && !isFile(given)) return { text: given };
  const parts: Uint8Array[] = [];
  for await (const part of given === "-" ? world.stdin() : createReadStream(given)) parts.push(part);
  return { text: Buffer.concat(parts).toString("utf8"), file: given === "-" ? "standard input" : given };
}
