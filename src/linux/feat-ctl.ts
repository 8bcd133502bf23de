import type { Condition, Rule } from "../rules/rule.js";
import { FEAT_CTL_AT_BOOT, SGX_AT_BOOT, SGX_FLAGS, VIRT_INIT } from "./changes.js";

/*
 * Boot: what Linux makes of IA32_FEAT_CTL. Facts: arch/x86/kernel/cpu/feat_ctl.c (init_ia32_feat_ctl), and for 7.1 and
 * later the virtualization init that runs after the boot CPU is identified.
 */

const FEAT_CTL = "arch/x86/kernel/cpu/feat_ctl.c";
const VIRT = "arch/x86/virt/hw.c";

const atBoot = { since: FEAT_CTL_AT_BOOT };
const sgx = { since: SGX_AT_BOOT };
/** The SGX step of RHEL 8.4, a first version of what upstream has since 5.11. */
const earlySgx = { since: "el8.4", before: "el8.5" } as const;

const unlocked: Condition = { not: { bit: ["feat_ctl.lo", "LOCKED"] } };
const wantsSgx: Condition = { any: [{ bit: ["want", "sgx_kvm"] }, { bit: ["want", "sgx_driver"] }] };

/** A text that names the other reason, too. */
const SGX_UNSUPPORTED = "6.12";

/** The bit that has to be set: only the one for the way the machine was booted is looked at. */
const disabledInsideTxt: Condition = {
  all: [{ bit: ["machine", "tboot"] }, { not: { bit: ["feat_ctl.lo", "VMX_ENABLED_INSIDE_SMX"] } }],
};
const disabledOutsideTxt: Condition = {
  all: [{ not: { bit: ["machine", "tboot"] } }, { not: { bit: ["feat_ctl.lo", "VMX_ENABLED_OUTSIDE_SMX"] } }],
};
const hasVmx: Condition = { bit: ["cpu_has", "vmx"] };
const enabled: Condition = { all: [hasVmx, { not: disabledInsideTxt }, { not: disabledOutsideTxt }] };

const sgxLockedOff: Condition = {
  any: [{ not: { bit: ["feat_ctl.lo", "SGX_ENABLED"] } }, { not: { bit: ["feat_ctl.lo", "SGX_LC_ENABLED"] } }],
};

export const FEAT_CTL_RULES = [
  {
    id: "cpuid-vmx",
    stage: "early_identify_cpu",
    does: [{ copyField: ["caps", 0], from: ["cpu_has", 0], width: 1 }],
    says: "X86_FEATURE_VMX starts as CPUID.1:ECX bit 5.",
    file: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "cpuid-sgx",
    stage: "early_identify_cpu",
    held: { since: SGX_FLAGS },
    when: { bit: ["cpu_has", "sgx"] },
    does: [{ set: ["caps", "SGX"] }],
    says: "X86_FEATURE_SGX starts as CPUID.7:EBX bit 2.",
    file: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "cpuid-sgx-lc",
    stage: "early_identify_cpu",
    held: { since: SGX_FLAGS },
    when: { bit: ["cpu_has", "sgx_lc"] },
    does: [{ set: ["caps", "SGX_LC"] }],
    says: "X86_FEATURE_SGX_LC starts as CPUID.7:ECX bit 30.",
    file: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "vendor-init",
    stage: "early_identify_cpu",
    fn: "init_intel, init_centaur",
    held: atBoot,
    when: { all: [{ bit: ["machine", "feat_ctl_vendor"] }, { not: { bit: ["machine", "zhaoxin"] } }] },
    does: [{ call: "init_ia32_feat_ctl" }],
    says: "Only the vendor code for Intel, Centaur and Zhaoxin looks at IA32_FEAT_CTL; any other vendor string gets the generic code, which never does.",
    file: "arch/x86/kernel/cpu/intel.c, centaur.c",
  },
  {
    id: "vendor-init-zhaoxin",
    stage: "early_identify_cpu",
    fn: "init_zhaoxin",
    held: { since: [FEAT_CTL_AT_BOOT, "!el8"] },
    when: { all: [{ bit: ["machine", "zhaoxin"] }, { config: "CONFIG_CPU_SUP_ZHAOXIN" }] },
    does: [{ call: "init_ia32_feat_ctl" }],
    says: "The vendor code for Zhaoxin looks at IA32_FEAT_CTL; RHEL 8 has no such code.",
    file: "arch/x86/kernel/cpu/zhaoxin.c",
  },
  {
    id: "vendor-virtcap",
    stage: "early_identify_cpu",
    fn: "init_intel, init_centaur, init_zhaoxin",
    held: { before: FEAT_CTL_AT_BOOT },
    when: { all: [{ bit: ["machine", "feat_ctl_vendor"] }, hasVmx] },
    does: [{ call: "detect_vmx_virtcap" }],
    says: "The vendor code for Intel, Centaur and Zhaoxin reads the control MSRs for the names in `flags`.",
    file: "arch/x86/kernel/cpu/intel.c, centaur.c, zhaoxin.c",
  },
  {
    id: "read-feat-ctl",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    does: [
      { read: "IA32_FEAT_CTL", how: "safe" },
      { copyWord: "feat_ctl.lo", from: "IA32_FEAT_CTL.lo" },
      { copyWord: "feat_ctl.hi", from: "IA32_FEAT_CTL.hi" },
    ],
    says: "IA32_FEAT_CTL is read with a safe read.",
    file: FEAT_CTL,
  },
  {
    id: "feat-ctl-absent-sgx",
    stage: "init_ia32_feat_ctl",
    held: { since: SGX_FLAGS },
    when: { faults: "IA32_FEAT_CTL" },
    does: [{ clear: ["caps", "SGX", "SGX_LC"] }],
    says: "Without IA32_FEAT_CTL there is no SGX either; SGX_LC goes with the feature it depends on.",
    file: FEAT_CTL,
  },
  {
    id: "feat-ctl-absent",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { faults: "IA32_FEAT_CTL" },
    does: [{ clear: ["caps", "VMX"] }, { leave: "init_ia32_feat_ctl" }],
    says: "Reading IA32_FEAT_CTL faults: VMX is cleared without a message.",
    file: FEAT_CTL,
  },
  {
    id: "want-vmx",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { all: [hasVmx, { config: "CONFIG_KVM_INTEL" }] },
    does: [{ set: ["want", "vmx"] }],
    says: "The kernel wants VMX when CPUID has it and KVM for Intel is configured.",
    file: FEAT_CTL,
  },
  {
    id: "want-sgx-driver",
    stage: "init_ia32_feat_ctl",
    held: sgx,
    when: { all: [{ bit: ["cpu_has", "sgx"] }, { config: "CONFIG_X86_SGX" }, { bit: ["cpu_has", "sgx_lc"] }] },
    does: [{ set: ["want", "sgx_driver"] }],
    says: "The SGX driver is wanted when the CPU has SGX with launch control.",
    file: FEAT_CTL,
  },
  {
    id: "want-sgx-kvm",
    stage: "init_ia32_feat_ctl",
    held: sgx,
    when: {
      all: [
        { bit: ["cpu_has", "sgx"] },
        { config: "CONFIG_X86_SGX" },
        { config: "CONFIG_X86_SGX_KVM" },
        { bit: ["want", "vmx"] },
      ],
    },
    does: [{ set: ["want", "sgx_kvm"] }],
    says: "SGX for guests is wanted when the CPU has SGX and KVM can use VMX.",
    file: FEAT_CTL,
  },
  {
    id: "want-sgx-early",
    stage: "init_ia32_feat_ctl",
    held: earlySgx,
    when: { all: [{ bit: ["cpu_has", "sgx"] }, { bit: ["cpu_has", "sgx_lc"] }, { config: "CONFIG_X86_SGX" }] },
    does: [{ set: ["want", "sgx_driver"] }],
    says: "SGX is wanted when the CPU has it with launch control.",
    file: FEAT_CTL,
  },
  {
    id: "build-feat-ctl",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: unlocked,
    does: [{ set: ["want", "write_feat_ctl"] }],
    says: "The firmware left IA32_FEAT_CTL unlocked: what it put there is ignored and the kernel builds a value of its own.",
    file: FEAT_CTL,
  },
  {
    id: "build-locked",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { bit: ["want", "write_feat_ctl"] },
    does: [{ assignBits: ["feat_ctl.lo", "LOCKED"] }, { assignBits: ["feat_ctl.hi"] }],
    says: "The new value always locks the register.",
    file: FEAT_CTL,
  },
  {
    id: "build-outside-smx",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "vmx"] }] },
    does: [{ set: ["feat_ctl.lo", "VMX_ENABLED_OUTSIDE_SMX"] }],
    says: "VMX outside SMX is enabled because KVM wants it.",
    file: FEAT_CTL,
  },
  {
    id: "build-inside-smx",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: {
      all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "vmx"] }, { bit: ["machine", "tboot"] }],
    },
    does: [{ set: ["feat_ctl.lo", "VMX_ENABLED_INSIDE_SMX"] }],
    says: "VMX inside SMX is enabled too, because the machine was booted through tboot.",
    file: FEAT_CTL,
  },
  {
    id: "build-sgx",
    stage: "init_ia32_feat_ctl",
    held: sgx,
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, wantsSgx] },
    does: [{ set: ["feat_ctl.lo", "SGX_ENABLED"] }],
    says: "SGX is enabled for the driver or for KVM.",
    file: FEAT_CTL,
  },
  {
    id: "build-sgx-lc",
    stage: "init_ia32_feat_ctl",
    held: sgx,
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "sgx_driver"] }] },
    does: [{ set: ["feat_ctl.lo", "SGX_LC_ENABLED"] }],
    says: "The driver needs launch control to be writable.",
    file: FEAT_CTL,
  },
  {
    id: "build-sgx-early",
    stage: "init_ia32_feat_ctl",
    held: earlySgx,
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "sgx_driver"] }] },
    does: [{ set: ["feat_ctl.lo", "SGX_ENABLED", "SGX_LC_ENABLED"] }],
    says: "SGX and launch control are enabled together.",
    file: FEAT_CTL,
  },
  {
    id: "feat-ctl-present",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    does: [{ set: ["caps", "MSR_IA32_FEAT_CTL"] }],
    says: "X86_FEATURE_MSR_IA32_FEAT_CTL records that the register exists and is locked now; KVM asks for it later.",
    file: FEAT_CTL,
  },
  {
    id: "vmx-disabled-inside-txt-message",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { all: [hasVmx, { config: "CONFIG_KVM_INTEL" }, disabledInsideTxt] },
    does: [{ say: "x86/cpu: VMX (inside TXT) disabled by BIOS", level: 3 }],
    says: "Booted through tboot, and the firmware did not enable VMX inside SMX.",
    file: FEAT_CTL,
  },
  {
    id: "vmx-disabled-outside-txt-message",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { all: [hasVmx, { config: "CONFIG_KVM_INTEL" }, disabledOutsideTxt] },
    does: [{ say: "x86/cpu: VMX (outside TXT) disabled by BIOS", level: 3 }],
    says: "The firmware locked IA32_FEAT_CTL without enabling VMX outside SMX.",
    file: FEAT_CTL,
  },
  {
    id: "vmx-disabled-by-firmware",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { all: [hasVmx, { any: [disabledInsideTxt, disabledOutsideTxt] }] },
    does: [{ clear: ["caps", "VMX"] }],
    says: "IA32_FEAT_CTL is locked with VMX off for the way this machine was booted, so X86_FEATURE_VMX is cleared.",
    file: FEAT_CTL,
  },
  {
    id: "call-init-vmx-capabilities",
    stage: "init_ia32_feat_ctl",
    held: atBoot,
    when: { all: [enabled, { config: "CONFIG_X86_VMX_FEATURE_NAMES" }] },
    does: [{ call: "init_vmx_capabilities" }],
    says: "VMX is usable, so its capabilities are read for /proc/cpuinfo.",
    file: FEAT_CTL,
  },
] as const satisfies readonly Rule[];

/** The SGX part of the same function; it runs after the VMX capabilities were read. */
export const UPDATE_SGX_RULES = [
  {
    id: "call-update-sgx",
    stage: "init_ia32_feat_ctl",
    held: sgx,
    does: [{ call: "update_sgx" }],
    says: "The SGX part follows whether or not VMX survived.",
    file: FEAT_CTL,
  },
  {
    id: "sgx-disabled-message",
    stage: "update_sgx",
    held: sgx,
    when: { all: [{ not: { bit: ["feat_ctl.lo", "SGX_ENABLED"] } }, wantsSgx] },
    does: [
      {
        say: [
          { held: { before: SGX_UNSUPPORTED }, text: "x86/cpu: SGX disabled by BIOS." },
          { held: { since: SGX_UNSUPPORTED }, text: "x86/cpu: SGX disabled or unsupported by BIOS." },
        ],
        level: 3,
      },
    ],
    says: "The firmware locked SGX off.",
    file: FEAT_CTL,
  },
  {
    id: "sgx-disabled",
    stage: "update_sgx",
    held: sgx,
    when: { not: { bit: ["feat_ctl.lo", "SGX_ENABLED"] } },
    does: [{ clear: ["caps", "SGX", "SGX_LC"] }, { leave: "update_sgx" }],
    says: "Without the SGX bit in IA32_FEAT_CTL, X86_FEATURE_SGX and what depends on it are cleared.",
    file: FEAT_CTL,
  },
  {
    id: "sgx-kvm-lost",
    stage: "update_sgx",
    held: sgx,
    when: { all: [{ not: { bit: ["caps", "VMX"] } }, { bit: ["want", "sgx_kvm"] }] },
    does: [
      { say: "x86/cpu: SGX virtualization disabled due to lack of VMX.", level: 3 },
      { clear: ["want", "sgx_kvm"] },
    ],
    says: "SGX for guests needs VMX, which the firmware disabled.",
    file: FEAT_CTL,
  },
  {
    id: "sgx-lc-locked-disable",
    stage: "update_sgx",
    held: sgx,
    when: {
      all: [
        { not: { bit: ["feat_ctl.lo", "SGX_LC_ENABLED"] } },
        { bit: ["want", "sgx_driver"] },
        { not: { bit: ["want", "sgx_kvm"] } },
      ],
    },
    does: [
      { say: "x86/cpu: SGX Launch Control is locked. Disable SGX.", level: 3 },
      { clear: ["caps", "SGX", "SGX_LC"] },
    ],
    says: "Launch control is locked by the firmware and only the driver wanted SGX.",
    file: FEAT_CTL,
  },
  {
    id: "sgx-lc-locked-kvm-only",
    stage: "update_sgx",
    held: sgx,
    when: {
      all: [
        { not: { bit: ["feat_ctl.lo", "SGX_LC_ENABLED"] } },
        { bit: ["want", "sgx_driver"] },
        { bit: ["want", "sgx_kvm"] },
        // Follows from the step before, which a replay cannot know where it does not know whether SGX is wanted.
        { bit: ["caps", "VMX"] },
      ],
    },
    does: [
      { say: "x86/cpu: SGX Launch Control is locked. Support SGX virtualization only.", level: 3 },
      { clear: ["caps", "SGX_LC"] },
    ],
    says: "Launch control is locked by the firmware: SGX stays for guests only.",
    file: FEAT_CTL,
  },
] as const satisfies readonly Rule[];

/** RHEL 8.4: the SGX part of its first version. */
export const EARLY_SGX_RULES = [
  {
    id: "sgx-disabled-message-early",
    stage: "init_ia32_feat_ctl",
    held: earlySgx,
    when: { all: [{ bit: ["want", "sgx_driver"] }, sgxLockedOff] },
    does: [{ say: "x86/cpu: SGX disabled by BIOS", level: 3 }],
    says: "The firmware locked SGX or its launch control off.",
    file: FEAT_CTL,
  },
  {
    id: "sgx-disabled-early",
    stage: "init_ia32_feat_ctl",
    held: earlySgx,
    when: { any: [{ not: { bit: ["want", "sgx_driver"] } }, sgxLockedOff] },
    does: [{ clear: ["caps", "SGX", "SGX_LC"] }],
    says: "Without both SGX bits in IA32_FEAT_CTL, or where SGX is not wanted, both flags are cleared on all CPUs.",
    file: FEAT_CTL,
  },
] as const satisfies readonly Rule[];

/** The boot step of 7.1 and later that can take VMX from all CPUs. */
export const VIRT_INIT_RULES = [
  {
    id: "call-x86-virt-init",
    stage: "early_identify_cpu",
    fn: "identify_boot_cpu",
    held: { since: VIRT_INIT },
    when: { all: [{ bit: ["caps", "VMX"] }, { config: "CONFIG_KVM_INTEL" }] },
    does: [{ call: "x86_virt_init" }],
    says: "After the boot CPU is identified, the kernel prepares VMXON regions for every CPU.",
    file: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "virt-read-basic",
    stage: "x86_virt_init",
    fn: "__x86_vmx_init",
    held: { since: VIRT_INIT },
    does: [{ read: "IA32_VMX_BASIC", how: "plain" }],
    says: "IA32_VMX_BASIC is read for the size and revision of the VMXON region.",
    file: VIRT,
  },
  {
    id: "virt-vmcs-size",
    stage: "x86_virt_init",
    fn: "__x86_vmx_init",
    held: { since: VIRT_INIT },
    when: { field: "IA32_VMX_BASIC.hi", hi: 12, lo: 0, above: 4096 },
    does: [
      { warn: "WARN_ON_ONCE", func: "__x86_vmx_init", cond: "vmx_basic_vmcs_size(basic_msr) > PAGE_SIZE" },
      { clear: ["caps", "VMX"] },
    ],
    says: "The SDM rules out a VMCS region larger than a page: the kernel warns and gives up VMX on all CPUs.",
    file: VIRT,
  },
] as const satisfies readonly Rule[];
