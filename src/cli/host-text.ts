import { kernelSet } from "../situation/kernels.js";
import { isFile } from "./files.js";
import type { World } from "./world.js";

/** HOST as it was typed, and the kernel behind it. */
export interface HostText {
  readonly host: string;
  readonly kernel?: string;
}

/** Takes `HOST@KERNEL` apart; a file wins, and a suffix that is not a kernel belongs to the name. */
export function hostText(text: string, world: World): HostText {
  const at = text.lastIndexOf("@");
  if (at <= 0 || isFile(text, world)) return { host: text };
  const kernel = text.slice(at + 1);
  // What begins like a number is meant as a kernel, even if there is none of that number.
  const meant = /^v?\d+\.\d/.test(kernel) || !("error" in kernelSet(kernel));
  return meant ? { host: text.slice(0, at), kernel } : { host: text };
}
