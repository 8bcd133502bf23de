import type { Condition, Rule } from "../../rules/rule.js";

/*
 * What happens between insmod and hardware_setup: the checks of vmx_init, kvm_is_vmx_supported and the common x86 code
 * (arch/x86/kvm/vmx/vmx.c, arch/x86/kvm/x86.c). The steps were reordered several times, so they are given as lists that
 * load-order.ts puts together per release.
 */

const VMX = "arch/x86/kvm/vmx/vmx.c";
const X86 = "arch/x86/kvm/x86.c";
const fn = "kvm_load";

const noCpuid: Condition = { not: { bit: ["cpu_has", "vmx"] } };
const noFeatCtl: Condition = { not: { bit: ["caps", "MSR_IA32_FEAT_CTL"] } };
const noVmx: Condition = { not: { bit: ["caps", "VMX"] } };
/** Up to 6.1 the flags asked for are those that all CPUs share, later those of the CPU that loads the module. */
const notOnEveryCpu: Condition = { not: { bit: ["machine", "vmx_on_every_cpu"] } };

/** May this CPU be used at all. */
export const SUPPORT_RULES = [
  {
    id: "no-hardware-support-old",
    fn,
    releases: { until: "5.15" },
    when: noCpuid,
    does: [{ say: "kvm: no hardware support", level: 3 }, { refuse: "EOPNOTSUPP" }],
    says: "CPUID.1:ECX bit 5 is 0: the CPU has no VMX, or a hypervisor hides it.",
    source: X86,
  },
  {
    id: "disabled-by-bios-old",
    fn,
    releases: { until: "5.15" },
    when: { any: [noFeatCtl, noVmx, notOnEveryCpu] },
    does: [{ say: "kvm: disabled by bios", level: 3 }, { refuse: "EOPNOTSUPP" }],
    says: "Boot found VMX disabled in IA32_FEAT_CTL on this or another CPU, or never looked at it.",
    source: X86,
  },
  {
    id: "no-hardware-support-6.1",
    fn,
    releases: { since: "6.1", until: "6.1" },
    when: noCpuid,
    does: [{ say: "kvm: no hardware support for 'kvm_intel'", level: 3 }, { refuse: "EOPNOTSUPP" }],
    says: "CPUID.1:ECX bit 5 is 0: the CPU has no VMX, or a hypervisor hides it.",
    source: X86,
  },
  {
    id: "disabled-by-bios-6.1",
    fn,
    releases: { since: "6.1", until: "6.1" },
    when: { any: [noFeatCtl, noVmx, notOnEveryCpu] },
    does: [{ say: "kvm: support for 'kvm_intel' disabled by bios", level: 3 }, { refuse: "EOPNOTSUPP" }],
    says: "Boot found VMX disabled in IA32_FEAT_CTL on this or another CPU, or never looked at it.",
    source: X86,
  },
  {
    id: "not-supported-by-cpu",
    fn,
    releases: { since: "6.6" },
    when: noCpuid,
    does: [{ say: "kvm_intel: VMX not supported by CPU 0", level: 3 }, { refuse: "EOPNOTSUPP" }],
    says: "CPUID.1:ECX bit 5 is 0: the CPU has no VMX, or a hypervisor hides it.",
    source: VMX,
  },
  {
    id: "not-enabled-in-feat-ctl",
    fn,
    releases: { since: "6.6", until: "6.18" },
    when: { any: [noFeatCtl, noVmx] },
    does: [
      { say: "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", level: 3 },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "Boot found VMX disabled in IA32_FEAT_CTL, or never looked at it.",
    source: VMX,
  },
  {
    id: "no-feat-ctl",
    fn,
    releases: { since: "7.2" },
    when: noFeatCtl,
    does: [
      { say: "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", level: 3 },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "IA32_FEAT_CTL is absent, or boot never looked at it.",
    source: VMX,
  },
  {
    id: "not-fully-enabled",
    fn,
    releases: { since: "7.2" },
    when: noVmx,
    does: [
      { say: "kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS", level: 3 },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "Boot took X86_FEATURE_VMX away: firmware, or a VMCS region size that cannot be.",
    source: VMX,
  },
] as const satisfies readonly Rule[];

export const EVMCS_DETECTION_RULES = [
  {
    id: "no-evmcs",
    fn,
    when: { any: [{ not: { config: "CONFIG_HYPERV" } }, { not: { bit: ["machine", "evmcs"] } }] },
    does: [{ clear: ["params", "enlightened_vmcs"] }],
    says: "Not on a Hyper-V that recommends the enlightened VMCS.",
    source: VMX,
  },
] as const satisfies readonly Rule[];

/** Checks of the common x86 code that exist since 6.1. */
export const VENDOR_INIT_RULES = [
  {
    id: "host-pat",
    fn,
    releases: { since: "6.1" },
    does: [{ read: "IA32_PAT", how: "safe" }],
    says: "KVM relies on entry 0 of the PAT being write-back.",
    source: X86,
  },
  {
    id: "host-pat-not-wb",
    fn,
    releases: { since: "6.1" },
    when: { any: [{ faults: "IA32_PAT" }, { not: { field: "IA32_PAT.lo", hi: 2, lo: 0, equals: 6 } }] },
    does: [{ say: "kvm: host PAT[0] is not WB", level: 3 }, { refuse: "EIO" }],
    says: "The kernel itself programs PAT[0] to write-back, so anything else is a bug or broken firmware.",
    source: X86,
  },
  {
    id: "supervisor-shadow-stacks",
    fn,
    releases: { since: "6.18" },
    when: {
      all: [
        { any: [{ bit: ["cpu_has", "shstk"] }, { bit: ["cpu_has", "ibt"] }] },
        { bit: ["IA32_S_CET.lo", "SHSTK_EN"] },
      ],
    },
    does: [
      { warn: "WARN_ON_ONCE", func: "kvm_x86_vendor_init", cond: "kvm_host.s_cet & CET_SHSTK_EN" },
      { refuse: "EIO" },
    ],
    says: "Linux does not use supervisor shadow stacks; KVM would clobber them.",
    source: X86,
  },
] as const satisfies readonly Rule[];

export const PMU_RULES = [
  {
    id: "pmu-hybrid",
    fn,
    releases: { since: "6.1" },
    when: { bit: ["cpu_has", "hybrid"] },
    does: [{ clear: ["params", "enable_pmu"] }],
    says: "Performance counters of hybrid CPUs differ between core types, so guests get none.",
    source: "arch/x86/kvm/pmu.h, pmu.c",
  },
  {
    id: "no-pmu",
    fn,
    releases: { since: "6.1" },
    when: { not: { bit: ["machine", "pmu"] } },
    does: [{ clear: ["params", "enable_pmu"] }],
    says: "The host has no architectural performance counters to share.",
    source: "arch/x86/kvm/pmu.h, pmu.c",
  },
  {
    id: "no-mediated-pmu",
    fn,
    releases: { since: "7.2" },
    when: { any: [{ not: { bit: ["params", "enable_pmu"] } }, { not: { bit: ["machine", "mediated_pmu"] } }] },
    does: [{ clear: ["params", "enable_mediated_pmu"] }],
    says: "The mediated PMU needs enable_pmu and a host PMU of version 4 or later that perf agrees to hand over.",
    source: "arch/x86/kvm/pmu.c",
  },
] as const satisfies readonly Rule[];

export const SMALLER_MAXPHYADDR_RULE = {
  id: "allow-smaller-maxphyaddr",
  fn,
  when: { not: { bit: ["params", "ept"] } },
  does: [{ set: ["params", "allow_smaller_maxphyaddr"] }],
  says: "Shadow paging costs nothing extra for guests with fewer physical-address bits, so they are allowed.",
  source: VMX,
} as const satisfies Rule;
