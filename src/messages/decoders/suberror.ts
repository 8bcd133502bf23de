import type { Cause, Decoded } from "../answer.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";

const RESET =
  "The register block shows a CPU just after reset: real mode (CR0.PE is 0) in the firmware's segment. KVM must emulate real mode where it has no unrestricted guest.";
const REAL_MODE =
  "The register block shows real mode (CR0.PE is 0), which KVM must emulate where it has no unrestricted guest.";
const ENDBR =
  "The instruction that could not be emulated is ENDBR (f3 0f 1e fb or fa): the guest's firmware was built with CET, and an emulator that does not know the instruction stops at it.";

/** KVM gave up on the guest: what the register block in the same text says about it. */
export function decodeSuberror([match]: readonly [Match, ...Match[]], { anywhere }: ExplainContext): Decoded {
  if (match.groups.suberror !== "1" || !anywhere.has("register-block")) return {};
  const causes: Cause[] = [];
  if (anywhere.has("real-mode")) {
    causes.push({ text: anywhere.has("reset-segment") ? RESET : REAL_MODE, certainty: "certain" });
  }
  if (anywhere.has("endbr")) causes.push({ text: ENDBR, certainty: "likely" });
  if (!anywhere.has("real-mode") && anywhere.has("protected-mode") && !anywhere.has("endbr")) {
    return {
      what: "KVM could not emulate an instruction of the guest (suberror 1). The register block shows protected mode (CR0.PE is 1): the guest executes where it has no RAM that a CPU could run from (MMIO, a hole, a page that is not mapped), or an instruction that KVM's emulator does not know. This is not a refused VM entry, and VT-x is on and used.",
      causes: [],
      onlyCauses: true,
      steps: [
        {
          text: "Look where RIP points and which bytes are there: zeros or ff mean that the guest, or its firmware, jumped to where no code is; that is repaired in the guest.",
          commands: ["(qemu) info registers", "(qemu) info mtree -f", "(qemu) x /8i $pc"],
        },
      ],
      onlySteps: true,
    };
  }
  const steps = [
    ...(anywhere.has("endbr")
      ? [
          {
            text: "Use a guest firmware built without CET (-fcf-protection=none), or a CPU and kernel with unrestricted guest.",
          },
        ]
      : []),
    {
      text: "See whether KVM can run real mode without emulation.",
      commands: ["cat /sys/module/kvm_intel/parameters/unrestricted_guest /sys/module/kvm_intel/parameters/ept"],
    },
  ];
  if (causes.length === 0) return { steps, onlySteps: true };
  const where = anywhere.has("reset-segment")
    ? "in real mode just after reset"
    : anywhere.has("real-mode")
      ? "in real mode"
      : "where it runs";
  const which = anywhere.has("endbr")
    ? "ENDBR, which firmware built with CET begins with"
    : "the one between < and > in the code bytes";
  return {
    what: `KVM could not emulate an instruction of the guest (suberror 1), ${where}: ${which}.`,
    causes,
    steps,
    onlySteps: true,
  };
}
