import type { Explanation, FoundVerdict } from "../../../answers/answer.js";
import { isSvmVendor } from "../../../host/host.js";
import { svmNamed } from "../../../input/text/svm-named.js";
import { parseBool } from "../../../kvm/load/parse-param.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { NESTED_ON } from "../../rows/shared-advice.js";
import { OF_NESTED } from "../text-signs.js";
import { SAYS_NONE } from "../weight.js";
import { proseOf } from "./guest-verdict.js";

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

/** vmx itself, and QEMU or libvirt with KVM: TCG has words of its own. */
const VMX_REFUSED =
  /\bhost doesn't support requested feature: CPUID\S{1,20}\.vmx\b|\bHost CPU does not provide required features: (?:[\w-]{1,20}, ?){0,40}vmx\b/i;

/** QEMU on macOS. */
const HVF = /\baccel[= ]hvf\b/;

/** QEMU's warning shows that nested is off in the module that runs, whatever its configuration asks for. */
export function nestedRefused(
  recognised: readonly Explanation[],
  machine: OwnMachine | undefined,
  text: string,
): FoundVerdict | undefined {
  const { paramsAsked, params, vendor } = machine?.situation.read ?? {};
  const asked = paramsAsked?.kvm_intel?.nested;
  const warning = recognised.find(({ matched }) => VMX_REFUSED.test(matched));
  const isShown = params?.kvm_intel?.nested !== undefined || parseBool(asked ?? "") === false;
  if (warning === undefined || isShown || isSvmVendor(vendor) || svmNamed(text) !== undefined || HVF.test(text))
    return undefined;
  const isOther = ({ gravity, message = "" }: Explanation) => gravity === "blocks" && !SAYS_NONE.has(message);
  if (asked === undefined && (!OF_NESTED.test(proseOf(text)) || recognised.some(isOther))) return undefined;
  const why =
    asked === undefined
      ? " there; a setting counts from the next load of the module on"
      : `, although its configuration asks for nested=${asked}: the module was loaded before that, or another file or the initramfs has it otherwise`;
  return {
    says: `KVM offers guests no VMX on this host: QEMU finds that vmx itself is missing. So nested of kvm_intel is off${why}.`,
    steps: [
      {
        text: "Load it anew, with no virtual machine running; it has to read Y or 1 then.",
        commands: [
          `sudo modprobe -r kvm_intel && sudo modprobe kvm_intel${asked === undefined ? " nested=1" : ""}`,
          "cat /sys/module/kvm_intel/parameters/nested; modprobe -c | grep 'options kvm'",
        ],
      },
    ],
    evidence: [],
    line: warning.lines[0],
    covers: recognised.map(({ message }) => message as string),
  };
}
