import {
  allowed,
  asks,
  canBe0,
  controls,
  EPT,
  eptCap,
  FITS_A_PAGE,
  firmware,
  needs,
  type Pack,
  type Requirement,
  UNRESTRICTED_GUEST,
  VMX,
  vpidCap,
  WIDE_ADDRESSES,
  WRITE_BACK,
} from "../pack.js";

const CONFIG = {
  where: "Xen xen/arch/x86/hvm/vmx/vmcs.c, vmx_init_vmcs_config",
  version: "005de45c887e",
  compared: true,
};
const START = {
  where: "Xen xen/arch/x86/hvm/vmx/vmx.c, start_vmx; docs/misc/xen-command-line.pandoc, force-ept",
  version: "011d20a69cf4",
  compared: true,
};

const HVM: readonly Requirement[] = [
  needs("vmx", "CPUID has VMX", VMX, CONFIG),
  firmware({ where: "Xen xen/arch/x86/hvm/vmx/vmcs.c, _vmx_cpu_up", compared: true }),
  ...controls("pin", ["INTR_EXITING", "NMI_EXITING"], CONFIG),
  ...controls(
    "primary",
    [
      "HLT_EXITING",
      "INTR_WINDOW_EXITING",
      "CR8_LOAD_EXITING",
      "CR8_STORE_EXITING",
      "INVLPG_EXITING",
      "CR3_LOAD_EXITING",
      "CR3_STORE_EXITING",
      "MONITOR_EXITING",
      "MWAIT_EXITING",
      "MOV_DR_EXITING",
      "USE_IO_BITMAPS",
      "USE_TSC_OFFSETTING",
      "RDTSC_EXITING",
    ],
    CONFIG,
  ),
  ...controls("exit", ["ACK_INTR_ON_EXIT", "HOST_ADDR_SPACE_SIZE"], CONFIG),
  needs("vmcs-size", "a VMCS fits a page", FITS_A_PAGE, CONFIG),
  needs("address-width", "VMX structures are not limited to 32-bit addresses", WIDE_ADDRESSES, CONFIG),
  needs("memory-type", "VMX structures are write-back", WRITE_BACK, CONFIG),
];

/** EPT as Xen uses it: the capabilities that it relies on, and the PAT at entry (XSA-60). */
const HAP: readonly Requirement[] = [
  needs("ept", "EPT", EPT, CONFIG),
  needs(
    "ept-capabilities",
    "write-back EPT structures, 4-level walks and all-context INVEPT",
    eptCap("EPT_WB", "EPT_PAGE_WALK_4", "EPT_EXTENT_GLOBAL"),
    CONFIG,
  ),
  needs(
    "pat",
    "IA32_PAT loaded at entry, without which Xen does not use EPT without force-ept",
    allowed("entry", "LOAD_IA32_PAT"),
    START,
  ),
  canBe0("INVLPG exiting can be switched off, or Xen does not use EPT", ["primary", "INVLPG_EXITING"], CONFIG),
  canBe0("CR3-load exiting can be switched off, or Xen does not use EPT", ["primary", "CR3_LOAD_EXITING"], CONFIG),
  canBe0("CR3-store exiting can be switched off, or Xen does not use EPT", ["primary", "CR3_STORE_EXITING"], CONFIG),
];

const wanted = (rows: readonly Requirement[]): Requirement[] => rows.map((row) => ({ ...row, level: "wanted" }));

const MORE: readonly Requirement[] = [
  needs(
    "unrestricted-guest",
    "unrestricted guest; without it Xen emulates real mode",
    UNRESTRICTED_GUEST,
    CONFIG,
    "wanted",
  ),
  needs(
    "vpid",
    "VPID with all-context INVVPID",
    { all: [allowed("secondary", "VPID"), vpidCap("VPID_EXTENT_GLOBAL_CONTEXT")] },
    CONFIG,
    "wanted",
  ),
];

export const XEN_HVM_PACK: Pack = {
  id: "xen-hvm",
  name: "Xen, HVM guests",
  aliases: ["hvm"],
  note: "Without EPT Xen runs HVM guests on shadow page tables, if it is built with them (CONFIG_SHADOW_PAGING).",
  requirements: [...HVM, ...wanted(HAP), ...MORE],
};

export const XEN_PVH_PACK: Pack = {
  id: "xen-pvh",
  name: "Xen, PVH guests",
  aliases: ["pvh"],
  note: "Without EPT a PVH domain falls back to shadow paging, so Xen has to be built with it (CONFIG_SHADOW_PAGING); the first PVH (docs/misc/pvh-readme.txt) required EPT. Source: Xen docs/misc/xen-command-line.pandoc, dom0, 011d20a69cf4.",
  requirements: [
    ...HVM,
    ...wanted(HAP),
    ...MORE,
    asks(
      "iommu",
      "an IOMMU (VT-d), for a PVH dom0; without one Xen panics",
      { machine: "vtd" },
      {
        where: "Xen xen/drivers/passthrough/x86/iommu.c, arch_iommu_check_autotranslated_hwdom",
        version: "c447b7308b13",
        compared: true,
      },
      "wanted",
    ),
  ],
};
