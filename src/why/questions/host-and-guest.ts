import type { Host } from "../../host/host.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import type { Answer } from "./about.js";
import type { NextStep, Question } from "./answer.js";
import { outerStep, READ_LOCK, RELOAD_WITH_NESTED } from "./next-steps.js";

/*
 * Of a host and of its guest in one text.
 */

export const guestModel = (flag: string): NextStep => ({
  text: `Give the guest a CPU with ${flag}, then shut it down and start it; a restart from inside keeps the old one.`,
  commands: [
    "-cpu host",
    "<cpu mode='host-passthrough'/>",
    "# Proxmox: qm set VMID --cpu host; OpenStack: cpu_mode = host-passthrough",
  ],
});
const GUEST_MODEL = guestModel("vmx");

export const SEE_NESTED: NextStep = {
  text: "On the host, see whether it is on.",
  commands: ["cat /sys/module/kvm_intel/parameters/nested"],
};

/** The answer if `isHostAndGuest` is true of what one machine shows: a module that is built in has its parameters there anyway. */
export const BUILT_IN: Answer = {
  answer: "no",
  decidedBy: "firmware",
  says: "Linux shows no `vmx`, so VT-x is off, or is not passed to this machine. kvm_intel is built into its kernel and shows its parameters all the same.",
  steps: [READ_LOCK, outerStep(undefined)],
};

/** The answer if `isHostAndGuest` is true of what was read. */
export function hostAndGuestAnswer(question: Question, { params }: Host): Answer {
  if (question !== "nested") {
    return {
      answer: "yes",
      decidedBy: "kernel",
      says: "kvm_intel is loaded on the host. Linux shows no `vmx` in what is most likely its guest.",
      steps: [],
    };
  }
  const shown = params?.kvm_intel?.nested;
  const nested = shown === undefined ? undefined : parseBool(shown);
  if (nested === undefined) {
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: "whether KVM of the host offers guests VMX was not read, nor the guest's CPU model.",
      steps: [SEE_NESTED, GUEST_MODEL],
    };
  }
  return nested
    ? {
        answer: "yes",
        decidedBy: "parameter",
        says: `KVM of the host offers guests VMX (kvm_intel.nested=${shown}). The guest does not have it: its CPU model leaves vmx out, or it was not shut down and started since.`,
        steps: [GUEST_MODEL],
      }
    : {
        answer: "no",
        decidedBy: "parameter",
        says: `kvm_intel.nested is ${shown} on the host, so guests get no VMX.`,
        steps: [RELOAD_WITH_NESTED, GUEST_MODEL],
      };
}
