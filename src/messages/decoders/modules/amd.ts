import type { Decoded } from "../../../answers/answer.js";
import { PASS_SVM } from "../../../why/questions/next-steps.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";
import { ENABLE_SVM, INSIDE } from "../../rows/shared-advice.js";

/*
 * Modules of the two vendors, where one was tried on the CPU of the other, or is there already.
 */

const NO_AMD: Decoded = {
  gravity: "harmless",
  what: "The kernel refused kvm_amd because this CPU is not AMD's. That says nothing about VT-x: its module is kvm_intel.",
  outcome: "AMD",
  steps: [
    {
      text: "Look at kvm_intel instead.",
      commands: ["lsmod | grep kvm || sudo modprobe kvm_intel; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
      unless: ["kvm_intel loaded", "kvm_intel left out"],
    },
  ],
  onlySteps: true,
};

const SVM_REFUSED: Decoded = {
  outcome: "AMD",
  causes: [
    { text: "SVM Mode is off in the firmware setup.", certainty: "likely" },
    { text: "The hypervisor below a virtual machine does not pass AMD-V.", certainty: "possible" },
  ],
  steps: [
    ENABLE_SVM,
    {
      text: "See what the kernel says, and whether this is a virtual machine.",
      commands: ["sudo dmesg | grep -iE 'svm|kvm' | tail; systemd-detect-virt"],
    },
  ],
  onlySteps: true,
};

/** The kernel refused kvm_amd. */
export function amdModuleError({ signs, host, outer, circumstances }: ExplainContext, isUnsupported: boolean): Decoded {
  if (signs.notAmd || host?.vendor === "GenuineIntel") return NO_AMD;
  const isInside = INSIDE.some((one) => circumstances.has(one)) || circumstances.has("in a cloud");
  const isAmd = circumstances.has("AMD") || signs.amd;
  if (isInside && isUnsupported)
    return {
      what: `The kernel refused kvm_amd, and this is a virtual machine${outer === undefined ? "" : ` (${outer})`}: ${isAmd ? "the hypervisor below does not pass AMD-V to it" : "on an AMD CPU the hypervisor below does not pass AMD-V to it; on one of Intel kvm_intel is the module"}.`,
      outcome: "AMD",
      steps: [PASS_SVM],
      onlySteps: true,
    };
  if (isAmd) return SVM_REFUSED;
  return {
    ...(isUnsupported
      ? {
          what: "The kernel refused kvm_amd, which found no usable SVM: the CPU is not AMD's, or its firmware has SVM off, or it has none.",
        }
      : {}),
    causes: [{ text: "kvm_amd on a CPU without SVM; on Intel, kvm_intel is the module.", certainty: "likely" }],
    steps: [
      { text: "On an Intel CPU, load the other one.", commands: ["sudo modprobe kvm_intel"] },
      isInside ? PASS_SVM : { text: "On an AMD CPU, enable SVM mode in the firmware setup.", changes: "firmware" },
    ],
  };
}

/** The line names the module that is there; which one the CPU needs is another question. */
export function decodeOtherModule([match]: readonly [Match, ...Match[]], { signs }: ExplainContext): Decoded {
  const { module } = match.groups;
  if (module === "kvm_intel") {
    return {
      gravity: "harmless",
      what: "kvm_intel is loaded already. Another module, kvm_amd most likely, was tried after it and refused: only one of the two can be loaded, and this one is for VT-x.",
      steps: [{ text: "Nothing to do on an Intel CPU. Make sure that it is there.", commands: ["lsmod | grep kvm"] }],
      onlySteps: true,
    };
  }
  if (module !== "kvm_amd") return {};
  if (signs.amd) {
    return {
      gravity: "harmless",
      what: "kvm_amd is loaded already, which is the module for an AMD CPU. Another one, kvm_intel most likely, was tried after it and refused.",
      outcome: "AMD",
      steps: [{ text: "Nothing to do on an AMD CPU.", commands: ["lsmod | grep kvm"] }],
      onlySteps: true,
    };
  }
  return {
    what: "kvm_amd is loaded already; both vendor modules cannot be.",
    outcome: "AMD",
    steps: [
      {
        text: "On an Intel CPU, remove the other one.",
        commands: ["sudo modprobe -r kvm_amd && sudo modprobe kvm_intel"],
      },
    ],
    onlySteps: true,
  };
}
