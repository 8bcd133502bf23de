/*
 * CPUID leaf 1 in a sentence, or in a line of a program's output.
 */

const LEAF_1 =
  /\bcpuid\b[^\n]{0,12}?[^\w\n](?:0x)?0{0,7}1h?\b[^\n]{0,60}?\becx\b\s{0,3}(?:=|:|is|was)\s{0,3}(?:0x)?(?<ecx>[0-9a-f]{7,8})h?\b/i;
const NO_MASK = /\btest\s{1,4}e?cx\s{0,2},\s{0,2}(?:0x)?5\b|\becx\s{0,2}&\s{0,2}(?:0x)?5\b/i;

/** CPUID.1:ECX, whose bit 5 is VMX and bit 31 a hypervisor's. */
export function cpuidLeafText(text: string): string | undefined {
  const hex = LEAF_1.exec(text)?.groups?.ecx;
  if (hex === undefined) return undefined;
  const ecx = Number.parseInt(hex, 16);
  const has = (bit: number) => ((ecx >>> bit) & 1) === 1;
  const inside = has(31);
  const means = has(5)
    ? inside
      ? "this virtual machine is given VMX"
      : "the CPU has VMX; whether the firmware lets it be used is in IA32_FEAT_CTL (0x3a), 5 or 7 where it does"
    : inside
      ? "the hypervisor below does not pass VMX to this virtual machine"
      : "the CPU has no VMX, or a hypervisor that hides itself takes it away";
  const mask = NO_MASK.test(text) ? " Bit 5 is the mask 0x20 (1 << 5): a test with 5 looks at bits 0 and 2." : "";
  return `CPUID.1:ECX is 0x${hex.toLowerCase()}: bit 5 (VMX) is ${has(5) ? 1 : 0} and bit 31 (in a hypervisor) ${inside ? 1 : 0}, so ${means}.${mask}`;
}
