import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import type { Condition, Rule } from "../../rules/rule.js";
import { CET, ONE_PAGE_VMCS, STRICT_CONFIG, VENDOR_DECIDES, VIRT_AT_BOOT } from "../changes.js";
import { COMMON_INIT, EVMCS_DETECTION, FIRST_CHECK, VENDOR_CHECK } from "./function-names.js";

/*
 * What happens between insmod and hardware_setup: the checks of vmx_init, kvm_is_vmx_supported and the common x86 code
 * (arch/x86/kvm/vmx/vmx.c, arch/x86/kvm/x86.c). The steps were reordered several times, so they are given as lists that
 * load-order.ts puts together per release.
 */

const VMX = "arch/x86/kvm/vmx/vmx.c";
const X86 = "arch/x86/kvm/x86.c";
const stage = "kvm_load";

const noFeatCtl: Condition = { not: { bit: ["caps", "MSR_IA32_FEAT_CTL"] } };
const noVmx: Condition = { not: { bit: ["caps", "VMX"] } };
/** Locked with VMX off for the way the machine was booted, by the register itself. */
const lockedInside: Condition = {
  all: [
    { bit: ["IA32_FEAT_CTL.lo", "LOCKED"] },
    { bit: ["machine", "tboot"] },
    { not: { bit: ["IA32_FEAT_CTL.lo", "VMX_ENABLED_INSIDE_SMX"] } },
  ],
};
const lockedOutside: Condition = {
  all: [
    { bit: ["IA32_FEAT_CTL.lo", "LOCKED"] },
    { not: { bit: ["machine", "tboot"] } },
    { not: { bit: ["IA32_FEAT_CTL.lo", "VMX_ENABLED_OUTSIDE_SMX"] } },
  ],
};
/** Up to 6.2 the flags asked for are those that all CPUs share, later those of the CPU that loads the module. */
const notOnEveryCpu: Condition = { not: { bit: ["machine", "vmx_on_every_cpu"] } };

/** The refusal became a warning in the stable series that were run late; both trees are Ubuntu's. */
const BIOS_WARNING = ["5.4.0", { after: "5.15.135", by: "5.15.178" }] as const;

/** May this CPU be used at all. */
export const SUPPORT_RULES = [
  {
    id: "not-supported-by-cpu",
    stage,
    fn: FIRST_CHECK,
    when: { not: { bit: ["cpu_has", "vmx"] } },
    does: [
      {
        say: [
          { held: { before: [VENDOR_DECIDES, ONE_PAGE_VMCS] }, text: "kvm: no hardware support" },
          { held: { since: ONE_PAGE_VMCS, before: VENDOR_DECIDES }, text: "kvm: no hardware support for 'kvm_intel'" },
          { held: { since: VENDOR_DECIDES }, text: "kvm_intel: VMX not supported by CPU 0" },
        ],
        level: 3,
      },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "CPUID.1:ECX bit 5 is 0: the CPU has no VMX, or none that this machine may use.",
    file: [
      { held: { before: VENDOR_DECIDES }, is: X86 },
      { held: { since: VENDOR_DECIDES }, is: VMX },
    ],
  },
  {
    id: "read-feat-ctl-at-load",
    stage,
    fn: "vmx_disabled_by_bios",
    held: { before: FEAT_CTL_AT_BOOT },
    does: [{ read: "IA32_FEAT_CTL", how: "plain" }],
    says: "IA32_FEAT_CTL was not read at boot, so KVM reads it; a missing register reads as 0, unlocked, and is accepted.",
    file: VMX,
  },
  {
    id: "txt-not-active",
    stage,
    fn: "vmx_disabled_by_bios",
    held: { before: FEAT_CTL_AT_BOOT },
    when: { all: [lockedOutside, { bit: ["IA32_FEAT_CTL.lo", "VMX_ENABLED_INSIDE_SMX"] }] },
    does: [{ say: "kvm: disable TXT in the BIOS or activate TXT before enabling KVM", level: 4 }],
    says: "The firmware enabled VMX inside SMX only, and the machine was not booted through tboot.",
    file: VMX,
  },
  {
    id: "feat-ctl-locked",
    stage,
    fn: COMMON_INIT,
    held: { before: FEAT_CTL_AT_BOOT },
    when: { any: [lockedInside, lockedOutside] },
    does: [{ say: "kvm: disabled by bios", level: 4 }, { refuse: "EOPNOTSUPP" }],
    says: "IA32_FEAT_CTL is locked with VMX off for the way this machine was booted.",
    file: X86,
  },
  {
    id: "disabled-by-bios",
    stage,
    fn: COMMON_INIT,
    held: { since: FEAT_CTL_AT_BOOT, before: VENDOR_DECIDES },
    when: { any: [noFeatCtl, noVmx, notOnEveryCpu] },
    does: [
      {
        say: [
          { held: { since: BIOS_WARNING, before: ONE_PAGE_VMCS }, text: "kvm: disabled by bios", level: 4 },
          { held: { before: [ONE_PAGE_VMCS, BIOS_WARNING] }, text: "kvm: disabled by bios" },
          { held: { since: ONE_PAGE_VMCS }, text: "kvm: support for 'kvm_intel' disabled by bios" },
        ],
        level: 3,
      },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "Boot found VMX disabled in IA32_FEAT_CTL on this or another CPU, or never looked at it.",
    file: X86,
  },
  {
    id: "not-enabled-in-feat-ctl",
    stage,
    fn: VENDOR_CHECK,
    held: { since: VENDOR_DECIDES, before: VIRT_AT_BOOT },
    when: { any: [noFeatCtl, noVmx] },
    does: [
      { say: "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", level: 3 },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "Boot found VMX disabled in IA32_FEAT_CTL, or never looked at it.",
    file: VMX,
  },
  {
    id: "no-feat-ctl",
    stage,
    fn: VENDOR_CHECK,
    held: { since: VIRT_AT_BOOT },
    when: noFeatCtl,
    does: [
      { say: "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", level: 3 },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "IA32_FEAT_CTL is absent, or boot never looked at it.",
    file: VMX,
  },
  {
    id: "not-fully-enabled",
    stage,
    fn: VENDOR_CHECK,
    held: { since: VIRT_AT_BOOT },
    when: noVmx,
    does: [
      { say: "kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS", level: 3 },
      { refuse: "EOPNOTSUPP" },
    ],
    says: "Boot cleared X86_FEATURE_VMX, because of the firmware or an impossible VMCS region size.",
    file: VMX,
  },
] as const satisfies readonly Rule[];

export const EVMCS_DETECTION_RULES = [
  {
    id: "no-evmcs",
    stage,
    fn: EVMCS_DETECTION,
    when: { any: [{ not: { config: "CONFIG_HYPERV" } }, { not: { bit: ["machine", "evmcs"] } }] },
    does: [{ clear: ["params", "enlightened_vmcs"] }],
    says: "The machine does not run on a Hyper-V that recommends the enlightened VMCS.",
    file: VMX,
  },
] as const satisfies readonly Rule[];

/** Checks of the common x86 code that exist since 6.0. */
export const VENDOR_INIT_RULES = [
  {
    id: "host-pat",
    stage,
    fn: COMMON_INIT,
    held: { since: STRICT_CONFIG },
    does: [{ read: "IA32_PAT", how: "safe" }],
    says: "KVM relies on entry 0 of the PAT being write-back.",
    file: X86,
  },
  {
    id: "host-pat-not-wb",
    stage,
    fn: COMMON_INIT,
    held: { since: STRICT_CONFIG },
    when: { any: [{ faults: "IA32_PAT" }, { not: { field: "IA32_PAT.lo", hi: 2, lo: 0, equals: 6 } }] },
    does: [{ say: "kvm: host PAT[0] is not WB", level: 3 }, { refuse: "EIO" }],
    says: "The kernel itself programs PAT[0] to write-back, so anything else is a bug or broken firmware.",
    file: X86,
  },
  {
    id: "supervisor-shadow-stacks",
    stage,
    fn: "kvm_x86_vendor_init",
    held: { since: CET },
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
    file: X86,
  },
] as const satisfies readonly Rule[];

export const PMU_RULES = [
  {
    id: "pmu-hybrid",
    stage,
    fn: "kvm_init_pmu_capability",
    held: { since: ["6.2", "6.1.13"] },
    when: { bit: ["cpu_has", "hybrid"] },
    does: [{ clear: ["params", "enable_pmu"] }],
    says: "Performance counters of hybrid CPUs differ between core types, so guests get none.",
    file: "arch/x86/kvm/pmu.h, pmu.c",
  },
  {
    id: "no-pmu",
    stage,
    fn: "kvm_init_pmu_capability",
    held: { since: STRICT_CONFIG },
    when: { not: { bit: ["machine", "pmu"] } },
    does: [{ clear: ["params", "enable_pmu"] }],
    says: "The host has no architectural performance counters to share.",
    file: "arch/x86/kvm/pmu.h, pmu.c",
  },
  {
    id: "no-mediated-pmu",
    stage,
    fn: "kvm_init_pmu_capability",
    held: { since: "7.0" },
    when: { any: [{ not: { bit: ["params", "enable_pmu"] } }, { not: { bit: ["machine", "mediated_pmu"] } }] },
    does: [{ clear: ["params", "enable_mediated_pmu"] }],
    says: "The mediated PMU needs enable_pmu and a host PMU of version 4 or later that perf agrees to hand over.",
    file: "arch/x86/kvm/pmu.c",
  },
] as const satisfies readonly Rule[];

export const SMALLER_MAXPHYADDR_RULE = {
  id: "allow-smaller-maxphyaddr",
  stage,
  fn: "vmx_init",
  held: { since: { after: "5.6", by: "5.10" } },
  when: { not: { bit: ["params", "ept"] } },
  does: [{ set: ["params", "allow_smaller_maxphyaddr"] }],
  says: "Shadow paging costs nothing extra for guests with fewer physical-address bits, so they are allowed.",
  file: VMX,
} as const satisfies Rule;
