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
