import type { MessageRow } from "../../../answers/message.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import { PASS_SVM } from "../../../why/questions/next-steps.js";
import {
  COMPARE_CPUS,
  causeIf,
  DROP_VMX,
  ENABLE_OUTER,
  ENABLE_SVM,
  FIRMWARE_IS_OFF,
  KERNEL_LOG,
  MICROCODE,
  READ_FEAT_CTL,
  STOP_RIVAL,
  SVM_DID_NOT_TAKE,
  WHO_USES_VMX,
} from "../shared-advice.js";

const VMX = "Linux, arch/x86/kvm/vmx/vmx.c";
const X86 = "Linux, arch/x86/kvm/x86.c";
/** bigstack-oss/cubecos#1361: KVM keeps what it computed when it was loaded, on the host of then. */
const OF_AN_ADDED_CPU: NonNullable<MessageRow["where"]> = [
  {
    is: "CPU added",
    what: "KVM of this machine refuses the CPU that was added, so the CPU stays offline: its VMX controls differ from those that KVM computed when it was loaded, as they do after a live migration to another host. VT-x itself is there.",
    steps: [
      {
        text: "Load KVM again, with no virtual machine running, and bring the CPU online.",
        commands: [
          "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
          "echo 1 | sudo tee /sys/devices/system/cpu/cpu{cpu}/online",
        ],
      },
      DROP_VMX,
    ],
  },
];

const FEAT_CTL = "Linux, arch/x86/kernel/cpu/feat_ctl.c (init_ia32_feat_ctl)";
const LOOSE = {
  text: "To load anyway with the contradictory features dropped:",
  commands: ["sudo modprobe kvm_intel error_on_inconsistent_vmcs_config=0"],
} as const;

/** The line that names the CPU and those that name the places, which are one report. */
const CONFIG_DIFFERS = {
  product: "KVM",
  layer: "silicon",
  gravity: "blocks",
  group: "vmcs-config",
  what: "The VMX controls that KVM computed on CPU {cpu} differ from those of the first CPU, so the module does not load.",
  where: OF_AN_ADDED_CPU,
  decoder: "vmcs-config",
  causes: [
    "CPUs with different microcode.",
    "A hybrid part whose core types differ.",
    "A faulty CPU.",
    "An outer hypervisor that shows different values per virtual CPU.",
  ],
  steps: [COMPARE_CPUS, MICROCODE],
  source: {
    message: "kvm mailing list, January 2026",
    meaning: `${VMX} (vmx_check_processor_compat); arch/x86/kvm/vmx/capabilities.h`,
  },
} as const satisfies Partial<MessageRow>;

export const KVM_LOAD_MESSAGES = [
  {
    id: "kvm-no-hardware-support",
    product: "KVM",
    layer: "silicon",
    gravity: "blocks",
    needle: "no hardware support",
    pattern: /(?:kvm: )?no hardware support(?: for '?(?<module>kvm_intel|kvm_amd)'?)?/i,
    what: "KVM found no virtualization in CPUID: no VT-x on an Intel CPU, no SVM on an AMD CPU. The message is the same for both.",
    decoder: "kernel-message",
    causes: [
      "It is not an Intel, Centaur or Zhaoxin CPU: on AMD the line is harmless, kvm_amd is the module.",
      causeIf("virtual machine", "It is a virtual machine whose hypervisor does not pass VMX."),
      causeIf("no VT-x", "The CPU has no VT-x."),
    ],
    steps: [
      {
        text: "See vendor and hypervisor.",
        commands: ["lscpu | grep -E 'Vendor|Model name|Hypervisor|Virtualization'"],
      },
      ENABLE_OUTER,
    ],
    source: { message: `${X86}; clearlinux/distribution#1608, #1702`, meaning: VMX },
  },
  {
    id: "kvm-disabled-by-bios",
    product: "KVM",
    layer: "firmware",
    gravity: "blocks",
    needle: "disabled by bios",
    pattern: /\bkvm:? (?:support for '(?<module>kvm_intel|kvm_amd)' )?disabled by bios/i,
    what: "KVM found the CPU's virtualization switched off by the firmware: VT-x in IA32_FEAT_CTL on an Intel CPU, SVM in VM_CR on an AMD CPU. The message is the same for both.",
    decoder: "kernel-message",
    causes: [
      "The firmware locked IA32_FEAT_CTL without VMX outside SMX; Linux said `VMX (outside TXT) disabled by BIOS` at boot then.",
      {
        text: "A virtual machine whose hypervisor shows VMX in CPUID and has no IA32_FEAT_CTL.",
        unless: ["bare metal", "IA32_FEAT_CTL exists"],
      },
      "Resume from sleep on a firmware that does not restore the register.",
    ],
    steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF],
    source: { message: `${X86}; platform9/express#206`, meaning: FEAT_CTL },
  },
  {
    id: "kvm-vmx-not-supported",
    product: "KVM",
    layer: "silicon",
    gravity: "blocks",
    needle: ["vmx not supported by cpu", "cpu doesn't support vmx"],
    pattern:
      /VMX not supported by CPU (?<cpu>\d{1,5})\b|(?<=kvm_intel(?:: |\b[^\n]{1,20}\bfail[^\n]{0,10}))VMX not supported by CPU\b|CPU doesn't support VMX/i,
    what: "CPUID.1:ECX bit 5 is 0 on CPU {cpu}: it shows no VMX.",
    decoder: "kernel-message",
    where: [
      {
        is: "vmx among the flags",
        what: "CPUID.1:ECX bit 5 is 0 on CPU {cpu}, and the text shows vmx among the flags of a CPU: the CPUs of this machine differ, or the two were taken at different times.",
        steps: [
          {
            text: "See which CPUs show it.",
            commands: [
              "grep -c processor /proc/cpuinfo; grep -cw vmx /proc/cpuinfo; grep -E '^processor|^microcode' /proc/cpuinfo",
            ],
          },
          MICROCODE,
        ],
      },
    ],
    causes: [
      "It is not an Intel, Centaur or Zhaoxin CPU: on AMD the line is harmless, kvm_amd is the module.",
      causeIf("virtual machine", "It is a virtual machine whose hypervisor does not pass VMX."),
      causeIf("no VT-x", "The CPU has no VT-x."),
    ],
    steps: [
      {
        text: "See vendor and hypervisor.",
        commands: ["lscpu | grep -E 'Vendor|Model name|Hypervisor|Virtualization'"],
      },
      ENABLE_OUTER,
    ],
    source: { message: VMX, meaning: VMX },
  },
  {
    id: "kvm-svm-not-supported",
    product: "KVM",
    layer: "silicon",
    gravity: "harmless",
    needle: ["svm not supported by cpu", "has_svm", "isn't amd or hygon"],
    pattern: /SVM not supported by CPU \d{1,5}, not amd or hygon|has_svm: not amd|CPU \d{1,5} isn't AMD or Hygon/i,
    what: "kvm_amd was tried on a CPU that is not AMD's. On an Intel CPU this means nothing; kvm_intel is the module.",
    outcome: "AMD",
    steps: [
      {
        text: "Look at what kvm_intel said instead.",
        commands: ["sudo modprobe kvm_intel; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
        unless: ["kvm_intel loaded", "kvm_intel left out"],
      },
    ],
    source: { message: "Linux, arch/x86/kvm/svm/svm.c; qemu-devel, 2025", meaning: "Linux, arch/x86/kvm/svm/svm.c" },
  },
  {
    id: "kvm-svm-missing",
    product: "KVM",
    layer: "firmware",
    gravity: "blocks",
    needle: ["svm not supported by cpu", "has_svm: svm not available"],
    pattern:
      /(?:kvm_amd: SVM not supported by CPU|SVM not supported by CPU \d{1,5})\b(?! \d|, (?:not|can't))|has_svm: svm not available/i,
    what: "kvm_amd found no SVM on a CPU of AMD or Hygon: the firmware has it off, in which case Linux takes the flag away, or a hypervisor below hides it. Intel's VT-x and kvm_intel are not involved.",
    outcome: "AMD",
    where: (["virtual", "said to be virtual"] as const).map((is) => ({
      is,
      what: "kvm_amd found no SVM, and by the text this is a virtual machine: the hypervisor below does not pass SVM to it, and nothing inside changes that. Intel's VT-x and kvm_intel are not involved.",
      steps: [PASS_SVM],
    })),
    steps: [
      ENABLE_SVM,
      {
        text: "See whether the firmware has it off, and whether this is a virtual machine.",
        commands: ["sudo dmesg | grep -i svm; systemd-detect-virt"],
      },
    ],
    source: { message: "Linux, arch/x86/kvm/svm/svm.c", meaning: "Linux, arch/x86/kvm/svm/svm.c, kernel/cpu/amd.c" },
  },
  {
    id: "kvm-svm-no-leaf",
    product: "KVM",
    layer: "silicon",
    gravity: "blocks",
    needle: "can't execute cpuid_8000000a",
    pattern: /\bcan't execute cpuid_8000000a/i,
    what: "The CPU calls itself AMD's or Hygon's, and CPUID has no leaf for SVM (0x8000000a): an AMD CPU of before AMD-V, or one of a virtual machine whose model has none (QEMU's kvm64). No setting of the firmware adds it; Intel's VT-x and kvm_intel are not involved.",
    outcome: "AMD",
    steps: [
      {
        text: "See which it is; where no machines run in this one, nothing is to be done.",
        commands: ["lscpu | grep -E 'Model name|Hypervisor'"],
      },
    ],
    source: {
      message: "Linux, arch/x86/kvm/svm/svm.c",
      meaning: "Linux, arch/x86/include/asm/virtext.h (cpu_has_svm)",
    },
  },
  {
    id: "kvm-svm-disabled",
    product: "KVM",
    layer: "firmware",
    gravity: "blocks",
    needle: "svm disabled (by bios)",
    pattern: /SVM disabled \(by BIOS\) in MSR_VM_CR/i,
    what: "This is an AMD CPU and the firmware switched its virtualization (AMD-V, SVM) off: VM_CR, bit 4, is 1. Intel's VT-x and kvm_intel are not involved.",
    outcome: "AMD",
    causes: ["SVM Mode is off in the firmware setup; on many boards that is the default."],
    steps: [
      {
        text: "Enable SVM Mode (AMD-V) in the firmware setup, and switch the machine off and on; then load the module.",
        commands: ["sudo modprobe kvm_amd"],
        instead: SVM_DID_NOT_TAKE,
      },
    ],
    source: { message: "HoShiMin/Kernel-Bridge#50", meaning: "Linux, arch/x86/kvm/svm/svm.c; AMD APM volume 2, VM_CR" },
  },
  {
    id: "kvm-not-enabled-feat-ctl",
    product: "KVM",
    layer: "firmware",
    gravity: "blocks",
    needle: "in msr_ia32_feat_ctl",
    pattern: /VMX not enabled (?:\(by BIOS\) )?in MSR_IA32_FEAT_CTL(?: on CPU (?<cpu>\d{1,5}))?/i,
    what: "CPU {cpu} has VMX, and at boot Linux found it switched off in IA32_FEAT_CTL or could not read that register.",
    decoder: "kernel-message",
    causes: [
      "The firmware locked the register without VMX outside SMX.",
      {
        text: "A virtual machine whose hypervisor shows VMX in CPUID and has no IA32_FEAT_CTL.",
        unless: ["bare metal", "IA32_FEAT_CTL exists"],
      },
    ],
    steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF],
    source: { message: VMX, meaning: FEAT_CTL },
  },
  {
    id: "kvm-not-fully-enabled",
    product: "KVM",
    layer: "Linux boot",
    gravity: "blocks",
    needle: "vmx not fully enabled on cpu",
    pattern: /VMX not fully enabled on CPU (?<cpu>\d{1,5})/i,
    what: "Boot took VMX away from the CPUs: IA32_FEAT_CTL has it off, the VMCS size in IA32_VMX_BASIC is impossible, or memory for the VMXON regions was short.",
    decoder: "kernel-message",
    steps: [
      READ_FEAT_CTL,
      {
        text: "Look for the boot message that says why.",
        commands: ["sudo dmesg | grep -E 'disabled by BIOS|x86_vmx_init|WARNING'"],
      },
      FIRMWARE_IS_OFF,
    ],
    source: { message: VMX, meaning: "Linux 7.2, arch/x86/virt/hw.c and arch/x86/kvm/vmx/vmx.c" },
  },
  {
    id: "kvm-vmx-disabled-on-cpu",
    product: "KVM",
    layer: "firmware",
    gravity: "blocks",
    needle: "vmx is disabled on cpu",
    pattern: /VMX is disabled on CPU (?<cpu>\d{1,5})/i,
    what: "CPU {cpu} has VMX off although the first CPU has it on: the firmware did not set IA32_FEAT_CTL alike on all CPUs.",
    decoder: "kernel-message",
    steps: [READ_FEAT_CTL, { text: "Update the firmware; a CPU that came online late may need the same." }],
    source: { message: VMX, meaning: `${VMX} (vmx_check_processor_compat)` },
  },
  {
    id: "kvm-ept-cap",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "ept cap should not exist",
    pattern: /EPT CAP should not exist if not support 1-setting enable EPT VM-execution control/i,
    what: "IA32_VMX_EPT_VPID_CAP reports EPT capabilities although the secondary control `enable EPT` cannot be 1. No processor does that; an outer hypervisor, or a mask put on one register only, does.",
    decoder: "kernel-message",
    causes: ["An outer hypervisor hides EPT from the controls and leaves the capability register as it is."],
    steps: [
      {
        text: "Read both registers: bit 33 of 0x48b against the low half of 0x48c.",
        commands: ["sudo rdmsr -a 0x48b", "sudo rdmsr -a 0x48c"],
      },
      ENABLE_OUTER,
      LOOSE,
    ],
    source: { message: VMX, meaning: `${VMX} (setup_vmcs_config)` },
  },
  {
    id: "kvm-vpid-cap",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "vpid cap should not exist",
    pattern: /VPID CAP should not exist if not support 1-setting enable VPID VM-execution control/i,
    what: "IA32_VMX_EPT_VPID_CAP reports VPID capabilities although the secondary control `enable VPID` cannot be 1.",
    decoder: "kernel-message",
    causes: ["An outer hypervisor hides VPID from the controls and leaves the capability register as it is."],
    steps: [
      {
        text: "Read both registers: bit 37 of 0x48b against the high half of 0x48c.",
        commands: ["sudo rdmsr -a 0x48b", "sudo rdmsr -a 0x48c"],
      },
      LOOSE,
    ],
    source: { message: VMX, meaning: `${VMX} (setup_vmcs_config)` },
  },
  {
    id: "kvm-entry-exit-pair",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "inconsistent vm-entry/vm-exit pair",
    pattern:
      /Inconsistent VM-Entry\/VM-Exit pair, entry = (?<entry>[0-9a-f]{1,16})(?: \((?<wantedEntry>[0-9a-f]{1,16})\))?, exit = (?<exit>[0-9a-f]{1,16})(?: \((?<wantedExit>[0-9a-f]{1,16})\))?/i,
    what: "A VM-entry control and the VM-exit control that belongs to it have to come together, and only one of them can be 1.",
    decoder: "entry-exit-pair",
    steps: [
      { text: "Read the two registers.", commands: ["sudo rdmsr -a 0x484", "sudo rdmsr -a 0x483"] },
      ENABLE_OUTER,
      LOOSE,
    ],
    source: { message: VMX, meaning: `${VMX} (setup_vmcs_config)` },
  },
  {
    id: "kvm-inconsistent-config",
    product: "KVM",
    layer: "silicon",
    gravity: "blocks",
    needle: ["inconsistent vmcs config on cpu", "feature inconsistency"],
    pattern: /(?:Inconsistent VMCS config on CPU (?<cpu>\d{1,5})|CPU (?<cpu2>\d{1,5}) feature inconsistency)/i,
    what: "The VMX controls that KVM computed on this CPU differ from those of the first one, so the module does not load. This release does not say which bits.",
    where: OF_AN_ADDED_CPU,
    decoder: "vmcs-config",
    causes: [
      "CPUs with different microcode.",
      "A hybrid part whose core types differ.",
      "A faulty CPU: a socket whose cores disagree on 0x48b is on record.",
      "An outer hypervisor that shows different values per virtual CPU.",
    ],
    steps: [COMPARE_CPUS, MICROCODE],
    source: { message: VMX, meaning: `${VMX} (vmx_check_processor_compat); kernel bugzilla 217574` },
  },
  {
    id: "kvm-config-mismatch",
    ...CONFIG_DIFFERS,
    needle: "match reference config",
    pattern: /VMCS config on CPU (?<cpu>\d{1,5}) doesn't match reference config/i,
  },
  {
    id: "kvm-config-mismatch-offset",
    ...CONFIG_DIFFERS,
    needle: "offset ",
    pattern:
      /Offset (?<offset>\d{1,5}) REF = (?<ref>0x[0-9a-f]{1,16}), CPU(?<cpu>\d{1,5}) = (?<mine>0x[0-9a-f]{1,16})(?:, mismatch = (?<mismatch>0x[0-9a-f]{1,16}))?/i,
  },
  {
    id: "kvm-setup-config-failed",
    product: "KVM",
    layer: "KVM load",
    gravity: "blocks",
    needle: "failed to setup vmcs config on cpu",
    pattern: /Failed to setup VMCS config on CPU (?<cpu>\d{1,5})/i,
    what: "setup_vmcs_config failed on CPU {cpu} after it had worked on the first one: that CPU lacks a control that KVM requires.",
    decoder: "kernel-message",
    steps: [COMPARE_CPUS, MICROCODE],
    source: { message: VMX, meaning: `${VMX} (vmx_check_processor_compat)` },
  },
  {
    id: "kvm-enable-failed",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: "enabling virtualization on cpu",
    pattern: /enabling virtualization on CPU(?<cpu>\d{1,5}|[xn]) failed/i,
    what: "VMX could not be switched on on CPU {cpu}.",
    causes: [
      "CR4.VMXE was already 1 there: another hypervisor (VirtualBox, VMware, Jailhouse) holds VT-x.",
      {
        text: "VMXON faulted: IA32_FEAT_CTL of that CPU is not locked with VMX on (after resume, or a CPU the firmware forgot).",
        unless: ["AMD"],
      },
      "The CPU did not pass the compatibility check; the lines before say so.",
    ],
    where: [
      {
        is: "rival beside KVM",
        what: "VMX could not be switched on on CPU {cpu}: by the text VirtualBox or VMware runs beside KVM, and only one hypervisor at a time can hold VT-x.",
        steps: [STOP_RIVAL],
      },
      {
        is: "after a suspend",
        what: "VMX could not be switched on on CPU {cpu} after a suspend. At resume the firmware has to set IA32_FEAT_CTL as it was: left at 0 or locked off, VMXON faults.",
        steps: [
          READ_FEAT_CTL,
          {
            text: "Where it reads 1 then, update the firmware; where it is not locked (0 or 4), the kernel. Until that helps, restart after a suspend.",
          },
        ],
      },
    ],
    steps: [WHO_USES_VMX, READ_FEAT_CTL, KERNEL_LOG],
    source: {
      message: "Linux, virt/kvm/kvm_main.c; foji documentation (VirtualBox beside QEMU)",
      meaning: "Linux, virt/kvm/kvm_main.c, arch/x86/kvm/vmx/vmx.c",
    },
  },
  {
    id: "kvm-vmxon-faulted",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "vmxon faulted",
    pattern: /VMXON faulted, MSR_IA32_FEAT_CTL \(0x3a\) = (?<value>0x[0-9a-f]{1,16})/i,
    what: "VMXON raised a fault. Linux prints IA32_FEAT_CTL because a wrong value there is the usual reason.",
    decoder: "vmxon-fault",
    steps: [],
    source: {
      message: "cyberus-technology/cloud-hypervisor#103",
      meaning: `${VMX} (kvm_cpu_vmxon); Intel SDM volume 3C, VMXON`,
    },
  },
  {
    id: "kvm-host-pat",
    product: "KVM",
    layer: "KVM load",
    gravity: "blocks",
    needle: "host pat[0] is not wb",
    pattern: /host PAT\[0\] is not WB/i,
    what: "Entry 0 of IA32_PAT is not write-back. Linux programs it so itself, therefore something else rewrote the register.",
    decoder: "kernel-message",
    causes: [
      "An outer hypervisor that does not keep writes to IA32_PAT.",
      "A driver or a boot option that turned PAT off.",
    ],
    steps: [
      {
        text: "Read it; 0x7040600070406 is what Linux sets.",
        commands: ["sudo rdmsr -a 0x277", "grep -o nopat /proc/cmdline"],
      },
    ],
    source: { message: X86, meaning: `${X86} (kvm_x86_vendor_init)` },
  },
  {
    id: "kvm-nx",
    product: "KVM",
    layer: "firmware",
    gravity: "blocks",
    needle: "nx (execute disable) not supported",
    pattern: /NX \(Execute Disable\) not supported/i,
    what: "KVM falls back to shadow paging because EPT is off, and shadow paging needs NX, which CPUID does not show.",
    decoder: "kernel-message",
    causes: [
      "Execute Disable (XD, NX, No-Execute Memory Protection) is off in the firmware setup.",
      "kvm_intel was loaded with ept=0, or the CPU has no usable EPT.",
    ],
    steps: [
      { text: "Enable Execute Disable in the firmware setup." },
      { text: "Or let KVM use EPT.", commands: ["sudo modprobe kvm_intel ept=1"] },
    ],
    source: { message: VMX, meaning: `${VMX} (hardware_setup)` },
  },
  {
    id: "kvm-bndcfgs",
    product: "KVM",
    layer: "KVM load",
    gravity: "harmless",
    needle: "bndcfgs in host will be lost",
    pattern: /BNDCFGS in host will be lost/i,
    what: `The host has MPX and IA32_BNDCFGS is not 0; running a guest clears it. Linux has not used MPX since ${releaseOf(NOT_REPLAYED.mpx.held.before)}, so nothing is lost in practice.`,
    decoder: "kernel-message",
    steps: [{ text: "Read the register to see who set it.", commands: ["sudo rdmsr -a 0xd90"] }],
    source: { message: VMX, meaning: `${VMX} (hardware_setup)` },
  },
  {
    id: "kvm-perf-erratum",
    product: "KVM",
    layer: "silicon",
    gravity: "degrades",
    needle: "vm_exit_load_ia32_perf_global_ctrl does not work properly",
    pattern: /VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly/i,
    what: "This model (Nehalem, Westmere) has an erratum in the VM-exit control that loads IA32_PERF_GLOBAL_CTRL; KVM switches the register by MSR lists instead.",
    decoder: "kernel-message",
    steps: [
      {
        text: "Nothing to do. If a VM entry fails with error 0x7 on such a CPU after a kernel update, report it with the VMCS dump: one release range dropped the bit from the wrong control word.",
      },
    ],
    source: { message: VMX, meaning: `${VMX} (errata AAK155, AAP115, AAT100, BC86, AAY89, BD102, BA97)` },
  },
  {
    id: "kvm-evmcs-unsupported",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: "unsupported with evmcs",
    pattern: /(?<field>\w{5,40}) unsupported with eVMCS: (?<value>0x[0-9a-f]{1,16})/i,
    what: "KVM runs on Hyper-V with the enlightened VMCS, which has no fields for these bits of {field}; KVM does without them.",
    decoder: "evmcs-word",
    steps: [
      {
        text: "To get them back, do without the enlightened VMCS (nested guests get slower).",
        commands: ["sudo modprobe kvm_intel enlightened_vmcs=0"],
      },
    ],
    source: {
      message: "Linux, arch/x86/kvm/vmx/hyperv_evmcs.h",
      meaning: "Linux, arch/x86/kvm/vmx/hyperv.c, vmx_onhyperv.c",
    },
  },
  {
    id: "kvm-using-evmcs",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "informs",
    needle: "using hyper-v enlightened vmcs",
    pattern: /(?:vmx: |kvm_intel: )?using Hyper-V Enlightened VMCS/i,
    what: "KVM runs as a guest of Hyper-V (Azure, WSL2) and uses its enlightened VMCS: controls without a field there are left out.",
    steps: [
      {
        text: "Nothing to do. Features that are missing on this machine are missing because Hyper-V does not offer them.",
      },
    ],
    source: { message: "microsoft/WSL#11467", meaning: "Linux, arch/x86/kvm/vmx/vmx_onhyperv.c" },
  },
  {
    id: "kvm-other-module",
    product: "KVM",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["already loaded the other module", "already loaded vendor module"],
    pattern: /already loaded (?:the other module|vendor module '?(?<module>\w{1,20})'?)/i,
    what: "One of kvm_intel and kvm_amd is loaded already; both cannot be, and the one tried now was refused.",
    decoder: "other-module",
    steps: [
      {
        text: "See which one is loaded; on an Intel CPU it has to be kvm_intel.",
        commands: ["lsmod | grep kvm"],
      },
    ],
    source: { message: X86, meaning: `${X86} (kvm_x86_vendor_init)` },
  },
] as const satisfies readonly MessageRow[];
