/* Which vendor a text shows that prints no CPUID vendor string. */

/** Words with which brand strings begin; of Intel the word alone proves nothing. */
const BY_WORD = [
  ["AMD ", "AuthenticAMD"],
  ["Hygon ", "HygonGenuine"],
] as const;

/** QEMU's models have a brand string of their own; under KVM the vendor is that of the CPU below (target/i386/cpu.c). */
const OF_QEMU =
  /^(?:AMD EPYC(?:-\w{1,20})? Processor|AMD Opteron .{0,40}\bclass\b|AMD Phenom\(tm\) 9550 |Hygon Dhyana Processor)/i;

/** Of a line of the kernel's log, which puts the vendor before a brand string without it. */
export function vendorInLog(brand: string): string | undefined {
  return BY_WORD.find(([word]) => brand.startsWith(word))?.[1];
}

/** Of a brand string. */
export function vendorOfBrand(brand: string): string | undefined {
  return OF_QEMU.test(brand) ? undefined : vendorInLog(brand);
}
