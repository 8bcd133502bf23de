import { guarded } from "../report/ansi.js";
import { jsonText, visible } from "../report/visible.js";
import { asWorldError, worldSentence } from "./files.js";
import type { World } from "./world.js";

/**
 * The world as commands see it. Whatever they print passes the guard here, and an output that cannot be written is the
 * world's fault. That standard error cannot be written can be said nowhere.
 */
export function worldOf(world: World, color: boolean, maxBytes?: number): World {
  return {
    ...world,
    out(text) {
      try {
        world.out(guarded(text, color));
      } catch (error) {
        throw asWorldError(error, "standard output cannot be written");
      }
    },
    err(text) {
      try {
        world.err(guarded(text, color));
      } catch (error) {
        if (worldSentence(error) === undefined) throw error;
      }
    },
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

/** Prints lines of cells, the one text in which a tab is ours. `outside` is the world that no guard is around. */
export function printTabbed(text: string, outside: World): void {
  const cells = (line: string) => line.split("\t").map(visible).join("\t");
  try {
    outside.out(text.split("\n").map(cells).join("\n"));
  } catch (error) {
    throw asWorldError(error, "standard output cannot be written");
  }
}

/** What commander itself adds below an error. */
const SUGGESTION = /\n\(Did you mean [^\n"'`]*\?\)$/;

/** An error of commander, which quotes what was typed: nothing in it begins a line but its suggestion. */
export function oneError(text: string): string {
  const whole = text.replace(/\n$/, "");
  const suggestion = SUGGESTION.exec(whole)?.[0] ?? "";
  return `${visible(whole.slice(0, whole.length - suggestion.length))}${suggestion}\n`;
}

export function showJson(value: unknown, world: World): void {
  world.out(`${jsonText(value)}\n`);
}
