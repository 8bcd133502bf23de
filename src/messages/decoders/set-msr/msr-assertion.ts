import type { Decoded } from "../../../answers/answer.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";

const GIVE_LINE = { text: "Give the line that begins with `failed to set MSR`; it has the MSR and the value." };
const MOST_LINES = 20_000;

/** QEMU stopped for an MSR; releases before 2.9 do not say for which. */
export function decodeMsrAssertion(matches: readonly [Match, ...Match[]], { lines, signs }: ExplainContext): Decoded {
  if (lines(1, MOST_LINES).some((line) => /failed to [gs]et MSR/i.test(line))) return {};
  if (!matches.some(({ line }) => line.includes("kvm_put_msrs"))) return { steps: [GIVE_LINE] };
  return {
    gravity: "blocks",
    what: "QEMU stops because KVM refused an MSR of the guest. Which one, QEMU says since 2.9, in a line `failed to set MSR` that is not in the text.",
    causes: [
      {
        text: "The guest's CPU has a feature that KVM here does not carry: a PMU in a machine without virtual performance counters, MPX, or VMX that the hypervisor below does not pass whole (Linux and QEMU before 2.9 gave nested guests of named CPU models more than the model has).",
        certainty: "possible",
      },
    ],
    steps: [
      {
        text: `Leave out what it can be${signs.virtualMachine ? ", and have the hypervisor below give this machine its host's whole CPU" : ""}, one at a time.`,
        commands: ["-cpu host,pmu=off", "-cpu host,mpx=off", "-cpu host,-vmx"],
      },
      { text: "Or take QEMU 2.9 or later: it names the MSR and the value. Give that line." },
    ],
  };
}
