import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { appleSilicon, isOnMac, saidOf } from "../../../input/prose/in-words.js";
import { BESIDE, CONSUMER, HOST_IS_MAC, isWithoutHyperV, WINDOWS } from "../../../input/prose/windows-words.js";
import { ENABLE_FIRMWARE, HYPERV_OFF, SEE_SECURITY } from "../../rows/shared-advice.js";
import { armNamed } from "../cpus/foreign.js";
import { ASK_MACOS } from "./apple.js";

/*
 * A product that runs virtual machines and trouble with it, without a word about virtualization: what decides whether that is the reason.
 */

type Answer = Omit<TextVerdict, "covers">;

const HANGS =
  /\btim(?:es?|ed|ing)[- ]?out\b|\bhang(?:s|ing)?\b|\bstuck\b|\bfreez\w{1,3}\b|\bslow\w{0,4}\b|\blag(?:s|gy|ging)?\b|\bstall\w{0,3}\b|\bblack screen\b|\bjust sits\b|\bcrash\w{0,3}\b|\bperformance\b/i;
const STARTS = /\b(?:start|launch|boot|run|open)(?:s|ing|ed)?\b/i;
const FAILS = /\b(?:not|n['’]t|fail\w{0,4}|error|unable|cannot|refus\w{2,4}|broken|stopped)\b/i;
const ON_MAC =
  /\b(?:VMware Fusion|Parallels Desktop|Parallels (?:driver|VM|pro)|UTM|Docker Desktop|Docker for Mac|Colima|hyperkit|xhyve|Multipass|microk8s|Podman|Rancher Desktop|Lima|Hypervisor[. ]?framework|Virtuali[sz]ation[. ]?framework)\b/i;

const LOGS = [
  {
    name: /Box/i,
    sign: "`NEM:` lines in place of `HM:` ones",
    commands: ['VBoxManage showvminfo NAME --log 0 | findstr "HM: NEM:"'],
  },
  { name: /VMware/i, sign: "`Monitor Mode: ULM`", commands: ['findstr /C:"Monitor Mode" vmware.log'] },
] as const;

/** Docker Desktop and its like on a Mac that Rosetta translates for. */
export function underRosetta(text: string): Answer | undefined {
  if (!/\bRosetta\b/i.test(text) || !/\bhypervisor\b/i.test(text)) return undefined;
  return answer(
    "Hypervisor.framework is not there for programs that macOS translates (Rosetta 2): this is the program's build for Intel on a Mac with a chip of Apple's, which has no VT-x.",
    [{ text: "Install its build for Apple silicon.", commands: ["sysctl -n machdep.cpu.brand_string; arch"] }],
  );
}

const OF_VBOX = /\bVirtual ?Box(?:4dsm)?\b|\bVBoxManage\b|\bVBox\b/i;

/** VirtualBox on a chip of Apple's: it came there with 7.1, for ARM guests. */
function vboxOnSilicon(said: string): Answer | undefined {
  const chip = OF_VBOX.test(said) ? (appleSilicon(said) ?? CHIP.exec(said)?.[0]) : undefined;
  if (chip === undefined) return undefined;
  return answer(
    `The text names an ARM machine (${chip}): it has no VT-x. VirtualBox runs there from 7.1 on, with guests for ARM alone; a box or image for x86 (amd64) does not start.`,
    [{ text: "Take a guest for ARM64, or emulate x86 (QEMU, UTM).", commands: ["uname -m", "VBoxManage --version"] }],
  );
}
const CHIP =
  /\b(?:mac ?OS|Mac ?OS ?X?|Mac)\b[^\n]{0,16}\bM[1-9]\b|\bM[1-9]\b[^\n]{0,6}\b(?:ARM|Mac|mini)\b|\bApple silicon\b|\bM1\/M2\b/i;

/** VirtualBox has no 64-bit machines to offer. */
const WITHOUT_64 =
  /\b(?:only|just)\b[^.\n]{0,30}\b(?:32|x86)[- ]?bits?\b|\b(?:does ?n['’o]t|do ?n['’o]t|not|no|can['’]?t|cannot|missing|without)\b[^.\n]{0,40}\b(?:64[- ]?bits?|x64)\b|\b(?:64[- ]?bits?|x64)\b[^.\n]{0,40}\b(?:not (?:there|shown|available|listed|showing|offered)|missing|gr[ea]yed)\b/i;
const NO_WINDOWS = /4dsm\b|\b(?:Synology|DSM|DiskStation|QNAP|Linux|Ubuntu|Debian|Fedora)\b/i;
const LOOK_IN_CPU: Step = {
  text: "See what VirtualBox finds of the CPU, and whether the CPU has VT-x at all.",
  commands: ["VBoxManage list hostinfo", "grep -m1 -owE 'vmx|svm' /proc/cpuinfo"],
};

function without64(said: string): Answer | undefined {
  if (!OF_VBOX.test(said) || !WITHOUT_64.test(said) || isOnMac(said)) return undefined;
  return answer(
    "VirtualBox offers 64-bit guests only where it gets VT-x (or AMD-V): the CPU has none (old Atoms, Celerons and Core 2 models), the firmware has it off, or, on Windows, Windows' own hypervisor holds it.",
    [LOOK_IN_CPU, ...(NO_WINDOWS.test(said) && !WINDOWS.test(said) ? [] : [HYPERV_OFF]), ENABLE_FIRMWARE],
  );
}

/** A 64-bit system on a CPU without 64-bit mode: whose CPU it is. */
export function narrowGuest(text: string): Answer | undefined {
  const said = saidOf(text);
  if (OF_VBOX.test(said))
    return answer(
      "A 64-bit system was started in a machine of VirtualBox that shows no 64-bit mode: it has none where VirtualBox gets no VT-x (AMD-V), and where the machine's version is a 32-bit one.",
      [
        { text: "Choose a 64-bit version of the system; where none is offered, VT-x is missing." },
        LOOK_IN_CPU,
        ENABLE_FIRMWARE,
      ],
    );
  return /\b(?:QEMU|libvirt|virsh|virt-manager|<domain|Proxmox)\b/i.test(said)
    ? answer(
        "A 64-bit system was started in a machine of QEMU whose CPU has no 64-bit mode: its model (qemu32, kvm32, coreduo) or its program (qemu-system-i386) is a 32-bit one. VT-x has no part in that.",
        [
          {
            text: "Give it a 64-bit CPU, and QEMU's program for x86_64.",
            commands: ["-cpu host", "<cpu mode='host-passthrough'/>", "qemu-system-x86_64 -cpu qemu64"],
          },
        ],
      )
    : undefined;
}

export function productAlone(text: string): Answer | undefined {
  const said = saidOf(text);
  const narrow = without64(said);
  if (narrow !== undefined) return narrow;
  const vbox = vboxOnSilicon(said);
  if (vbox !== undefined) return vbox;
  if (HOST_IS_MAC.test(said) && OF_VBOX.test(said) && (HANGS.test(said) || FAILS.test(said)))
    return answer(
      "VirtualBox 7 and later on macOS runs over Apple's Hypervisor.framework, without a driver of its own, and more slowly than up to 6.1 (the green turtle). Windows' own hypervisor has no part in that; the host has to offer the framework.",
      [ASK_MACOS],
    );
  if (isOnMac(said) && /\bHAXM\b|\bAndroid\b[^\n]{0,40}\b(?:emulat\w{2,3}|device)\b/i.test(said))
    return answer(
      "On macOS the Android emulator uses Apple's Hypervisor.framework (macOS 10.10 and later); HAXM is no longer developed and does not load on current releases. On Intel Macs the framework runs images for x86 and x86_64, on Apple silicon those for ARM64.",
      [
        { text: "Ask the emulator which accelerator it uses, and macOS.", commands: ["emulator -accel-check"] },
        ASK_MACOS,
      ],
    );
  if (isOnMac(said) && FAILS.test(said)) {
    const product = ON_MAC.exec(said)?.[0];
    return product === undefined || !STARTS.test(said)
      ? undefined
      : answer(
          `No line here is a message about virtualization. ${/framework/i.test(product) ? "What starts virtual machines" : product} on macOS 11 and later runs over Apple's Hypervisor.framework, and macOS itself says whether that is there.`,
          [ASK_MACOS],
        );
  }
  if (!WINDOWS.test(said)) return undefined;
  const consumer = CONSUMER.exec(said)?.[0];
  const arm = consumer === undefined || !FAILS.test(said) ? undefined : armNamed(said);
  if (arm !== undefined)
    return answer(
      `The text names an ARM machine (${arm}): it has no VT-x, and no setting of a firmware brings it. Windows' own hypervisor runs there with what ARM has in its place, and ${consumer} over that.`,
      [{ text: "See whether Windows finds it, and take builds for ARM.", commands: ["systeminfo", "wsl --status"] }],
    );
  const beside = BESIDE.exec(said)?.[1];
  const log =
    beside === undefined || !HANGS.test(said) || isWithoutHyperV(said)
      ? undefined
      : LOGS.find(({ name }) => name.test(beside));
  if (log === undefined) return undefined;
  return answer(
    `No line here is a message about virtualization. One reason why a machine of ${beside} hangs, stalls or is slow on Windows is Windows' own hypervisor (Hyper-V, WSL2, memory integrity): ${beside} runs over it then, and its log says so (${log.sign}).`,
    [{ text: "Read the machine's log.", commands: log.commands }, SEE_SECURITY, HYPERV_OFF],
  );
}
