import type { Action } from "./action.js";
import type { FleetRaw } from "./options.js";

/* Which options an action uses. One that would change nothing is refused, as everywhere in vmxlens. */

/** Options by their names in `FleetRaw`; those that only lay out text fit every action. */
export type Uses = readonly (keyof FleetRaw)[];

const LAYOUT: Uses = ["width", "color", "pager", "format", "lang"];

/** `--max-bytes` of `maxBytes`. */
function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A sentence for each option that was given and changes nothing; `what` is as `fleet pools --as qemu`. */
export function idleOptions(what: string, raw: FleetRaw, uses: Uses): readonly string[] {
  return Object.entries(raw)
    .filter(([name, value]) => value !== undefined && ![...uses, ...LAYOUT].includes(name as keyof FleetRaw))
    .map(([name]) => `${flagOf(name)} has no effect on vmxlens ${what}`);
}

/** A sentence for the first word that an action does not use. */
export function extraWords(name: string, args: Action["args"], most: number): readonly string[] {
  const extra = args[most];
  return extra === undefined ? [] : [`fleet ${name}: ${extra}: too many words`];
}
