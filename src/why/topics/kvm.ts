import type { Topic, TopicStep } from "./topic.js";

/** Why a parameter of kvm_intel reads N that was not switched off: what hardware_setup asks for. */
const NEEDS: readonly (readonly [name: string, needs: string])[] = [
  ["vpid", "VPID ({proc2.VPID}) and INVVPID of one VPID or of all (bits 32 and 41 or 42 of {IA32_VMX_EPT_VPID_CAP})"],
  ["eptad", "ept, and accessed and dirty flags of EPT ({0x48c.EPT_AD})"],
  ["unrestricted_guest", "ept, and unrestricted guest ({proc2.UNRESTRICTED_GUEST})"],
  ["vnmi", "NMI exiting and virtual NMIs (pin controls, bits {bit pin.NMI_EXITING} and {bit pin.VIRTUAL_NMIS})"],
  ["pml", "ept, eptad and page-modification logging ({proc2.PAGE_MOD_LOGGING})"],
  ["enable_shadow_vmcs", "nested, and VMCS shadowing ({proc2.SHADOW_VMCS})"],
  ["preemption_timer", "the VMX-preemption timer ({pin.PREEMPTION_TIMER}) on a CPU without the erratum in it"],
  ["enable_ipiv", "enable_apicv, and IPI virtualization ({proc3.IPI_VIRT})"],
];

/** The words of a parameter's name. */
const words = (name: string): string => name.replaceAll("_", " ");

const PARAM_TOPICS: readonly Topic[] = NEEDS.map(([name, needs]) => ({
  id: `param-${name}`,
  about: [
    `kvm intel ${words(name)} | parameter ${words(name)} | ${words(name)} n${name.includes("_") ? ` | ${words(name)}` : ""}`,
    "n | read n | show n | still n | stay n | still off | still disabled | reset to | remain* | always n",
    "kvm | kvm intel | parameter | modprobe | module",
  ],
  not: `${words(name)} 0 | not exist`,
  says: `kvm_intel.${name} reads N where it was switched off, or where what it needs is missing: ${needs}. What is asked for at load time changes nothing then, and in a virtual machine it is the hypervisor below that decides what the registers show.`,
  steps: [{ text: "Have it said for a machine.", commands: [`vmxlens why ${name} HOST`] }],
  source: "Linux, arch/x86/kvm/vmx/vmx.c (hardware_setup)",
}));

const SEE_ALL: TopicStep = {
  text: "See all of them.",
  commands: ["grep -s . /sys/module/kvm_intel/parameters/* /sys/module/kvm/parameters/*"],
};

/** KVM: its parameters, and what it costs. */
export const KVM_TOPICS: readonly Topic[] = [
  ...PARAM_TOPICS,
  {
    id: "params-at-load",
    about: [
      "kvm intel | kvm module",
      "parameter | sys module | module option",
      "runtime | run time | without reboot | read only | permission denied | change | reload* | writable | echo",
    ],
    says: "The parameters of kvm_intel are read when the module is loaded; of those only dump_invalid_vmcs and vmentry_l1d_flush can be written later. To change another one, end all guests, unload the module and load it with the option, or put it into /etc/modprobe.d; where KVM is built into the kernel it goes to the kernel's command line as kvm_intel.NAME=VALUE.",
    steps: [
      {
        text: "Reload it with another value.",
        commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel NAME=VALUE"],
      },
      SEE_ALL,
    ],
    source: "Linux, arch/x86/kvm/vmx/vmx.c (module_param)",
  },
  {
    id: "ept-off",
    about: [
      "ept 0 | ept n | without ept | no ept | disable ept | ept disabled | shadow paging | shadow page table",
      "kvm | guest | kvm intel | hypervisor",
    ],
    not: "xen | nested ept",
    says: "VMX does not need EPT: without it a hypervisor shadows the guest's page tables, as KVM does where the CPU has none or ept=0 is given. Each change of them, CR3 load, INVLPG and first touch of a page costs an exit, so everything that makes processes or maps memory is slower. unrestricted_guest, eptad and pml are off with it, and L1 is offered no EPT. The flush of the L1 cache against L1TF is not needed then, for the host makes the entries.",
    steps: [{ text: "See whether it is on.", commands: ["cat /sys/module/kvm_intel/parameters/ept"] }],
    source: "Linux, arch/x86/kvm/vmx/vmx.c (hardware_setup); Documentation/admin-guide/hw-vuln/l1tf.rst",
  },
  {
    id: "nx-huge-pages",
    about: ["nx huge page | nx lpage recovery | nx huge page recovery | kvm nx"],
    also: ["recovery | latency | performance | disable | itlb | never | off"],
    not: "xeon phi",
    says: "kvm.nx_huge_pages maps huge pages of guests without the right to execute and splits one when the guest executes in it, against the machine check of iTLB multihit. The thread kvm-nx-lpage-recovery makes huge pages of them again in time (nx_huge_pages_recovery_ratio; 0 stops it), and each round costs EPT violations, which latency tests see. auto leaves it off on CPUs that do not have the flaw.",
    steps: [
      {
        text: "See whether the CPU has the flaw, and what is set.",
        commands: [
          "cat /sys/devices/system/cpu/vulnerabilities/itlb_multihit",
          "grep . /sys/module/kvm/parameters/nx_huge_pages*",
        ],
      },
      {
        text: "Switch it off where no guest is distrusted.",
        commands: ["echo off | sudo tee /sys/module/kvm/parameters/nx_huge_pages"],
      },
    ],
    source: "Linux, Documentation/admin-guide/hw-vuln/multihit.rst; arch/x86/kvm/mmu/mmu.c",
  },
  {
    id: "dirty-log-size",
    about: [
      "dirty log | dirty page tracking | kvm mem log dirty page | log dirty page | dirty logging | kvm dirty log | dirty bitmap",
      "huge page | large page | 4k | thp | granul* | split | zapped | hugetlb | 2mb",
    ],
    not: "manual dirty log protect | clear dirty log",
    says: "KVM logs dirty pages in units of 4 KByte. While a slot is logged it maps no huge page of it for writing: with PML or write protection the huge mappings go, and the guest gets 4-KByte ones as it writes (ahead of that with kvm.eager_page_split). When logging ends, huge mappings come back as the pages are touched or collapsed, so the cost lasts as long as the migration.",
    steps: [
      {
        text: "See what KVM uses.",
        commands: ["cat /sys/module/kvm_intel/parameters/pml", "cat /sys/module/kvm/parameters/eager_page_split"],
      },
    ],
    source: "Linux, arch/x86/kvm/mmu/mmu.c and x86.c (kvm_mmu_slot_apply_flags)",
  },
  {
    id: "mmu-reset",
    about: [
      "kvm mmu reset context | mmu reset | reset mmu | mmu context reset | kvm mmu unload | unloading mmu | reset of the mmu | unload mmu",
    ],
    also: ["unrestricted guest | slow | boot | performance | cr0 | smm"],
    says: "KVM resets its MMU for a virtual CPU when a bit changes that decides how page tables are read (CR0.PG, CR0.WP, some of CR4, EFER), and on the way into and out of SMM: it drops the roots and builds them anew, which costs little once and much when it comes thousands of times. With unrestricted guest ({proc2.UNRESTRICTED_GUEST}) and EPT the guest's real mode runs as it is; with unrestricted_guest=0 KVM emulates it or runs it in virtual-8086 mode, and each switch into and out of real mode exits and resets, so firmware boots slowly.",
    steps: [
      {
        text: "Leave unrestricted_guest and ept at Y, the default.",
        commands: ["grep . /sys/module/kvm_intel/parameters/{unrestricted_guest,ept}"],
      },
    ],
    source: "Linux, arch/x86/kvm/mmu/mmu.c (kvm_mmu_reset_context); arch/x86/kvm/vmx/vmx.c (vmx_set_cr0)",
  },
  {
    id: "ept-page-sizes",
    about: [
      "ept cap to lpage level | pg level 4k | ept large page size | 2mb ept | ept 2mb | ept 1gb | large page size bit | large page bit | max huge page level | ept large page",
      "kvm | nested | hypervisor | l1 | guest",
      "huge page | large page | 4k | 2m | 1g | level",
    ],
    not: "multihit | machine check",
    says: "The largest page with which KVM maps guests follows from {IA32_VMX_EPT_VPID_CAP}: 1 GByte with {0x48c.EPT_1GB_PAGE}, else 2 MByte with {0x48c.EPT_2MB_PAGE}, else 4 KByte alone, whatever the memory behind is. CPUs with EPT have the 2-MByte bit as a rule, so where a virtual machine shows neither, the hypervisor below has left them out, and tests that expect large pages there fail for that reason.",
    steps: [{ text: "Read both bits where KVM runs.", commands: ["sudo rdmsr -f 17:16 -a 0x48c"] }],
    source: "Linux, arch/x86/kvm/vmx/capabilities.h and vmx.c (ept_caps_to_lpage_level)",
  },
  {
    id: "kvm-huge-pages",
    about: [
      "huge page | 1gb page | 1g page | 2mb page | thp | hugetlb | hugetlbf | transparent huge page",
      "kvm | qemu | libvirt | guest | vm",
      "ept | performance | tlb | latency | memory backing | reduce*",
    ],
    not: "dirty log* | nx huge page | dirty page | live migration | multihit | nested",
    says: "KVM maps a guest's memory in the EPT by the largest page that the host's memory and its alignment allow: 1 GByte needs pages of that size from hugetlbfs and {0x48c.EPT_1GB_PAGE}, 2 MByte comes from hugetlbfs or transparent huge pages. A TLB miss in a guest walks both its tables and the EPT, so large pages in either make it shorter. Dirty logging and kvm.nx_huge_pages split them again.",
    steps: [
      {
        text: "See what the CPU has, and what KVM maps.",
        commands: ["sudo rdmsr -f 17:16 0x48c", "sudo grep . /sys/kernel/debug/kvm/pages_*"],
      },
    ],
    source: "SDM volume 3C, section 29.3.2; Linux, arch/x86/kvm/mmu/mmu.c",
  },
  {
    id: "manual-protect",
    about: ["manual dirty log protect | clear dirty log | manual dirty log protect2 | kvm clear dirty log"],
    anywhere: true,
    says: "Without KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_GET_DIRTY_LOG reads the bitmap, clears it and protects all its pages again, under one long lock. With it the call only reads, and KVM_CLEAR_DIRTY_LOG clears and protects the pages that user space is about to send: shorter locks, and fewer pages that are dirty again before they were sent. KVM_DIRTY_LOG_INITIALLY_SET begins with all bits at 1, without protecting anything.",
    source: "Linux, Documentation/virt/kvm/api.rst",
  },
  {
    id: "dirty-ring",
    about: ["dirty ring | kvm dirty ring | dirty ring size"],
    anywhere: true,
    says: "The dirty ring (KVM_CAP_DIRTY_LOG_RING; QEMU: -accel kvm,dirty-ring-size=4096) gives user space a list per virtual CPU of the pages that became dirty, instead of a bitmap of all memory: better for large guests that write little. It exits with KVM_EXIT_DIRTY_RING_FULL when full, which slows a virtual CPU that writes much. Ring and bitmap cannot both be used on x86.",
    source: "Linux, Documentation/virt/kvm/api.rst",
  },
  {
    id: "exit-statistics",
    about: [
      "perf kvm | perf kvm stat | kvm stat | kvm exit",
      "count* | statistic* | which vm exit | what vm exit | number of exit | measure | how many",
    ],
    not: "perf list",
    anywhere: true,
    says: "`perf kvm stat` counts the exits of guests by reason on the host, with the time each took; it rests on the trace points kvm:kvm_exit and kvm:kvm_entry. /sys/kernel/debug/kvm has counters for all guests and one folder for each. Inside a guest nothing counts its own exits.",
    steps: [
      {
        text: "Count while the guest does what is slow.",
        commands: ["sudo perf kvm stat live", "sudo perf kvm stat record -p PID sleep 10; sudo perf kvm stat report"],
      },
    ],
    source: "Linux, tools/perf/Documentation/perf-kvm.txt",
  },
  {
    id: "perf-guest-events",
    about: ["split lock | splitlock | perf stat | perf event", "vm | guest", "perf | r10f4 | host | 0xf4"],
    also: ["host"],
    not: "took a split lock | perf list | no counter",
    says: "On the host perf counts what happens in host mode alone by default: an event in a guest's code is counted with the modifier G, or by perf kvm. A split lock in a guest raises #AC while the host has split-lock detection on, which KVM gets by an exit; with bus-lock detection ({proc2.BUS_LOCK_DETECTION}) the bus lock itself exits, after the instruction, where user space asked for it (KVM_CAP_X86_BUS_LOCK_EXIT).",
    steps: [
      {
        text: "Count in the guest's code.",
        commands: ["sudo perf stat -e r10f4:G -a sleep 10", "sudo perf kvm --guest stat -e r10f4 -a sleep 10"],
      },
    ],
    source: "Linux, tools/perf/Documentation/perf-list.txt; arch/x86/kvm/vmx/vmx.c (handle_bus_lock_vmexit)",
  },
  {
    id: "bus-lock",
    about: ["bus lock | bus lock exit | bus lock detection | kvm cap x86 bus lock exit"],
    not: "took a split lock | perf stat",
    says: "With VMM bus-lock detection ({proc2.BUS_LOCK_DETECTION}) a bus lock of the guest exits after the instruction, with reason 74, or sets bit 26 of another exit's reason. KVM turns it on for a guest whose user space enabled KVM_CAP_X86_BUS_LOCK_EXIT; QEMU does for the machine option bus-lock-ratelimit. It does not prevent the lock, it lets the host slow the guest down.",
    steps: [{ text: "Read whether the control may be 1.", commands: ["sudo rdmsr -f 62:62 -a 0x48b"] }],
    source: "SDM volume 3C, section 26.2; Linux, Documentation/virt/kvm/api.rst",
  },
  {
    id: "notify-exit",
    about: ["notify vm exit | notify window | notify exit | exit reason 75 | notify vm exiting"],
    says: "Notify VM exits ({proc2.NOTIFY_VM_EXITING}) end a guest's stretch in which no event window opens for longer than the notify window ({ctl.instruction_timeout}), such as an endless chain of #AC or #DB, with reason 75; bit 0 of the qualification says that the VM context is invalid, and the guest cannot go on then. KVM: KVM_CAP_X86_NOTIFY_VMEXIT; QEMU: -accel kvm,notify-vmexit=run|internal-error|disable,notify-window=N.",
    source: "SDM volume 3C, section 26.2; Linux, Documentation/virt/kvm/api.rst",
  },
  {
    id: "l1tf",
    about: [
      "l1tf | l1d flush | l1 data cache | flush l1 data cache | vm entry l1d flush | l1 terminal fault | l1d cache flush",
    ],
    also: ["ept | always | cond | never | guest | performance | smt"],
    not: "took",
    says: "On CPUs with L1TF KVM empties the L1 data cache before VM entries: kvm_intel.vmentry_l1d_flush=cond after paths of the host that may leave secrets (the default), always, or never. A guest on the other thread of the core can still read what is in that cache, so without trust SMT has to be off. Where the CPU has no such flaw, or without EPT, nothing is flushed.",
    steps: [
      {
        text: "See what this kernel does.",
        commands: [
          "cat /sys/devices/system/cpu/vulnerabilities/l1tf",
          "cat /sys/module/kvm_intel/parameters/vmentry_l1d_flush",
        ],
      },
    ],
    source: "Linux, Documentation/admin-guide/hw-vuln/l1tf.rst",
  },
  {
    id: "disable-exits",
    about: ["disable exit | x86 disable exit | cpu pm | overcommit cpu pm | disable exit hlt"],
    says: "KVM_CAP_X86_DISABLE_EXITS lets a guest execute HLT, MWAIT and PAUSE without an exit, and use the C-states of the CPU; QEMU does that with -overcommit cpu-pm=on. It has to be set before the first virtual CPU is made. Wake-ups become quicker, and the host sees the CPU as busy all the time, so it is for pinned virtual CPUs alone.",
    source: "Linux, Documentation/virt/kvm/api.rst (KVM_CAP_X86_DISABLE_EXITS)",
  },
  {
    id: "invalid-guest-emulation",
    about: ["emulate invalid guest state | big real mode | invalid guest state emulat*"],
    says: "Without unrestricted guest (Westmere and later have it) VM entry refuses states that real mode allows, as segments larger than 64 KByte; kvm_intel.emulate_invalid_guest_state=Y, the default, lets KVM emulate instructions until the state is one that VMX takes. It is slow, and ends with KVM_EXIT_INTERNAL_ERROR where the emulator lacks an instruction. With unrestricted guest it plays no part.",
    steps: [
      {
        text: "See both.",
        commands: [
          "cat /sys/module/kvm_intel/parameters/unrestricted_guest /sys/module/kvm_intel/parameters/emulate_invalid_guest_state",
        ],
      },
    ],
    source: "Linux, arch/x86/kvm/vmx/vmx.c (emulation_required)",
  },
  {
    id: "dump-vmcs",
    about: ["dump invalid vmcs | dump vmcs", "how | enable | print | see | field | dmesg | log | off"],
    not: "guest state cr0",
    says: "KVM prints the VMCS of a failed entry only with kvm_intel.dump_invalid_vmcs=Y, which is off by default and can be written at run time, while old kernels print it unasked. With it set, repeat what failed: the dump is in the kernel's log, and each of its fields can be checked.",
    steps: [
      {
        text: "Set it, repeat, and have the dump checked.",
        commands: [
          "echo Y | sudo tee /sys/module/kvm_intel/parameters/dump_invalid_vmcs",
          "sudo dmesg > dump.txt; vmxlens audit dump.txt",
        ],
      },
    ],
    source: "Linux, arch/x86/kvm/vmx/vmx.c (dump_vmcs)",
  },
  {
    id: "smaller-maxphyaddr",
    about: [
      "maxphyaddr | phys bit | physical address width | host phys bit | smaller maxphyaddr",
      "guest | ept | kvm | qemu | migrat*",
    ],
    not: "vmxon | guest cr3 | canonical",
    says: "A guest whose CPUID shows fewer physical-address bits than the host's (QEMU: phys-bits) expects a reserved-bit fault for the bits above, which the CPU raises only above its own width. KVM emulates that where kvm_intel.allow_smaller_maxphyaddr=Y, by exits for page faults, and not with EPT alone otherwise. For migration between hosts of different widths give phys-bits of the least; host-phys-bits=on takes the host's.",
    steps: [{ text: "See the widths of a host.", commands: ["grep -m1 'address sizes' /proc/cpuinfo"] }],
    source: "Linux, arch/x86/kvm/vmx/vmx.c (allow_smaller_maxphyaddr); QEMU, target/i386/cpu.c",
  },
];
