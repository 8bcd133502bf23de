import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import { isSvmVendor, showsVmx } from "../../../../host/host.js";
import type { OwnMachine } from "../../../../situation/evidence/own-machine.js";
import { NO_KERNEL, TO_WSL2, WSL_1 } from "../../../../why/below/named-outer.js";
import { SVM_MODULE } from "../../../../why/questions/next-steps.js";
import { sevOnAmd } from "../amd.js";

/*
 * Machines about which VT-x is not the question.
 */

/** A longer text is a log. */
const LONGEST = 8_000;

const OF_MODULE: ReadonlySet<string> = new Set(["modprobe-not-found", "modules-missing", "module-missing"]);

/** AMD's SEV, WSL 1, and a guest in which something goes wrong and no virtual machine is wanted in it. */
export function inGuest(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): FoundVerdict | undefined {
  const [first] = recognised;
  if (first !== undefined && OF_MODULE.has(first.message ?? "") && WSL_1.test(text))
    return {
      ...found,
      says: NO_KERNEL,
      steps: [TO_WSL2],
      covers: recognised.map(({ message }) => message as string),
    };
  if (first !== undefined || machine === undefined || text.length > LONGEST) return undefined;
  const { host } = machine.situation;
  const sev = isSvmVendor(host.vendor) ? sevOnAmd(host.name ?? (host.vendor as string), text) : undefined;
  if (sev !== undefined) return { ...found, ...sev };
  const isGuest = host.cores[0].cpuid.features.hypervisor === true || host.observed?.outer !== undefined;
  if (!isGuest || showsVmx(host) !== false) return undefined;
  const prose = text
    .split("\n")
    .filter((line) => !LISTED.test(line))
    .join("\n");
  const trouble = WANTS_VTX.test(prose) ? undefined : GUEST_TROUBLE.exec(prose)?.[0];
  return trouble === undefined
    ? undefined
    : {
        ...found,
        says: `${found.says} Only virtual machines inside it would need that: the trouble of the text ("${trouble}") has another reason.`,
        steps: [],
      };
}
/** A line of lscpu or of /proc/cpuinfo. */
const LISTED = /^[ \t]{0,8}[A-Z]?[\w ()/.-]{1,40}:[ \t]/;
const GUEST_TROUBLE =
  /\b(?:kernel )?panics?\b|\boops\b|\bsegfault\w{0,3}|\bcrash\w{0,3}\b|\bfreez\w{1,3}\b|\bsoft lockup\b/i;
const WANTS_VTX =
  /\b(?:VT-?x|nest\w{2,5}|vmx|svm|kvm-ok|kvm_intel|kvm_amd|virtuali[sz]ation|virtual machines?|VMs|hypervisors?|guests?|modprobe|qemu|libvirt|docker|minikube|firecracker|kata|emulator)\b|\/dev\/kvm/i;

/** The question whether AMD's module loads is answered where svm is shown and KVM was used. */
export function withoutModule(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): FoundVerdict {
  const shown = machine?.situation.host.observed?.svm === true;
  const absent = recognised.find(
    ({ message, matched }) => message === "modprobe-not-found" && /kvm[-_]amd/.test(matched),
  );
  if (absent !== undefined && found.steps.some((step) => step.text === SVM_MODULE.text))
    return {
      ...found,
      says: `${found.says} ${absent.what}`,
      steps: absent.steps,
      covers: [...found.covers, "modprobe-not-found"],
    };
  const prose = text
    .split("\n")
    .filter((line) => !LISTED.test(line))
    .join("\n");
  const isElse = /\?|[.!]\s/.test(prose) && !/\bKVM\b|\bvmx\b|\bVT-?x\b|virtuali[sz]/i.test(prose);
  // VirtualBox uses SVM itself, and not while kvm_amd does.
  const vbox = /\bVirtualBox\b/i.test(prose) && !/\bKVM\b|qemu|libvirt/i.test(prose);
  return shown && ((recognised.length === 0 && (isElse || USED_KVM.test(text))) || vbox)
    ? { ...found, steps: found.steps.filter((step) => step.text !== SVM_MODULE.text) }
    : found;
}
const USED_KVM =
  /\b(?:us(?:e|ed|ing)|run(?:s|ning)?|ran|tried) (?:\w{2,10} ){0,3}(?:in |with |under )?KVM(?: mode)?\b/i;
