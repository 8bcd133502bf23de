import type { Topic } from "./topic.js";

/** What lies beside VMX: tracing, counters, enclaves, trust domains. */
export const OTHER_TOPICS: readonly Topic[] = [
  {
    id: "pt-vmxon",
    about: [
      "intel pt | processor trace | pt | rtit",
      "vmxon | vmx operation | across vmxon | post vmxon",
      "trace | check | support* | broadwell | kvm | which",
    ],
    says: "Intel PT can be used in VMX operation only where {0x485.INTEL_PT} is 1. Where it is 0, as on Broadwell, VMXON clears TraceEn and setting it raises #GP until VMXOFF, so Linux traces nothing while KVM has VMX on: from the load of kvm_intel on, or with newer kernels while a guest exists.",
    steps: [
      { text: "Read it, or trace without KVM.", commands: ["sudo rdmsr -f 14:14 0x485", "sudo modprobe -r kvm_intel"] },
    ],
    source: "SDM volume 3C, section 33.5 (tracing post-VMXON); Linux, arch/x86/events/intel/pt.c",
  },
  {
    id: "pt-guest",
    about: [
      "intel pt | processor trace | pt mode",
      "guest | virtual machine | vm | kvm intel pt mode",
      "kvm | qemu | expose | missing | perf list | enable",
    ],
    not: "vmxon | hyper v | vmware",
    says: "KVM gives guests no Intel PT by default (kvm_intel.pt_mode={default pt_mode}: the host traces, guests included). pt_mode=1 gives each side its own, on CPUs with {0x485.INTEL_PT} and `Intel PT uses guest physical addresses` ({proc2.PT_USE_GPA}), and QEMU has to show it (-cpu host,+intel-pt). Newer kernels have the parameter only with CONFIG_BROKEN.",
    steps: [{ text: "Read both bits.", commands: ["sudo rdmsr -f 14:14 0x485", "sudo rdmsr -f 56:56 0x48b"] }],
    source: "SDM volume 3C, section 25.6.2; Linux, arch/x86/kvm/vmx/vmx.c (pt_mode)",
  },
  {
    id: "lbr-guest",
    about: ["lbr | last branch | last branch record | lbr fmt", "guest | vm exit | kvm | vmx | vm"],
    not: "branch prediction",
    says: "VM exits clear IA32_DEBUGCTL, and with it LBR recording, and leave the LBR registers as they are: a hypervisor that wants both sides to have their own has to switch them. KVM gives a guest LBRs where its PMU is on and the LBR format in IA32_PERF_CAPABILITIES is the host's (QEMU: pmu=on,lbr-fmt=FORMAT); on CPUs with architectural LBRs it gives none of these.",
    source: "SDM volume 3C, section 28.5.1; Linux, arch/x86/kvm/vmx/pmu_intel.c; QEMU, target/i386/cpu.c",
  },
  {
    id: "perf-global-switch",
    about: ["perf global ctrl | load ia32 perf global ctrl", "entry | exit | guest | host | pmu | counter"],
    not: "kvm doe not | nested | l1 | kvm",
    says: "`Load IA32_PERF_GLOBAL_CTRL` at the entry ({entry.LOAD_IA32_PERF_GLOBAL_CTRL}) and at the exit ({exit.LOAD_IA32_PERF_GLOBAL_CTRL}) switches counters on and off at the border, from {guest.perf_global_ctrl} and {host.perf_global_ctrl}, so that each side counts its own; without them the counters go on across entries and exits. A few old CPUs have an erratum there, and KVM leaves the controls out on them.",
    source: "SDM volume 3C, section 27.3.2.1 and 28.5.1; Linux, arch/x86/kvm/vmx/vmx.c (cpu_has_perf_global_ctrl_bug)",
  },
  {
    id: "sgx-guest",
    about: [
      "sgx | enclave | epc",
      "guest | kvm | virtual machine | vm | vmx",
      "guest | expose | kvm | qemu | epc | control",
    ],
    not: "tdx | migrat* | hyper v | hyperv | azure | encls exiting",
    says: "KVM gives guests SGX where the host's kernel has it on (X86_SGX_KVM), the CPU has ENCLS exiting ({proc2.ENCLS_EXITING}) and kvm_intel.sgx is Y; the guest's enclave pages are memory of the host's EPC that QEMU takes (-object memory-backend-epc,id=mem1,size=64M and -M sgx-epc.0.memdev=mem1). EPC cannot be migrated. VMX and SGX need each other for nothing else.",
    steps: [
      { text: "See what the host has.", commands: ["cat /sys/module/kvm_intel/parameters/sgx", "ls -l /dev/sgx_vepc"] },
    ],
    source: "Linux, arch/x86/kvm/vmx/sgx.c; QEMU, docs/system/i386/sgx.rst",
  },
  {
    id: "tdx-vmx",
    about: ["tdx | trust domain | td guest | tdx module | seam", "vmx | nested | vmcs | kvm intel | vmxon | seamcall"],
    not: "vmfunc",
    says: "A trust domain is run by the TDX module, not by KVM's own VMCS: KVM calls it by SEAMCALL, which needs VMX operation, and cannot read or write the domain's VMCS or registers. CPUID in a domain shows no VMX, so KVM cannot be used in it. On the host TDX needs kvm_intel.tdx=Y, a kernel built with it and a firmware that loaded the module.",
    steps: [
      {
        text: "See what the host has.",
        commands: ["cat /sys/module/kvm_intel/parameters/tdx", "sudo dmesg | grep -i tdx"],
      },
    ],
    source: "Linux, Documentation/arch/x86/tdx.rst; arch/x86/kvm/vmx/tdx.c",
  },
  {
    id: "cet-fields",
    about: [
      "cet | shadow stack | ssp | s cet | load cet state",
      "vmx | vm exit | vm entry | vmcs | cr4 | guest state | hypervisor | kvm",
    ],
    also: ["vm exit | host | entry | guest"],
    not: "supervisor shadow stack ept | token busy | virtual machine | smp",
    says: "`Load CET state` switches S_CET, SSP and the interrupt-SSP table: at the entry ({entry.LOAD_CET_STATE}) from {guest.s_cet} and following, at the exit ({exit.LOAD_CET_STATE}) from {host.s_cet} and following, saving the guest's. Where they are 0 the guest's values stay on in the host. CR4.CET needs CR0.WP 1 in either state. KVM gives guests shadow stacks and indirect-branch tracking in newer kernels where both controls are there.",
    source: "SDM volume 3C, section 27.3.1.1, 27.3.2.1 and 28.5.1",
  },
  {
    id: "hlat",
    about: ["hlat | hypervisor managed linear address | hypervisor managed linear | hlatp"],
    says: "HLAT ({proc3.HLAT}) lets the hypervisor give the linear-address translations of part of the guest's address space by a table of its own ({ctl.hlatp}; the part by the prefix size in {ctl.hlat_prefix_size}), so a guest kernel cannot map these addresses elsewhere. It is a tertiary control, with paging-write and guest-paging verification beside it in the EPT; KVM does not use it.",
    steps: [{ text: "Read whether the control may be 1.", commands: ["sudo rdmsr -f 1:1 0x492"] }],
    source: "SDM volume 3C, section 25.6.2 and chapter 4",
  },
  {
    id: "fred",
    about: ["fred | flexible return", "vmx | vm entry | vm exit | kvm | vmcs | guest"],
    says: "FRED in VMX: entry control 23 and secondary exit controls 0 and 1 switch the FRED MSRs ({guest.fred_config} and following; {host.fred_config} and following), and {ctl.ev_data} gives an injected event its data, {info.orig_ev_data} that of an event whose delivery was interrupted. The secondary exit controls count where exit control {bit exit.SEC_EXIT_CONTROLS} is 1.",
    source: "Intel FRED specification, chapter on VMX; SDM volume 3C, section 25.7",
  },
  {
    id: "pkrs",
    about: ["pkrs | pks | supervisor protection key", "vmx | vmcs | vm entry | vm exit | guest"],
    says: "IA32_PKRS is switched by `load PKRS` at the entry ({entry.LOAD_PKRS}) from {guest.pkrs} and at the exit ({exit.LOAD_PKRS}) from {host.pkrs}; without these controls it stays as the other side left it. PKRU, which user code changes by WRPKRU, has no field: software switches it.",
    source: "SDM volume 3C, section 25.4.1 and 28.5.1",
  },
  {
    id: "pat-switch",
    about: [
      "load ia32 pat | save ia32 pat | guest ia32 pat | guest pat | host pat",
      "vmx | vm entry | vm exit | vmcs | reset | error | #gp",
    ],
    not: "ept memory",
    says: "IA32_PAT is switched by `load IA32_PAT` at the entry ({entry.LOAD_IA32_PAT}) and at the exit ({exit.LOAD_IA32_PAT}), and saved by {exit.SAVE_IA32_PAT}; without them guest and host share it. Each byte of the fields {guest.pat} and {host.pat} has to be 0, 1, 4, 5, 6 or 7; a field that was left at 0 makes all memory uncacheable, and slow.",
    source: "SDM volume 3C, section 27.2.2 and 27.3.1.1",
  },
  {
    id: "efer-switch",
    about: [
      "load ia32 efer | save ia32 efer | vm entry load ia32 efer | guest efer",
      "exit | entry | host | switch* | nx | sce",
    ],
    not: "ia 32e mode guest | lma | host address space | syscall",
    says: "EFER is switched by `load IA32_EFER` at the entry ({entry.LOAD_IA32_EFER}) from {guest.efer} and at the exit ({exit.LOAD_IA32_EFER}) from {host.efer}, and saved by {exit.SAVE_IA32_EFER}. Without them only LMA and LME follow, from `IA-32e mode guest` and `host address-space size`; SCE and NXE stay as they are on both sides.",
    source: "SDM volume 3C, section 27.3.2.1 and 28.5.1",
  },
  {
    id: "bndcfgs",
    about: ["bndcfg | bndcfgs | mpx", "vmx | vm entry | vm exit | guest | kvm | control"],
    says: "MPX has two controls: `load IA32_BNDCFGS` at the entry ({entry.LOAD_BNDCFGS}) and `clear IA32_BNDCFGS` at the exit ({exit.CLEAR_BNDCFGS}). Newer CPUs have no MPX, so neither; KVM gives a guest MPX only where both are there.",
    source: "SDM volume 3C, section 25.7.1 and 25.8.1; Linux, arch/x86/kvm/vmx/capabilities.h",
  },
  {
    id: "vmx-misc",
    about: ["ia32 vmx misc | vmx misc | 0x485", "bit | mean | what | field | decode"],
    not: "intel pt | preemption timer | msr list",
    says: "IA32_VMX_MISC ({IA32_VMX_MISC}): bits 4:0 the rate of the preemption timer, 5 EFER.LMA saved at exits, 8:6 activity states, 14 Intel PT in VMX, 24:16 number of CR3-target values, 27:25 the limit of MSR lists, 28 blocking of SMIs for VMXOFF, 29 VMWRITE to exit information, 30 injection with instruction length 0, 63:32 the MSEG revision.",
    steps: [{ text: "Have a value taken apart.", commands: ["echo 'MSR 0x485: VALUE' | vmxlens show - 0x485"] }],
    source: "SDM volume 3C, appendix A.6",
  },
  {
    id: "umip-emulation",
    about: ["umip"],
    also: ["kvm | guest | emulat* | sgdt | sidt"],
    not: "descriptor table exiting",
    says: "KVM shows UMIP to guests also on CPUs that have none: where the guest sets CR4.UMIP it turns descriptor-table exiting ({proc2.DESC_EXITING}) on and raises #GP for SGDT, SIDT, SLDT and STR in user mode; SMSW is not caught. Each such instruction of the guest's kernel then costs an exit.",
    source: "Linux, arch/x86/kvm/vmx/vmx.c (vmx_set_cr4)",
  },
];
