import type { Decoded } from "../../../answers/answer.js";
import { operandsOf, usedText } from "../../../vmcs/stopped/memory-operand.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";
import { registerBlock } from "../../register-block.js";

/** VFIO's own line about memory of a device that it could not map. */
const NO_MEMORY = /\bVM_FAULT_OOM\b|\bvfio_pci_mmap_(?:huge_)?fault\b[^\n]{0,80}: 0x1$/;
const MOST_LINES = 5_000;

/** KVM_RUN without a page for the guest, where memory of a device can be what is missing (vfio_pci_mmap_fault in Linux). */
export function decodeRunFailed([{ groups }]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  if (context.anywhere.has("kernel-change")) return OTHER_KERNEL(groups.reason ?? "");
  const isFault = groups.reason === "Bad address" || groups.reason === "-14";
  if (!isFault || !context.anywhere.has("passthrough")) return {};
  if (context.lines(1, MOST_LINES).some((line) => NO_MEMORY.test(line)))
    return {
      what: `KVM_RUN itself failed (${groups.reason}): KVM could not get a page of memory that the guest used. No VM entry was refused and VMX is not the reason. By the text it is the memory of a device that is passed through, and the host's kernel could not map it (VM_FAULT_OOM): the host had too little memory left for page tables.`,
      onlyCauses: true,
      steps: [
        {
          text: "Leave the host more memory: reserve fewer huge pages, or give the guests less.",
          commands: ["grep -iE 'huge|available' /proc/meminfo"],
        },
      ],
      onlySteps: true,
    };
  const block = registerBlock(context);
  const used = block === undefined ? "" : usedText(operandsOf(block), block);
  return {
    what: `KVM_RUN itself failed (${groups.reason}): KVM could not get a page of memory that the guest used.${used} No VM entry was refused and VMX is not the reason. With a device passed through, that can be the device's memory: VFIO takes it from the guest while the device is being reset, asleep or switched off.`,
    onlyCauses: true,
    steps: [
      {
        text: "See what the host's kernel said at that moment, and whether the device has its memory on (Mem+) and is awake (D0).",
        commands: [
          "sudo dmesg | grep -iE 'vfio|AER|pcie' | tail -50",
          "sudo lspci -vvs BUS:DEV.FN | grep -E 'Mem[+-]|Status: D'",
        ],
      },
    ],
    onlySteps: true,
  };
}

const OTHER_KERNEL = (reason: string): Decoded => ({
  what: `KVM_RUN itself failed (${reason}), and by the text the guest runs under another kernel of the host: the fault is in KVM of the kernel under which it fails. No VM entry was refused and VMX is not the reason.`,
  onlyCauses: true,
  steps: [
    {
      text: "Use the kernel that runs it, or the newest stable update; report both versions with what the kernel said.",
      commands: ["uname -r; sudo dmesg | tail -50"],
    },
  ],
  onlySteps: true,
});
