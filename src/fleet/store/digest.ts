import { createHash } from "node:crypto";

/** Twenty hex digits: the chance that two of a million texts have the same is about one in 10^12. */
const DIGITS = 20;

/** A name for a text, made from its content; the empty text has an empty name. */
export function digest(text: string): string {
  return text === "" ? "" : createHash("sha256").update(text).digest("hex").slice(0, DIGITS);
}
