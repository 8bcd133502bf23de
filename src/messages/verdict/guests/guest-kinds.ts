import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";

/*
 * Guests of KVM whose trouble has a usual reason: macOS, and any guest since the host has another kernel.
 */

type Says = Omit<TextVerdict, "covers">;

const STOPS =
  /\b(?:hang(?:s|ing)?|hung|stuck|freez\w{1,3}|froze\w?|(?:boot|panic)[- ]?loop\w{0,3}|kernel panic|panics?|reboots?|restarts?|crash\w{0,3}|(?:not|never|fails? to) boot\w{0,3})\b|\b\w{1,7}n['’]t (?:\w{2,8} )?boot\w{0,3}\b/i;
const MAC =
  /\bmac ?OS\b|\bOS ?X\b|\b(?:Sequoia|Sonoma|Ventura|Monterey|Big ?Sur|Catalina|Mojave|High Sierra|Hackintosh|OpenCore)\b/i;
const KVM = /\bKVM\b|\bQEMU\b|\blibvirt\b|\bProxmox\b|\bvirt-manager\b|<domain\b/i;
/** macOS is the host, or another hypervisor runs it. */
const ELSEWHERE =
  /\bmac ?OS host\b|\bon (?:my |an? |the )?(?:mac ?OS\b|mac\b|MacBook|iMac)|\bDocker Desktop\b|\bhvf\b|\bParallels\b|\bUTM\b|\bhyperkit\b|\bdocker[- ]machine\b|\bVMware\b|\bVirtual ?Box\b|\bHyper-?V\b|\bHAXM\b|\b[A-Z]:\\/i;
const AMD = /\b(?:AMD|Ryzen|EPYC|Threadripper)\b/;

/** quickemu prints it for every guest. */
const FOR_ANY_GUEST = /^[^\n]{0,40}\bunable to run macOS or Windows VMs\b[^\n]{0,60}$/im;

/** Projects and scripts that run macOS in QEMU with KVM. */
const MAC_IN_KVM =
  /\bboot-macOS\w{0,12}\.sh\b|\b(?:OSX-KVM|macOS-Simple-KVM|ultimate-macOS-KVM|ULTMOS|KVM-Opencore)\b|\bisa-applesmc\b|\bquick(?:emu|get)\b[^\n]{0,40}\bmac-?os\b/i;
/** macOS is a guest of KVM. */
export const isMacGuest = (text: string): boolean => {
  const own = text.replace(FOR_ANY_GUEST, "");
  return MAC_IN_KVM.test(own) || (MAC.test(own) && KVM.test(own) && !ELSEWHERE.test(own));
};

export const FOR_MAC: Step = {
  text: "For macOS as the guest, let KVM pass reads of MSRs that it lacks (on the host), and take a model that the release of macOS knows.",
  commands: [
    "echo 1 | sudo tee /sys/module/kvm/parameters/ignore_msrs",
    "-cpu Skylake-Client,-hle,-rtm,kvm=on,vendor=GenuineIntel,+invtsc,vmware-cpuid-freq=on",
  ],
};

/** A host without what macOS needs, whatever model it is given. */
export const OLD_FOR_MAC: Step = {
  text: "macOS from 10.12 (Sierra) on needs SSE4.1, which this host does not give, whatever the model: take a newer CPU, or plain emulation, slowly.",
  commands: ["-accel tcg"],
};

/**
 * macOS as a guest. Facts: kholia/OSX-KVM (its start script and notes, #252), thenickdude/KVM-Opencore#67: the CPU model, its vendor,
 * and ignore_msrs.
 */
export function macGuest(text: string): Says | undefined {
  const found = STOPS.exec(text)?.[0];
  if (found === undefined || !isMacGuest(text)) return undefined;
  if (WITH_ONE_CPU.test(text))
    return answer(
      `macOS is a guest of KVM there, and by the text boots with one virtual CPU and stops with more ("${found}"): VT-x (or AMD-V) is on, and neither an MSR that KVM lacks nor the CPU model is the reason. What more CPUs bring is left: their topology, and a TSC that has to agree on all of them.`,
      [FEWER_CPUS],
    );
  const ignores = IGNORES.test(text) && !/\bIgnoring unhandled Model-Specific Registers is disabled\b/.test(text);
  return answer(
    `macOS is a guest of KVM there, and stops ("${found}"): VT-x (or AMD-V) is on. ${ignores ? "kvm.ignore_msrs, which it needs for MSRs that KVM does not have, is on already; what is left is the CPU model: it starts" : "It reads MSRs that KVM does not have and stops at the fault, unless kvm.ignore_msrs is 1; and it starts"} on a CPU model of Intel's alone, with Intel's vendor${AMD.test(text) ? ", on this AMD CPU, too (not with host or qemu64)" : ""}.`,
    [OLD_QEMU.test(text) ? OF_OLD_QEMU : ignores ? MODEL_FOR_MAC : FOR_MAC],
  );
}
const WITH_ONE_CPU =
  /\b(?:with|using|on) (?:only |just )?(?:an? )?(?:1|one|single)[ -](?:v?cpu|core|virtual cpu|processor)\b[^.\n]{0,24}\b(?:boots?|works?|starts?|runs?)\b|\b(?:boots?|works?|starts?|runs?)\b[^.\n]{0,24}\bwith (?:only |just )?(?:an? )?(?:1|one|single)[ -](?:v?cpu|core|virtual cpu|processor)\b/i;
const FEWER_CPUS: Step = {
  text: "Give it one socket and a number of cores that is a power of two, and see in the host's log whether its TSC is stable.",
  commands: ["-smp 4,sockets=1,cores=4,threads=1", "sudo dmesg | grep -iE 'tsc|clocksource'"],
};
/** QEMU before 2.9 has no vmware-cpuid-freq, and KVM of its age no parameter for it. */
const OLD_QEMU = /\bqemu(?:[- ]\w{2,10}){0,2}[- ](?:version |is )?v?(?:[01]\.\d|2\.[0-8])\b/i;
const OF_OLD_QEMU: Step = {
  ...FOR_MAC,
  commands: [...(FOR_MAC.commands ?? []).slice(0, 1), "-cpu Penryn,vendor=GenuineIntel"],
};
/** The parameter is read and on, or was set. */
const IGNORES =
  /\/parameters\/ignore_msrs["'`]?\s{0,4}\n\s{0,8}[Y1]\s{0,4}(?:\n|$)|\bignore_msrs ?(?:=|is|:) ?(?:1|Y)\b|\becho (?:1|Y)\b[^\n]{0,60}\bignore_msrs\b/;
const MODEL_FOR_MAC: Step = {
  text: "Take a model that the release of macOS knows.",
  commands: FOR_MAC.commands?.slice(1) ?? [],
};

const RESET =
  /\b(?:reset|reboot|0xCF9)\b[^\0]{0,200}?\b(?:nVMX|L2|nested (?:VMX|state|guest)|VMX (?:state|operation))\b|\b(?:nVMX|L2|nested (?:VMX|state|guest)|VMX (?:state|operation))\b[^\n]{0,120}\b(?:resets?|reboots?|0xCF9)\b/i;
const OF_KVM = /\bKVM\b|\bQEMU\b/;
/** QEMU's #1021; QEMU resets the nested state of KVM with the CPU today. Which release did so first was not read. */
export function nestedReset(text: string): Says | undefined {
  if (!RESET.test(text) || !OF_KVM.test(text) || text.length > 4_000) return undefined;
  return answer(
    "This is a reset of a guest that used VMX itself. Old versions of QEMU and KVM did not take the nested state back then, so the CPU began anew as if it still ran the inner guest. No capability of VT-x is missing.",
    [
      {
        text: "Take current versions of QEMU and the kernel on the host; until then end the inner guests before a reset, or start the machine anew instead.",
        commands: ["qemu-system-x86_64 --version; uname -r"],
      },
    ],
  );
}

/** Stop code 0x101, and its words of older releases. */
const WATCHDOG = /\bCLOCK_WATCHDOG_TIMEOUT\b|\bclock interrupt was not received on a secondary processor\b/i;
/** QEMU, docs/system/i386/hyperv: with hv-relaxed Windows leaves its watchdogs off. */
export function windowsWatchdog(text: string): Says | undefined {
  const found = WATCHDOG.exec(text)?.[0];
  if (found === undefined || !(OF_KVM.test(text) || /\blibvirt\b|\bvirt-manager\b|\bProxmox\b/i.test(text)))
    return undefined;
  return answer(
    `Windows stopped because one of its virtual CPUs did not answer in time ("${found}"): the host did not run it for that long. KVM runs the guest, so VT-x is on and works. With hv-relaxed Windows does without this watchdog.`,
    [
      {
        text: "Give the guest the enlightenments, and no more virtual CPUs than the host can run at a time.",
        commands: [
          "-cpu host,hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-time",
          "<hyperv><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/></hyperv>",
        ],
      },
    ],
  );
}

const GUESTS = /\b(?:VMs?|guests?|virtual machines?|KVM|QEMU)\b/i;
const FAILS =
  /\b(?:NULL pointer|broke\w?|broken|fail\w{0,3}|errors?|crash\w{0,3}|hang(?:s|ing)?|freez\w{1,3}|stuck|panics?|blue ?screens?|regression|pauses?|paused|pause mode|(?:not|no longer|wo?n['’]t|would ?n['’]t|doesn['’]t|can['’]?t) (?:\w{2,10} )?(?:start|boot|work)\w{0,3}|reboots?)\b/i;
/** Of the host's kernel, one version that fails and another one that does not. */
const OTHER_KERNEL =
  /\bkernel (?:updat|upgrad)\w{1,4}\b[^.\n]{0,12}\bfrom v?\d\.\d{1,2}[^\n]{0,24}\bto\sv?\d\.\d{1,2}[\w.-]{0,20}|\b(?:revert|go|roll|switch|downgrad)\w{0,4} (?:back )?to\san? (?:earlier|older|previous) kernel\b[^\n.]{0,20}[\d.]{1,8}[^\n.]{0,20}\b(?:lets|makes|fixe[sd]|solve[sd]|help)\w{0,2}|\b(?:revert|downgrad)\w{0,4} to\sv?\d\.\d{1,2}[\w.-]{0,20} (?:fixe[sd]|solve[sd]|help)\w{0,2}|\b(?:updat|upgrad)\w{1,4}\b[^.\n]{0,40}\bkernel\b[^\n]{0,12}\bfrom v?\d\.\d{1,2}[^\n]{0,24}\bto v?\d\.\d{1,2}[\w.-]{0,20}|\b(?:switch|go|roll|mov|boot|revert|downgrad)\w{0,4} (?:back )?(?:in)?to (?:the )?(?:linux |kernel )?v?\d\.\d{1,2}[\w.-]{0,20}(?: kernel)? (?:has )?(?:resolv|fix|solv|help|work)\w{0,3}|\b(?:works?|worked|fine) (?:\w{2,8} )?(?:with|on|under|in) (?:the )?(?:linux |host )?kernel v?\d\.\d{1,2}[^\n]{0,80}\b(?:not|fail\w{0,3}|broken|crash\w{0,3}|hang\w{0,3}) (?:\w{2,8} )?(?:with|on|under|in) (?:kernel )?v?\d\.\d{1,2}/i;
/** The module of another kernel, or none. */
const NO_KVM = /\/dev\/kvm\b|\bmodprobe\b|(?<!\bkvm )\bmodule\b|\bWSL\b|\bguest(?:['’]s)? kernel\b/i;

/** It began with another kernel of the host. */
export function otherKernel(text: string): Says | undefined {
  const found = OTHER_KERNEL.exec(text)?.[0].replace(/\s+/g, " ");
  if (found === undefined || !GUESTS.test(text) || !FAILS.test(text) || NO_KVM.test(text)) return undefined;
  return answer(
    `Guests ran under one kernel of the host and fail under another one ("${found}"): ${AMD.test(text) ? "AMD-V" : "VT-x"} is on, and the fault is in KVM of that kernel.`,
    [
      {
        text: "Stay with the kernel that works, or take the newest stable update of the other series; report both versions with the host's CPU.",
        commands: ["uname -r; grep -m1 'model name' /proc/cpuinfo; sudo dmesg | grep -iE 'kvm|BUG|WARN' | tail"],
      },
    ],
  );
}
