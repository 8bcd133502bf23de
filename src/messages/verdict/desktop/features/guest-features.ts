import { answer, type TextVerdict } from "../../../../answers/answer.js";
import { withoutCpuFlags } from "../../../../answers/asked/flags-line.js";
import { featureChecked } from "../../../../answers/asked/how-to-check.js";
import type { Step } from "../../../../answers/message.js";
import { PT_HIDDEN } from "../../../../kvm/changes.js";
import { NOT_REPLAYED } from "../../../../kvm/not-replayed.js";
import { releaseOf } from "../../../../rules/held.js";
import type { Words } from "../../../desktop-messages.js";

/*
 * Features of the CPU that are wanted in a guest and that VT-x does not decide alone: SGX, Intel PT, LBR, performance counters. What
 * each hypervisor gives. Facts: Linux, arch/x86/kvm/vmx (vmx.c, sgx.c, capabilities.h) and arch/x86/kernel/cpu/sgx/main.c; QEMU,
 * docs/system/i386/sgx.rst and target/i386/cpu.c; VirtualBox, VMMR3/CPUMR3CpuId.cpp; VMware vSphere Security (virtual SGX); Microsoft,
 * Set-VMProcessor and memory integrity; Linux, Documentation/arch/x86/tdx.rst; QEMU, docs/system/i386/tdx.rst; canonical/tdx#33, #102,
 * #161.
 */

/** A longer text is a log. */
const LONGEST = 6_000;
/** So many lines begin a text: its title and its first sentence. */
const FIRST_LINES = 3;
const ASKS =
  /\?|[？吗]|\b(?:how|why|what|whether|can(?:not|['’]?t)?|not|no|n['’]t|\w{2,6}n['’]t|unable|fail\w{0,4}|errors?|problems?|missing|support\w{0,3}|without|possible|need\w{0,2})\b/i;
const IN_GUEST =
  /\b(?:guests?|VMs?|virtual(?:i[sz]ed|i[sz]ation|i[sz]ing)?|vir?tulization|hypervisors?|KVM|QEMU|VirtualBox|VMware|ESXi|Hyper-?V|nested|kvm_intel|sgx_vepc|TDX|seam\w{2,6})\b|虚拟/i;

const PRODUCTS = [
  ["vbox", /\bVirtual ?Box\b|\bVBox/i],
  ["vmware", /\bVM_?ware\b|\bESXi\b|\bvSphere\b/i],
  ["hyperv", /\bHyper-?V\b/i],
] as const;
type ProductKey = (typeof PRODUCTS)[number][0];

interface GuestFeature {
  readonly words: RegExp;
  /** Another subject with the same word. */
  readonly but?: Words;
  /** The answer for a product; `any` for KVM, and where none is named. */
  readonly on: { readonly [P in ProductKey | "any"]?: string };
  readonly steps?: { readonly [P in ProductKey | "any"]?: readonly Step[] };
  /** What the text shows besides, and what that means. */
  readonly shown?: readonly (readonly [words: Words, says: string, steps?: readonly Step[]])[];
}

const { sgxDriver, sgxForGuests, guestLbr, tdxGuests, virtAtLoad } = NOT_REPLAYED;

const TDX_STEPS: readonly Step[] = [
  {
    text: "See how far it gets: 1 in bit 11 of 0x1401, `module initialized` in the log, Y for the parameter.",
    commands: ["sudo rdmsr -f 11:11 0x1401; sudo dmesg | grep -i tdx; cat /sys/module/kvm_intel/parameters/tdx"],
  },
];

/** The firmware has keys for TDX, and no line says what became of its module. */
const TDX_UNFINISHED = {
  test: (text: string): boolean =>
    /\bBIOS enabled: private KeyID range\b/i.test(text) &&
    !/module initialized$|not enabled by BIOS|module not loaded|SEAMCALL|initialization failed/im.test(text),
};

/** The services around enclaves; a driver of theirs that does not load is another matter. */
const OF_ATTESTATION = {
  test: (text: string): boolean =>
    /\battestation\b|\bPCCS\b|\bDCAP\b|\bquot(?:e|ing)\b/i.test(text) &&
    !/could not insert (?:module )?\W?(?:intel_|i)sgx\b|\blaunch control MSRs\b|\bSGX_LC\b/i.test(text),
};

/** Bit 14 of IA32_VMX_MISC, as a text shows it. */
const traceBit = (wanted: 0 | 1): Words => ({
  test: (text) => {
    const hex = /(?:\b0x485\b|VMX_MISC\b)[^\n]{0,24}?(?:\n\s{0,8}|[\s:=]{1,4})(?:0x)?(?<hex>[0-9a-f]{5,16})\b/i.exec(
      text,
    )?.groups?.hex;
    return hex !== undefined && ((Number.parseInt(hex.slice(-8), 16) >>> 14) & 1) === wanted;
  },
});

const FEATURES: readonly GuestFeature[] = [
  {
    words: /\bTDX\b|\btdx[-_ ]guest\b|\bSEAM(?:RR|LDR)\b/i,
    but: /#VE\b|\bvirtuali[sz]ation exception|\battestation\b|\bPCCS\b|\bDCAP\b|\bquot(?:e|ing)\b|\bRTMR/i,
    shown: [
      [
        TDX_UNFINISHED,
        "The firmware has TDX on (private KeyIDs), and the log of the text has no line that the TDX module was initialized: kvm_intel has that done when it loads with tdx=1, and says so where it fails. So either kvm_intel did not load, or its line is not in the text; VT-x is not in question.",
        [
          {
            text: "See whether the module loaded, and with it.",
            commands: ["lsmod | grep kvm_intel; cat /sys/module/kvm_intel/parameters/tdx"],
          },
        ],
      ],
      [
        /\bvm-type tdx not supported\b[^\0]{0,4000}\bmodule initialized\b/i,
        `The kernel initialized the TDX module, and its KVM does not have the kind of machine that this QEMU asks for: the interface before Linux ${tdxGuests.held.since} was each vendor's own, so kernel and QEMU have to be of one stack; QEMU has the upstream one from 10.1 on. A TD also needs the machine to name its object, or it is an ordinary guest.`,
        [
          {
            text: "Take QEMU from where the kernel is from, and name the object.",
            commands: [
              "-machine q35,kernel-irqchip=split,confidential-guest-support=tdx -object tdx-guest,id=tdx -cpu host",
            ],
          },
        ],
      ],
      [
        /\bBIOS enabled: private KeyID range\b[^\0]{0,4000}\b(?:not enabled by BIOS|module not loaded|SEAMCALL[^\n]{0,40}failed)/i,
        "`BIOS enabled: private KeyID range` says only that the firmware set keys apart for TDX. The TDX module was not usable after that: its loader (P-SEAMLDR) or the module is missing in this firmware or too old, or TME, TME-MT, the SEAM loader and TDX are not on together. No package of the system changes that.",
        [
          {
            text: "Update the firmware, switch all of these on, and read whether SEAM is there (1).",
            commands: ["sudo rdmsr -f 11:11 0x1401"],
          },
        ],
      ],
      [
        /\btdx: Guest detected\b|\bMemory Encryption Features active: Intel TDX\b/i,
        "A trust domain runs there, so CPU, firmware, kernel and QEMU have TDX. What its CPUID shows is settled when it is made: by the CPU that QEMU asks for, within what the TDX module allows and what KVM and QEMU of that stack can configure. VMX has no part in that.",
      ],
      [
        /\bTDX module (?:(?:has been|was|is) )?initiali[sz]ed\b|\btdx: module initialized\b/i,
        `The kernel initialized the TDX module, so CPU and firmware have TDX on. What is left is KVM, with kvm_intel.tdx=1 (Linux ${tdxGuests.held.since} and later, or a vendor's own kernel), and a QEMU of the same stack.`,
        [
          {
            text: "See whether KVM can make trust domains: Y.",
            commands: ["cat /sys/module/kvm_intel/parameters/tdx"],
          },
        ],
      ],
      [
        /\b(?:lscpu|cpuinfo|CPU flags?)\b[^\n]{0,60}\bTDX\b|\bTDX\b[^\n]{0,60}\b(?:lscpu|cpuinfo|CPU flags?)\b/i,
        "No CPU flag shows TDX on a host: that lscpu and /proc/cpuinfo have none says nothing (tdx_guest is a flag of a trust domain). The kernel's log shows whether firmware and TDX module are ready, and a parameter of kvm_intel whether KVM makes trust domains.",
        [
          {
            text: "Read both.",
            commands: ["sudo dmesg | grep -i tdx; cat /sys/module/kvm_intel/parameters/tdx"],
          },
        ],
      ],
    ],
    on: {
      any: `TDX on a host needs a server CPU that has it (Intel lists it for Xeon Scalable of the 5th generation and later, of the 4th for some clouds), firmware with its loader and with TME, TME-MT, the SEAM loader and TDX on together, and a KVM that has it: Linux ${tdxGuests.held.since} and later with kvm_intel.tdx=1, or a vendor's own kernel. It is not there in a virtual machine, and where the firmware setup greys it out one of the others is off, or the CPU or board has none.`,
    },
    steps: { any: TDX_STEPS },
  },
  {
    words: /\bSGX\b|\bsgx_\w{3,12}|[+-]sgx\b|\bmemory-backend-epc\b|\b(?:intel_|i)sgx\b/i,
    but: OF_ATTESTATION,
    shown: [
      [
        /\blaunch control MSRs are not writable\b/i,
        `The driver found launch control locked by the firmware: IA32_FEAT_CTL (0x3a) is locked with bit 17 at 0, on a CPU that has it. Intel's DCAP driver and Linux's own one (Linux ${sgxDriver.held.since} and later) need it open; some setups have it (SGX Launch Control, unlocked or flexible), others do not. Intel's older driver (isgx, out of the kernel) does without. VMX has no part in that.`,
        [
          {
            text: "See bits 17 (launch control) and 18 (SGX).",
            commands: ["sudo modprobe msr; sudo rdmsr -f 18:17 0x3a"],
          },
        ],
      ],
      [
        /\bSGX_LC\b[^\n]{0,40}\bfalse\b|\blaunch control\b[^\n]{0,60}\b(?:locked|missing|cannot|can['’]?t)\b|\bsgx_vepc\b[^\0]{0,400}\bsgx_en[cv]lave\b[^\n]{0,30}\b(?:missing|not)\b/i,
        `Launch control is not open on this machine (CPUID.7:ECX bit 30 is 0, or IA32_FEAT_CTL is locked with bit 17 at 0). Linux's own driver (/dev/sgx_enclave, Linux ${sgxDriver.held.since} and later) needs it open, so only /dev/sgx_vepc is there, which KVM gives guests their EPC with. A guest sees launch control as the host has it, and its kernel's driver is missing in the same way; Intel's older driver (isgx, out of the kernel) does without. Some CPUs have none; on the others it is the firmware's choice, and some machines have no setting for it.`,
      ],
    ],
    on: {
      hyperv:
        "Hyper-V gives a generation 2 machine SGX where it is asked for (Set-VMSgx, with the machine off). The guest sees launch control as the host's CPU and firmware have it: where they have none (no FLC), Intel's DCAP driver (intel_sgx) and Linux's own one do not load, and Intel's older driver (isgx, /dev/isgx) is the one that does. VMX has no part in that.",
      vbox: "VirtualBox passes no SGX to its guests, whatever the firmware and the CPU have: CPUID shows none there.",
      vmware:
        "VMware gives a guest SGX as virtual SGX, with vSphere 7.0 and later: in the machine's settings, with EFI firmware and hardware version 17. Without it the guest's CPUID and IA32_FEAT_CTL (bit 18) show none, whatever the host's firmware has.",
      any: `A guest of KVM gets SGX from Linux ${sgxForGuests.held.since} on (kvm_intel.sgx is Y, /dev/sgx_vepc is there) with QEMU 6.2 and later: its CPU model needs sgx, and the machine EPC memory of its own, of megabytes. Before that only Intel's own trees did (kvm-sgx, qemu-sgx). \`+sgx\` follows a model and is not one; what runs in the guest needs a driver there (the kernel's, from Linux ${sgxDriver.held.since} on, needs launch control: sgxlc).`,
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
      /\bintel[-_ ]?pt\b|\bprocessor trace\b|\b(?<!\.)PT (?:support|hardware|tracing)\b|\bsimple[-_]pt\b|\bpt_mode\b|\bptfeature\b|\bipt\.sys\b|\bpt_(?:test|ex_(?:user|kernel))\b/i,
    but: /\bpass-?(?:through|thru)\b|\b(?:PCI|GPU)[- ]PT\b/i,
    shown: [
      [
        /\b(?:guest|L1|nested|VM)\b[^\n]{0,80}(?:VMX_MISC|\b0x485)\b[^\n]{0,40}\b(?:0|clear|not set|missing)\b|\bbit 14\b[^\n]{0,80}\b(?:0|clear|not set|missing)\b[^\n]{0,40}\bguest\b/i,
        "KVM shows no guest bit 14 of IA32_VMX_MISC (0x485), whatever the CPU has and whatever pt_mode is: Intel PT that a guest is given (pt_mode=1, +intel-pt) traces the guest itself, and stops there in VMX operation. A hypervisor in the guest that needs it for its own guests has to run on the bare machine.",
      ],
      [
        traceBit(0),
        `Bit 14 of IA32_VMX_MISC (0x485) is 0: this CPU has no Intel PT in VMX operation (Broadwell, for one). So there is no trace on it from VMXON to VMXOFF, for no program: while a machine of KVM runs, and from Linux ${virtAtLoad.held.since} on as long as kvm_intel is loaded (kvm.enable_virt_at_load=1). No setting of the firmware changes that; KVM is not hurt by it.`,
        [
          {
            text: "Trace without KVM: shut the machines down, and unload its module.",
            commands: ["sudo modprobe -r kvm_intel"],
          },
        ],
      ],
      [
        traceBit(1),
        "Bit 14 of IA32_VMX_MISC (0x485) is 1: this CPU can trace with Intel PT in VMX operation. Where a program says it cannot, it read another machine, another CPU of it or another bit; what KVM's guests are given is another matter (kvm_intel.pt_mode).",
        [{ text: "Read the bit on every CPU (1).", commands: ["sudo rdmsr -a -f 14:14 0x485"] }],
      ],
    ],
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
  {
    words:
      /\bperf(?:ormance)?[- ]counters?\b|\bvPMUs?\b|\bPMU\b|\bperf (?:stat|record)\b|\b(?:hardware|HW) counters?\b|\bcheck_working_counters\b/i,
    but: /\b(?:aarch64|arm64|ARM|perfmon|Performance Monitor|Prometheus|Grafana|windows_exporter|metrics?|WMI|Get-Counter)\b/i,
    shown: [
      [
        /\b(?:perf(?:ormance)? counters?|vpmc(?:\.enable)?)\b[^\n.]{0,24}\b(?:enabled|checked|ticked|turned on|switched on)\b[^\0]{0,2000}\bVM_?ware\b|\bVM_?ware\b[^\0]{0,2000}\b(?:perf(?:ormance)? counters?|vpmc(?:\.enable)?)\b[^\n.]{0,24}\b(?:enabled|checked|ticked|turned on|switched on)\b/i,
        "The text says that VMware's machine has the counters on. VMware gives them only while Windows' own hypervisor does not run below it, and memory integrity starts that without Hyper-V (vmware.log says `Monitor Mode: ULM` then). Where it does not run and one event still reads 0, that event of the CPU's model is not among those that VMware passes.",
        [
          {
            text: "Look in the machine's log, and at what the guest's kernel finds.",
            commands: ['findstr /C:"Monitor Mode" vmware.log', "dmesg | grep -i 'performance events'"],
          },
        ],
      ],
    ],
    on: {
      vbox: "VirtualBox gives its guests no performance counters of the CPU: CPUID shows none there, and perf and rr find none, whatever is set in the guest.",
      vmware:
        "VMware gives a guest the CPU's performance counters only where its machine has `Virtualize CPU performance counters` on, and not while Windows' own hypervisor runs below it. What rr needs (retired conditional branches) is an event of the CPU's model: where it reads 0 and others count, this CPU or VMware's choice of events has none of it.",
      hyperv: "Hyper-V gives a guest performance counters only where they are asked for, with the machine off.",
      any: "A guest of KVM has performance counters where its CPU model has a PMU (host and host-passthrough have; pmu=on for others) and kvm.enable_pmu is Y on the host. KVM gives the architectural events and none of the uncore; on hybrid CPUs (performance and efficiency cores) it gives none. `not supported` says that the event is not there, `not counted` that its counter never got a turn.",
    },
    steps: {
      vmware: [
        {
          text: "With the machine off, switch it on, and see what the guest's kernel finds.",
          commands: ['vpmc.enable = "TRUE"', "dmesg | grep -i 'performance events'"],
        },
      ],
      hyperv: [{ text: "Ask for them.", commands: ['Set-VMProcessor NAME -Perfmon @("pmu")'] }],
      any: [
        {
          text: "See what the guest's kernel finds, and give the guest a PMU.",
          commands: [
            "dmesg | grep -i 'performance events'",
            "cat /sys/module/kvm/parameters/enable_pmu",
            "-cpu host,pmu=on",
          ],
        },
      ],
    },
  },
];

/** Not what guests have, but how Windows uses a feature of VMX. */
const EXECUTE_CONTROL = /\bMBEC?\b|\bGMET\b|\bmode[- ]based execut\w{1,4} control\b/i;
const OF_WINDOWS = /\bHVCI\b|\bmemory integrity\b|\bVBS\b|\bcore isolation\b|\bdevice guard\b|\bWindows\b/i;

const OF_KVM = /\b(?:KVM|QEMU|libvirt|virsh|kvm_intel|sgx_vepc|Proxmox)\b|kvm[-_]/i;

/** The name of QEMU's default model, in the guest. */
const DEFAULT_MODEL = /\bQEMU Virtual CPU\b/;
const OTHER_MODEL = /\bhost-(?:passthrough|model)\b|-cpu host\b|\bcpu[-_. ]?(?:mode|model|type)\b/i;

/** What each hypervisor gives a guest of a feature that the text is about. */
export function featureForGuests(whole: string): Omit<TextVerdict, "covers"> | undefined {
  if (whole.length > LONGEST) return undefined;
  // Each feature is among the flags that a text lists.
  const text = withoutCpuFlags(whole);
  if (DEFAULT_MODEL.test(text) && OTHER_MODEL.test(text))
    return answer(
      "`QEMU Virtual CPU` is QEMU's default model (qemu64): this guest was started without the CPU that was set, and has neither vmx nor the host's other features. A setting of a service counts when the service was started again, and for a machine only when it was shut down and started since; a restart from inside keeps the old CPU.",
      [{ text: "See what the running machine was given.", commands: ["virsh dumpxml NAME | grep -A4 '<cpu'"] }],
    );
  const checked = /\bAPICv\b/i.test(text) ? featureChecked(text) : undefined;
  if (checked !== undefined) return checked;
  if (!ASKS.test(text)) return undefined;
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
  const feature = FEATURES.find(({ words, but }) => words.test(begin) && but?.test(text) !== true);
  if (feature === undefined) return undefined;
  // What a machine shows of itself is as true of a host.
  const [, said, then = []] = feature.shown?.find(([words]) => words.test(text)) ?? [];
  if (said !== undefined) return answer(said, then);
  if (!IN_GUEST.test(text)) return undefined;
  const named =
    PRODUCTS.find(([product, words]) => feature.on[product] !== undefined && words.test(text))?.[0] ?? "any";
  const isKvm = OF_KVM.test(text);
  const product = isKvm ? "any" : named;
  const says = feature.on[product];
  const steps = product === "any" && !isKvm ? [] : (feature.steps?.[product] ?? []);
  return says === undefined ? undefined : answer(says, steps);
}
