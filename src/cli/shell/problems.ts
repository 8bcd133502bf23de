import { foldName } from "../../registers/edit-distance.js";
import { visible } from "../../report/visible.js";
import { EXIT } from "../exit-code.js";
import type { World } from "../world.js";
import { terminalWidth } from "./output-options.js";

/** Prints problems to standard error; what begins with blanks belongs to the problem before it. */
export function complain(world: World, problems: readonly string[]): number {
  for (const problem of problems)
    world.err(fitted(`${problem.startsWith(" ") ? "" : "vmxlens: "}${visible(problem)}\n`, world));
  return EXIT.usage;
}

/** Lines for a terminal, broken between words where they are longer than it is wide; for a file they stay as they are. */
export function fitted(text: string, world: Pick<World, "columns" | "env">): string {
  const width = terminalWidth(world);
  if (width === undefined) return text;
  return text
    .split("\n")
    .map((line) => (line.length <= width ? line : broken(line, Math.max(width, LEAST_WIDTH))))
    .join("\n");
}

const LEAST_WIDTH = 20;

function broken(line: string, width: number): string {
  const indent = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let open = indent;
  for (const word of line.trim().split(" ")) {
    const next = open.trim() === "" ? `${open}${word}` : `${open} ${word}`;
    if (next.length <= width || open.trim() === "") open = next;
    else {
      lines.push(open.trimEnd());
      open = `${indent}  ${word}`;
    }
  }
  return [...lines, open.trimEnd()].join("\n");
}

/** `; did you mean a, b?`, names that differ only in how they are written once. */
export function didYouMean(near: readonly string[]): string {
  const once = near.filter((name, at) => near.findIndex((other) => foldName(other) === foldName(name)) === at);
  return once.length === 0 ? "" : `; did you mean ${once.join(", ")}?`;
}
