import { type Fact, heldIn } from "./held.js";

/** A kernel release that the text names. */
export interface NamedKernel {
  /** As written: `5.15.35-1-pve`. */
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  /** The third number, where there is one. */
  readonly patch?: number;
}

/** Whether a fact about kernels holds in a named one, modelled or not; never where none was named. */
export function holdsInNamed(kernel: NamedKernel | undefined, fact: Fact): boolean {
  return heldInNamed(kernel, fact) === true;
}

/** Whether a fact about kernels does not hold in a named one; never where none was named. */
export function surelyNotIn(kernel: NamedKernel | undefined, fact: Fact): boolean {
  return heldInNamed(kernel, fact) === false;
}

function heldInNamed(kernel: NamedKernel | undefined, { held }: Fact): boolean | undefined {
  if (kernel === undefined) return undefined;
  const { major, minor, patch = 0 } = kernel;
  return heldIn(held, { line: "upstream", base: `${major}.${minor}.${patch}` });
}
