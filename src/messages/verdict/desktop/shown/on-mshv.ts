import type { Recognised, TextVerdict } from "../../../../answers/answer.js";

/*
 * Azure Linux with a kernel that runs as the root partition of Microsoft's hypervisor: AKS has it for Kata.
 */

const MSHV = /\/lib\/modules\/[\w.-]{3,30}mshv/;

/** A module of KVM is looked for in such a kernel. */
export function onMshv(text: string, recognised: readonly Recognised[]): TextVerdict | undefined {
  const missing = recognised.find(({ message }) => message === "modprobe-not-found");
  if (missing === undefined || !MSHV.test(text)) return undefined;
  return {
    says: "The running kernel is Microsoft's for its own hypervisor (mshv): it is without KVM, and nothing has to be loaded. What starts machines there uses /dev/mshv, as Kata does with Cloud Hypervisor.",
    steps: [
      { text: "See that device, and which hypervisor the runtime is set to.", commands: ["ls -l /dev/mshv; uname -r"] },
    ],
    evidence: [],
    line: missing.lines[0],
    covers: recognised.map(({ message }) => message as string),
  };
}
