import type { ChosenStep, Recognised, TextVerdict } from "../../../answers/answer.js";
import { isSvmVendor } from "../../../host/host.js";
import { namedWithoutVmx } from "../../../host/without-vmx.js";
import { cpuLacks, IN_A_MACHINE, isOnMac, saidOf } from "../../../input/prose/in-words.js";
import { isSaidOn } from "../../../input/prose/said-on.js";
import { DENIED, HYPERVISOR_WORKS, OWN_HYPERVISOR, shownBy } from "../../../input/prose/windows-words.js";
import { INTEL_CPU, SVM_CPU } from "../../../input/text/svm-named.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { machineHas, ofModel } from "../../../why/cpus/of-model.js";
import { checkedOnDesktop } from "../../rows/desktop/windows-check.js";
import { HYPERV_OFF, HYPERV_ON, OTHER_REASON, SEE_SECURITY, WHPX_ON } from "../../rows/shared-advice.js";
import { ofAmd } from "./amd.js";
import { kvmOnMac, linuxOnMac, macosGuest, nestedByTool, onAppleSilicon } from "./apple.js";
import { macLacks } from "./hosts/mac-framework.js";
import { windowsVerdict } from "./hosts/windows-verdict.js";
import {
  IS_MACHINE,
  isLaunchOff,
  isRunning,
  launchOff,
  onWindows,
  type Says,
  saidOn,
  sentence,
  skipCheck,
  WINDOWS,
  whileDetected,
} from "./on-windows.js";
import { bhyveAlone, xenAlone } from "./other-hosts.js";
import { narrowGuest } from "./products.js";
import { notGiven, vboxInside } from "./said-inside.js";
import { BOOT_CAMP, surrounding } from "./shown/around.js";
import { windowsStuck } from "./shown/boot-trouble.js";
import { givenCpu } from "./shown/given-cpu.js";
import { emulatedGuest } from "./shown/without-kvm.js";
import { withoutVtx } from "./subject.js";
import { passesNone } from "./windows.js";

/*
 * Messages of desktop products beside what else the text shows: what Windows' own check found, and what the CPU is.
 */

/** Messages that only say that no hypervisor or no VT-x was found: what Windows shows of it decides. */
const ASK_WINDOWS: ReadonlySet<string> = new Set([
  "docker-preconditions",
  "docker-virtualization",
  "generic-no-vmx",
  "generic-vmx-off",
  "hcs-service",
  "hyperv-component",
  "hyperv-not-running",
  "minikube-virtualization",
  "no-vtx-generic",
  "player-virtualization",
  "whpx-missing",
  "windows-cpu-lacks",
  "windows-requirements",
  "wsl-hyperv-not-installed",
  "wsl-platform-required",
]);

/** Of those, the ones that a feature of Windows or its boot entry causes where VT-x is on. */
const NEEDS_HYPERVISOR: ReadonlySet<string> = new Set([
  "docker-preconditions",
  "docker-virtualization",
  "hyperv-component",
  "hyperv-not-running",
  "whpx-missing",
  "wsl-hyperv-not-installed",
  "wsl-platform-required",
]);

/** Messages of programs that need EPT, most of them unrestricted guest, too. */
const NEEDS_EPT: ReadonlySet<string> = new Set([
  "bhyve-controls",
  "bhyve-create",
  "docker-preconditions",
  "docker-virtualization",
  "hyperv-launch-slat",
  "hypervisor-framework",
  "macos-hv-support",
  "qemu-hvf",
  "vm-bhyve",
  "vmware-no-ept",
  "windows-requirements",
]);

/** VT-x without EPT: it came after them. */
const BEFORE_EPT =
  /\bMacBook(?: Pro| Air)?\b[^\n]{0,12}\b200[6-9]\b|\bCore(?:\(TM\)|™)? ?2(?: (?:Duo|Quad|Solo|Extreme))?(?: CPU)?\s{0,8}[A-Z]{0,2}\d{4}\w?\b|\bCore(?:\(TM\)|™)? ?2 (?:Duo|Quad|Solo|Extreme)\b|\bXeon(?:\(R\)|®)?(?: CPU)?[ -]{1,12}[EXL]?(?:3[0-3]|5[0-4]|7[0-4])\d\d\b/i;

/** What the messages come to beside what the text shows; undefined where it shows nothing that decides. */
export function joinedOnDesktop(
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  const failed = recognised.filter(({ gravity }) => gravity !== "informs");
  const [first] = failed;
  const shown = text.length <= LONGEST_WORDS ? windowsVerdict(text, recognised) : undefined;
  if (shown !== undefined) return shown;
  if (failed.every(({ message }) => message === "windows-requirements")) {
    const checked = checkedOnDesktop(text);
    if (checked !== undefined) return checked;
  }
  if (first === undefined)
    return (
      nestedByTool(text) ??
      heldByKvm(text) ??
      (text.length <= LONGEST_WORDS ? (givenCpu(text) ?? macLacks(text, undefined)) : undefined)
    );
  const asksCpu = NO_VTX.has(first.message as string) || OF_KVM.has(first.message as string);
  const isRefused = first.message === "modprobe-error" && machine?.situation.host.name === undefined;
  if ((asksCpu && cpuLacks(text)) || (isRefused && namedWithoutVmx(text) !== undefined))
    return { ...withoutVtx(text), line: first.lines[0] };
  const narrow = first.message === "guest-32-bit" ? narrowGuest(text) : undefined;
  if (narrow !== undefined) return { ...narrow, line: first.lines[0] };
  const xen =
    first.message === "generic-no-vmx" || first.message === "no-vtx-generic"
      ? (xenAlone(text) ?? (failed.some(({ product }) => product === "bhyve") ? undefined : bhyveAlone(text)))
      : undefined;
  if (xen !== undefined && text.length <= LONGEST_WORDS && machine === undefined)
    return { ...xen, says: `${sentence(first.what)} ${xen.says}`, line: first.lines[0] };
  const inside = NO_VTX.has(first.message as string) ? vboxInside(text, failed) : undefined;
  if (inside !== undefined) return { ...inside, evidence: [], line: first.lines[0] };
  const held = first.message === "vmware-vt-disabled" && KVM_LOADED.test(text) ? heldByKvm(text) : undefined;
  if (held !== undefined) return { ...held, line: first.lines[0] };
  const svm = first.message === "modprobe-error" && EXPOSED.test(text) ? SVM_CPU.exec(text)?.[0].trim() : undefined;
  if (svm !== undefined) return { ...ofAmd(svm, text.replace(/\bkvm_amd\b/g, "")), line: first.lines[0] };
  const emulated = text.length <= LONGEST_WORDS ? emulatedGuest(text, first) : undefined;
  if (emulated !== undefined) return { ...emulated, line: first.lines[0] };
  const none = first.message === "any-no-kvm" && machine === undefined ? passesNone(text) : undefined;
  if (none !== undefined) return { ...none, line: first.lines[0] };
  const given = notGiven(text, first);
  if (given !== undefined) return { ...given, evidence: [], line: first.lines[0] };
  const mac = onMac(text, first);
  if (mac !== undefined) return { ...mac, line: first.lines[0] };
  const ofKvm = OF_KVM.has(first.message as string) && /\bESXi?\b|\bVMware\b|\bvhv\.enable\b/i.test(text);
  const old = ofKvm || NEEDS_EPT.has(first.message as string) ? withoutEpt(text, machine) : undefined;
  if (old !== undefined)
    return {
      says: `${ofKvm ? "There is no KVM in the guest: VMware passes VT-x only on a CPU with EPT." : first.what} The text shows ${old}, which has VT-x without EPT and unrestricted guest: no setting brings them.`,
      steps: [
        {
          text: "Use a machine with a newer CPU (EPT came with Nehalem, unrestricted guest with Westmere), or plain emulation.",
        },
      ],
      evidence: [],
      line: first.lines[0],
    };
  const lacking = text.length <= LONGEST_WORDS ? macLacks(text, first.message as string) : undefined;
  if (lacking !== undefined) return { ...lacking, line: first.lines[0] };
  const reason = failed.find(({ message }) => REASONS[first.message as string]?.includes(message as string));
  if (reason === undefined && first.message === "haxm-exclusive" && HYPERV_IS_ON.test(text.replace(DENIED, " ")))
    return {
      says: "Hyper-V is on by the text, and holds VT-x: HAXM and Hyper-V exclude each other. The CPU has VT-x, or Hyper-V would not run.",
      steps: [WHPX_ON, HYPERV_OFF],
      evidence: [],
      line: first.lines[0],
    };
  const isHidden = NONE_IN_CPUID.has(first.message as string) && WINDOWS.test(text) && !SVM_CPU.test(text);
  if (reason === undefined && isHidden && isSaidOn(text) && !IN_A_MACHINE.test(saidOf(text)) && !LINUX.test(text))
    return {
      says: `${first.product} finds no VT-x in CPUID, where it stays when the firmware has it off, and the text says that it is on: so Windows' own hypervisor runs and hides it. With Hyper-V's feature off, memory integrity, Credential Guard, WSL2 or Virtual Machine Platform start it.`,
      steps: [SEE_SECURITY, HYPERV_OFF],
      evidence: [],
      line: first.lines[0],
    };
  const { product, steps, what, lines } = reason ?? first;
  const never = product === "HAXM" && first.message !== "emulator-driver" && SVM_CPU.test(text);
  const own = USES_VTX.has(product as string) && !never ? ownIn(text.replace(DENIED, " ")) : undefined;
  if (own !== undefined && WINDOWS.test(text) && (isLater(steps) || /\bhypervisorlaunchtype\b/.test(text)))
    return {
      says: `${what} The text speaks of Windows' own hypervisor${shownBy(own)}: while it runs, it holds VT-x.`,
      steps: [steps.find(keepsHyperVOff) ?? HYPERV_OFF, ...steps.filter((step) => !keepsHyperVOff(step))].slice(0, 3),
      evidence: [],
      line: lines[0],
    };
  if (reason !== undefined) return { says: what, steps, evidence: [], line: lines[0] };
  if (!failed.every(({ message }) => ASK_WINDOWS.has(message as string))) return undefined;
  const stuck = NEEDS_HYPERVISOR.has(first.message as string) ? windowsStuck(text) : undefined;
  if (stuck !== undefined) return { ...stuck, line: first.lines[0] };
  const running = NEEDS_HYPERVISOR.has(first.message as string) && !IN_A_MACHINE.test(saidOf(text)) && isRunning(text);
  if (running) return { evidence: [], line: first.lines[0], ...whileDetected() };
  const checked = checkedOnDesktop(text);
  if (checked !== undefined && checked.steps.length > 0) return { ...checked, line: first.lines[0] };
  if (first.message === "whpx-missing" && HYPERVISOR_WORKS.test(text))
    return {
      says: "The text says that Windows' own hypervisor works there, so VT-x (or AMD-V) is on. QEMU and the Android emulator need the feature `Windows Hypervisor Platform` besides, which Hyper-V and WSL2 do without.",
      steps: [WHPX_ON],
      evidence: [],
      line: first.lines[0],
    };
  if (NEEDS_HYPERVISOR.has(first.message as string) && HYPERVISOR_WORKS.test(text))
    return {
      says: `${sentence(first.what).replace(", and it does not run", "")} The text says that Windows' own hypervisor works there: then VT-x (or AMD-V) is on, and the program failed for another reason, which its own log names.`,
      steps: [OTHER_REASON],
      evidence: [],
      line: first.lines[0],
    };
  const found =
    (NEEDS_HYPERVISOR.has(first.message as string) && isLaunchOff(text) ? launchOff(first) : undefined) ??
    (checked !== undefined || BOOT_CAMP.test(text) || IN_A_MACHINE.test(saidOf(text))
      ? undefined
      : NEEDS_HYPERVISOR.has(first.message as string)
        ? saidOn(text, first)
        : undefined) ??
    surrounding(text, first, machine) ??
    (checked === undefined ? undefined : whereOn(checked.says, failed, text)) ??
    onWindows(text, first);
  return found === undefined ? undefined : { evidence: [], line: first.lines[0], ...found };
}

/** Messages that no VT-x was found. */
const NO_VTX: ReadonlySet<string> = new Set([
  "generic-no-vmx",
  "minikube-virtualization",
  "no-vtx-generic",
  "vbox-64-bit",
  "vbox-no-vmx",
  "vbox-vmx-disabled",
  "emulator-acceleration",
  "haxm-not-installed",
]);

/** Messages of programs that also run on a Mac. */
const OF_MACS: ReadonlySet<string> = new Set([
  "any-no-kvm",
  "emulator-acceleration",
  "generic-no-vmx",
  "generic-vmx-off",
  "hypervisor-framework",
  "kvm-device",
  "kvm-ok-no",
  "macos-hv-support",
  "no-vtx-generic",
  "qemu-host-needs-kvm",
  "qemu-hvf",
  "qemu-no-accelerator",
  "vbox-no-vmx",
  "vmware-vhv-not-supported",
]);

const OF_KVM: ReadonlySet<string> = new Set([
  "any-no-kvm",
  "docker-no-device",
  "emulator-acceleration",
  "kvm-device",
  "kvm-ok-no",
]);

/** A longer text is a log, which names what it likes. */
const LONGEST_WORDS = 20_000;

/** On a Mac the chip and what macOS runs in decide. */
function onMac(text: string, first: Recognised): Omit<TextVerdict, "covers"> | undefined {
  const ofKvm = OF_KVM.has(first.message as string) || first.outcome === "no device";
  if (!(ofKvm || OF_MACS.has(first.message as string)) || text.length > LONGEST_WORDS) return undefined;
  if (first.outcome === "not built in" || !isOnMac(text)) return undefined;
  const amd = INTEL_CPU.test(text) ? undefined : SVM_CPU.exec(text)?.[0].trim();
  if (amd !== undefined) {
    const found = ofAmd(amd, text);
    return { ...found, says: `${first.what} ${found.says}` };
  }
  if (first.message === "emulator-acceleration" && !IN_CONTAINER.test(text)) return undefined;
  return onAppleSilicon(text) ?? (ofKvm ? (kvmOnMac(text) ?? linuxOnMac(text)) : macosGuest(text, first.what));
}

/** Where the CPU's flag alone was looked at. */
const NONE_IN_CPUID: ReadonlySet<string> = new Set(["haxm-exclusive", "vbox-no-vmx"]);
const LINUX = /\/dev\/kvm|\bmodprobe\b|\bdmesg\b|\/proc\/|\bUbuntu\b|\bNS_ERROR_FAILURE\b/;

/** By the name of a feature of Windows, where the text has one. */
const ownIn = (said: string): string | undefined =>
  (OWN_HYPERVISOR.exec(said.replaceAll("hypervisorlaunchtype", "")) ?? OWN_HYPERVISOR.exec(said))?.[0];

/** General messages, and those beside them that give the reason. */
const REASONS: { readonly [message: string]: readonly string[] | undefined } = {
  "gns3-no-kvm": ["vmware-vhv-not-supported", "vmware-vhv-off"],
  "vmware-no-vtx": ["vmware-vhv-off"],
  "vmware-64-bit": ["vmware-vhv-off"],
  "vmware-no-ept": ["vmware-vhv-off"],
};
const USES_VTX: ReadonlySet<string> = new Set(["VMware", "VirtualBox", "HAXM"]);

/** Keeping Windows' own hypervisor from starting is one of the steps, and not the first. */
function isLater(steps: readonly ChosenStep[]): boolean {
  return steps.findIndex(keepsHyperVOff) > 0;
}
const keepsHyperVOff = ({ changes, commands }: ChosenStep): boolean =>
  changes === "Windows' hypervisor" || commands?.some((one) => one.startsWith("bcdedit ")) === true;

/** Linux in a container, or what KVM itself says. */
const IN_CONTAINER = /\bdocker\b|\bcontainers?\b|\bKVM requires a CPU\b/i;

/** Hyper-V was asked to pass it on. */
const EXPOSED = /\bExposeVirtualizationExtensions\b/;
const KVM_LOADED =
  /\blsmod (?:shows|lists|has|says)[^.\n]{0,24}\bkvm_intel\b|\bkvm_intel\b[^.\n]{0,16}\b(?:is|are) loaded\b/m;

/** KVM that takes VT-x at load, where VirtualBox or VMware wants it and no message is shown. */
function heldByKvm(text: string): Omit<TextVerdict, "covers"> | undefined {
  const other = /\bVirtualBox\b|\bVMware\b/i.exec(text)?.[0];
  if (other === undefined || !(/\benable_virt_at_load\b/.test(text) || KVM_LOADED.test(text))) return undefined;
  return {
    says: `KVM of Linux ${releaseOf(NOT_REPLAYED.virtAtLoad.held.since)} and later takes VT-x (or AMD-V) as soon as its module is loaded, and ${other} does not get it then.`,
    steps: [
      {
        text: "Let KVM take it only while a guest of its own runs, or unload it.",
        commands: [
          "echo 'options kvm enable_virt_at_load=0' | sudo tee /etc/modprobe.d/kvm-at-load.conf",
          "sudo modprobe -r kvm_intel kvm",
        ],
      },
    ],
    evidence: [],
  };
}

const HYPERV_IS_ON =
  /\bHyper-?V\b[^.\n]{0,24}?\b(?:is|was|are)? ?["“']?(?:turned on|switched on|enabled|running|active)\b|\b(?:with|have|using) Hyper-?V (?:on|enabled|running)\b/i;
/** Where the text shows that VT-x is on. */
function whereOn(says: string, failed: readonly Recognised[], text: string): Says | undefined {
  const asking = failed.find(({ message }) => NEEDS_HYPERVISOR.has(message as string));
  if (asking !== undefined)
    return {
      says: `${says} What is missing is a feature of Windows, or its boot entry keeps the hypervisor from starting.`,
      steps: [HYPERV_ON],
    };
  return failed.some(({ matched }) => IS_MACHINE.test(matched))
    ? { says: `${says} docker-machine's own check says otherwise.`, steps: [skipCheck(text), HYPERV_OFF] }
    : undefined;
}

/** The CPU, where it has no EPT: by its own registers, by its model, or by a name from before. */
function withoutEpt(text: string, machine: OwnMachine | undefined): string | undefined {
  if (machine === undefined ? SVM_CPU.test(text) : isSvmVendor(machine.situation.host.vendor)) return undefined;
  if (machine !== undefined) {
    const { situation } = machine;
    if (situation.host.cores[0].cpuid.features.vmx === false) return undefined;
    const own = machineHas(situation, "ept");
    const known = own === "unknown" ? ofModel(situation)(({ id }) => id === "ept") : own;
    const virtual = situation.host.cores[0].cpuid.features.hypervisor === true;
    if (known === "yes" || virtual) return undefined;
    if (known === "no") return situation.host.name ?? "a CPU";
  }
  return BEFORE_EPT.exec(text)?.[0].replace(/\s+/g, " ");
}
