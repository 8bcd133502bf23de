import type { MessageRow } from "../../../answers/message.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import { ENABLE_OUTER, INSIDE, KERNEL_LOG, NESTED_ON, WHO_USES_VMX } from "../shared-advice.js";

/*
 * What KVM and the kernel say besides the messages of loading: warnings, things that KVM does not emulate, and what a
 * nested hypervisor, posted interrupts or TDX did wrong.
 */

const VMX = "Linux, arch/x86/kvm/vmx/vmx.c";
const X86 = "Linux, arch/x86/kvm/x86.c";
const NESTED = "Linux, arch/x86/kvm/vmx/nested.c";
const TDX = "Linux, arch/x86/kvm/vmx/tdx.c";

const NEW_KERNEL = {
  text: "Use the newest stable update of the kernel; without one, report the whole block from `cut here` on to the kvm mailing list.",
} as const;

export const KVM_KERNEL_MESSAGES = [
  {
    id: "kvm-evmcs-field",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: "accessing unsupported evmcs field",
    pattern: /accessing unsupported EVMCS field (?<field>[0-9a-f]{1,8})/i,
    what: "KVM runs on Hyper-V with the enlightened VMCS, which is a page of memory with room for the fields of its version only, and KVM wanted to access VMCS field 0x{field}, which has no room there. The access is dropped.",
    causes: [
      "Hyper-V shows the control that the field belongs to (0x2032 is the TSC multiplier, on Azure's newer sizes), and this kernel does not leave out all controls that the enlightened VMCS cannot hold.",
    ],
    steps: [
      { text: "Name the field.", commands: ["vmxlens vmcs 0x{field}"] },
      { text: "Use a later kernel: it drops those controls when it uses the enlightened VMCS." },
      {
        text: "Or do without the enlightened VMCS.",
        commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel enlightened_vmcs=0"],
      },
    ],
    source: { message: "microsoft/lisa#2607", meaning: "Linux, arch/x86/kvm/vmx/vmx_onhyperv.h; microsoft/lisa#2607" },
  },
  {
    id: "kvm-spurious-fault",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "kvm_spurious_fault",
    pattern: /(?:RIP: (?:\w{4}:)?(?:\[<\w{1,16}>\] ?)*)?kvm_spurious_fault(?:\+0x\w{1,6}\/0x\w{1,6})?(?! \(err)/i,
    what: "A VMX instruction of KVM itself raised a fault, which it does only when the CPU is not in VMX operation although KVM had put it there.",
    causes: [
      "Another hypervisor (VirtualBox, VMware) executed VMXOFF on that CPU, or the machine was resumed and VMXON was not done again.",
      "In a virtual machine: the outer hypervisor does not emulate the instruction as KVM expects it (or lost its state in a migration or a restore).",
      "kexec or an emergency restart while virtual machines ran: VMX is off then and the rest of the trace follows from it.",
    ],
    steps: [WHO_USES_VMX, NEW_KERNEL, KERNEL_LOG],
    where: [
      {
        is: "AMD",
        what: "An instruction of AMD-V in KVM itself raised a fault, which it does only when SVM is not on (EFER.SVME) although KVM had switched it on. In a virtual machine, the hypervisor below shows svm and does not carry it through.",
        steps: [
          { text: "In a virtual machine: let the hypervisor below pass AMD-V on, or use one that can." },
          NEW_KERNEL,
        ],
      },
      {
        is: "virtual",
        what: "A VMX instruction of KVM itself raised a fault, and this is a virtual machine: either the hypervisor below shows VMX and does not carry out the instruction as a CPU does (or lost its state in a migration), or this kernel let a CPU run guests without VMX on.",
        steps: [
          {
            text: "Update the kernel of the host below, or ask its provider; a guest's KVM can only do without what fails.",
            commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel enable_shadow_vmcs=0 vpid=0"],
          },
          NEW_KERNEL,
        ],
      },
    ],
    source: { message: `${X86} (kvm_spurious_fault)`, meaning: `${X86} (kvm_spurious_fault, kvm_rebooting)` },
  },
  {
    id: "kvm-kernel-bug",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: "kernel bug at ",
    pattern:
      /kernel BUG at (?:[\w./+~-]{0,120}\/)?(?:arch\/x86|virt)\/kvm\/(?<file>[\w./]{1,60}):(?<line>\d{1,6})\b(?!\W{1,4}kvm_spurious_fault)/i,
    what: "KVM's own code reached a state that it considers impossible (BUG at line {line} of {file}), and the kernel ends the task. That is a fault of the kernel; what VT-x offers here is not in question unless the RIP is kvm_spurious_fault.",
    causes: [
      "The RIP line names the function: kvm_spurious_fault is a VMX instruction that faulted, mmu.c and mmu/ the page tables, kvm_main.c memory slots and vCPUs.",
    ],
    steps: [NEW_KERNEL, KERNEL_LOG],
    source: { message: "kernel mailing list, syzbot, 5.4-rc6", meaning: `${X86} (kvm_spurious_fault); asm/bug.h` },
  },
  {
    id: "kvm-kernel-warning",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: ["warning: cpu:", "warning: arch/x86/kvm", "warning: virt/kvm"],
    pattern:
      /WARNING: (?:CPU: \d{1,5} PID: \d{1,8} at )?(?:[\w./+~-]{0,120}\/)?(?:arch\/x86|virt)\/kvm\/(?<file>[\w./]{1,60}):\d{1,6}(?: at)? (?<fn>[\w.]{1,80})/i,
    what: "A check in KVM's function {fn} ({file}) did not hold, and the kernel continues. The line before it, if there is one, says what was wrong.",
    causes: [
      {
        text: "The VMX instruction failed; its line says with which number.",
        fits: /\b(?:vmwrite|vmread|vmclear|vmptrld|invept|invvpid)_error\b/,
      },
      { text: "KVM on Hyper-V, and the enlightened VMCS has no such field.", fits: /\bevmcs_(?:write|read)/ },
      { text: "VMXON faulted.", fits: /\b(?:vmx_)?hardware_enable\b|\bvmx_enable_virtualization_cpu\b/ },
      {
        text: "KVM's own state of a nested guest is not what it expects; a later kernel is the usual answer.",
        fits: /\bnested|vmcs12/,
      },
    ],
    steps: [KERNEL_LOG, NEW_KERNEL],
    source: { message: "microsoft/lisa#2607; cyberus-technology/cloud-hypervisor#103", meaning: "Linux, arch/x86/kvm" },
  },
  {
    id: "kvm-perfctr-msr",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "harmless",
    needle: ["perfctr wrmsr", "perfctr msr", "debugctlmsr 0x", "mcg_status 0x", "unimplemented hwcr", "mmio_conf_base"],
    pattern:
      /(?:disabled|unimplemented|ignored) perfctr (?:wrmsr|msr): 0x[0-9a-f]{1,8}(?: data 0x[0-9a-f]{1,16})?|(?:MSR_|BTF\|LBR in )IA32_(?:DEBUGCTLMSR|MCG_STATUS) 0x[0-9a-f]{1,16}, nop|unimplemented (?:HWCR|MMIO_CONF_BASE) wrmsr: 0x[0-9a-f]{1,16}/i,
    what: "The guest wrote a register of performance counters, debugging or machine checks that KVM does not give it, and KVM dropped the write. VT-x is not involved.",
    steps: [{ text: "Nothing to do." }],
    source: { message: `${X86} (kvm_set_msr_common)`, meaning: X86 },
  },
  {
    id: "kvm-ignore-msrs",
    product: "KVM",
    layer: "KVM parameter",
    gravity: "harmless",
    needle: "running kvm with ignore_msrs=1",
    pattern: /Running KVM with ignore_msrs=1 and report_ignored_msrs=0 is not a/i,
    what: "KVM warns of its own parameters: with ignore_msrs=1 a guest that asks for a register which KVM does not have reads 0, and with report_ignored_msrs=0 that is not logged. Proxmox and some guides set both.",
    steps: [
      {
        text: "Without a guest that needs it (macOS does), take it back.",
        commands: ["grep -r ignore_msrs /etc/modprobe.d /proc/cmdline"],
      },
    ],
    source: { message: X86, meaning: `${X86} (kvm_x86_vendor_init)` },
  },
  {
    id: "kvm-tsc",
    product: "KVM",
    layer: "silicon",
    gravity: "harmless",
    needle: ["unstable tsc", "tsc rate", "tsc scaling ratio", "tsc frequency mismatch"],
    pattern:
      /SMP vm created on host with unstable TSC|user requested TSC rate below hardware speed|Invalid TSC scaling ratio - virtual-tsc-khz=\d{1,10}|requested TSC rate \d{1,10} falls outside tolerance[^\n]{0,40}|TSC frequency mismatch between VM \(\d{1,10} kHz\) and host \(\d{1,10} kHz\)(?:, and TSC scaling unavailable)?/i,
    what: "The guest's time-stamp counter cannot run as asked: the host's is not stable, or runs at another rate and the CPU has no `use TSC scaling` (secondary control, bit 25) to make up for it. Virtual machines start all the same.",
    causes: [
      "Migration or a snapshot from a host of another clock rate, to a CPU without TSC scaling (Skylake servers and later have it) or a virtual machine that is not given it.",
      "The firmware or an outer hypervisor makes Linux give up on the TSC.",
    ],
    steps: [
      {
        text: "See whether the CPU can scale, and what Linux thinks of its TSC.",
        commands: [
          "vmxlens why tsc_scaling HOST",
          "sudo dmesg | grep -i tsc; cat /sys/devices/system/clocksource/clocksource0/current_clocksource",
        ],
      },
    ],
    source: { message: `${X86}; QEMU, target/i386/kvm/kvm.c`, meaning: `${X86} (set_tsc_khz)` },
  },
  {
    id: "kvm-nop",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "harmless",
    needle: [
      "instruction emulated as nop",
      "emulating exchange as write",
      "nx capability removed",
      "pin control bit is ignored",
      "lapic timer period limited",
      "zapping shadow pages",
    ],
    pattern:
      /(?:MONITOR|MWAIT|\w{3,8}) instruction emulated as NOP|emulating exchange as write|guest NX capability removed|kvm pmu: pin control bit is ignored|lapic timer period limited to \d{1,9}|zapping shadow pages for mmio generation/i,
    what: "KVM says once that it does something simpler or slower than a CPU would. Guests run anyway, and VT-x is not involved.",
    steps: [{ text: "Nothing to do." }],
    source: { message: `${VMX}; ${X86}`, meaning: `${VMX}; ${X86}` },
  },
  {
    id: "guest-split-lock",
    product: "Linux",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: "split_lock trap",
    pattern:
      /#AC: (?<task>CPU \d{1,4}\/KVM|[\w:.-]{0,12}(?:qemu|kvm|vcpu|EMT|cloud-hyper|firecracker)[\w:.-]{0,12}(?: \d{1,3})?)\/\d{1,8} took a split_lock trap/i,
    what: "A guest (task {task}) locks memory across two cache lines, and Linux slows the task down for that. VMX works, nothing is missing, and no guest ends by that; a game or an old driver in it becomes slow.",
    steps: [
      {
        text: "Let Linux only warn, at the next boot; or until then.",
        commands: ["split_lock_detect=off", "sudo sysctl kernel.split_lock_mitigate=0"],
      },
    ],
    source: {
      message: "Linux, arch/x86/kernel/cpu (split lock)",
      meaning: "Linux, Documentation/arch/x86/buslock.rst",
    },
  },
  {
    id: "task-bus-lock",
    product: "Linux",
    layer: "KVM at run time",
    gravity: "informs",
    needle: "bus_lock trap",
    pattern: /#DB: (?<task>[\w:./ -]{1,30})\/\d{1,8} took a bus_lock trap/i,
    what: "A program of this system ({task}) locked memory in a way that locks the bus, and Linux warns of it; it slows the program down only where split_lock_detect is ratelimit. It speaks of no guest, and VT-x is not involved.",
    steps: [{ text: "Nothing to do for KVM." }],
    source: {
      message: "Linux, arch/x86/kernel/cpu (split lock)",
      meaning: "Linux, Documentation/arch/x86/buslock.rst",
    },
  },
  {
    id: "task-split-lock",
    product: "Linux",
    layer: "KVM at run time",
    gravity: "informs",
    needle: "split_lock trap",
    pattern:
      /#AC: (?!CPU \d{1,4}\/KVM\/|[\w:.-]{0,12}(?:qemu|kvm|vcpu|EMT|cloud-hyper|firecracker))(?<task>[\w:. -]{1,20})\/\d{1,8} took a split_lock trap/i,
    what: "A program of this system ({task}) locks memory across two cache lines, and Linux slows it down for that. It is not a virtual CPU's thread by its name, and VT-x is not involved.",
    steps: [
      {
        text: "Where the program becomes too slow and cannot be changed, let Linux only warn, at the next boot; or until then.",
        commands: ["split_lock_detect=off", "sudo sysctl kernel.split_lock_mitigate=0"],
        unless: ["said to be virtual"],
      },
    ],
    source: {
      message: "Linux, arch/x86/kernel/cpu (split lock)",
      meaning: "Linux, Documentation/arch/x86/buslock.rst",
    },
  },
  {
    id: "guest-no-pmu",
    product: "Linux",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: ["no pmu driver", "vpmu disabled by hypervisor"],
    pattern: /no PMU driver, software events only|VPMU disabled by hypervisor/i,
    what: "Linux found no performance counters: in a virtual machine, the hypervisor below gives none, so perf has software events only. VT-x is not involved.",
    steps: [
      {
        text: "On a KVM host, give the guest the counters; kvm.enable_pmu must be Y there.",
        commands: [
          "-cpu host,pmu=on",
          "<feature policy='require' name='pmu'/>",
          "cat /sys/module/kvm/parameters/enable_pmu",
        ],
      },
    ],
    source: { message: "Linux, arch/x86/events/core.c", meaning: "Linux, arch/x86/kvm/pmu.c" },
  },
  {
    id: "kvm-allocation",
    product: "KVM",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "inadequate fpu",
      "failed to allocate cache for x86",
      "failed to allocate percpu kvm_user_return_msrs",
      "rt requires x86_feature_constant_tsc",
    ],
    pattern:
      /inadequate fpu|failed to allocate (?:cache for x86 (?:emulator|fpu)|percpu kvm_user_return_msrs)|RT requires X86_FEATURE_CONSTANT_TSC/i,
    what: "kvm.ko refused to load before it looked at VMX: the CPU shows no usable FPU (FXSR), a real-time kernel finds no constant TSC, or memory was short.",
    causes: [
      "A virtual machine with a minimal CPU model (qemu32, or features switched off one by one).",
      "Memory is short.",
    ],
    steps: [
      { text: "See what the CPU shows.", commands: ["grep -m1 -owE 'fxsr|constant_tsc' /proc/cpuinfo"] },
      ENABLE_OUTER,
    ],
    source: { message: X86, meaning: `${X86} (kvm_x86_vendor_init)` },
  },
  {
    id: "kvm-old-vmcs-fail",
    product: "KVM",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: ["vmclear fail: ", "kvm: vmptrld "],
    pattern: /(?:kvm: )?vmclear fail: \w{1,20}\/\w{1,16}|kvm: vmptrld \w{1,20}\/\w{1,16} fail(?:ed)?/i,
    what: `VMCLEAR or VMPTRLD of KVM failed for one of its own VMCSs (the wording of kernels before ${releaseOf(NOT_REPLAYED.vmclearWording.held.before)}): the CPU is not in VMX operation, or the region is not one for this CPU.`,
    causes: [
      "Another hypervisor (VirtualBox, VMware) took VMX operation over on that CPU.",
      "In a virtual machine: the outer hypervisor emulates the instruction badly.",
    ],
    steps: [{ ...WHO_USES_VMX, unless: INSIDE }, NEW_KERNEL],
    source: { message: "Linux before 5.3, arch/x86/kvm/vmx.c (vmcs_clear, vmcs_load)", meaning: VMX },
  },
  {
    id: "kvm-ept-misconfig",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: [
      "ept: misconfiguration",
      "ept_misconfig_inspect_spte",
      "reserved bits set on mmu-present spte",
      "detect reserved bits on spte",
    ],
    pattern:
      /EPT: Misconfiguration\.|ept_misconfig_inspect_spte|(?:reserved bits set on MMU-present spte|detect reserved bits on spte), addr 0x[0-9a-f]{1,16}/i,
    what: "The CPU met an EPT entry that it calls misconfigured (reserved bits, or writable without readable), and KVM did not make it so on purpose for MMIO. The guest is stopped.",
    causes: [
      "Memory that holds EPT entries was overwritten: faulty RAM, or a kernel bug.",
      "The physical-address width is not what CPUID says (memory encryption in the firmware, an outer hypervisor): reserved bits differ then.",
    ],
    steps: [
      {
        text: "Compare the width with other hosts, and test the memory.",
        commands: ["grep -m1 'address sizes' /proc/cpuinfo"],
      },
      NEW_KERNEL,
    ],
    source: {
      message: "Linux, arch/x86/kvm/mmu/mmu.c; before 4.18 arch/x86/kvm/vmx.c (handle_ept_misconfig)",
      meaning: "Intel SDM volume 3C, EPT misconfigurations",
    },
  },
  {
    id: "kvm-unexpected-event",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: [
      "unexpected, vectoring info",
      "unexpected vm-exit interrupt info",
      "unexpected #ve on vm-exit",
      "unhandled control register",
      "nmi-blocked",
      "invalid local apic state",
    ],
    pattern:
      /unexpected, vectoring info 0x[0-9a-f]{1,8} intr info 0x[0-9a-f]{1,8}|unexpected VM-Exit interrupt info: 0x[0-9a-f]{1,8}|Unexpected #VE on VM-Exit reason 0x[0-9a-f]{1,8}|unhandled control register: op \d{1,3} cr \d{1,2}|Breaking out of NMI-blocked state on VCPU \d{1,5} after 1 s timeout|Invalid local APIC state/i,
    what: "A VM exit reported an event that KVM does not expect there. It is a message about one guest, not about whether VMX can be used.",
    causes: [
      "An outer hypervisor that delivers exits as no CPU does.",
      "`Breaking out of NMI-blocked state`: the CPU has no virtual NMIs (pin-based control, bit 5), so KVM can only guess when the guest left its NMI handler.",
    ],
    steps: [NEW_KERNEL],
    source: { message: VMX, meaning: `${VMX} (handle_exception_nmi, handle_cr, vmx_handle_exit)` },
  },
  {
    id: "kvm-real-mode-segment",
    product: "KVM",
    layer: "silicon",
    gravity: "degrades",
    needle: ["paragraph aligned", "kvm_set_tss_addr need"],
    pattern:
      /segment base is not paragraph aligned when entering protected mode|KVM_SET_TSS_ADDR need to be called before entering vcpu/i,
    what: "KVM runs a guest's real mode as virtual-8086 mode, because the CPU has no unrestricted guest (or the parameter is off), and what the guest or user space did does not fit that.",
    causes: ["A CPU before Westmere, or an outer hypervisor that hides unrestricted guest."],
    steps: [
      {
        text: "See whether KVM has it.",
        commands: ["cat /sys/module/kvm_intel/parameters/unrestricted_guest", "vmxlens why unrestricted_guest HOST"],
      },
      ENABLE_OUTER,
    ],
    source: { message: VMX, meaning: `${VMX} (fix_rmode_seg, init_rmode_tss)` },
  },
  {
    id: "kvm-msr-list-full",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: [
      "not enough msr switch entries",
      "not enough msr entries",
      "please adapt vmx_possible_passthrough_msrs",
      "fail to passthrough lbr",
    ],
    pattern:
      /Not enough msr (?:switch )?entries(?: in msr_autostore)?\. Can't add msr [0-9a-f]{1,8}|Invalid MSR [0-9a-f]{1,8}, please adapt vmx_possible_passthrough_msrs|vcpu-\d{1,5}: fail to passthrough LBR/i,
    what: "KVM's own lists of MSRs that it switches or passes through have no place for one. It is a limit, or a bug, of this kernel and not of the CPU.",
    steps: [NEW_KERNEL],
    source: { message: VMX, meaning: `${VMX} (add_atomic_switch_msr)` },
  },
  {
    id: "kvm-shadow-fields",
    product: "KVM",
    layer: "KVM load",
    gravity: "degrades",
    needle: ["missing field from shadow_read", "update vmcs12_write_any()"],
    pattern:
      /Missing field from shadow_read_(?:only|write)_field [0-9a-f]{1,8}|Update vmcs12_write_any\(\) to drop reserved bits/i,
    what: "The table of VMCS fields that KVM shadows for nested hypervisors is incomplete in this kernel: a 64-bit field is listed without its high half. Nested guests are slower, not wrong.",
    steps: [NEW_KERNEL],
    source: { message: NESTED, meaning: `${NESTED} (init_vmcs_shadow_fields)` },
  },
  {
    id: "nested-vmx-abort",
    product: "KVM",
    layer: "nested KVM",
    gravity: "blocks",
    needle: [
      "nested vmx abort, indicator",
      "nested_vmx_",
      "enlightened vmptrld failed",
      "apic-access address in vmcs12",
    ],
    pattern:
      /nested vmx abort, indicator (?<indicator>\d{1,4})|nested_vmx_\w{3,40} (?:check|WRMSR|read MSR|read MSR index|cannot (?:read|write) MSR)[^\n]{0,80}|enlightened vmptrld failed|no backing (?:'struct page' )?for APIC-access address in vmcs12/i,
    what: "A hypervisor inside a guest gave KVM a VMCS whose MSR lists, APIC-access page or enlightened VMCS KVM could not use; an abort (1 saving guest MSRs, 2 host PDPTEs, 4 loading host MSRs) ends that guest.",
    causes: [
      "The nested hypervisor loads or stores an MSR that KVM does not give the guest; the brackets name entry, MSR and value.",
      "The guest was restored or migrated to a host that offers fewer MSRs.",
    ],
    steps: [
      {
        text: "Look at the MSR lists of the nested hypervisor's VMCS.",
        commands: ["sudo trace-cmd record -e kvm:kvm_nested_vmenter_failed -e kvm:kvm_msr"],
      },
      NESTED_ON,
    ],
    source: {
      message: NESTED,
      meaning: `${NESTED} (nested_vmx_abort, nested_vmx_load_msr); Intel SDM volume 3C, VMX aborts`,
    },
  },
  {
    id: "kvm-posted-interrupts",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: [
      "remapped mode, irq",
      "failed to update pi irte",
      "for guest_irq",
      "wakeup handler not enabled",
      "sn field of posted-interrupts",
      "sn field set before blocking",
    ],
    pattern:
      /failed to back to remapped mode, irq: \d{1,6}|failed to update PI IRTE|no route for guest_irq \d{1,6}\/\d{1,6}|Wakeup handler not enabled while the VCPU is blocked|SN field (?:of posted-interrupts is set|set) before blocking/i,
    what: "KVM could not switch an interrupt of a passed-through device between posting (straight into the guest) and remapping (through the host). The device's interrupts are slower, or that one is lost; VMX itself works.",
    causes: ["The IOMMU driver refused: interrupt remapping is off, or the interrupt goes to several virtual CPUs."],
    steps: [
      {
        text: "See whether posting is in use.",
        commands: ["sudo dmesg | grep -iE 'DMAR-IR|posted'", "cat /sys/module/kvm_intel/parameters/enable_apicv"],
      },
      NEW_KERNEL,
    ],
    source: { message: "Linux, arch/x86/kvm/vmx/posted_intr.c", meaning: "Linux, arch/x86/kvm/vmx/posted_intr.c" },
  },
  {
    id: "kvm-tdx-requires",
    product: "KVM",
    layer: "KVM load",
    gravity: "degrades",
    needle: [
      "required for tdx",
      "tdx requires ",
      "tdx not supported by the host platform",
      "disable tdx: max_vcpu_per_td",
    ],
    pattern:
      /(?<what>EPT|APICv|TDP MMU and MMIO caching and EPT A\/D bit|(?:tdx: )?(?:OSXSAVE|MOVDIR64B|Self-snoop)|TDP MMU) (?:is|are) required for TDX|TDX requires (?:mmio caching|TDP MMU|EPT|APICv)|TDX not supported by the host platform|Disable TDX: MAX_VCPU_PER_TD \(\d{1,6}\) smaller/i,
    what: "kvm_intel loads without TDX guests, because something that TDX needs of KVM or of the platform is off. Ordinary guests are not affected.",
    causes: [
      "EPT, APICv, the TDP MMU and MMIO caching are kvm_intel's and kvm's parameters (ept, enable_apicv, tdp_mmu, mmio_caching), on by default where the CPU has what they need.",
      "`not supported by the host platform`: TDX is off in the firmware, or the kernel was not started with it.",
    ],
    steps: [
      {
        text: "See which of them is off.",
        commands: [
          "grep . /sys/module/kvm_intel/parameters/{ept,enable_apicv,tdx} /sys/module/kvm/parameters/{tdp_mmu,mmio_caching}",
          "sudo dmesg | grep -i tdx",
        ],
      },
    ],
    source: { message: TDX, meaning: `${TDX} (tdx_bringup)` },
  },
  {
    id: "kvm-tdx-seamcall",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: ["seamcall", "tdh_mng_", "tdh_vp_", "guest access before accepting"],
    pattern:
      /SEAMCALL \(?(?!0x)\w{3,40}\)? failed: 0x[0-9a-f]{1,16}|TDH_VP_(?:RD|WR)\[[^\]\n]{1,40}\][^\n]{0,40}failed:? 0x[0-9a-f]{1,16}|tdh_mng_\w{3,20}\(\) failed\.|TDH_MNG_RD\[[^\]\n]{1,40}\] failed|Guest access before accepting 0x[0-9a-f]{1,16}/i,
    what: "The TDX module refused a call of KVM's. It is about a confidential guest (TD); VMX capabilities of ordinary guests are not affected.",
    causes: [
      "The upper half of the number is the status that the TDX module specification lists; the lower half names the operand.",
    ],
    steps: [KERNEL_LOG, { text: "Update the TDX module with the firmware, and the kernel." }],
    source: { message: TDX, meaning: "Intel TDX Module specification, completion status codes" },
  },
  {
    id: "tdx-init-refused",
    product: "Linux",
    layer: "firmware",
    gravity: "degrades",
    needle: "virt/tdx: seamcall",
    pattern: /virt\/tdx: SEAMCALL \((?<leaf>0x[0-9a-f]{1,16})\) failed: (?<status>0x[0-9a-f]{1,16})/i,
    what: "Linux could not initialise TDX: the TDX module refused its call {leaf} with the status {status}, so no confidential guest (TD) can run. VT-x is another thing and works: ordinary guests are not affected.",
    causes: [
      "The calls are 0x21 TDH.SYS.INIT, 0x22 TDH.SYS.RD, 0x23 TDH.SYS.LP.INIT, 0x2d TDH.SYS.CONFIG, 0x1f TDH.SYS.KEY.CONFIG and 0x24 TDH.SYS.TDMR.INIT; the upper half of the status is what the TDX module specification lists.",
    ],
    steps: [{ text: "Update the TDX module with the firmware, and the kernel." }],
    source: {
      message: "Linux, arch/x86/virt/vmx/tdx/tdx.c",
      meaning: "Intel TDX Module specification, completion status codes",
    },
  },
  {
    id: "tdx-no-module",
    product: "Linux",
    layer: "firmware",
    gravity: "degrades",
    needle: "virt/tdx: module not loaded",
    pattern: /virt\/tdx: module not loaded/i,
    what: "The firmware has TDX on (Linux found its private key IDs), and loaded no TDX module, so confidential guests (TDs) cannot run. VT-x is another thing and works: ordinary guests are not affected.",
    causes: ["The firmware's SEAM loader (P-SEAMLDR) did not run, or found no TDX module that it accepts."],
    steps: [
      {
        text: "Give the firmware a TDX module: it is part of a BIOS image of the vendor, or the firmware takes it from the EFI system partition. With SEAM loader on and none loaded, ask the vendor which image has one.",
        commands: ["sudo dmesg | grep -i tdx; ls -l /boot/efi/EFI/TDX/"],
      },
    ],
    source: { message: "canonical/tdx#425; Linux, arch/x86/virt/vmx/tdx/tdx.c", meaning: "Intel TDX Enabling Guide" },
  },
  {
    id: "kvm-trace-msr",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "informs",
    needle: "kvm_msr: msr_",
    group: "kvm-trace-msr",
    pattern: /kvm_msr: msr_(?<access>read|write) (?<msr>3a|4[89][0-9a-f]) = 0x(?<value>[0-9a-f]{1,16})/,
    what: "A trace of what guests read from and write to their registers.",
    decoder: "trace-msr",
    steps: [{ text: "See it on every CPU, in the guest.", commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a"] }],
    source: {
      message: "Linux, arch/x86/kvm/trace.h (kvm_msr)",
      meaning: "tianocore/edk2#11188; Intel SDM volume 3C, appendix A",
    },
  },
  {
    id: "kvm-split-pages",
    product: "Linux",
    layer: "KVM parameter",
    gravity: "informs",
    needle: "mitigation: split huge pages",
    pattern: /KVM: Mitigation: Split huge pages/i,
    what: "The kernel works around an erratum of this CPU (iTLB multihit): KVM maps memory that guests execute in pages of 4 KByte, which costs speed. EPT is on, and data stays in huge pages.",
    steps: [
      {
        text: "Only where all guests are trusted: measure without it, for machines that are started afterwards.",
        commands: ["echo off | sudo tee /sys/module/kvm/parameters/nx_huge_pages"],
      },
    ],
    source: {
      message: "Linux, arch/x86/kernel/cpu/bugs.c (itlb_multihit_show_state)",
      meaning: "Linux, Documentation/admin-guide/hw-vuln/multihit.rst",
    },
  },
  {
    id: "kvm-l1d-flush",
    product: "KVM",
    layer: "KVM parameter",
    gravity: "harmless",
    needle: "ignoring vmentry_l1d_flush",
    pattern: /Kernel compiled without mitigations, ignoring vmentry_l1d_flush/i,
    what: "The parameter vmentry_l1d_flush does nothing in this kernel: it was built without CPU mitigations.",
    steps: [
      { text: "Take the parameter away.", commands: ["grep -r vmentry_l1d_flush /etc/modprobe.d /proc/cmdline"] },
    ],
    source: { message: VMX, meaning: `${VMX} (vmentry_l1d_flush_set)` },
  },
] as const satisfies readonly MessageRow[];
