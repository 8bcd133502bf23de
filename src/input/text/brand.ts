/*
 * CPUID brand strings as people and programs write them. Linux prints the vendor's name before one that does not have it
 * (print_cpu_info of arch/x86/kernel/cpu/common.c), with an eye for capitals: `Intel INTEL(R) XEON(R) PLATINUM 8575C`,
 * `Intel QEMU Virtual CPU version 2.5+`.
 */

const VENDOR_WORD = /^(?:intel|amd|centaur|via|zhaoxin|hygon|unknown)\s+(?=\S)/;

/** Whether two names are one brand string, spelt and prefixed differently. */
export function sameBrand(a: string, b: string): boolean {
  return a === b || canonical(a) === canonical(b);
}

function canonical(name: string): string {
  let text = name
    .toLowerCase()
    .replace(/\((?:r|tm|c)\)|[®™]/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  while (VENDOR_WORD.test(text)) text = text.replace(VENDOR_WORD, "");
  return text;
}
