import type { Topic } from "./topic.js";

/** The TSC, the preemption timer and what idle guests cost. */
export const TIME_TOPICS: readonly Topic[] = [
  {
    id: "preemption-timer",
    about: ["preemption timer | vmx preemption timer"],
    also: ["rate | frequency | tsc | save | hlt | halt* | stop* | c state | quantum | reload* | value"],
    not: "kvm intel preemption timer | nested | parameter preemption timer",
    says: "The VMX-preemption timer ({pin.PREEMPTION_TIMER}) counts down by 1 each time bit X of the TSC changes, X being bits 4:0 of {IA32_VMX_MISC}, and exits with reason 52 at 0. It runs in the guest alone, so not while the host part does, and in the C-states C0 to C2, so also in a guest that halted without an exit. Every entry loads it from {guest.preemption_timer}; what was left is written back only with `save VMX-preemption timer value` ({exit.SAVE_VMX_PREEMPTION_TIMER}).",
    steps: [{ text: "Read X.", commands: ["sudo rdmsr -d -f 4:0 0x485"] }],
    source: "SDM volume 3C, section 26.5.1 and 28.3.4",
  },
  {
    id: "tsc-rate",
    about: [
      "tsc | tsc khz | tsc frequency",
      "migrat* | snapshot | restor* | another host | different host | other host",
      "frequency | khz | scaling | clock source | clocksource | invtsc | skew | drift* | clock | nonstop tsc",
    ],
    not: "multiplier field",
    says: "After a move to a host whose TSC has another frequency the guest's TSC keeps its rate only where that CPU has TSC scaling ({proc2.TSC_SCALING}) and the hypervisor sets the old rate (KVM_SET_TSC_KHZ; QEMU's tsc-frequency) before the guest runs; the offset alone keeps the value, not the rate. Without scaling KVM accepts a rate within 250 ppm of its own. A guest with kvm-clock as its clock gets the new rate from KVM instead; QEMU refuses to migrate invtsc unless tsc-frequency is given.",
    steps: [
      {
        text: "See whether a host can scale, and its rate.",
        commands: ["grep -c tsc_scaling /proc/cpuinfo", "sudo dmesg | grep -i 'tsc:.*MHz'"],
      },
    ],
    source: "Linux, arch/x86/kvm/x86.c (set_tsc_khz); QEMU, target/i386/kvm/kvm.c",
  },
  {
    id: "tsc-fields",
    about: [
      "tsc offset | tsc multiplier | tsc offsetting | tsc scaling",
      "formula | multiplier | how | rdtsc | order | nested | compute | fixed point | 48 | value | guest tsc",
    ],
    not: "migrat* | snapshot",
    says: "RDTSC, RDTSCP and RDMSR of 0x10 in the guest give the CPU's TSC times the multiplier ({ctl.tsc_multiplier}, 48 bits behind the binary point, with {proc2.TSC_SCALING}), plus the offset ({ctl.tsc_offset}, with {proc.USE_TSC_OFFSETTING}). Both count only where these controls are 1, and each virtual CPU has its own. WRMSR of 0x10 is never adjusted: it writes the real TSC unless it exits.",
    source: "SDM volume 3C, section 25.6.5 and 26.3",
  },
  {
    id: "halt-polling",
    about: ["halt poll | halt polling | haltpoll | halt poll ns | guest halt poll"],
    anywhere: true,
    says: "KVM polls for up to kvm.halt_poll_ns after a virtual CPU halted, before it gives the host's CPU away: quick wake-ups, and time of the host that the guest does not see. A guest with cpuidle-haltpoll polls itself, and switches KVM's polling off through an MSR. Both are 0 or absent where idle guests have to cost nothing.",
    steps: [
      {
        text: "See what polls, on the host and in the guest.",
        commands: [
          "cat /sys/module/kvm/parameters/halt_poll_ns",
          "cat /sys/devices/system/cpu/cpuidle/current_driver   # in the guest",
        ],
      },
      { text: "Switch it off on the host.", commands: ["echo 0 | sudo tee /sys/module/kvm/parameters/halt_poll_ns"] },
    ],
    source: "Linux, Documentation/virt/kvm/halt-polling.rst and guest-halt-polling.rst",
  },
  {
    id: "hlt-exits",
    about: [
      "hlt | hlt exit | hlt instruction",
      "vm exit | exit | exiting",
      "idle | many | lot of | too many | while waiting",
    ],
    not: "halt poll* | haltpoll | preemption timer",
    anywhere: true,
    says: "A guest that has nothing to do halts, so many HLT exits (reason 12) are the sign of an idle guest: one for each time that an interrupt, mostly its timer, woke it. They cost little; what they add is the time until it runs again. Without HLT exiting ({proc.HLT_EXITING}) the guest halts the CPU itself: quicker, and no other task gets that CPU.",
    steps: [{ text: "Compare with the other reasons.", commands: ["sudo perf kvm stat live"] }],
    source: "SDM volume 3C, section 26.1.3",
  },
  {
    id: "rdtsc-exit",
    about: ["rdtsc | rdtsc exiting", "exit | exiting | trap | intercept", "guest | vmx | vmcs | hypervisor"],
    not: "rdtscp | umwait | detect* | malware | cpuid",
    says: "RDTSC exits (reason 16) with RDTSC exiting ({proc.RDTSC_EXITING}); the handler gives EDX:EAX, and the upper halves of RAX and RDX are 0. RDMSR of 0x10 is then still decided by the MSR bitmap, and RDTSCP exits with reason 51 where it is enabled. Without the control the guest reads the TSC without an exit, with the offset where `use TSC offsetting` ({proc.USE_TSC_OFFSETTING}) is 1. Neither control needs the other to be 0.",
    source: "SDM volume 3C, section 26.1.3",
  },
  {
    id: "timer-advance",
    about: ["lapic timer advance | timer advance | tsc deadline", "kvm | guest | latency | jitter | vmx"],
    not: "bhyve | firecracker",
    says: "KVM makes the guest's TSC-deadline timer of the VMX-preemption timer where kvm_intel.preemption_timer is Y, and of a timer of the host otherwise; it lets it end lapic_timer_advance_ns early and waits for the rest in the host, to make up for the time of the VM entry (-1, in older kernels, finds the value itself).",
    steps: [
      {
        text: "See both.",
        commands: [
          "cat /sys/module/kvm_intel/parameters/preemption_timer",
          "grep . /sys/module/kvm/parameters/lapic_timer_advance*",
        ],
      },
    ],
    source: "Linux, arch/x86/kvm/lapic.c",
  },
];
