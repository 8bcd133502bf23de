import type { Topic, TopicStep } from "./topic.js";

const SEE_NESTED: TopicStep = { text: "See what KVM offers L1 on a host.", commands: ["vmxlens nested HOST"] };

/** A hypervisor in a guest. */
export const NESTED_TOPICS: readonly Topic[] = [
  {
    id: "nested-cost",
    about: [
      "nested | nested virtualization | nested vm | l2",
      "slow* | overhead | cost | performance | expensive | latency | penalty",
      "vm exit | exit | ept | trap | page fault | memory | vmread | l0 | why | huge page",
    ],
    not: "migrat* | wsl | hyper v",
    last: true,
    says: "Every exit of L2 goes to L0 first; where L1 has to handle it, L0 makes it an exit of L1, and what L1's handler does (VMREAD, VMWRITE, INVEPT, VMRESUME) exits to L0 again, so one exit of L2 costs many. VMCS shadowing takes most of VMREAD and VMWRITE away; EPT for L1, huge pages on each level, APICv and devices with few exits (virtio, vhost) take the rest down. Memory touched for the first time costs an exit on each level.",
    steps: [
      {
        text: "See what helps on L0, and count the exits of L1 there.",
        commands: ["cat /sys/module/kvm_intel/parameters/enable_shadow_vmcs", "sudo perf kvm stat live"],
      },
    ],
    source: "Linux, Documentation/virt/kvm/x86/nested-vmx.rst",
  },
  {
    id: "vmcs02",
    about: ["vmcs02 | vmcs12 | vmcs01", "difference | merge* | prepare vmcs02 | what | why | field | how | which"],
    not: "dump | entry failed | migrat*",
    says: "vmcs01 is the VMCS with which KVM runs L1. vmcs12 is what L1 writes for L2: memory that KVM reads and the CPU never loads. vmcs02 is made of both at each entry to L2 (prepare_vmcs02): guest state of vmcs12, host state of vmcs01, and controls of both together, so an exit that either wants comes to L0, which passes on those that L1 asked for.",
    steps: [SEE_NESTED],
    source: "Linux, Documentation/virt/kvm/x86/nested-vmx.rst; arch/x86/kvm/vmx/nested.c (prepare_vmcs02)",
  },
  {
    id: "nested-migration",
    about: [
      "nested | nested state | nested guest | nested kvm state | nested vmx state | kvm get nested state | nested virtualization",
      "migration | migrate | migrating | migrated | savevm | snapshot | suspend* | restor* | saving | save resume | state save",
    ],
    not: "vmware | esxi",
    says: "A guest that has vmx and runs no guest of its own moves like any other. Where L2 runs, the VMX state of L1 (vmcs12 and whether L2 was running) has to go along: QEMU takes it by KVM_GET_NESTED_STATE. Old QEMU versions without it refuse to move any guest with vmx (`Nested VMX virtualization does not support live migration yet`), or lose L2. Both hosts need kvm_intel.nested, and the target has to offer L1 all VMX features that the guest was started with, so an equal CPU model with vmx-* features and no host-passthrough between different CPUs.",
    steps: [{ text: "See it on both hosts.", commands: ["uname -r", "cat /sys/module/kvm_intel/parameters/nested"] }],
    source: "Linux, Documentation/virt/kvm/x86/running-nested-guests.rst",
  },
  {
    id: "nested-perf-global",
    about: [
      "perf global ctrl | load ia32 perf global ctrl | ia32 perf global ctrl",
      "nested | kvm | l1 | kvm doe not allow | vm entry control | vm exit control",
    ],
    says: "KVM offers L1 `load IA32_PERF_GLOBAL_CTRL` (entry controls, bit {bit entry.LOAD_IA32_PERF_GLOBAL_CTRL}; exit controls, bit {bit exit.LOAD_IA32_PERF_GLOBAL_CTRL}) exactly where the guest's PMU has that register (CPUID leaf 0xa, EAX bits 7:0 of 2 or more), so with pmu=on in its CPU model and kvm.enable_pmu on the host; older kernels never offer it. Where both controls may not be 1, the fields {guest.perf_global_ctrl} and {host.perf_global_ctrl} do not exist.",
    steps: [SEE_NESTED],
    source: "Linux, arch/x86/kvm/vmx/nested.c (nested_vmx_pmu_refresh)",
  },
  {
    id: "shadow-vmcs-kvm",
    about: [
      "enable shadow vmcs | vmcs shadowing | shadow vmcs",
      "kvm | kvm intel | nested | l1 | parameter | performance",
    ],
    not: "vmread bitmap | link pointer | set up",
    says: "kvm_intel.enable_shadow_vmcs lets L1's VMREAD and VMWRITE of the usual fields use a shadow VMCS of the CPU ({proc2.SHADOW_VMCS}), without an exit to L0; KVM copies it to and from vmcs12 around each entry. KVM switches it off where the CPU has no VMCS shadowing, and it has no effect while nested is off. L1 itself is offered VMCS shadowing in any case: KVM emulates it.",
    steps: [{ text: "See whether it is on.", commands: ["cat /sys/module/kvm_intel/parameters/enable_shadow_vmcs"] }],
    source: "Linux, arch/x86/kvm/vmx/nested.c (nested_vmx_hardware_setup)",
  },
  {
    id: "evmcs",
    about: ["enlightened vmcs | evmcs | hv evmcs | enlightened vmc"],
    not: "qemu empty",
    says: "The enlightened VMCS is Hyper-V's: the guest hypervisor keeps the fields in a page and marks the groups that it changed, so VMREAD and VMWRITE cost no exit. Its format has no field for some features, and these are not offered with it (among them posted interrupts, PML, VMCS shadowing, the preemption timer and APIC-access pages in version 1). KVM offers it to a Windows guest by hv-evmcs, which needs hv-vapic, and uses it itself as a guest of Hyper-V (kvm_intel.enlightened_vmcs).",
    steps: [
      {
        text: "See whether KVM uses it.",
        commands: ["cat /sys/module/kvm_intel/parameters/enlightened_vmcs", "sudo dmesg | grep -i 'enlightened vmcs'"],
      },
    ],
    source: "Linux, arch/x86/kvm/vmx/hyperv.c; QEMU, docs/system/i386/hyperv.rst",
  },
  {
    id: "nested-early-check",
    about: ["nested early check"],
    says: "kvm_intel.nested_early_check lets the CPU itself check the controls and the host state of vmcs12 by an entry that fails on purpose, where KVM's own checks are not believed to be complete; it is off by default and costs time at each entry to L2. It is a means to find out why L0 accepts what hardware would refuse.",
    source: "Linux, arch/x86/kvm/vmx/nested.c (nested_vmx_check_vmentry_hw)",
  },
  {
    id: "l2-exit-owner",
    about: [
      "l2",
      "l1 | l0",
      "exit | vm exit",
      "who | which | handle* | reflect* | forward* | goe to | delivered | l0 first",
    ],
    not: "slow* | performance | cost",
    says: "Every exit of L2 comes to L0. KVM decides in nested_vmx_reflect_vmexit: what L0 needs itself (its own page faults, external interrupts of the host, NMIs, EPT violations and misconfigurations that L0's tables caused) it handles; everything that L1 asked for in vmcs12 becomes an exit of L1, with vmcs12 filled as the CPU would.",
    source: "Linux, arch/x86/kvm/vmx/nested.c (nested_vmx_reflect_vmexit)",
  },
  {
    id: "nested-tlb",
    about: ["invept | invvpid | nested vpid | vpid02 | share vpid | vpid", "l1 | nested | l2 | vmcs12"],
    not: "vm exit cost",
    says: "In L1 INVEPT and INVVPID exit, and L0 does them: KVM drops the shadow of L1's EPT that they name, and the translations of the VPID that it gave L2 for L1's own (vpid02). Where L1 and L2 share one VPID, because L1 uses none or none was left, what one has cached would serve the other, so KVM flushes at each transition between them. KVM shows L1 which types there are in {IA32_VMX_EPT_VPID_CAP}; without kvm_intel.vpid or ept it shows none of that group.",
    steps: [SEE_NESTED],
    source: "Linux, arch/x86/kvm/vmx/nested.c (handle_invept, handle_invvpid)",
  },
];
