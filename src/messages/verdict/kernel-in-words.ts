import { type Release, resolveRelease } from "../../rules/release.js";

const KERNEL =
  /\b(?:kernels?|linux)(?: (?:version|release|is|was|v))?[\s:=(v"'`]{1,4}(\d{1,2}\.\d{1,3}(?:\.\d{1,3}[\w.+~-]{0,40})?)\b|\b(\d{1,2}\.\d{1,3}\.\d{1,3}-[\w.+~-]{1,40})\b/i;

/** The kernel that prose names: `kernel 5.4`, `on 5.15.0-91-generic`. */
export function kernelInWords(text: string): Release | undefined {
  const found = KERNEL.exec(text)?.slice(1).find(Boolean);
  return found === undefined ? undefined : resolveRelease(found).release;
}
