import { StringDecoder } from "node:string_decoder";
import { inputChunks, inputName, isTextFile, wholeText } from "./files.js";
import type { World } from "./world.js";

/** As `givenText`, piece by piece. */
export async function* givenPieces(given: string, world: World): AsyncGenerator<string> {
  if (given !== "-" && !isTextFile(given, world)) {
    yield given;
    return;
  }
  const decoder = new StringDecoder("utf8");
  for await (const chunk of inputChunks(given, world)) yield decoder.write(chunk);
  yield decoder.end();
}

/** What a user gave: a file if there is one of that name, standard input for `-`, else the text itself. */
export async function givenText(
  given: string,
  world: World,
): Promise<{ readonly text: string; readonly file?: string }> {
  if (given !== "-" && !isTextFile(given, world)) return { text: given };
  const file = inputName(given);
  return { text: await wholeText(inputChunks(given, world), file), file };
}
