import { inputName, inputText, isTextFile, wholeText } from "./files.js";
import type { World } from "./world.js";

/** As `givenText`, piece by piece. */
export async function* givenPieces(given: string, world: World): AsyncGenerator<string> {
  if (given === "-" || isTextFile(given, world)) yield* inputText(given, world);
  else yield given;
}

/** What a user gave: a file if there is one of that name, standard input for `-`, else the text itself. */
export async function givenText(
  given: string,
  world: World,
): Promise<{ readonly text: string; readonly file?: string }> {
  if (given !== "-" && !isTextFile(given, world)) return { text: given };
  const file = inputName(given);
  return { text: await wholeText(inputText(given, world), file), file };
}
