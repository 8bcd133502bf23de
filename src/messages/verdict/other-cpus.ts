import { type Host, isSvmVendor } from "../../host/host.js";
import { PASS_SVM, SVM_MODULE } from "../../why/questions/next-steps.js";
import { answer, isOfLoading, type Recognised, type TextVerdict } from "../answer.js";
import type { Step } from "../message.js";
import type { Circumstances, OwnMachine } from "../own-machine.js";
import { ENABLE_SVM, HYPERV_OFF, WHO_USES_VMX, WHPX_ON } from "../rows/shared-advice.js";
import { onArm32, onArmBoard } from "./cpus/on-arm-32.js";
import { INTEL_CPU, SVM_COUNTED, SVM_FLAG, SVM_HINT, svmNamed } from "./cpus/svm-named.js";
import { isWithoutHyperV } from "./desktop/windows-words.js";
import { namedCloud } from "./rented-cloud.js";
import { INSTEAD } from "./weight.js";

/*
 * Texts about a machine that has no VMX because its CPU is not of the kind: ARM, POWER, IBM Z, RISC-V, and AMD's with SVM.
 */

const DESKTOPS: ReadonlySet<string> = new Set(["WSL", "Hyper-V", "HAXM", "VMware", "VirtualBox"]);

const ARM_MACHINE =
  /\b(?:aarch64|arm64|armv[78]l?|kvm-arm|HYP mode|CONFIG_KVM_ARM_HOST|raspberry ?pi|odroid(?!-?H)|msm\d{4}|Snapdragon|Apple M\d|Apple Silicon|Gunyah|ARM (?:CPU|processor|machine|server)|(?:MacBook(?: Pro| Air)?|Mac ?(?:mini|Studio)|iMac|Mac)\W{1,3}M[1-5](?!\.)|M[1-5] (?:Pro|Max|Ultra|Silicon|Macs?|MacBook|chip|CPU|runners?)|(?<=\b(?:on|using|an?|my|with)\s{1,4})M[1-5](?!\.))\b/i;
const BESIDE_ARM =
  /\b(?:similar|same|also)\b[^.\n]{0,30}\b(?:ARM|aarch64|Raspberry)\b|\bon an? x86(?:_64)? (?:host|machine)\b|\b(?:aarch64|arm64|ARM) (?:emulation|guests?|images?|VMs?|containers?)\b|\bemulat\w{1,3} (?:an? )?(?:aarch64|arm64|ARM)\b/i;
/** An ARM machine, by its name; what is only likened to one or emulated, is none. */
export const armNamed = (text: string): string | undefined =>
  BESIDE_ARM.test(text) ? undefined : ARM_MACHINE.exec(text)?.[0];
const OF_MACOS: ReadonlySet<string> = new Set([
  "hypervisor-framework",
  "macos-hv-support",
  "no-vtx-generic",
  "qemu-hvf",
]);
const X86 = /\b(?:x86[_-]64|i[3-6]86|amd64|GenuineIntel|AuthenticAMD|vmx|svm|Intel|AMD|Ryzen|Xeon)\b/;
/** Programs of x86 are named there, which the system translates. */
const WINDOWS_ON_ARM = /\bWindows(?: 1[01])? (?:on )?ARM(?:64)?\b/i;
const PROGRAMS_OF_X86 = /\bkvm_intel\b|\bkvm_amd\b|host-x86_64-cpu/g;

/** Architectures whose KVM prints the same words. */
const OTHERS: readonly {
  readonly words: RegExp;
  readonly name: string;
  readonly kvm: string;
  readonly command: string;
}[] = [
  {
    words: /\bPPC KVM\b|\bppc64(?:le)?\b|\bPOWER(?:8|9|10|PC)\b|\bkvm[_-]hv\b/i,
    name: "a POWER machine",
    kvm: "its module is kvm_hv, and kvm_pr where the machine is itself a guest",
    command: "sudo modprobe kvm_hv; sudo dmesg | grep -i kvm",
  },
  {
    words: /\bs390x?\b/,
    name: "an IBM Z machine",
    kvm: "KVM needs SIE there, which /proc/cpuinfo lists",
    command: "grep -m1 -ow sie /proc/cpuinfo; sudo modprobe kvm",
  },
  {
    words: /\briscv64\b|\bRISC-V\b/i,
    name: "a RISC-V machine",
    kvm: "KVM needs the extension H there",
    command: "grep -m1 isa /proc/cpuinfo; sudo modprobe kvm",
  },
];

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
  const vendor = machine?.situation.read.vendor;
  return (
    (vendor === undefined ? foreignVerdict(recognised, first, text) : undefined) ??
    svmVerdict(recognised, machine?.situation.read, text, circumstances)
  );
}

const OF_QEMU: ReadonlySet<string> = new Set(["QEMU", "KVM", "KVM user space"]);
const FOREIGN_QEMU = /\bqemu-system-(?<of>aarch64|arm|riscv(?:32|64)|ppc64|s390x|mips\w{0,4}|loongarch64|sparc64)\b/;

/** A guest of another architecture is configured: VMX is a matter of x86. */
export function foreignGuestVerdict(text: string | undefined): TextVerdict | undefined {
  const board = text === undefined || INTEL_CPU.test(text) ? undefined : onArmBoard(text);
  if (board !== undefined) return board;
  const of = text === undefined ? undefined : FOREIGN_QEMU.exec(text)?.groups?.of;
  if (of === undefined || /\bqemu-system-(?:x86_64|i386)\b|\bvmx\b|-cpu host,/.test(text as string)) return undefined;
  return {
    says: `The text starts a guest of another architecture (qemu-system-${of}): VMX belongs to x86, and nothing here depends on it.`,
    steps: [],
    evidence: [],
    covers: [],
  };
}

const NO_KVM_SAID: ReadonlySet<string> = new Set(["any-no-kvm", "kvm-ok-no", "qemu-tcg-no-vmx"]);

function foreignVerdict(recognised: readonly Recognised[], first: Recognised, text: string): TextVerdict | undefined {
  if (X86.test(text.replace(PROGRAMS_OF_X86, "")) && !WINDOWS_ON_ARM.test(text)) return undefined;
  const covers = recognised.map(({ message }) => message as string);
  const arm = ARM_MACHINE.exec(text)?.[0];
  const old = arm === undefined ? undefined : onArm32(text, arm);
  if (old !== undefined) return { ...old, line: first.lines[0], covers };
  const noModule = first.message === "modprobe-not-found" && /\bkvm\b/.test(first.matched);
  if (
    arm !== undefined &&
    (first.message === "virt-host-validate" ||
      (first.message === "no-vtx-generic" && /\bLinux\b/.test(text)) ||
      noModule ||
      recognised.some(({ outcome, message }) => outcome === "no device" || NO_KVM_SAID.has(message ?? "")))
  ) {
    return {
      says: `The text names an ARM machine (${arm}): it has no VMX and no kvm_intel. KVM of ARM is part of the kernel, and is there when the kernel was started in EL2 with CONFIG_KVM; in a virtual machine, only where the hypervisor below passes EL2.`,
      steps: [{ text: "Read what the kernel says about KVM.", commands: ["sudo dmesg | grep -i kvm; ls -l /dev/kvm"] }],
      evidence: [],
      ...(noModule ? { line: first.lines[0] } : {}),
      covers,
    };
  }
  if (arm !== undefined && first.message === "kata-not-capable")
    return {
      says: `The text names an ARM machine (${arm}): what Kata's check does not find there has nothing to do with VT-x; the lines with \`not found\` name it.`,
      steps: [
        { text: "Load those modules.", commands: ["sudo modprobe -a vhost vhost_net vhost_vsock; ls -l /dev/kvm"] },
      ],
      evidence: [],
      line: first.lines[0],
      covers,
    };
  if (arm !== undefined && first.outcome === "not built in") return undefined;
  if (arm !== undefined && (DESKTOPS.has(first.product ?? "") || OF_MACOS.has(first.message ?? ""))) {
    const emulator = first.product === "HAXM" && WINDOWS_ON_ARM.test(text);
    return {
      says: `The text names an ARM machine (${arm}): it has no VT-x, and no setting of a firmware brings it. ${emulator ? "An Android image of x86 cannot be accelerated there." : "A virtual machine inside a virtual machine needs nested virtualization of ARM there, from the hypervisor below."}`,
      steps: [
        {
          text: emulator
            ? "Use a device, or run the emulator on a machine whose CPU is of the image's kind."
            : "Run the inner machine beside the outer one, not in it, or as plain emulation.",
        },
      ],
      evidence: [],
      line: first.lines[0],
      covers,
    };
  }
  const other =
    isOfLoading(first) || first.message === "qemu-create-vm" ? OTHERS.find(({ words }) => words.test(text)) : undefined;
  const started = FOREIGN_QEMU.exec(text)?.groups?.of;
  if (other === undefined && started !== undefined && OF_QEMU.has(first.product ?? "") && first.outcome === undefined)
    return {
      says: `This is QEMU of another architecture (qemu-system-${started}): KVM there is the one of that architecture, and VMX is not involved.`,
      steps: [{ text: "Read what the kernel says about KVM.", commands: ["uname -m; sudo dmesg | grep -i kvm"] }],
      evidence: [],
      line: first.lines[0],
      covers,
    };
  if (other === undefined) return undefined;
  return {
    says: `The text names ${other.name} (${other.words.exec(text)?.[0]}): it has no VMX and no kvm_intel; ${other.kvm}.`,
    steps: [{ text: "Read what the kernel says about KVM.", commands: [other.command] }],
    evidence: [],
    line: first.lines[0],
    covers,
  };
}

/** Whose messages name VT-x where they mean AMD-V as well. */
const OTHER_SYSTEMS: ReadonlySet<string> = new Set([...DESKTOPS, "bhyve"]);

const AEHD = /\bAEHD\b|\bHypervisor Driver\b/i;

const SVM_OFF =
  /SVM not supported by CPU(?: \d{1,5})?\b(?! \d|, not)|SVM disabled|SVMDIS ?= ?1|disabled by (?:the |my |your )?bios/i;
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
const SWITCHED_ON: ReadonlySet<string> = new Set(["kvm-enable-failed", "qemu-create-vm"]);

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
  const printed = /^(?:SVM: )?kvm(?:_amd)?:/.test(found);
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
    const says = `${first.what} The text shows an AMD CPU (${found}), which has AMD-V (SVM) in place of VT-x.${haxm}`;
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
  const isInUse = recognised.some(({ message }) => SWITCHED_ON.has(message ?? ""));
  if ((known && !refused) || own || ofModel || !(isInUse || recognised.some(isOfLoading))) return undefined;
  if (isInUse)
    return {
      evidence: [],
      says: `The text shows an AMD CPU (${found}): KVM could not switch AMD-V (SVM) on, which another hypervisor (VirtualBox, VMware) has in use. VT-x is not involved.`,
      steps: [{ ...WHO_USES_VMX, text: "See which hypervisor holds AMD-V, and stop it." }],
      line: first.lines[0],
      covers: recognised.map(({ message }) => message as string),
    };
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
