import { answer, type TextVerdict } from "../answer.js";

/*
 * VT-d is looked for where only VT-x is shown: in IA32_FEAT_CTL, or among the flags of the CPU.
 */

const LONGEST = 4_000;
const FEAT_CTL =
  /\bVT-?d\b[^\n]{0,120}(?:\b0x3a\b|\bIA32_FEAT\w{3,16}\b|\bfeature control\b)|(?:\b0x3a\b|\bIA32_FEAT\w{3,16}\b)[^\n]{0,120}\bVT-?d\b/i;
const FLAGS =
  /\bVT-?d\b[^\n]{0,80}\n{1,2}(?:`{3}\w{0,8}\n)?[^\n]{0,40}\b(?:cpuinfo|lscpu)\b[^\n]{0,24}\bgrep\b[^\n]{0,24}\b(?:vmx|svm)\b|\bgrep\b[^\n]{0,24}\b(?:vmx|svm)\b[^\n]{0,12}\bcpuinfo\b[^\n]{0,80}\bVT-?d\b|\bvmx flags?\b[^\n]{0,60}\bVT-?d\b/i;
const SEE = {
  text: "See whether the IOMMU is there and used.",
  commands: ["sudo dmesg | grep -iE 'dmar|iommu'; ls /sys/class/iommu"],
};

/** What does not show VT-d; undefined where a text does not look for it there. */
export function vtdShown(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || text.length > LONGEST || !FEAT_CTL.test(text)) return undefined;
  return answer(
    "IA32_FEAT_CTL (0x3a) is about VT-x and says nothing about VT-d: bit 0 is its lock, bit 1 VMX inside SMX, bit 2 VMX outside. 5 is VT-x on, 3 on inside SMX alone (KVM does not load then), 1 locked off. VT-d is the IOMMU, which the firmware's DMAR table shows.",
    [SEE],
  );
}

/** The sentence behind an answer on VT-x; empty where the text does not look for VT-d there. */
export const notVtd = (text: string): string =>
  text.length <= LONGEST && FLAGS.test(text) && !/\bDMAR\b|\biommu_groups\b/.test(text)
    ? " It says nothing about VT-d, the IOMMU: sudo dmesg | grep -iE 'dmar|iommu'."
    : "";
