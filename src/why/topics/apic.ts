import type { Topic, TopicStep } from "./topic.js";

const SEE_APICV: TopicStep = {
  text: "See what the CPU has, and what KVM makes of it.",
  commands: ["grep -m1 '^vmx flags' /proc/cpuinfo", "cat /sys/module/kvm_intel/parameters/enable_apicv"],
};

/** The guest's local APIC. */
export const APIC_TOPICS: readonly Topic[] = [
  {
    id: "apicv-parts",
    about: [
      "apicv | apic virtualization | avic | virtual apic | reduce apic exit | overhead of the apic",
      "control | need* | require* | which | part | make up | consist* | prerequisite | emulation overhead",
    ],
    not: "inhibit* | hyper v | synic | nested | pid pointer | ipi virtualization | posted interrupt descriptor",
    says: "KVM's APICv is three controls together: APIC-register virtualization ({proc2.APIC_REGISTER_VIRT}), virtual-interrupt delivery ({proc2.VIRT_INTR_DELIVERY}) and posted interrupts ({pin.POSTED_INTR}); enable_apicv reads N where one is missing. The first two need the TPR shadow ({proc.VIRTUAL_TPR}), virtual-interrupt delivery also external-interrupt exiting ({pin.INTR_EXITING}), and posted interrupts need virtual-interrupt delivery and `acknowledge interrupt on exit` ({exit.ACK_INTR_ON_EXIT}).",
    steps: [SEE_APICV],
    source: "SDM volume 3C, section 27.2.1.1; Linux, arch/x86/kvm/vmx/capabilities.h (cpu_has_vmx_apicv)",
  },
  {
    id: "posted-setup",
    about: [
      "posted interrupt | posted intr | posted int",
      "descriptor | notification | vector | set up | setup | without causing vm exit | process posted | how | enable | remote cpu | need*",
    ],
    not: "apicv inhibit | iommu | vt d | device posted | kvm intel enable apicv",
    says: "Posted interrupts ({pin.POSTED_INTR}) need virtual-interrupt delivery ({proc2.VIRT_INTR_DELIVERY}) and `acknowledge interrupt on exit` ({exit.ACK_INTR_ON_EXIT}), a notification vector from 0 to 255 ({ctl.posted_intr_nv}) and a descriptor at a multiple of 64 bytes ({ctl.posted_intr_desc}). The sender sets the vector's bit in bits 255:0 of the descriptor and bit 256 (ON), and sends the notification vector as an IPI: where the guest runs on that CPU, it takes the interrupt without an exit; else the host gets the IPI and has to wake the virtual CPU.",
    steps: [{ text: "Read whether the control may be 1.", commands: ["sudo rdmsr -f 39:39 0x48d"] }],
    source: "SDM volume 3C, section 27.2.1.1 and 30.6",
  },
  {
    id: "apicv-inhibit",
    about: [
      "apicv | apic virtualization",
      "inhibit* | inactive | deactivat* | switched off | turned off | disabled at run time",
      "kvm | guest | vm | hyper v | reason",
    ],
    says: "kvm_intel.enable_apicv is about the host; for a guest KVM switches APICv off while one of these holds: its local APIC is not in the kernel (kernel-irqchip=off), Hyper-V's SynIC with AutoEOI, the debugger blocks interrupts, or the guest changed the ID or the base of an xAPIC or shares an ID. Nothing else has to be reset: it comes back when the reason goes.",
    steps: [
      {
        text: "See which it is.",
        commands: ["sudo trace-cmd record -e kvm:kvm_apicv_inhibit_changed sleep 20; sudo trace-cmd report"],
      },
    ],
    source: "Linux, arch/x86/kvm/vmx/main.c (VMX_REQUIRED_APICV_INHIBITS)",
  },
  {
    id: "ipi-virt",
    about: ["ipi virtualization | ipiv | pid pointer | enable ipiv | virtualize ipi | ipi virt"],
    not: "not exist | ipiv 0 | ipiv n",
    says: "IPI virtualization ({proc3.IPI_VIRT}) sends an IPI of the guest to another of its virtual CPUs without an exit: the CPU looks the target's posted-interrupt descriptor up in a table ({ctl.pid_pointer_table}, up to the index in {ctl.last_pid_index}). KVM switches enable_ipiv off where enable_apicv is off or the CPU has no such control; Sapphire Rapids was the first server CPU with it.",
    steps: [{ text: "See whether it is used.", commands: ["cat /sys/module/kvm_intel/parameters/enable_ipiv"] }],
    source: "SDM volume 3C, section 30.1.6; Linux, arch/x86/kvm/vmx/vmx.c",
  },
  {
    id: "x2apic-mode",
    about: [
      "x2apic | virtualize x2apic mode | virtual x2apic",
      "rdmsr | wrmsr | eoi | apic register virtualization | virtual interrupt delivery | virtualize x2apic | exit",
      "guest | vm execution control | virtualize* | kvm",
    ],
    not: "init | interrupt command register | sipi",
    says: "For MSRs 0x800 to 0x8ff the controls count only with `virtualize x2APIC mode` ({proc2.VIRTUAL_X2APIC}): RDMSR then reads the virtual-APIC page where APIC-register virtualization ({proc2.APIC_REGISTER_VIRT}) is 1, and WRMSR of 0x80b (EOI) and 0x83f (self-IPI) is done by the CPU where virtual-interrupt delivery ({proc2.VIRT_INTR_DELIVERY}) is; 0x808 (TPR) in any case. Each also needs its bit in the MSR bitmap to be 0. `Virtualize APIC accesses` must be 0 then.",
    source: "SDM volume 3C, section 30.5",
  },
  {
    id: "apic-access",
    about: ["apic access | virtualize apic access | apic access page | exit reason 44"],
    not: "x2apic",
    says: "With `virtualize APIC accesses` ({proc2.VIRT_APIC_ACCESSES}) accesses to the page at {ctl.apic_access} are the APIC's. That is a host-physical address: the EPT has to map 0xfee00000 of the guest to it, with read and write. What the CPU does not answer from the virtual-APIC page exits with reason 44: offset in bits 11:0 of the qualification, kind of access in 15:12 (0 read, 1 write, 2 fetch, 3 during event delivery).",
    source: "SDM volume 3C, section 30.4",
  },
  {
    id: "pv-eoi",
    about: ["pv eoi | kvm pv eoi | paravirtual eoi | paravirtualized eoi | paravirtualized apic eoi | pv apic eoi"],
    anywhere: true,
    says: "Paravirtual EOI saves the exit of an EOI write. Where the host does the EOI in hardware there is none to save: on Intel with virtual-interrupt delivery (`vid`, part of APICv; enable_apicv reads Y), on AMD with AVIC, in either case while KVM has not switched it off for that guest. So a machine with one of these gains nothing, and one without gains an exit for most edge-triggered interrupts.",
    steps: [
      {
        text: "See on the host which of the two it is.",
        commands: ["cat /sys/module/kvm_intel/parameters/enable_apicv", "cat /sys/module/kvm_amd/parameters/avic"],
      },
    ],
    source: "Linux, arch/x86/kvm/lapic.c (apic_sync_pv_eoi_to_guest); SDM volume 3C, section 30.1.4",
  },
  {
    id: "eoi-exit",
    about: ["eoi exit | eoi exit bitmap | virtualized eoi | eoi induced | exit reason 45"],
    says: "With virtual-interrupt delivery the guest's EOI exits (reason 45, after the EOI) only where the vector's bit is 1 in the EOI-exit bitmap ({ctl.eoi_exit0} to {ctl.eoi_exit3}). A hypervisor sets the bits of level-triggered vectors, whose EOI its virtual IOAPIC has to see, and leaves the others at 0.",
    source: "SDM volume 3C, section 30.1.4",
  },
  {
    id: "guest-interrupt-status",
    about: ["guest interrupt status | rvi | svi", "rvi | svi | virr | ppr | evaluat* | deliver* | pending | irr"],
    not: "x2apic | need* | posted",
    says: "With virtual-interrupt delivery ({proc2.VIRT_INTR_DELIVERY}) the CPU delivers RVI (bits 7:0 of {guest.intr_status}) as soon as its priority class is above that of PPR and the guest takes interrupts; SVI (bits 15:8) is the one in service. To add an interrupt, set its bit in the virtual IRR and raise RVI to it before the entry. Injection by {ctl.ev} is then for exceptions and NMIs.",
    source: "SDM volume 3C, section 30.2",
  },
  {
    id: "apic-write",
    about: ["apic write | apic write vm exit | exit reason 56 | page offset"],
    also: ["eoi | 0xb0 | virtual interrupt delivery | icr | why"],
    says: "An APIC-write exit (reason 56) comes after a write to the virtual-APIC page that the CPU could not finish itself; the page already holds the value, and the qualification is its offset. With virtual-interrupt delivery ({proc2.VIRT_INTR_DELIVERY}) the CPU does EOI (0xb0) and most self-IPIs; without it, and with APIC-register virtualization ({proc2.APIC_REGISTER_VIRT}), a write of EOI exits so, as one of other registers does. RIP is past the instruction already.",
    source: "SDM volume 3C, section 30.4.3",
  },
  {
    id: "flexpriority",
    about: ["flexpriority | tpr shadow", "32 bit | windows xp | need* | off | what | which | n | missing"],
    not: "cr8 | threshold",
    says: "FlexPriority is two controls: the TPR shadow ({proc.VIRTUAL_TPR}) and `virtualize APIC accesses` ({proc2.VIRT_APIC_ACCESSES}); kvm_intel.flexpriority reads N where one is missing. It spares the exits of a guest that changes its task priority often through memory, as 32-bit Windows XP does; a 64-bit guest uses CR8, which needs the TPR shadow alone.",
    source: "SDM volume 3C, chapter 30; Linux, arch/x86/kvm/vmx/vmx.c (hardware_setup)",
  },
];
