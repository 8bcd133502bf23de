import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LINES } from "./lines.js";

const corpus = join(import.meta.dirname, "corpus");

/** A text with each message, by the message's id. */
export const EXAMPLES: ReadonlyMap<string, string> = new Map([
  ...readdirSync(corpus).flatMap((file) =>
    (JSON.parse(readFileSync(join(corpus, file), "utf8")) as { text: string; expect?: { message?: string } }[]).flatMap(
      ({ text, expect: { message } = {} }) => (message === undefined ? [] : [[message, text] as const]),
    ),
  ),
  ...Object.entries(LINES),
]);
