import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import { INTEL_CPU, SVM_CPU, svmNamed } from "../../../../input/text/svm-named.js";
import { insideOf } from "../../../../why/below/named-outer.js";
import { rentedCloud } from "../../rented-cloud.js";

/** A VM entry that failed in a machine of a hypervisor, or of a cloud, which the text names; undefined where it names none. */
export function failedInside(
  found: FoundVerdict,
  text: string,
  { product, outcome }: Recognised,
): FoundVerdict | undefined {
  const cloud = rentedCloud(text);
  const below = cloud === undefined ? insideOf(text) : undefined;
  // What Proxmox or KVM prints, is of its own guests.
  const own = below === "Proxmox" || (below === "KVM" && product !== "VMX");
  if (own && !/\bnest(?:ed|ing)\b|\bL[12]\b/i.test(text)) return undefined;
  const inside = cloud ?? below;
  if (inside === undefined) return undefined;
  const isSvm = outcome === "AMD" || SVM_CPU.test(text) || svmNamed(text) !== undefined;
  const passed = isSvm ? (INTEL_CPU.test(text) ? "virtualization" : "AMD-V") : "VT-x";
  return {
    ...found,
    says: `${found.says} The text says that this runs in a machine of ${inside}: then the fault can as well be in the ${passed} that this hypervisor passes on.`,
    // What shows the state comes before another machine.
    steps: [
      ...(below === undefined
        ? [
            ...found.steps.slice(0, 2),
            { text: `Try another machine type of ${inside}: the hypervisor there is its own.` },
          ]
        : [
            { text: `Update ${inside}, and try the same outside of it.`, commands: ["systemd-detect-virt"] },
            ...found.steps,
          ]),
    ].slice(0, 3),
  };
}
