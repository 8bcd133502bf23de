import type { AtlasEntry } from "../input/atlas-entry.js";
import { hexIndex } from "./bit-text.js";
import { table, wrap } from "./layout.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";

/** CPUs of the atlas, one a row, and how many there are. */
export function cpusReport(entries: readonly AtlasEntry[], total: number, conditions: string, width: number): Line[] {
  const rows: Inline[][] = entries.map((entry) => [
    styled("strong", entry.id),
    entry.launchYear === undefined || entry.launchYear === null ? "" : String(entry.launchYear),
    entry.codename,
    styled("dim", hexIndex(entry.signature)),
    entry.name,
  ]);
  const head: Inline[] = ["id", "year", "code name", "signature", "name"].map((text) => styled("label", text));
  const count = `${entries.length} of ${total} CPUs${conditions === "" ? "" : ` ${conditions}`}`;
  return entries.length === 0
    ? wrap(`No CPU of the atlas ${conditions === "" ? "is called so" : `fits ${conditions}`}.`, width)
    : [...table([head, ...rows], { width }), BLANK, ...wrap(count, width)];
}
