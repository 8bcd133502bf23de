import {
  allowed,
  canBe0,
  controls,
  EPT,
  eptCap,
  FITS_A_PAGE,
  firmware,
  INTEL64,
  NX,
  needs,
  type Pack,
  UNRESTRICTED_GUEST,
  VMX,
} from "../pack.js";

const MICROSOFT = {
  where:
    "Microsoft, System requirements for Hyper-V on Windows Server: 64-bit processor with SLAT, VM Monitor Mode extensions, virtualization turned on in the firmware, hardware DEP; the lines that systeminfo prints",
  compared: true,
};
const GENERAL = { where: "general knowledge; no text of the vendor was available", compared: false };

export const HYPER_V_PACK: Pack = {
  id: "hyper-v",
  name: "Hyper-V and WSL 2",
  aliases: ["hyperv", "wsl2", "wsl", "windows"],
  note: "Inside another hypervisor the requirements apply to what that one offers.",
  incomplete: "Microsoft publishes four requirements and no list of VMX controls.",
  requirements: [
    needs("vmx", "VM Monitor Mode Extensions: CPUID has VMX", VMX, MICROSOFT),
    firmware(MICROSOFT),
    needs("slat", "Second Level Address Translation: EPT", EPT, MICROSOFT),
    needs("dep", "Data Execution Prevention: NX", NX, MICROSOFT),
    needs("intel64", "64-bit processor", INTEL64, MICROSOFT),
    needs(
      "mbec",
      "mode-based execute control; without it HVCI (memory integrity) is emulated and slow",
      allowed("secondary", "MODE_BASED_EPT_EXEC"),
      GENERAL,
      "wanted",
    ),
  ],
};

const VBOX_FILE = "VirtualBox src/VBox/VMM/VMMR0/HMVMXR0.cpp";
const VBOX = { where: `${VBOX_FILE}, hmR0VmxSetupVmcsPinCtls and hmR0VmxSetupVmcsProcCtls`, compared: true };

export const VIRTUALBOX_PACK: Pack = {
  id: "virtualbox",
  name: "VirtualBox",
  aliases: ["vbox", "oracle-virtualbox"],
  note: "Where Hyper-V or KVM has the CPU, newer versions run on top of it instead and these do not apply.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, VBOX),
    firmware({ where: "VirtualBox src/VBox/VMM/VMMR0/HMR0.cpp, SUPR0GetVmxUsability", compared: false }),
    ...controls("pin", ["INTR_EXITING", "NMI_EXITING"], VBOX),
    ...controls(
      "primary",
      [
        "HLT_EXITING",
        "USE_TSC_OFFSETTING",
        "MOV_DR_EXITING",
        "UNCOND_IO_EXITING",
        "RDPMC_EXITING",
        "MONITOR_EXITING",
        "MWAIT_EXITING",
      ],
      VBOX,
    ),
    canBe0(
      "MOV-DR exiting can be switched off again (VERR_HM_UNSUPPORTED_CPU_FEATURE_COMBO)",
      ["primary", "MOV_DR_EXITING"],
      VBOX,
    ),
    ...controls("exit", ["HOST_ADDR_SPACE_SIZE"], {
      where: "VirtualBox src/VBox/VMM/include/VMXAllTemplate.cpp.h, vmxHCExportGuestEntryExitCtls",
      compared: true,
    }),
    needs("vmcs-size", "a VMCS fits a page", FITS_A_PAGE, {
      where: `${VBOX_FILE}, hmR0VmxStructsAlloc (VMX_UFC_INVALID_VMCS_SIZE)`,
      compared: true,
    }),
    needs(
      "ept-capabilities",
      "where there is EPT: 4-level walks, write-back EPT structures, INVEPT of one context or of all",
      {
        any: [
          { not: EPT },
          {
            all: [
              eptCap("EPT_PAGE_WALK_4", "EPT_WB", "EPT_INVEPT"),
              { any: [eptCap("EPT_EXTENT_CONTEXT"), eptCap("EPT_EXTENT_GLOBAL")] },
            ],
          },
        ],
      },
      { where: `${VBOX_FILE}, hmR0VmxSetupTaggedTlb (VMX_UFC_EPT_…)`, compared: true },
    ),
    needs(
      "shadow-paging",
      "EPT, or exits for INVLPG and for loads and stores of CR3",
      {
        any: [
          EPT,
          {
            all: [
              allowed("primary", "INVLPG_EXITING"),
              allowed("primary", "CR3_LOAD_EXITING"),
              allowed("primary", "CR3_STORE_EXITING"),
            ],
          },
        ],
      },
      VBOX,
    ),
    needs(
      "task-priority",
      "TPR shadow, or exits for loads and stores of CR8",
      {
        any: [
          allowed("primary", "VIRTUAL_TPR"),
          { all: [allowed("primary", "CR8_LOAD_EXITING"), allowed("primary", "CR8_STORE_EXITING")] },
        ],
      },
      VBOX,
    ),
    needs("ept", "EPT (nested paging)", EPT, GENERAL, "wanted"),
    needs("unrestricted-guest", "unrestricted guest", UNRESTRICTED_GUEST, GENERAL, "wanted"),
  ],
};

const VMWARE_KB = { where: "VMware knowledge base 1003945: VT in the chip and in the BIOS, EM64T", compared: true };

export const VMWARE_PACK: Pack = {
  id: "vmware",
  name: "VMware Workstation and ESXi",
  aliases: ["esxi", "vmware-workstation", "vmware-player", "fusion"],
  incomplete: "VMware decides by lists of processors and publishes no list of VMX controls.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, VMWARE_KB),
    firmware(VMWARE_KB),
    needs("intel64", "64-bit processor", INTEL64, VMWARE_KB),
  ],
};

const HAX = {
  where: "HAXM core/hax.c, hax_vmx_enable_check and hax_get_capability",
  version: "4c524a10486d",
  compared: true,
};
const HAX_EPT = {
  where:
    "HAXM core/vcpu.c, which sets ENABLE_EPT and EPTP of every guest; core/ept.c, ept_set_caps; docs/manual-windows.md",
  version: "4c524a10486d",
  compared: true,
};

export const HAXM_PACK: Pack = {
  id: "haxm",
  name: "HAXM",
  aliases: ["intel-haxm", "android-emulator"],
  note: "HAXM treats bit 5 of IA32_VMX_MISC as unrestricted guest, although it is a different capability that came with it.",
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, HAX),
    firmware(HAX),
    needs("nx", "NX", NX, HAX),
    needs("ept", "EPT", EPT, HAX_EPT),
    needs(
      "ept-capabilities",
      "write-back EPT structures and all-context INVEPT",
      eptCap("EPT_WB", "EPT_EXTENT_GLOBAL"),
      HAX_EPT,
    ),
    needs(
      "unrestricted-guest",
      "IA32_VMX_MISC bit 5, which HAXM reads as unrestricted guest (HAX_CAP_UG)",
      { bit: ["IA32_VMX_MISC.lo", "SAVE_EFER_LMA"] },
      HAX,
      "wanted",
    ),
    needs("intel64", "64-bit processor, for 64-bit guests", INTEL64, HAX, "wanted"),
  ],
};
