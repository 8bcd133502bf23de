import type { FoundVerdict } from "../../answers/answer.js";
import { isOfLoading, type Recognised } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { isSvmVendor, showsVmx } from "../../host/host.js";
import { isLoadedOn } from "../../kvm/replay.js";
import { isHostAndGuest } from "../../situation/disputes/host-and-guest.js";
import type { Circumstances, OwnMachine } from "../../situation/evidence/own-machine.js";
import { LOAD_IT } from "../../why/questions/next-steps.js";
import { statementWith, THERE_AND_ON, underOldest } from "../../why/questions/questions.js";
import { changesOf } from "../open-steps.js";
import { LOAD_KVM, LOADED_WITHOUT_DEVICE } from "../rows/shared-advice.js";
import type { SaidInProse } from "./machine-verdict.js";
import { SAYS_NONE } from "./weight.js";

/*
 * Programs that find no KVM, on a machine that shows its virtualization: then neither the firmware nor a hypervisor below is why,
 * and only the module or its device is missing.
 */

/** They find no KVM, and give no reason. */
const FINDS_NONE: ReadonlySet<string> = new Set([
  "kvm-module-not-loaded",
  "kvm-ok-unusable",
  "libvirt-no-kvm-capabilities",
  "virt-install-no-kvm",
  "emulator-no-kvm",
  "qemu-no-kvm",
  "any-no-kvm",
  "kvm-device",
]);

const LOAD_EITHER: Step = {
  text: "Load the module of this CPU; refused, it has the reason in the kernel log.",
  commands: [
    "sudo modprobe kvm_intel || sudo modprobe kvm_amd; ls -l /dev/kvm; sudo dmesg | grep -iE 'kvm|vmx|svm' | tail",
  ],
};

const LOAD_AMD: Step = {
  text: "Load the module, and read what it says; refused, it has the reason in the kernel log.",
  commands: ["sudo modprobe kvm_amd; sudo dmesg | grep -iE 'kvm|svm' | tail"],
};

const isLacking = ({ message = "", outcome }: Recognised): boolean =>
  outcome === "no device" || ((FINDS_NONE.has(message) || SAYS_NONE.has(message)) && outcome === undefined);

/** It says why there is none, or that it is another system that has none. */
const isReason = (one: Recognised): boolean =>
  (one.product === "kmod" && (one.gravity !== "informs" || one.message === "module-denied")) ||
  one.product === "WSL" ||
  one.message === "kernel-config-without" ||
  (isOfLoading(one) && one.gravity === "blocks");

/** The answer where KVM's module is loaded by the text, and a check finds no device: it looks where the machine's is not. */
export function notPassed(
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
  { has }: Circumstances,
): FoundVerdict | undefined {
  const lacking = recognised.filter(isLacking);
  const first = lacking.find(({ what }) => what === LOADED_WITHOUT_DEVICE);
  // The kernel that has the module loaded has a file of it: this is another kernel, or a container's own directory.
  if (recognised.some(({ message }) => message === "modprobe-not-found") && !has("in a container")) return undefined;
  if (machine === undefined || first === undefined || has("/dev/kvm exists") || isHostAndGuest(machine.situation.read))
    return undefined;
  return {
    says: first.what,
    steps: first.steps,
    evidence: [],
    line: first.lines[0],
    covers: lacking.map(({ message }) => message as string),
  };
}

/** The answer where the machine of the text shows virtualization, and all that its messages say is that there is no KVM. */
export function hardwareThere(
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
  said: SaidInProse,
  circumstances: Circumstances,
): FoundVerdict | undefined {
  const lacking = recognised.filter(isLacking);
  const first = lacking.find(({ message = "" }) => !SAYS_NONE.has(message) || FINDS_NONE.has(message));
  if (machine === undefined || first === undefined || circumstances.has("/dev/kvm exists")) return undefined;
  const reasons = recognised.filter((one) => isReason(one) && !isLacking(one));
  const { host } = machine.situation;
  const { modules, loadError } = host.observed ?? {};
  if (
    isLoadedOn(host) ||
    isHostAndGuest(machine.situation.read) ||
    reasons.length > 0 ||
    loadError !== undefined ||
    modules?.kvm_amd === true
  )
    return undefined;
  const shown = hardwareShown(machine, said);
  if (shown === undefined) return undefined;
  const { has } = circumstances;
  const inContainer = has("in a container") || has("Docker alone named") || has("privileged container");
  const open = first.steps.filter((step) => changesOf(step) === undefined && step.text !== LOAD_KVM.text);
  const says = UNNAMED.has(first.message ?? "") && !inContainer ? NO_DEVICE : first.what;
  return {
    says: `${shown.says} ${says}`,
    steps: [shown.load, ...(says === NO_DEVICE ? [] : open)].slice(0, 2),
    evidence: shown.evidence,
    line: first.lines[0],
    covers: lacking.map(({ message }) => message as string),
  };
}

/** Whatever program looked for it. */
const UNNAMED: ReadonlySet<string> = new Set([...SAYS_NONE, "kvm-device", "kvm-ok-unusable", "qemu-no-kvm"]);
const NO_DEVICE = "There is no /dev/kvm, so only KVM's module is missing: it was not loaded, or was refused.";

interface Shown {
  readonly says: string;
  readonly load: Step;
  readonly evidence: readonly string[];
}

const HAS_VTX = "The CPU has VT-x: Linux shows `vmx`.";

function hardwareShown({ situation, countsEither }: OwnMachine, said: SaidInProse): Shown | undefined {
  const { host } = situation;
  if (isSvmVendor(host.vendor))
    return host.observed?.svm === true
      ? {
          says: `This is an AMD CPU${host.name === undefined ? "" : ` (${host.name})`}. It has SVM instead of VMX, and Linux shows \`svm\`; its module is kvm_amd.`,
          load: LOAD_AMD,
          evidence: [],
        }
      : undefined;
  const answer = statementWith("vmx", situation, said);
  if (answer.answer === "yes") {
    const older = underOldest("vmx", answer, situation, said);
    const evidence = answer.evidence.filter((one) => older?.evidence.includes(one) !== false);
    return { says: older === undefined ? THERE_AND_ON : HAS_VTX, load: LOAD_IT, evidence };
  }
  // Before 5.6 the flag says nothing about the firmware, and it is the module that does.
  if (answer.answer === "unknown" && showsVmx(host) === true)
    return { says: HAS_VTX, load: LOAD_IT, evidence: answer.evidence };
  if (answer.answer === "no" || showsVmx(host) !== undefined || !countsEither()) return undefined;
  return {
    says: "The CPU shows its virtualization: `vmx` or `svm` is among the flags.",
    load: LOAD_EITHER,
    evidence: [],
  };
}
