import type { Condition, Rule } from "../rules/rule.js";

/*
 * Boot: what Linux makes of IA32_FEAT_CTL. Facts: arch/x86/kernel/cpu/feat_ctl.c (init_ia32_feat_ctl), and for 7.2 and
 * later the virtualization init that runs after the boot CPU is identified.
 */

const FEAT_CTL = "arch/x86/kernel/cpu/feat_ctl.c";
const VIRT = "arch/x86/virt/hw.c";

/** SGX steps exist since the kernel has an SGX driver (5.11). */
const sgx = { since: "5.15" } as const;

const unlocked: Condition = { not: { bit: ["feat_ctl.lo", "LOCKED"] } };
const wantsSgx: Condition = { any: [{ bit: ["want", "sgx_kvm"] }, { bit: ["want", "sgx_driver"] }] };

/** The bit that has to be set: only the one for the way the machine was booted is looked at. */
const disabledInsideTxt: Condition = {
  all: [{ bit: ["machine", "tboot"] }, { not: { bit: ["feat_ctl.lo", "VMX_ENABLED_INSIDE_SMX"] } }],
};
const disabledOutsideTxt: Condition = {
  all: [{ not: { bit: ["machine", "tboot"] } }, { not: { bit: ["feat_ctl.lo", "VMX_ENABLED_OUTSIDE_SMX"] } }],
};
const hasVmx: Condition = { bit: ["cpu_has", "vmx"] };
const enabled: Condition = { all: [hasVmx, { not: disabledInsideTxt }, { not: disabledOutsideTxt }] };

export const FEAT_CTL_RULES = [
  {
    id: "cpuid-vmx",
    fn: "early_identify_cpu",
    does: [{ copyBits: ["caps", 0], from: ["cpu_has", 0], width: 1 }],
    says: "X86_FEATURE_VMX starts as CPUID.1:ECX bit 5.",
    source: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "cpuid-sgx",
    fn: "early_identify_cpu",
    releases: sgx,
    when: { bit: ["cpu_has", "sgx"] },
    does: [{ set: ["caps", "SGX"] }],
    says: "X86_FEATURE_SGX starts as CPUID.7:EBX bit 2.",
    source: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "cpuid-sgx-lc",
    fn: "early_identify_cpu",
    releases: sgx,
    when: { bit: ["cpu_has", "sgx_lc"] },
    does: [{ set: ["caps", "SGX_LC"] }],
    says: "X86_FEATURE_SGX_LC starts as CPUID.7:ECX bit 30.",
    source: "arch/x86/kernel/cpu/common.c",
  },
  {
    id: "vendor-init",
    fn: "early_identify_cpu",
    when: { bit: ["machine", "feat_ctl_vendor"] },
    does: [{ call: "init_ia32_feat_ctl" }],
    says: "Only the vendor code for Intel, Centaur and Zhaoxin looks at IA32_FEAT_CTL; any other vendor string gets the generic code, which never does.",
    source: "arch/x86/kernel/cpu/intel.c, centaur.c, zhaoxin.c",
  },
  {
    id: "read-feat-ctl",
    fn: "init_ia32_feat_ctl",
    does: [
      { read: "IA32_FEAT_CTL", how: "safe" },
      { copy: "feat_ctl.lo", from: "IA32_FEAT_CTL.lo" },
      { copy: "feat_ctl.hi", from: "IA32_FEAT_CTL.hi" },
    ],
    says: "IA32_FEAT_CTL is read with a safe read.",
    source: FEAT_CTL,
  },
  {
    id: "feat-ctl-absent-sgx",
    fn: "init_ia32_feat_ctl",
    releases: sgx,
    when: { faults: "IA32_FEAT_CTL" },
    does: [{ clear: ["caps", "SGX", "SGX_LC"] }],
    says: "Without IA32_FEAT_CTL there is no SGX either; SGX_LC goes with the feature it depends on.",
    source: FEAT_CTL,
  },
  {
    id: "feat-ctl-absent",
    fn: "init_ia32_feat_ctl",
    when: { faults: "IA32_FEAT_CTL" },
    does: [{ clear: ["caps", "VMX"] }, { leave: "init_ia32_feat_ctl" }],
    says: "Reading IA32_FEAT_CTL faults: VMX is taken away without a message.",
    source: FEAT_CTL,
  },
  {
    id: "want-vmx",
    fn: "init_ia32_feat_ctl",
    when: { all: [hasVmx, { config: "CONFIG_KVM_INTEL" }] },
    does: [{ set: ["want", "vmx"] }],
    says: "The kernel wants VMX when CPUID has it and KVM for Intel is configured.",
    source: FEAT_CTL,
  },
  {
    id: "want-sgx-driver",
    fn: "init_ia32_feat_ctl",
    releases: sgx,
    when: { all: [{ bit: ["cpu_has", "sgx"] }, { config: "CONFIG_X86_SGX" }, { bit: ["cpu_has", "sgx_lc"] }] },
    does: [{ set: ["want", "sgx_driver"] }],
    says: "The SGX driver is wanted when the CPU has SGX with launch control.",
    source: FEAT_CTL,
  },
  {
    id: "want-sgx-kvm",
    fn: "init_ia32_feat_ctl",
    releases: sgx,
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
    source: FEAT_CTL,
  },
  {
    id: "build-feat-ctl",
    fn: "init_ia32_feat_ctl",
    when: unlocked,
    does: [{ set: ["want", "write_feat_ctl"] }],
    says: "The firmware left IA32_FEAT_CTL unlocked: what it put there is ignored and the kernel builds a value of its own.",
    source: FEAT_CTL,
  },
  {
    id: "build-locked",
    fn: "init_ia32_feat_ctl",
    when: { bit: ["want", "write_feat_ctl"] },
    does: [{ put: ["feat_ctl.lo", "LOCKED"] }, { put: ["feat_ctl.hi"] }],
    says: "The new value always locks the register.",
    source: FEAT_CTL,
  },
  {
    id: "build-outside-smx",
    fn: "init_ia32_feat_ctl",
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "vmx"] }] },
    does: [{ set: ["feat_ctl.lo", "VMX_ENABLED_OUTSIDE_SMX"] }],
    says: "VMX outside SMX is enabled because KVM wants it.",
    source: FEAT_CTL,
  },
  {
    id: "build-inside-smx",
    fn: "init_ia32_feat_ctl",
    when: {
      all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "vmx"] }, { bit: ["machine", "tboot"] }],
    },
    does: [{ set: ["feat_ctl.lo", "VMX_ENABLED_INSIDE_SMX"] }],
    says: "VMX inside SMX is enabled too, because the machine was booted through tboot.",
    source: FEAT_CTL,
  },
  {
    id: "build-sgx",
    fn: "init_ia32_feat_ctl",
    releases: sgx,
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, wantsSgx] },
    does: [{ set: ["feat_ctl.lo", "SGX_ENABLED"] }],
    says: "SGX is enabled for the driver or for KVM.",
    source: FEAT_CTL,
  },
  {
    id: "build-sgx-lc",
    fn: "init_ia32_feat_ctl",
    releases: sgx,
    when: { all: [{ bit: ["want", "write_feat_ctl"] }, { bit: ["want", "sgx_driver"] }] },
    does: [{ set: ["feat_ctl.lo", "SGX_LC_ENABLED"] }],
    says: "The driver needs launch control to be writable.",
    source: FEAT_CTL,
  },
  {
    id: "feat-ctl-present",
    fn: "init_ia32_feat_ctl",
    does: [{ set: ["caps", "MSR_IA32_FEAT_CTL"] }],
    says: "X86_FEATURE_MSR_IA32_FEAT_CTL records that the register exists and is locked now; KVM asks for it later.",
    source: FEAT_CTL,
  },
  {
    id: "vmx-disabled-inside-txt-message",
    fn: "init_ia32_feat_ctl",
    when: { all: [hasVmx, { config: "CONFIG_KVM_INTEL" }, disabledInsideTxt] },
    does: [{ say: "x86/cpu: VMX (inside TXT) disabled by BIOS", level: 3 }],
    says: "Booted through tboot, and the firmware did not enable VMX inside SMX.",
    source: FEAT_CTL,
  },
  {
    id: "vmx-disabled-outside-txt-message",
    fn: "init_ia32_feat_ctl",
    when: { all: [hasVmx, { config: "CONFIG_KVM_INTEL" }, disabledOutsideTxt] },
    does: [{ say: "x86/cpu: VMX (outside TXT) disabled by BIOS", level: 3 }],
    says: "The firmware locked IA32_FEAT_CTL without enabling VMX outside SMX.",
    source: FEAT_CTL,
  },
  {
    id: "vmx-disabled-by-firmware",
    fn: "init_ia32_feat_ctl",
    when: { all: [hasVmx, { any: [disabledInsideTxt, disabledOutsideTxt] }] },
    does: [{ clear: ["caps", "VMX"] }],
    says: "IA32_FEAT_CTL is locked with VMX off for the way this machine was booted, so X86_FEATURE_VMX is cleared.",
    source: FEAT_CTL,
  },
  {
    id: "call-init-vmx-capabilities",
    fn: "init_ia32_feat_ctl",
    when: { all: [enabled, { config: "CONFIG_X86_VMX_FEATURE_NAMES" }] },
    does: [{ call: "init_vmx_capabilities" }],
    says: "VMX is usable, so its capabilities are read for /proc/cpuinfo.",
    source: FEAT_CTL,
  },
] as const satisfies readonly Rule[];

/** The SGX part of the same function; it runs after the VMX capabilities were read. */
export const UPDATE_SGX_RULES = [
  {
    id: "call-update-sgx",
    fn: "init_ia32_feat_ctl",
    releases: sgx,
    does: [{ call: "update_sgx" }],
    says: "The SGX part follows whether or not VMX survived.",
    source: FEAT_CTL,
  },
  {
    id: "sgx-disabled-message-short",
    fn: "update_sgx",
    releases: { since: "5.15", until: "6.1" },
    when: { all: [{ not: { bit: ["feat_ctl.lo", "SGX_ENABLED"] } }, wantsSgx] },
    does: [{ say: "x86/cpu: SGX disabled by BIOS.", level: 3 }],
    says: "The firmware locked SGX off.",
    source: FEAT_CTL,
  },
  {
    id: "sgx-disabled-message",
    fn: "update_sgx",
    releases: { since: "6.6" },
    when: { all: [{ not: { bit: ["feat_ctl.lo", "SGX_ENABLED"] } }, wantsSgx] },
    does: [{ say: "x86/cpu: SGX disabled or unsupported by BIOS.", level: 3 }],
    says: "The firmware locked SGX off.",
    source: FEAT_CTL,
  },
  {
    id: "sgx-disabled",
    fn: "update_sgx",
    releases: sgx,
    when: { not: { bit: ["feat_ctl.lo", "SGX_ENABLED"] } },
    does: [{ clear: ["caps", "SGX", "SGX_LC"] }, { leave: "update_sgx" }],
    says: "Without the SGX bit in IA32_FEAT_CTL, X86_FEATURE_SGX and what depends on it are cleared.",
    source: FEAT_CTL,
  },
  {
    id: "sgx-kvm-lost",
    fn: "update_sgx",
    releases: sgx,
    when: { all: [{ not: { bit: ["caps", "VMX"] } }, { bit: ["want", "sgx_kvm"] }] },
    does: [
      { say: "x86/cpu: SGX virtualization disabled due to lack of VMX.", level: 3 },
      { clear: ["want", "sgx_kvm"] },
    ],
    says: "SGX for guests needs VMX, which the firmware took.",
    source: FEAT_CTL,
  },
  {
    id: "sgx-lc-locked-disable",
    fn: "update_sgx",
    releases: sgx,
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
    says: "Launch control is locked by the firmware and nobody but the driver wanted SGX.",
    source: FEAT_CTL,
  },
  {
    id: "sgx-lc-locked-kvm-only",
    fn: "update_sgx",
    releases: sgx,
    when: {
      all: [
        { not: { bit: ["feat_ctl.lo", "SGX_LC_ENABLED"] } },
        { bit: ["want", "sgx_driver"] },
        { bit: ["want", "sgx_kvm"] },
      ],
    },
    does: [
      { say: "x86/cpu: SGX Launch Control is locked. Support SGX virtualization only.", level: 3 },
      { clear: ["caps", "SGX_LC"] },
    ],
    says: "Launch control is locked by the firmware: SGX stays for guests only.",
    source: FEAT_CTL,
  },
] as const satisfies readonly Rule[];

/** The boot step of 7.2 and later that can take VMX from all CPUs. */
export const VIRT_INIT_RULES = [
  {
    id: "call-x86-virt-init",
    fn: "early_identify_cpu",
    releases: { since: "7.2" },
    when: { all: [{ bit: ["caps", "VMX"] }, { config: "CONFIG_KVM_INTEL" }] },
    does: [{ call: "x86_virt_init" }],
    says: "After the boot CPU is identified, the kernel prepares VMXON regions for every CPU.",
    source: VIRT,
  },
  {
    id: "virt-read-basic",
    fn: "x86_virt_init",
    releases: { since: "7.2" },
    does: [{ read: "IA32_VMX_BASIC", how: "plain" }],
    says: "IA32_VMX_BASIC is read for the size and revision of the VMXON region.",
    source: VIRT,
  },
  {
    id: "virt-vmcs-size",
    fn: "x86_virt_init",
    releases: { since: "7.2" },
    when: { field: "IA32_VMX_BASIC.hi", hi: 12, lo: 0, above: 4096 },
    does: [
      { warn: "WARN_ON_ONCE", func: "__x86_vmx_init", cond: "vmx_basic_vmcs_size(basic_msr) > PAGE_SIZE" },
      { clear: ["caps", "VMX"] },
    ],
    says: "A VMCS region larger than a page is impossible by the SDM: the kernel warns and gives up VMX on all CPUs.",
    source: VIRT,
  },
] as const satisfies readonly Rule[];
