import { PT_HIDDEN } from "../../../../kvm/changes.js";
import { NOT_REPLAYED } from "../../../../kvm/not-replayed.js";
import { releaseOf } from "../../../../rules/held.js";
import { answer, type TextVerdict } from "../../../answer.js";
import type { Step } from "../../../message.js";

/*
 * Features of the CPU that are wanted in a guest and that VT-x does not decide alone: SGX, Intel PT, LBR, performance counters. What
 * each hypervisor gives. Facts: Linux, arch/x86/kvm/vmx (vmx.c, sgx.c, capabilities.h) and arch/x86/kernel/cpu/sgx/main.c; QEMU,
 * docs/system/i386/sgx.rst and target/i386/cpu.c; VirtualBox, VMMR3/CPUMR3CpuId.cpp; VMware vSphere Security (virtual SGX); Microsoft,
 * Set-VMProcessor and memory integrity.
 */

/** A longer text is a log. */
const LONGEST = 6_000;
/** So many lines begin a text: its title and its first sentence. */
const FIRST_LINES = 3;
const ASKS =
  /\?|[？吗]|\b(?:how|why|what|whether|can(?:not|['’]?t)?|not|no|n['’]t|\w{2,6}n['’]t|unable|fail\w{0,4}|errors?|problems?|missing|support\w{0,3}|without|possible|need\w{0,2})\b/i;
const IN_GUEST =
  /\b(?:guests?|VMs?|virtual(?:i[sz]ed|i[sz]ation|i[sz]ing)?|vir?tulization|hypervisors?|KVM|QEMU|VirtualBox|VMware|ESXi|Hyper-?V|nested|kvm_intel|sgx_vepc)\b|虚拟/i;

const PRODUCTS = [
  ["vbox", /\bVirtual ?Box\b|\bVBox/i],
  ["vmware", /\bVM_?ware\b|\bESXi\b|\bvSphere\b/i],
  ["hyperv", /\bHyper-?V\b/i],
] as const;
type ProductKey = (typeof PRODUCTS)[number][0];

interface GuestFeature {
  readonly words: RegExp;
  /** What is said of it on a product; `any` for KVM, and where none is named. */
  readonly on: { readonly [P in ProductKey | "any"]?: string };
  readonly steps?: { readonly [P in ProductKey | "any"]?: readonly Step[] };
  /** What the text shows besides, and what that means. */
  readonly shown?: readonly (readonly [words: RegExp, says: string])[];
}

const { sgxDriver, sgxForGuests, guestLbr } = NOT_REPLAYED;

const FEATURES: readonly GuestFeature[] = [
  {
    words: /\bSGX\b|\bsgx_\w{3,12}|[+-]sgx\b|\bmemory-backend-epc\b|\benclaves?\b/i,
    shown: [
      [
        /\bSGX_LC\b[^\n]{0,40}\bfalse\b|\blaunch control\b[^\n]{0,60}\b(?:locked|missing|cannot|can['’]?t)\b|\bsgx_vepc\b[^\0]{0,400}\bsgx_en[cv]lave\b[^\n]{0,30}\b(?:missing|not)\b/i,
        `Launch control is not open on this machine (CPUID.7:ECX bit 30 is 0, or IA32_FEAT_CTL is locked with bit 17 at 0). Linux's own driver (/dev/sgx_enclave, Linux ${sgxDriver.held.since} and later) needs it open, so only /dev/sgx_vepc is there, which KVM gives guests their EPC with. A guest sees launch control as the host has it, and its kernel's driver is missing in the same way; Intel's older driver (isgx, out of the kernel) does without. It is the firmware's choice, and some machines have no setting for it.`,
      ],
    ],
    on: {
      vbox: "VirtualBox passes no SGX to its guests, whatever the firmware and the CPU have: CPUID shows none there.",
      vmware:
        "VMware gives a guest SGX as virtual SGX, with vSphere 7.0 and later: in the machine's settings, with EFI firmware and hardware version 17. Without it the guest's CPUID and IA32_FEAT_CTL (bit 18) show none, whatever the host's firmware has.",
      any: `A guest of KVM gets SGX from Linux ${sgxForGuests.held.since} on (kvm_intel.sgx is Y, /dev/sgx_vepc is there) with QEMU 6.2 and later: its CPU model needs sgx, and the machine EPC memory of its own, of megabytes. Before that only Intel's own trees did (kvm-sgx, qemu-sgx). \`+sgx\` stands behind a model and is none itself; what runs in the guest needs a driver there (the kernel's, from Linux ${sgxDriver.held.since} on, needs launch control: sgxlc).`,
    },
    steps: {
      any: [
        {
          text: "See what the host has, and give the guest both.",
          commands: [
            "ls /dev/sgx*; cat /sys/module/kvm_intel/parameters/sgx",
            "-cpu host,+sgx-provisionkey -object memory-backend-epc,id=m,size=64M,prealloc=on -M sgx-epc.0.memdev=m,sgx-epc.0.node=0",
          ],
        },
      ],
    },
  },
  {
    words:
      /\bintel[-_ ]?pt\b|\bprocessor trace\b|\b(?<!\.)PT (?:support|hardware|tracing)\b|\bsimple[-_]pt\b|\bpt_mode\b|\bptfeature\b|\bipt\.sys\b/i,
    on: {
      vbox: "VirtualBox passes no Intel PT to its guests: CPUID shows none there.",
      vmware:
        "VMware Workstation passes no Intel PT to its guests: CPUID shows none there, and what uses it needs a bare machine.",
      hyperv: "Hyper-V gives a guest Intel PT only where it is asked for, with the machine off.",
      any: `KVM gives guests no Intel PT by default (kvm_intel.pt_mode=0): then CPUID shows none in the guest, and perf lists no intel_pt. pt_mode=1 gives it, where the CPU can trace in VMX operation with guest-physical addresses (IA32_VMX_MISC bit 14 and secondary control 24; Broadwell and older cannot) and the CPU model has intel-pt; from Linux ${releaseOf(PT_HIDDEN)} on, and in stable releases of that time, the parameter exists only in kernels built with CONFIG_BROKEN.`,
    },
    steps: {
      hyperv: [{ text: "Ask for it.", commands: ['Set-VMProcessor NAME -Perfmon @("pmu","ipt")'] }],
      any: [
        {
          text: "On the host, see whether the CPU and this kernel can.",
          commands: [
            "sudo rdmsr -f 14:14 0x485; sudo rdmsr -f 56:56 0x48b; cat /sys/module/kvm_intel/parameters/pt_mode",
          ],
        },
        {
          text: "Load KVM with it and give it to the guest.",
          commands: ["sudo modprobe -r kvm_intel; sudo modprobe kvm_intel pt_mode=1", "-cpu host,+intel-pt"],
        },
      ],
    },
  },
  {
    words: /\bLBRs?\b|\blast[- ]branch\b|\blbr-fmt\b/i,
    on: {
      vbox: "VirtualBox passes no LBR to its guests.",
      hyperv: "Hyper-V gives a guest LBR only where it is asked for, with the machine off.",
      any: `KVM gives guests last-branch records (LBR) on Intel CPUs from Linux ${guestLbr.held.since} on, and only where the CPU model asks for the host's format (QEMU 7.1 and later, lbr-fmt, beside pmu=on): bits 5:0 of IA32_PERF_CAPABILITIES (0x345). Architectural LBR is not given.`,
    },
    steps: {
      hyperv: [{ text: "Ask for it.", commands: ['Set-VMProcessor NAME -Perfmon @("pmu","lbr")'] }],
      any: [
        {
          text: "Read the host's format, and give it to the guest.",
          commands: ["sudo rdmsr -f 5:0 0x345", "-cpu host,pmu=on,lbr-fmt=0x5"],
        },
      ],
    },
  },
];

/** Not what guests have, but how Windows uses a feature of VMX. */
const EXECUTE_CONTROL = /\bMBEC?\b|\bGMET\b|\bmode[- ]based execut\w{1,4} control\b/i;
const OF_WINDOWS = /\bHVCI\b|\bmemory integrity\b|\bVBS\b|\bcore isolation\b|\bdevice guard\b|\bWindows\b/i;

/** What each hypervisor gives a guest of a feature that the text is about. */
export function featureForGuests(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !ASKS.test(text)) return undefined;
  const begin = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(0, FIRST_LINES)
    .join("\n");
  if (EXECUTE_CONTROL.test(begin) && OF_WINDOWS.test(text))
    return answer(
      "Memory integrity (HVCI) works without mode-based execute control, which lets one EPT entry allow execution in kernel mode and user mode apart: on Intel CPUs from Kaby Lake on, on AMD as guest mode execute trap (GMET) from Zen 2 on. Older CPUs, and machines whose hypervisor passes neither, get Windows' replacement (restricted user mode), which costs more time.",
      [
        {
          text: "See whether Windows finds it: `Mode Based Execution Control` among the properties.",
          commands: ["msinfo32"],
        },
      ],
    );
  const feature = FEATURES.find(({ words }) => words.test(begin));
  if (feature === undefined || !IN_GUEST.test(text)) return undefined;
  const shown = feature.shown?.find(([words]) => words.test(text))?.[1];
  if (shown !== undefined) return answer(shown, []);
  const named =
    PRODUCTS.find(([product, words]) => feature.on[product] !== undefined && words.test(text))?.[0] ?? "any";
  const product = /\b(?:KVM|QEMU|libvirt)\b/i.test(text) ? "any" : named;
  const says = feature.on[product];
  return says === undefined ? undefined : answer(says, feature.steps?.[product] ?? []);
}
