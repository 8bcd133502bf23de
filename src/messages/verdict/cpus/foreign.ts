import { type FoundVerdict, isOfLoading, type Recognised, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { belowOf } from "../../../host/below.js";
import type { Host } from "../../../host/host.js";
import { INTEL_CPU } from "../../../input/text/svm-named.js";
import type { Circumstances } from "../../../situation/evidence/own-machine.js";
import { foreignAnswer } from "../../../why/questions/about.js";
import { PASS_DEVICE } from "../../rows/shared-advice.js";
import { sentenceOf } from "../machine-verdict.js";
import { rentedCloud } from "../rented-cloud.js";
import { findsNone } from "../weight.js";
import { onArm32, onArmBoard, startedLow } from "./on-arm-32.js";

/*
 * Texts about a machine that is not x86: ARM, POWER, IBM Z and RISC-V have a KVM of their own, and no VMX.
 */

export const DESKTOPS: ReadonlySet<string> = new Set(["WSL", "Hyper-V", "HAXM", "VMware", "VirtualBox"]);

const ARM_MACHINE =
  /\b(?:aarch64|arm64|armv[78]l?|kvm-arm|HYP mode|CONFIG_KVM_ARM_HOST|raspberry ?pi|odroid(?!-?H)|msm\d{4}|VIM[1-4]|(?:orange|banana) ?pi|rock ?pi(?! ?X)|rockpro64|rk3\d{3}|nanopi|jetson|allwinner|amlogic|Snapdragon|Apple M\d|Apple Silicon|Gunyah|ARM (?:CPU|processor|machine|server|instance|VPS|OCI)|(?:Oracle|OCI|Oracle ?Cloud)(?:[- ]Cloud)?[- ]ARM|pimox|ubuntu-\d\d\.\d\d-arm|Ampere (?:A1|Altra)|Graviton\d?|(?:MacBook(?: Pro| Air)?|Mac ?(?:mini|Studio)|iMac|Mac)\W{1,3}M[1-5](?!\.)|M[1-5] (?:Pro|Max|Ultra|Silicon|Macs?|MacBook|chip|CPU|runners?)|(?<=\b(?:on|using|an?|my|with)\s{1,4})M[1-5](?!\.))\b/i;
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

const ON_ARM =
  "it has no VMX and no kvm_intel. KVM of ARM is part of the kernel, and is there when the kernel was started in EL2 with CONFIG_KVM";
const LOG_OF_ARM: Step = {
  text: "Read what the kernel says about KVM.",
  commands: ["sudo dmesg | grep -i kvm; ls -l /dev/kvm"],
};

/** Kinds of machines that have no EL2 unless what is below passes it. */
function onArm(
  name: string,
  host: Host | undefined,
  { has }: Circumstances,
  text: string,
): Pick<FoundVerdict, "says" | "steps" | "claim"> {
  const below = host === undefined ? undefined : belowOf(host);
  const cloud = has("in a cloud") ? rentedCloud(text) : undefined;
  const outer = below?.name ?? cloud;
  const virtual = below?.virtual === true || cloud !== undefined;
  const low = startedLow(text, virtual);
  if (low !== undefined) return { ...low, says: `${name}: it has no VMX and no kvm_intel. ${low.says}`, claim: "ARM" };
  const where = virtual
    ? `. This is a virtual machine${outer === undefined ? "" : ` (${outer})`}: what is below has to pass EL2 (nested virtualization of ARM)${cloud === undefined ? "" : ", which a machine of another kind there (bare metal) does not need"}`
    : below?.virtual === false
      ? ""
      : "; in a virtual machine, only where the hypervisor below passes EL2";
  if (has("typed in a container"))
    return {
      says: `${name}: ${ON_ARM}${where}. In a container it is the host's.`,
      steps: [
        {
          ...LOG_OF_ARM,
          text: "On the container's host, read what the kernel says about KVM; then pass the device in.",
        },
        PASS_DEVICE,
      ],
      claim: "ARM",
    };
  return { says: `${name}: ${ON_ARM}${where}.`, steps: [LOG_OF_ARM], claim: "ARM" };
}

/** The text shows by values what the machine is, and its message asks for KVM or VMX. */
function shownVerdict(
  recognised: readonly Recognised[],
  first: Recognised,
  host: Host | undefined,
  text: string,
  circumstances: Circumstances,
): FoundVerdict | undefined {
  const { arch } = host?.observed ?? {};
  if (host === undefined || arch === undefined || first.outcome === "no access" || first.outcome === "KVM is there")
    return undefined;
  const asking = recognised.filter((one) => asksForKvm(one));
  if (!asking.includes(first)) return undefined;
  const about = foreignAnswer(host);
  const found = /^(?:aarch64|arm)/.test(arch)
    ? onArm(`This is an ARM machine (${arch})`, host, circumstances, text)
    : { says: sentenceOf(about?.says ?? ""), steps: about?.steps ?? [] };
  return { ...found, evidence: [], line: first.lines[0], covers: asking.map(({ message }) => message as string) };
}

const asksForKvm = (one: Recognised): boolean =>
  one.outcome === "no device" ||
  findsNone(one) ||
  isOfLoading(one) ||
  one.product === "kmod" ||
  ASKING.has(one.message ?? "");
/** Tools of x86, and stacks that only say that nothing was found. */
const ASKING: ReadonlySet<string> = new Set([
  "kubevirt-insufficient",
  "no-vtx-generic",
  "rdmsr-no-device",
  "rdmsr-no-right",
  "virt-host-validate",
]);

/** The verdict where the machine is not x86, by what the text shows or in its words. */
export function foreignVerdict(
  recognised: readonly Recognised[],
  first: Recognised,
  host: Host | undefined,
  text: string,
  circumstances: Circumstances,
): FoundVerdict | undefined {
  return (
    shownVerdict(recognised, first, host, text, circumstances) ??
    (host?.vendor === undefined ? namedVerdict(recognised, first, host, text, circumstances) : undefined)
  );
}

function namedVerdict(
  recognised: readonly Recognised[],
  first: Recognised,
  host: Host | undefined,
  text: string,
  circumstances: Circumstances,
): FoundVerdict | undefined {
  if (X86.test(text.replace(PROGRAMS_OF_X86, "")) && !WINDOWS_ON_ARM.test(text)) return undefined;
  const covers = recognised.map(({ message }) => message as string);
  const arm = ARM_MACHINE.exec(text)?.[0];
  const old = arm === undefined ? undefined : onArm32(text, arm);
  if (old !== undefined) return { ...old, line: first.lines[0], covers };
  const noModule = /^mod\w+-(?:not-found|missing)$/.test(first.message ?? "") && /\bkvm\b/.test(first.matched);
  if (
    arm !== undefined &&
    (first.message === "virt-host-validate" ||
      (first.message === "no-vtx-generic" && /\bLinux\b/.test(text)) ||
      noModule ||
      first.message === "modules-missing" ||
      recognised.some(({ outcome, message }) => outcome === "no device" || NO_KVM_SAID.has(message ?? "")))
  ) {
    return {
      ...onArm(`The text names an ARM machine (${arm})`, host, circumstances, text),
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
      claim: "ARM",
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
