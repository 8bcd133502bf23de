import { inputName, inputText, isTextFile, wholeText } from "./files.js";
import type { World } from "./world.js";

/** As `givenText`, piece by piece. */
export async function* givenPieces(given: string, world: World): AsyncGenerator<string> {
  if (given === "-" || isTextFile(given, world)) yield* inputText(given, world);
  else yield given;
}

/** Longer texts are logs. */
const LONGEST_THREAD = 1_000_000;

/** A text that people wrote, or undefined for a log: no more of it is read than needed. */
export async function shortText(given: string, world: World): Promise<string | undefined> {
  let text = "";
  for await (const piece of givenPieces(given, world)) {
    text += piece;
    if (text.length > LONGEST_THREAD) return undefined;
  }
  return text;
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
