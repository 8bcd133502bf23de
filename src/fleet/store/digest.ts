import { createHash } from "node:crypto";

/** Twenty hex digits: of a million texts two have the same with a chance of one to 10^12. */
const DIGITS = 20;

/** Names a text by what is in it; the empty text has an empty name. */
export function digest(text: string): string {
  return text === "" ? "" : createHash("sha256").update(text).digest("hex").slice(0, DIGITS);
}
