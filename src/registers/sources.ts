/** Where a row of the tables comes from. */
export const SOURCES = {
  sdm: "Intel SDM volume 3, tables of the VMX controls and the appendix on VMX capability reporting (short names)",
  sdmLater: "Intel SDM volume 3C, edition with the VMCS in chapter 26, as transcribed by cloud-hypervisor and others",
  general: "Intel SDM as generally known; not compared with a copy of the text",
  headers: "public header files of Bochs, hyvemind and KVM patches; no Intel text at hand",
  atlas: "values of the processors in the atlas (InstLatx64)",
  kernel: "Linux, arch/x86/include/asm/vmx.h and arch/x86/kvm/vmx",
} as const;
export type SourceId = keyof typeof SOURCES;

/** The vocabularies of a `BitRow`, in the order in which they are shown, and where their names are taken from. */
export const VOCABULARIES = {
  sdm: { label: "SDM", source: "Intel SDM volume 3, short names" },
  key: { label: "vmxlens", source: "this project, after Linux where Linux has a name" },
  linux: { label: "Linux macro", source: "Linux 6.12 asm/vmx.h and asm/msr-index.h" },
  feature: { label: "Linux VMX_FEATURE_", source: "Linux 6.12 asm/vmxfeatures.h" },
  cpuinfo: { label: "vmx flags", source: "Linux 6.12 asm/vmxfeatures.h, as /proc/cpuinfo prints it" },
  qemu: { label: "QEMU", source: "QEMU 10.0.13 target/i386/cpu.c; the CET names from qemu-devel, November 2025" },
  qemuMacro: { label: "QEMU macro", source: "QEMU 10.0.13 target/i386/cpu.h" },
  libvirt: { label: "libvirt", source: "libvirt 11.3.0 src/cpu_map/x86_features.xml; the CET names from later files" },
  xen: { label: "Xen", source: "Xen c447b7308b13 asm/hvm/vmx/vmcs.h" },
  xenBoot: { label: "Xen boot log", source: "Xen c447b7308b13 hvm/vmx/vmcs.c" },
  ia32doc: { label: "ia32-doc", source: "wbenny/ia32-doc 77e021b69063 out/ia32.h" },
  vmxcap: { label: "vmxcap", source: "QEMU 10.0.13 scripts/kvm/vmxcap" },
} as const;
export type Vocabulary = keyof typeof VOCABULARIES;
