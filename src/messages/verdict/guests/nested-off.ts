import { parseBool } from "../../../kvm/load/parse-param.js";
import type { Explanation, FoundVerdict } from "../../answer.js";
import type { OwnMachine } from "../../own-machine.js";
import { NESTED_ON } from "../../rows/shared-advice.js";

/*
 * VMX features that a host cannot give to guests, where it shows that nested is off: then it gives none.
 */

export const WANTS_VMX: ReadonlySet<string> = new Set([
  "libvirt-missing-features",
  "libvirt-host-lacks",
  "qemu-requested-feature",
]);

/** The answer to a message about missing VMX features; undefined where nested is on or not shown. */
export function withNestedOff(
  found: FoundVerdict,
  { message = "", bits }: Explanation,
  machine: OwnMachine | undefined,
): FoundVerdict | undefined {
  const nested = machine?.situation.read.params?.kvm_intel?.nested;
  const isOff = nested !== undefined && parseBool(nested) === false;
  if (!isOff || !WANTS_VMX.has(message) || !bits.some(({ role }) => role === "refused")) return undefined;
  return {
    ...found,
    says: `${found.says} The text shows kvm_intel.nested=${nested}: then KVM offers guests no VMX at all, and each of these features is missing for that reason.`,
    steps: [NESTED_ON],
    covers: [...found.covers, message],
  };
}
