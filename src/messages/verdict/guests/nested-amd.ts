import type { FoundVerdict } from "../../../answers/answer.js";

/*
 * Guests of a host with an AMD CPU, whose parameter of kvm_amd no replay has.
 */

/** The last value that a text shows counts. */
const SHOWN = /\/kvm_amd\/parameters\/nested["'`]?[^\S\n]{0,4}[:=]?\s{0,4}(?<value>[YN01])\b/g;
const FOR_INTEL = /\boptions[ \t]{1,4}kvm[-_]intel [^\n]{0,40}\bnested=/;

/** Nested is off there; undefined where the text does not show it. */
export function nestedOfAmd(text: string): FoundVerdict | undefined {
  const value = [...text.matchAll(SHOWN)].at(-1)?.groups?.value;
  if (value !== "0" && value !== "N") return undefined;
  const intel = FOR_INTEL.test(text) ? " What is set for kvm_intel does not count on an AMD CPU." : "";
  return {
    says: `kvm_amd.nested is ${value} on this host: its guests get no SVM (AMD-V), whatever their CPU is.${intel}`,
    steps: [
      {
        text: "Load the module anew with it, with no virtual machine running, and keep it so.",
        commands: [
          "sudo modprobe -r kvm_amd && sudo modprobe kvm_amd nested=1",
          "echo 'options kvm_amd nested=1' | sudo tee /etc/modprobe.d/kvm-amd.conf",
        ],
      },
    ],
    evidence: [],
    covers: [],
  };
}
