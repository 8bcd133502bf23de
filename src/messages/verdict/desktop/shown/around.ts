import type { Recognised } from "../../../../answers/answer.js";
import { IN_A_MACHINE, saidOf } from "../../../../input/prose/in-words.js";
import { INTEL_CPU, SVM_CPU } from "../../../../input/text/svm-named.js";
import type { OwnMachine } from "../../../../situation/evidence/own-machine.js";
import { namedOuter, withoutFormer } from "../../../../why/below/named-outer.js";
import { outerStep } from "../../../../why/questions/next-steps.js";
import { ENABLE_OUTER } from "../../../rows/shared-advice.js";
import { ofAmd } from "../amd.js";
import { IS_MACHINE, type Says, skipCheck, WINDOWS } from "../on-windows.js";
import { isOneOfTwo, kvmBelow } from "../said-inside.js";

/*
 * What the machine is on which a program finds no VT-x, in words.
 */

/** They run in the machine, or are Windows' own. */
const NO_OUTER: ReadonlySet<string> = new Set(["a virtual machine", "Docker Desktop", "Hyper-V", "WSL"]);
export const BOOT_CAMP = /\bboot ?camp\b/i;
const OF_HYPERV = /\b(?:inside|in|within|as|is) an? Hyper-?V (?:virtual machine|VM|guest)\b/i;
const OF_VMWARE =
  /\bVM_?ware (?:image|VM|guest|instance)\b|\b(?:through|via|in|on|under|inside) (?:my |an? |the )?VM_?ware\b/i;

/** What the machine is, in words: a Mac under Windows, an AMD CPU, a virtual machine. */
export function surrounding(text: string, first: Recognised, machine: OwnMachine | undefined): Says | undefined {
  if (BOOT_CAMP.test(text))
    return {
      says: `${first.what} On a Mac VT-x is off when Windows (Boot Camp) is started directly after power-on: macOS switches it on, and it stays on over a restart.`,
      steps: [{ text: "Start macOS, and restart from there into Windows, without switching the machine off." }],
    };
  if (WINDOWS.test(text) && machine === undefined && !INTEL_CPU.test(text)) {
    const amd = SVM_CPU.exec(text)?.[0].trim();
    if (amd !== undefined) {
      const { says, steps } = ofAmd(amd, text);
      return {
        says: `${first.what} ${says}`,
        steps: IS_MACHINE.test(first.matched) ? [...steps, skipCheck(text)] : steps,
      };
    }
  }
  const said = withoutFormer(saidOf(text));
  const inside = IN_A_MACHINE.exec(said);
  if (inside === null || isOneOfTwo(said, inside.index)) return undefined;
  const named = namedOuter(said, machine);
  return {
    says: `${first.what} The text speaks of a virtual machine: the hypervisor below it has to pass VT-x, and no firmware setup inside can switch that on.`,
    steps: [
      OF_VMWARE.test(said)
        ? outerStep("VMware")
        : OF_HYPERV.test(said)
          ? outerStep("Hyper-V")
          : named === undefined || NO_OUTER.has(named.name)
            ? (kvmBelow(text) ?? ENABLE_OUTER)
            : named.step,
    ],
  };
}
