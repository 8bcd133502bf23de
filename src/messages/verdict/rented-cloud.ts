import { cloudOf, instanceOf } from "./cloud-words.js";
import { CLOUDS, namedOuter, WHOLE_MACHINE } from "./named-outer.js";

/** The cloud that a text says it runs in, or the one that it names, where it names no whole machine in it. */
export function rentedCloud(text: string): string | undefined {
  return instanceOf(text) ?? cloudOf(text) ?? namedCloud(text);
}

/** The cloud that a text in prose names, and no whole machine in it. */
export function namedCloud(text: string): string | undefined {
  if (text.length > LONGEST_PROSE || WHOLE_MACHINE.test(text)) return undefined;
  const name = namedOuter(text, undefined)?.name ?? "";
  return CLOUDS.has(name) ? name : undefined;
}
const LONGEST_PROSE = 20_000;
