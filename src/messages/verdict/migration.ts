import type { TextVerdict } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { svmNamed } from "../../input/text/svm-named.js";
import { cpusNamed } from "../../why/cpus/named-cpu.js";
import { DROP_VMX } from "../rows/shared-advice.js";
import { proseOf } from "./guests/guest-verdict.js";

/*
 * Migrations that are said to fail, where no line names what the destination lacks.
 */

const FAILS =
  /\bmigrat(?:ion|ing|es?|ed)\b[^.\n]{0,60}\b(?:fail(?:s|ed|ure)?|errors?|assert\w{0,4}|hangs?|freez\w{1,3}|stuck|crash\w{0,3}|paus\w{1,3}|locks? up)\b|\b(?:fail(?:s|ed)?|unable|cannot|can['’]?t) (?:to )?(?:live[- ])?migrat\w{1,3}\b/i;
const NESTED = /\bnest(?:ed|ing)\b|\bvmx\b/i;
/** It is to be prevented, or a way is asked for. */
const WISHED = /\b(?:prevent\w{0,3}|avoid\w{0,3}|against|without|in case of) (?:\w{2,10} ){0,2}$/i;
const OF_KVM =
  /\bKVM\b|\bhost-(?:passthrough|model)\b|\bqemu\b|\blibvirt\b|\bvirsh\b|\bLXD\b|\bIncus\b|\bcloud-hypervisor\b|\bProxmox\b|\boVirt\b|\bOpenNebula\b|\bHarvester\b|\bKubeVirt\b|\bnova\b/i;
/** The hosts are said to have different CPUs. */
const DIFFERENT =
  /\b(?:heterogeneous|different|differing|mixed|not (?:\w{2,14} )?identical|unequal|older|newer)\b[^.\n]{0,30}\b(?:CPUs?|processors?)\b|\bCPUs?\b[^.\n]{0,30}\b(?:heterogeneous|differ\w{0,3}|not (?:\w{2,14} )?identical)\b|\bCPU generations\b/i;
/** Longer texts are logs. */
const LONGEST = 8_000;

const COMPARE: Step = {
  text: "Compare what the two hosts offer, and give the guest a CPU model that both have.",
  commands: ["vmxlens migrate HOST-A HOST-B", "virsh domcapabilities | sed -n '/<cpu>/,/<.cpu>/p'"],
};
const LOGS: readonly (readonly [program: RegExp, command: string])[] = [
  [
    /\bLXD\b|\blxc (?:move|copy|launch)\b/i,
    "lxc info --show-log NAME   # and qemu.log of the machine, on the destination",
  ],
  [/\bIncus\b/i, "incus info --show-log NAME   # on the destination"],
  [/\bProxmox\b|\bPVE\b/i, "journalctl -b | grep -iE 'qemu|kvm' | tail -50   # on the destination"],
  [/\bcloud-hypervisor\b|\bfirecracker\b/i, "cloud-hypervisor -vv --log-file ch.log ...   # on the destination"],
  [
    /\b(?:KubeVirt|Harvester)\b/i,
    "kubectl logs POD -c compute | grep -iE 'qemu|error' | tail   # the target's virt-launcher",
  ],
];
const destination = (text: string): Step => ({
  text: "Read what the destination said: it names the device, the register or the feature.",
  commands: [
    LOGS.find(([program]) => program.test(text))?.[1] ??
      "sudo tail -60 /var/log/libvirt/qemu/NAME.log; sudo dmesg | tail -50   # on the destination",
  ],
});
/** Where the program takes libvirt's words. */
const OF_LIBVIRT = /\blibvirt|\bvirsh\b|\bnova\b|\bOpenStack\b|\boVirt\b/i;
const compare = (text: string): Step =>
  OF_LIBVIRT.test(text) ? COMPARE : { text: COMPARE.text, commands: COMPARE.commands?.slice(0, 1) ?? [] };

/** QEMU at the destination, where the state of a device does not fit what it was started with. */
const DEVICE =
  /\berror while loading state for instance \S{1,20} of device ["'](?<device>(?!cpu["'])[^"'\n]{1,60})["']|\berror while loading state section id \d{1,4}\((?<section>[\w./:-]{1,40})\)|\bUnknown ramblock ["'](?<block>[^"'\n]{1,60})["']|\bMissing section footer for (?<footer>[\w./:-]{1,60})|\bUnknown savevm section or instance ["'](?<unknown>[^"'\n]{1,60})["']/i;
const SAME_MACHINE: Step = {
  text: "Start the destination with the same machine type (its versioned name), the same devices, firmware and memory, and a QEMU no older than the source's.",
  commands: ["qemu-system-x86_64 --version; qemu-system-x86_64 -machine help | grep -E 'alias|default'"],
};

const SAME_DISKS: Step = {
  text: "At the destination, make each disk (the firmware's variables as well) of the same size and format beforehand, or migrate without copying storage.",
  commands: ["qemu-img info FILE   # on both hosts"],
};

/** kubevirt/kubevirt#7986: QEMU's commit 561dbb41b1d7, in 6.0. */
const REENLIGHTENED = /\bre-?enlightenment\b[^\0]{0,400}\bmigrat|\bmigrat[^\0]{0,400}\bre-?enlightenment\b/i;

/** Two makers of CPUs, and a running machine that is to go from one to the other. */
const TWO_VENDORS =
  /\bCPU (?:from|of) (?:a )?different vendors?\b|\b(?:an? |the )?(?:Intel|Atom|Xeon)\b(?:(?!\bvs\b)[^.\n]){0,80}\b(?:to|and|->|→|with)\b[^.\n]{0,40}\b(?:AMD|EPYC|Ryzen|Opteron)\b|\b(?:AMD|EPYC|Ryzen|Opteron)\b[^.\n]{0,60}\b(?:to|and|->|→|with)\b[^.\n]{0,40}\b(?:Intel|Xeon)\b/i;
const MOVES = /\bmigrat(?:e|ed|es|ing|ion)\b/i;
const OF_MACHINES = /\bXen\b|\bXCP-?ng\b|\bXAPI\b|\bxo-server\b|\bVMs?\b|\bguests?\b/i;
/** OpenShift's documentation (preparing a cluster for virtual machines); XAPI refuses it; VMX and SVM have no common state. */
function twoVendors(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (!MOVES.test(text) || !TWO_VENDORS.test(text) || !(OF_KVM.test(text) || OF_MACHINES.test(text))) return undefined;
  return {
    says: "A running machine keeps the CPU that it saw at its start, and Intel's and AMD's differ in more than features that a model could leave out (MSRs, VMX or SVM, how errors are reported): moving it alive from one to the other is refused or can crash it, whatever model it has, and with vmx or svm in its CPU it cannot work.",
    steps: [
      {
        text: "Shut it down there and start it on the other host; for live moves keep hosts of one vendor in one group.",
      },
    ],
    evidence: [],
  };
}

/** An error of reading, where no device but the CPU is named. */
const CUT = /\bRead section footer failed\b|\bload of migration failed: Input\/output error\b/;

const NESTED_STATE = /\bnested[_ ]state\b/i;
/** The row about device 'cpu' is about its VMX state, which is one of several things in it. */
export function streamCut(text: string, messages: readonly string[]): TextVerdict | undefined {
  if (NESTED_STATE.test(text) || messages.length === 0 || !messages.every((message) => message === "qemu-nested-state"))
    return undefined;
  if (DEVICE.test(text)) return undefined;
  if (!CUT.test(text))
    return {
      says: "QEMU at the destination could not load the state of the guest's CPU: it comes from another version of QEMU or of the kernel, which has more registers or a later format, or it has VMX state that KVM there refuses. Machines are moved to the same version or a newer one.",
      steps: [SAME_MACHINE, DROP_VMX],
      evidence: [],
      covers: messages,
    };
  return {
    says: "QEMU at the destination came to the end of what it was sent, or to bytes that do not fit: the stream or the file of the state is cut or damaged, because the source stopped, the connection broke, or QEMU wrote it wrongly. The lines name no feature of the CPU, and VT-x has no part in it.",
    steps: [
      {
        text: "Read what the source said at that time; for a file, write it again with a newer QEMU.",
        commands: ["sudo tail -60 /var/log/libvirt/qemu/NAME.log   # on the source"],
      },
    ],
    evidence: [],
    covers: messages,
  };
}

/** QEMU, target/arm/machine.c (cpreg_vmstate_indexes). */
const OF_ARM =
  /\bcpreg_vmstate_\w|\bkvm_arm_cpu_post_load\b|\bqemu-system-(?:arm|aarch64): error while loading state\b|\bfailed to load cpu:cpreg/i;
const ARM_REGISTERS: Omit<TextVerdict, "covers"> = {
  says: "This is QEMU on Arm: the source sent more registers of the CPU than KVM at the destination has, because the kernels of the two hosts list others (or their CPUs have others). VT-x and x86's CPU models have no part in it.",
  steps: [
    {
      text: "Use the same kernel and a like CPU on both hosts, or go to the newer kernel only.",
      commands: ["uname -r; lscpu   # on both"],
    },
  ],
  evidence: [],
};

/** Undefined where no migration of KVM is said to fail. */
export function migrationFails(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST) return undefined;
  const vendors = twoVendors(text);
  if (vendors !== undefined || !OF_KVM.test(text)) return vendors;
  if (OF_ARM.test(text)) return ARM_REGISTERS;
  const { device: named, block, section, footer, unknown } = DEVICE.exec(text)?.groups ?? {};
  const device = named ?? footer ?? unknown;
  if (section !== undefined)
    return {
      says: `QEMU at the destination could not load the section "${section}" of the migration${section === "block" ? ", the disks that are copied along: their files there are not as large as at the source, or cannot be written" : ""}. VT-x has no part in that.`,
      steps: [section === "block" ? SAME_DISKS : SAME_MACHINE],
      evidence: [],
    };
  if (device !== undefined || block !== undefined)
    return {
      says: `QEMU at the destination could not take over ${block === undefined ? `the state of ${device}` : `the memory of ${block}`}: it was started with other devices, another machine type or another version than the source. VT-x has no part in that.`,
      steps: [SAME_MACHINE],
      evidence: [],
    };
  if (REENLIGHTENED.test(text))
    return {
      says: "A guest of Windows that uses re-enlightenment (hv-reenlightenment) learns from KVM when its TSC changes. QEMU 6.0 and later migrate it only with a fixed tsc-frequency, so that the destination can give it the same one; a guest with VMX alone does not need that.",
      steps: [
        {
          text: "Give the guest a TSC frequency that both hosts have or can scale to, or take the enlightenment from it.",
          commands: ["-cpu MODEL,tsc-frequency=HZ", "<timer name='tsc' frequency='HZ'/>   # libvirt, in <clock>"],
        },
      ],
      evidence: [],
    };
  const said = FAILS.exec(text);
  if (said === null && MAY_MOVE.test(text)) return betweenCpus(text);
  if (said === null || WISHED.test(text.slice(Math.max(0, said.index - 40), said.index))) return undefined;
  const found = said[0].replace(/\s+/g, " ");
  const amd = svmNamed(text);
  const differ = DIFFERENT.test(text)
    ? " The hosts have different CPUs by the text: a guest that was given the CPU of its host (host, host-model) has features that the other one lacks, or has under another form."
    : "";
  const state = "Old versions of QEMU and KVM do not carry the state of a hypervisor that runs inside";
  return amd === undefined && NESTED.test(proseOf(text))
    ? {
        says: `The text says that a migration goes wrong ("${found}"), of a guest that can have VMX: with nested on, -cpu host gives it VMX, and the destination's KVM then has to accept its VMX registers, too. ${state}.${differ}`,
        steps: [DROP_VMX, compare(text), destination(text)],
        evidence: [],
      }
    : {
        says: `The text says that a migration goes wrong ("${found}"). KVM runs guests on both hosts, so ${amd === undefined ? "VT-x" : "AMD-V"} works: what the destination refuses, or makes of the state, is in its log.${differ}`,
        steps:
          amd !== undefined
            ? [destination(text)]
            : differ === ""
              ? [destination(text), compare(text)]
              : [compare(text), destination(text)],
        evidence: [],
      };
}

/** Whether a guest can move between hosts, asked. */
const MAY_MOVE =
  /\b(?:can|could|may|possible|able|works?|supported)\b[^.\n]{0,60}\b(?:live[- ])?migrat\w{1,3}\b[^.\n]{0,100}\?|\bmigrat\w{1,3}\b[^.\n]{0,80}\b(?:possible|work|supported)\b[^.\n]{0,20}\?|\b(?:which|what) CPU (?:type|model)\b[^.\n]{0,60}\bmigrat\w{1,3}\b/i;
const OWN_CPU = /\bhost-passthrough\b|\bcpu(?: type| model)?\W{1,3}host\b|-cpu host\b/i;

const PROXMOX_MODEL: Step = {
  text: "Give it a CPU model of QEMU, at most as new as the older CPU; for nested guests add vmx, which kvm64 and the x86-64 models do not have.",
  commands: ["qm set VMID --args '-cpu MODEL,vmx=on'"],
};

/** Two CPUs are named, and no failure. */
function betweenCpus(text: string): Omit<TextVerdict, "covers"> | undefined {
  const [one, other, ...more] = cpusNamed(text);
  if (one === undefined || other === undefined || more.length > 0) return undefined;
  return {
    says: `${OWN_CPU.test(text) ? "With host-passthrough (-cpu host) a guest has the very CPU of its host" : "A guest moves only to a host that has all of its CPU's features"}, and the ${one.name} and the ${other.name} are different CPUs: give the guest a named model that both have, that of the older one at most, and it can move both ways. A guest that has vmx needs the same VMX features on both as well.`,
    steps: [
      compare(text),
      /\bProxmox\b|\bPVE\b/.test(text)
        ? PROXMOX_MODEL
        : {
            text: "Ask libvirt for the model that both have.",
            commands: ["virsh domcapabilities > HOST.xml   # on each", "virsh hypervisor-cpu-baseline BOTH.xml"],
          },
    ],
    evidence: [],
  };
}
