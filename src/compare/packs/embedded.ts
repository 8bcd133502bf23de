import {
  allowed,
  canBe0,
  controls,
  eptCap,
  FITS_A_PAGE,
  firmware,
  free,
  HLT_STATE,
  INTEL64,
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
  note: "Older FreeBSD also wants IA32_PAT saved and loaded. illumos asks for more: TSC offsetting, HLT exiting and unrestricted guest.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, BHYVE),
    firmware(BHYVE),
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

const JAILHOUSE = { where: "Jailhouse hypervisor/arch/x86/vmx.c, vmx_check_features", compared: true };

export const JAILHOUSE_PACK: Pack = {
  id: "jailhouse",
  name: "Jailhouse",
  aliases: [],
  note: "Jailhouse also asks for VT-d interrupt remapping, for CR0 and CR4 bits that the cells may use, and for the controls of RDTSCP, INVPCID and WAITPKG where CPUID has them.",
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
    needs(
      "xsaves",
      "XSAVES can be enabled for guests if CPUID has it (secondary 20)",
      { any: [{ not: { bit: ["cpu_has", "xsaves"] } }, allowed("secondary", "XSAVES")] },
      JAILHOUSE,
    ),
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
  ],
};

const ACRN = {
  where: "ACRN hypervisor/arch/x86/cpu_caps.c, vmx_caps and check_essential_vmx_caps",
  compared: true,
};
const ACRN_CPU = { where: "ACRN hypervisor/arch/x86/cpu_caps.c, detect_hardware_support", compared: true };

export const ACRN_PACK: Pack = {
  id: "acrn",
  name: "ACRN",
  aliases: ["projectacrn"],
  note: "ACRN also asks CPUID for SMEP, SMAP, MTRRs, invariant TSC and deadline timer, ERMS, x2APIC, CLFLUSHOPT, POPCNT, SSE, RDRAND and a leaf 15H, and for 1-GByte pages where physical addresses are longer than 39 bits. Older ones want 1-GByte EPT pages of every CPU.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, ACRN_CPU),
    firmware(ACRN_CPU),
    needs("intel64", "64-bit processor", INTEL64, ACRN_CPU),
    needs("nx", "NX", NX, ACRN_CPU),
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
    needs("ept-capabilities", "INVEPT and 2-MByte EPT pages", eptCap("EPT_INVEPT", "EPT_2MB_PAGE"), {
      where: "ACRN hypervisor/arch/x86/cpu_caps.c, check_vmx_mmu_cap",
      compared: true,
    }),
    needs(
      "invvpid",
      "INVVPID of one context and of all",
      vpidCap("VPID_INVVPID", "VPID_EXTENT_SINGLE_CONTEXT", "VPID_EXTENT_GLOBAL_CONTEXT"),
      { where: "ACRN hypervisor/arch/x86/cpu_caps.c, check_vmx_mmu_cap", compared: true },
    ),
  ],
};

const SEL4 = {
  where: "seL4 src/arch/x86/object/vcpu.c, init_vtx_fixed_values",
  version: "00c9da662bfb",
  compared: true,
};

export const SEL4_PACK: Pack = {
  id: "sel4",
  name: "seL4 with VT-x",
  aliases: ["camkes"],
  note: "Of a 32-bit seL4 the host address space size is not asked for. Every core has to have the same CR0 and CR4 bits.",
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
    ...controls("entry", ["IA32E_MODE"], SEL4, "wanted"),
    ...controls("secondary", ["VPID", "UNRESTRICTED_GUEST"], SEL4, "wanted"),
    ...controls("exit", ["ACK_INTR_ON_EXIT", "LOAD_IA32_PERF_GLOBAL_CTRL"], SEL4, "wanted"),
  ],
};
