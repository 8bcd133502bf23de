import type { Condition } from "../../rules/rule.js";
import {
  allowed,
  asks,
  canBe0,
  controls,
  controlWith,
  eptCap,
  FITS_A_PAGE,
  features,
  firmware,
  free,
  HLT_STATE,
  INTEL64,
  type Need,
  NX,
  needs,
  type Pack,
  TRUE_CONTROLS,
  UNRESTRICTED_GUEST,
  VMX,
  vpidCap,
  WIDE_ADDRESSES,
  WRITE_BACK,
} from "../pack.js";

/** IA32_VMX_BASIC bit 54. */
const INS_OUTS: Condition = { bit: ["IA32_VMX_BASIC.hi", "INOUT"] };
const SAME_CR = { alike: [0x486, 0x487, 0x488, 0x489], part: "whole" } as const satisfies Need;

const BHYVE = {
  where: "FreeBSD sys/amd64/vmm/intel/vmx.c, *_CTLS_ONE_SETTING, *_CTLS_ZERO_SETTING and vmx_modinit",
  version: "001345683da7",
  compared: true,
};
const BHYVE_EPT = { where: "FreeBSD sys/amd64/vmm/intel/ept.c, ept_init", compared: true };

export const BHYVE_PACK: Pack = {
  id: "bhyve",
  name: "bhyve (FreeBSD)",
  aliases: ["freebsd", "vmm"],
  note: "Older FreeBSD also wants IA32_PAT saved and loaded. illumos has a bhyve of its own: bhyve-illumos.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, BHYVE),
    firmware(BHYVE),
    needs("ins-outs", "VM exits report INS and OUTS (IA32_VMX_BASIC bit 54)", INS_OUTS, BHYVE),
    ...controls("pin", ["INTR_EXITING", "NMI_EXITING", "VIRTUAL_NMIS"], BHYVE),
    ...controls(
      "primary",
      [
        "SEC_CONTROLS",
        "MWAIT_EXITING",
        "MONITOR_EXITING",
        "UNCOND_IO_EXITING",
        "USE_MSR_BITMAPS",
        "INTR_WINDOW_EXITING",
        "NMI_WINDOW_EXITING",
        "CR8_LOAD_EXITING",
        "CR8_STORE_EXITING",
      ],
      BHYVE,
    ),
    canBe0("CR3-load exiting can be switched off", ["primary", "CR3_LOAD_EXITING"], BHYVE),
    canBe0("CR3-store exiting can be switched off", ["primary", "CR3_STORE_EXITING"], BHYVE),
    canBe0("I/O bitmaps can be switched off", ["primary", "USE_IO_BITMAPS"], BHYVE),
    ...controls("secondary", ["EPT"], BHYVE),
    ...controls(
      "exit",
      ["SAVE_DEBUG_CONTROLS", "HOST_ADDR_SPACE_SIZE", "SAVE_IA32_EFER", "LOAD_IA32_EFER", "ACK_INTR_ON_EXIT"],
      BHYVE,
    ),
    ...controls("entry", ["LOAD_DEBUG_CONTROLS", "LOAD_IA32_EFER"], BHYVE),
    needs(
      "ept-capabilities",
      "4-level walks, write-back EPT structures, INVEPT of both types",
      eptCap("EPT_PAGE_WALK_4", "EPT_WB", "EPT_INVEPT", "EPT_EXTENT_CONTEXT", "EPT_EXTENT_GLOBAL"),
      BHYVE_EPT,
    ),
    needs(
      "invvpid",
      "INVVPID of all four types",
      vpidCap(
        "VPID_INVVPID",
        "VPID_EXTENT_INDIVIDUAL_ADDR",
        "VPID_EXTENT_SINGLE_CONTEXT",
        "VPID_EXTENT_GLOBAL_CONTEXT",
        "VPID_EXTENT_SINGLE_NON_GLOBAL",
      ),
      BHYVE_EPT,
    ),
    needs(
      "unrestricted-guest",
      "unrestricted guest, for boot ROMs and for more than one CPU per guest",
      UNRESTRICTED_GUEST,
      { where: "illumos usr/src/uts/intel/io/vmm/intel/vmx.c, comment on unrestricted guest", compared: true },
      "wanted",
    ),
  ],
};

const ILLUMOS = {
  where: "illumos usr/src/uts/intel/io/vmm/intel/vmx.c, *_CTLS_ONE_SETTING, *_CTLS_ZERO_SETTING, EPT_CAPS_REQUIRED",
  version: "0bac467c5c1d",
  compared: true,
};
const ILLUMOS_HMA = {
  where: "illumos usr/src/uts/i86pc/os/hma.c, hma_vmx_init",
  version: "2453029c0109",
  compared: true,
};

export const BHYVE_ILLUMOS_PACK: Pack = {
  id: "bhyve-illumos",
  name: "bhyve (illumos)",
  aliases: ["illumos", "omnios", "smartos"],
  note: "Older illumos also wants HLT exiting.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, ILLUMOS_HMA),
    firmware(ILLUMOS_HMA),
    needs("ins-outs", "VM exits report INS and OUTS (IA32_VMX_BASIC bit 54)", INS_OUTS, ILLUMOS_HMA),
    ...controls("pin", ["INTR_EXITING", "NMI_EXITING", "VIRTUAL_NMIS"], ILLUMOS),
    ...controls(
      "primary",
      [
        "SEC_CONTROLS",
        "USE_TSC_OFFSETTING",
        "MWAIT_EXITING",
        "MONITOR_EXITING",
        "UNCOND_IO_EXITING",
        "USE_MSR_BITMAPS",
        "INTR_WINDOW_EXITING",
        "NMI_WINDOW_EXITING",
        "CR8_LOAD_EXITING",
        "CR8_STORE_EXITING",
      ],
      ILLUMOS,
    ),
    canBe0("CR3-load exiting can be switched off", ["primary", "CR3_LOAD_EXITING"], ILLUMOS),
    canBe0("CR3-store exiting can be switched off", ["primary", "CR3_STORE_EXITING"], ILLUMOS),
    canBe0("I/O bitmaps can be switched off", ["primary", "USE_IO_BITMAPS"], ILLUMOS),
    ...controls("secondary", ["EPT", "UNRESTRICTED_GUEST"], ILLUMOS),
    ...controls(
      "exit",
      [
        "SAVE_DEBUG_CONTROLS",
        "HOST_ADDR_SPACE_SIZE",
        "LOAD_IA32_PAT",
        "SAVE_IA32_EFER",
        "LOAD_IA32_EFER",
        "ACK_INTR_ON_EXIT",
      ],
      ILLUMOS,
    ),
    ...controls("entry", ["LOAD_DEBUG_CONTROLS", "LOAD_IA32_EFER"], ILLUMOS),
    needs(
      "ept-capabilities",
      "4-level walks, write-back EPT structures, INVEPT of both types",
      eptCap("EPT_PAGE_WALK_4", "EPT_WB", "EPT_INVEPT", "EPT_EXTENT_CONTEXT", "EPT_EXTENT_GLOBAL"),
      ILLUMOS,
    ),
    needs("invvpid", "INVVPID of one context", vpidCap("VPID_INVVPID", "VPID_EXTENT_SINGLE_CONTEXT"), ILLUMOS),
  ],
};

const JAILHOUSE = {
  where: "Jailhouse hypervisor/arch/x86/vmx.c, vmx_check_features",
  version: "e57d1eff6d55",
  compared: true,
};
const JAILHOUSE_VTD = {
  where: "Jailhouse hypervisor/arch/x86/vtd.c, vtd_init",
  version: "e57d1eff6d55",
  compared: true,
};

export const JAILHOUSE_PACK: Pack = {
  id: "jailhouse",
  name: "Jailhouse",
  aliases: [],
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, JAILHOUSE),
    firmware(JAILHOUSE),
    needs("vmcs-size", "a VMCS fits a page", FITS_A_PAGE, JAILHOUSE),
    needs("memory-type", "VMX structures are write-back", WRITE_BACK, JAILHOUSE),
    needs("true-controls", "TRUE control registers", TRUE_CONTROLS, JAILHOUSE),
    ...controls("pin", ["NMI_EXITING", "PREEMPTION_TIMER"], JAILHOUSE),
    ...controls("primary", ["USE_IO_BITMAPS", "USE_MSR_BITMAPS", "SEC_CONTROLS"], JAILHOUSE),
    canBe0("CR3-load exiting can be switched off", ["primary", "CR3_LOAD_EXITING"], JAILHOUSE),
    canBe0("CR3-store exiting can be switched off", ["primary", "CR3_STORE_EXITING"], JAILHOUSE),
    ...controls("secondary", ["VIRT_APIC_ACCESSES", "EPT", "UNRESTRICTED_GUEST"], JAILHOUSE),
    controlWith("rdtscp", "secondary", "RDTSCP", JAILHOUSE),
    controlWith("invpcid", "secondary", "INVPCID", JAILHOUSE),
    controlWith("xsaves", "secondary", "XSAVES", JAILHOUSE),
    controlWith("waitpkg", "secondary", "USR_WAIT_PAUSE", JAILHOUSE),
    needs(
      "ept-capabilities",
      "4-level walks, write-back EPT structures, INVEPT",
      eptCap("EPT_PAGE_WALK_4", "EPT_WB", "EPT_INVEPT"),
      JAILHOUSE,
    ),
    needs(
      "invept-type",
      "INVEPT of one context or of all",
      { any: [eptCap("EPT_EXTENT_CONTEXT"), eptCap("EPT_EXTENT_GLOBAL")] },
      JAILHOUSE,
    ),
    ...controls("exit", ["SAVE_IA32_PAT", "LOAD_IA32_PAT", "SAVE_IA32_EFER", "LOAD_IA32_EFER"], JAILHOUSE),
    ...controls("entry", ["LOAD_IA32_PAT", "LOAD_IA32_EFER"], JAILHOUSE),
    needs("hlt-state", "HLT activity state (IA32_VMX_MISC bit 6)", HLT_STATE, JAILHOUSE),
    asks("same-cr", "every core allows the same bits of CR0 and CR4", SAME_CR, JAILHOUSE),
    asks(
      "vt-d",
      "VT-d with queued invalidation and interrupt remapping (--machine vtd=1 states that it is present)",
      { machine: "vtd" },
      JAILHOUSE_VTD,
    ),
  ],
};

const ACRN_VERSION = { version: "d61d98cf800e", compared: true };
const ACRN = {
  where: "ACRN hypervisor/arch/x86/cpu_caps.c, vmx_caps and check_essential_vmx_caps",
  ...ACRN_VERSION,
};
const ACRN_CPU = { where: "ACRN hypervisor/arch/x86/cpu_caps.c, detect_hardware_support", ...ACRN_VERSION };
const ACRN_MMU = { where: "ACRN hypervisor/arch/x86/cpu_caps.c, check_vmx_mmu_cap", ...ACRN_VERSION };

export const ACRN_PACK: Pack = {
  id: "acrn",
  name: "ACRN",
  aliases: ["projectacrn"],
  note: "Older ones want 1-GByte EPT pages of every CPU.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, ACRN_CPU),
    firmware(ACRN_CPU),
    needs("intel64", "64-bit processor", INTEL64, ACRN_CPU),
    needs("nx", "NX", NX, ACRN_CPU),
    ...features(
      {
        nonstop_tsc: "invariant TSC (CPUID.80000007H:EDX bit 8)",
        tsc_deadline_timer: "TSC-deadline timer",
        smep: "SMEP",
        smap: "SMAP",
        mtrr: "MTRRs",
        clflushopt: "CLFLUSHOPT",
        erms: "ERMS; fast strings have to be enabled, as they are after reset (IA32_MISC_ENABLE bit 0)",
        x2apic: "x2APIC",
        popcnt: "POPCNT",
        sse: "SSE",
        rdrand: "RDRAND",
      },
      ACRN_CPU,
    ),
    asks("leaf-15h", "CPUID leaf 15H", { maxLeaf: 0x15 }, ACRN_CPU),
    asks(
      "large-pages",
      "1-GByte pages, in EPT too, where physical addresses have more than 39 bits",
      { any: [{ physAddrUpTo: 39 }, { all: [{ cpuid: "pdpe1gb" }, { condition: eptCap("EPT_1GB_PAGE") }] }] },
      ACRN_CPU,
    ),
    needs(
      "apicv-basic",
      "TPR shadow, virtualized APIC accesses and x2APIC mode (secondary 4) may be 1",
      {
        all: [
          allowed("primary", "VIRTUAL_TPR"),
          allowed("secondary", "VIRT_APIC_ACCESSES"),
          allowed("secondary", "VIRTUAL_X2APIC"),
        ],
      },
      ACRN_CPU,
    ),
    needs(
      "misc-bit-5",
      "IA32_VMX_MISC bit 5, which ACRN reads as unrestricted guest",
      { bit: ["IA32_VMX_MISC.lo", "SAVE_EFER_LMA"] },
      ACRN,
    ),
    needs("address-width", "VMX structures are not limited to 32-bit addresses", WIDE_ADDRESSES, ACRN),
    ...controls("pin", ["INTR_EXITING"], ACRN, "required", free),
    ...controls(
      "primary",
      ["USE_TSC_OFFSETTING", "VIRTUAL_TPR", "USE_IO_BITMAPS", "USE_MSR_BITMAPS", "HLT_EXITING", "SEC_CONTROLS"],
      ACRN,
      "required",
      free,
    ),
    ...controls(
      "secondary",
      ["VIRT_APIC_ACCESSES", "EPT", "VPID", "RDTSCP", "UNRESTRICTED_GUEST"],
      ACRN,
      "required",
      free,
    ),
    ...controls(
      "exit",
      ["ACK_INTR_ON_EXIT", "SAVE_IA32_PAT", "LOAD_IA32_PAT", "HOST_ADDR_SPACE_SIZE"],
      ACRN,
      "required",
      free,
    ),
    ...controls("entry", ["LOAD_IA32_PAT", "IA32E_MODE"], ACRN, "required", free),
    needs("ept-capabilities", "INVEPT and 2-MByte EPT pages", eptCap("EPT_INVEPT", "EPT_2MB_PAGE"), ACRN_MMU),
    needs(
      "invvpid",
      "INVVPID of one context and of all",
      vpidCap("VPID_INVVPID", "VPID_EXTENT_SINGLE_CONTEXT", "VPID_EXTENT_GLOBAL_CONTEXT"),
      ACRN_MMU,
    ),
  ],
};

const SEL4 = {
  where: "seL4 src/arch/x86/object/vcpu.c, init_vtx_fixed_values",
  version: "1326364bc913",
  compared: true,
};
const SEL4_CORES = {
  where: "seL4 src/arch/x86/object/vcpu.c, check_vtx_fixed_values",
  version: "1326364bc913",
  compared: true,
};

export const SEL4_PACK: Pack = {
  id: "sel4",
  name: "seL4 with VT-x",
  aliases: ["camkes"],
  note: "A 32-bit seL4 does not ask for the host address space size.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, SEL4),
    firmware(SEL4),
    ...controls("pin", ["INTR_EXITING", "NMI_EXITING", "VIRTUAL_NMIS"], SEL4),
    ...controls("primary", ["USE_IO_BITMAPS", "USE_MSR_BITMAPS", "SEC_CONTROLS"], SEL4),
    ...controls("secondary", ["EPT"], SEL4),
    ...controls(
      "exit",
      [
        "SAVE_DEBUG_CONTROLS",
        "SAVE_IA32_PAT",
        "LOAD_IA32_PAT",
        "SAVE_IA32_EFER",
        "LOAD_IA32_EFER",
        "HOST_ADDR_SPACE_SIZE",
      ],
      SEL4,
    ),
    needs("ept-capabilities", "write-back EPT structures and 2-MByte EPT pages", eptCap("EPT_WB", "EPT_2MB_PAGE"), {
      where: "seL4 src/arch/x86/object/vcpu.c, vtx_enable",
      version: "1326364bc913",
      compared: true,
    }),
    asks("same-cr", "every core allows the same bits of CR0 and CR4", SAME_CR, SEL4_CORES),
    asks(
      "same-controls",
      "every core demands the same controls",
      { alike: [0x481, 0x482, 0x483, 0x484, 0x48b, 0x48d, 0x48e, 0x48f, 0x490], part: "must1" },
      SEL4_CORES,
    ),
    ...controls("entry", ["IA32E_MODE"], SEL4, "wanted"),
    ...controls("secondary", ["VPID", "UNRESTRICTED_GUEST"], SEL4, "wanted"),
    ...controls("exit", ["ACK_INTR_ON_EXIT", "LOAD_IA32_PERF_GLOBAL_CTRL"], SEL4, "wanted"),
  ],
};
