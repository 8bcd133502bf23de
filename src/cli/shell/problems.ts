import { foldName } from "../../registers/edit-distance.js";
import { visible } from "../../report/visible.js";
import { EXIT } from "../exit-code.js";
import type { World } from "../world.js";

/** Prints problems to standard error; what begins with blanks belongs to the problem before it. */
export function complain(world: World, problems: readonly string[]): number {
  for (const problem of problems) world.err(`${problem.startsWith(" ") ? "" : "vmxlens: "}${visible(problem)}\n`);
  return EXIT.usage;
}

/** `; did you mean a, b?`, names that differ only in how they are written once. */
export function didYouMean(near: readonly string[]): string {
  const once = near.filter((name, at) => near.findIndex((other) => foldName(other) === foldName(name)) === at);
  return once.length === 0 ? "" : `; did you mean ${once.join(", ")}?`;
}
