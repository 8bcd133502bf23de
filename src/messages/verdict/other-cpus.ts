import { answer, isOfLoading, type Recognised, type TextVerdict } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { type Host, isSvmVendor } from "../../host/host.js";
import { isWithoutHyperV } from "../../input/prose/windows-words.js";
import { SVM_COUNTED, SVM_FLAG, SVM_HINT, svmNamed } from "../../input/text/svm-named.js";
import type { Circumstances, OwnMachine } from "../../situation/evidence/own-machine.js";
import { PASS_SVM, SVM_MODULE } from "../../why/questions/next-steps.js";
import { ENABLE_SVM, HYPERV_OFF, STOP_RIVAL, WHO_USES_VMX, WHPX_ON } from "../rows/shared-advice.js";
import { DESKTOPS, foreignVerdict } from "./cpus/foreign.js";
import { namedCloud } from "./rented-cloud.js";
import { INSTEAD } from "./weight.js";

/*
 * Texts about a machine that has no VMX because its CPU is not of the kind: not x86, or AMD's with SVM.
 */

/** The verdict where the text, undefined if it is long, names another kind of CPU and a message asks for VMX. */
export function otherCpuVerdict(
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
  text: string | undefined,
  circumstances: Circumstances,
): TextVerdict | undefined {
  const [first] = recognised;
  if (text === undefined || first === undefined) return undefined;
  // As it was read: a message that both modules print proves neither.
  const read = machine?.situation.read;
  return (
    foreignVerdict(recognised, first, read, text, circumstances) ?? svmVerdict(recognised, read, text, circumstances)
  );
}

/** Messages that only an AMD CPU brings, and that say so. */
const SAY_AMD: ReadonlySet<string> = new Set(["vbox-amd", "vbox-amd-in-use"]);

/** Whose messages name VT-x where they mean AMD-V as well. */
const OTHER_SYSTEMS: ReadonlySet<string> = new Set([...DESKTOPS, "bhyve"]);

const AEHD = /\bAEHD\b|\bHypervisor Driver\b/i;

const SVM_OFF =
  /SVM not supported by CPU(?: \d{1,5})?\b(?! \d|, not)|SVM disabled|SVMDIS ?= ?1|disabled by (?:the |my |your )?bios/i;
/** People who looked in the firmware setup. */
const SAID_OFF =
  /(?<!\b(?:if|whether|when|unless|not|or|n['’]t|check)\b[^.\n]{0,40})\b(?:SVM(?: mode)?|AMD-?V)\b(?! (?:enabled )?or\b)[^.\n]{0,60}(?<!n['’]t |\bnot |\bor )\b(?:disabled|deaktiviert|désactivé|turned off|switched off|off)\b/i;
const SVM_MISSING = /kvm: no hardware support(?! for)/;
const SVM_WORKS =
  /(?:kvm_amd|kvm): (?:Nested (?:Virtualization|Paging) enabled|Virtual (?:VMLOAD|GIF|NMI))|^kvm_amd\s+\d+\s+\d+/im;
const OF_ENTRY: readonly (string | undefined)[] = ["VM entry", "KVM at run time"];

const OF_MODELS: readonly (string | undefined)[] = [
  "libvirt-host-lacks",
  "libvirt-missing-features",
  "libvirt-features-removed",
  "libvirt-cpu-map",
  "ovirt-cpu-type",
  "virsh-cpu-compare",
];

export const SVM_ON: Step = {
  text: "Enable SVM Mode (AMD-V) in the firmware setup, and switch the machine off and on.",
};

/** Of these families every CPU has SVM. */
const ALL_WITH_SVM = /\b(?:EPYC|Ryzen|Threadripper|HygonGenuine)\b/i;
/** QEMU, target/i386/cpu.c: the model Opteron_G1 (240) is without svm, Opteron_G2 (22xx) has it. */
const SVM_LACKING = /\bOpteron[ -][128]\d\ds?\b/i;
/** AMD's sockets before AM2 and F, with which SVM came. */
const BEFORE_SVM = /\b[Ss]ocket (?:754|939|940)\b/;
const EMULATE: Step = {
  text: "Run the guest in emulation, slowly: QEMU without -enable-kvm, in libvirt the type qemu.",
};
const SEE_SVM: Step = {
  text: "See whether the flag is there, what the kernel says, and whether this is a virtual machine.",
  commands: ["grep -m1 -ow svm /proc/cpuinfo; sudo dmesg | grep -iE 'svm|kvm' | tail; systemd-detect-virt"],
};

/** Whether the text shows that the kernel did not take kvm_amd. */
const refusesSvm = (recognised: readonly Recognised[]): boolean =>
  recognised.some(
    ({ message, matched }) =>
      (message === "modprobe-error" || message === "modules-load") &&
      /kvm_amd\b[^\n]{0,160}not supported/i.test(matched),
  );

/** Whether kvm_amd works, from its own words, and what to do where it does not. */
function moduleState(
  text: string,
  recognised: readonly Recognised[],
  circumstances: Circumstances,
  isShown: boolean,
): readonly [says: string, steps: readonly Step[]] {
  if (SVM_WORKS.test(text)) return ["and kvm_amd, its module, is loaded and works", []];
  // The kernel says "not supported" in a virtual machine as well.
  if (
    SVM_OFF.test(text) &&
    !/SVM disabled|SVMDIS/i.test(text) &&
    (circumstances.has("virtual") || circumstances.has("said to be virtual"))
  )
    return ["and this is a virtual machine: the hypervisor below does not pass that to it", [PASS_SVM]];
  if (SVM_OFF.test(text)) return ["and the firmware has that off, so kvm_amd, its module, does not load", [SVM_ON]];
  if (SAID_OFF.test(text) && !circumstances.has("said to be on") && !circumstances.has("said to be virtual"))
    return ["and by the text the firmware has that off, so kvm_amd, its module, does not load", [SVM_ON]];
  const refused = refusesSvm(recognised);
  if (refused && SVM_MISSING.test(text))
    return ALL_WITH_SVM.test(text)
      ? [
          "and KVM found none, although every CPU of that name has it: the hypervisor below this machine hides it",
          [PASS_SVM],
        ]
      : ["and KVM found none: this model has no SVM, or a hypervisor hides it", [PASS_SVM]];
  if (SVM_MISSING.test(text))
    return [
      `and its module is kvm_amd; ${ALL_WITH_SVM.test(text) ? "" : "either this model has no SVM, a hypervisor hides it, or "}\`no hardware support\` is a line of kvm_intel, which finds nothing on such a CPU`,
      [SVM_MODULE],
    ];
  if (refused && (isShown || SVM_HINT.test(text) || SVM_COUNTED.test(text)))
    return ["shows `svm`, and the kernel refused kvm_amd, its module: so the firmware has SVM off", [SVM_ON]];
  if (refused)
    return [
      "and the kernel refused kvm_amd, its module: the firmware has SVM off, the CPU has none (not every Athlon and Sempron has), or the hypervisor below a virtual machine does not pass it",
      circumstances.has("said to be on") ? [SEE_SVM, SVM_ON] : [SVM_ON, SEE_SVM],
    ];
  return ["and its module is kvm_amd", [SVM_MODULE]];
}

/** KVM is loaded, and could not begin: Linux, arch/x86/kvm/svm/svm.c, finds EFER.SVME set by another. */
const isInUse = ({ message, values, layer }: Recognised): boolean =>
  message === "kvm-enable-failed" ||
  (message === "qemu-create-vm" && layer === "another hypervisor") ||
  values.some(({ name, value }) => name === "error" && value === "EBUSY");
const SWITCH_OFF: Step = {
  text: "Where none runs, take the power away and start it anew.",
};

/** The answer about VMX if the text names a CPU with SVM. */
function svmVerdict(
  recognised: readonly Recognised[],
  host: Host | undefined,
  text: string,
  circumstances: Circumstances,
): TextVerdict | undefined {
  const [one] = recognised as [Recognised, ...Recognised[]];
  const first = recognised.find(({ message = "" }) => INSTEAD[one.message ?? ""]?.includes(message)) ?? one;
  const { vendor, name, observed } = host ?? {};
  const known = isSvmVendor(vendor);
  if (!known && vendor !== undefined) return undefined;
  const found = known ? (name ?? (text.includes(vendor ?? "") ? vendor : SVM_FLAG)) : svmNamed(text);
  if (found === undefined) return undefined;
  if (SVM_LACKING.test(found) && recognised.some(isOfLoading))
    return {
      says: `The text shows an AMD CPU (${found}): Opterons of three digits have no SVM, which those of four brought, and no setting of a firmware changes that. So there is no KVM on it.`,
      steps: [EMULATE],
      evidence: [],
      line: first.lines[0],
      covers: recognised.filter(isOfLoading).map(({ message }) => message as string),
    };
  if (BEFORE_SVM.test(text) && recognised.some(isOfLoading))
    return {
      says: `The text shows an AMD CPU (${found}, ${BEFORE_SVM.exec(text)?.[0]}): CPUs for that socket have no SVM, which came with AM2 and F, and no setting of a firmware changes that. So there is no KVM on it.`,
      steps: [EMULATE],
      evidence: [],
      line: first.lines[0],
      covers: recognised.filter(isOfLoading).map(({ message }) => message as string),
    };
  const printed = /^(?:SVM: )?kvm(?:_amd)?:/.test(found);
  const isRival = circumstances.has("rival beside KVM");
  if (isInUse(first) && !circumstances.has("after a suspend"))
    return {
      evidence: [],
      says: `The text shows an AMD CPU (${found}): KVM could not switch AMD-V (SVM) on, which ${isRival ? "VirtualBox or VMware beside it (by the text)" : "another hypervisor (VirtualBox, VMware) or a kernel that started this one (kexec)"} has on already. VMX is not involved.`,
      steps: isRival
        ? [STOP_RIVAL]
        : [{ ...WHO_USES_VMX, text: "See which hypervisor holds AMD-V, and stop it." }, SWITCH_OFF],
      line: first.lines[0],
      covers: recognised
        .filter((other) => isInUse(other) || isOfLoading(other))
        .map(({ message }) => message as string),
    };
  if (OF_ENTRY.includes(first.layer) && first.outcome !== "AMD" && first.product !== "Xen") {
    return {
      says: `${first.what} The text shows an AMD CPU (${printed ? "kvm_amd runs" : found}): it is SVM of kvm_amd that runs the guest, and VMX is not involved.`,
      steps: first.steps.slice(0, 2),
      evidence: [],
      line: first.lines[0],
      covers: [],
    };
  }
  if (first.message === "emulator-driver")
    return {
      says: `${first.what} The text shows an AMD CPU (${found}): AMD-V (SVM Mode) has to be on in the firmware setup, and Windows' own hypervisor off.`,
      steps: [
        ...first.steps.slice(0, 1),
        ...(circumstances.has("said to be on") ? [] : [ENABLE_SVM]),
        ...(isWithoutHyperV(text) ? [] : [HYPERV_OFF]),
        WHPX_ON,
      ],
      evidence: [],
      line: first.lines[0],
      covers: [],
    };
  if (OTHER_SYSTEMS.has(first.product ?? "")) {
    const haxm =
      first.product === "HAXM" && !AEHD.test(text)
        ? ` HAXM runs on Intel CPUs alone; the emulator can use ${circumstances.has("Windows 7") || circumstances.has("Windows 8") ? "" : "WHPX or "}its own driver (AEHD).`
        : "";
    const whose = SAY_AMD.has(first.message ?? "")
      ? ""
      : ` The text shows an AMD CPU (${found}), which has AMD-V (SVM) in place of VT-x.`;
    const says = `${first.what}${whose}${haxm}`;
    return {
      ...answer(says, haxm === "" ? first.steps.slice(0, 2) : [WHPX_ON]),
      line: first.lines[0],
      covers: haxm === "" ? [] : [first.message as string],
    };
  }
  // A vendor that was read has an answer of its own, and so has a row about AMD's own module.
  const own = first.outcome === "AMD";
  // What a CPU model lacks is lacking on an AMD CPU, too.
  const ofModel = OF_MODELS.includes(first.message) && !/vmx|svm/i.test(first.matched);
  // A program without KVM may come first.
  if (own && first.gravity === "blocks")
    return {
      ...answer(first.what, first.steps.slice(0, 2)),
      line: first.lines[0],
      covers: recognised.filter(isOfLoading).map(({ message }) => message as string),
    };
  const refused =
    known &&
    ((observed?.svm === true && refusesSvm(recognised)) || (SVM_OFF.test(text) && observed?.modules?.kvm_amd !== true));
  if ((known && !refused) || own || ofModel || !recognised.some(isOfLoading)) return undefined;
  const cloud = SVM_WORKS.test(text) ? undefined : namedCloud(text);
  const [state, steps] =
    cloud === undefined
      ? moduleState(text, recognised, circumstances, refused)
      : ([`and this is a machine of ${cloud}, whose kind has to pass SVM to it`, [SEE_SVM]] as const);
  return {
    says: `The text shows an AMD CPU (${printed ? (SVM_OFF.test(text) ? "by kvm_amd's own line" : "kvm_amd found SVM") : found}): it has SVM instead of VMX, ${state}.${/kvm_intel|VMX/.test(text) ? " What kvm_intel says about VMX is harmless." : ""}`,
    steps,
    evidence: [],
    line: first.lines[0],
    covers: recognised.filter(isOfLoading).map(({ message }) => message as string),
  };
}
