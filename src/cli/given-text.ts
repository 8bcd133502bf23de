import { inputChunks, inputName, isTextFile, wholeText } from "./files.js";
import type { World } from "./world.js";

/** What a user gave: a file if there is one of that name, standard input for `-`, else the text itself. */
export async function givenText(
  given: string,
  world: World,
): Promise<{ readonly text: string; readonly file?: string }> {
  if (given !== "-" && !isTextFile(given, world)) return { text: given };
  const file = inputName(given);
  return { text: await wholeText(inputChunks(given, world), file), file };
}
