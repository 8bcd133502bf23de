import type { Topic, TopicStep } from "./topic.js";

const SEE_MODEL: TopicStep = {
  text: "See what libvirt makes of the host, and what a running guest got.",
  commands: [
    "virsh domcapabilities | sed -n '/<cpu>/,/<\\/cpu>/p'",
    "virsh dumpxml GUEST | sed -n '/<cpu/,/<\\/cpu>/p'",
  ],
};

/** QEMU, libvirt, CPU models and migration. */
export const QEMU_TOPICS: readonly Topic[] = [
  {
    id: "mixed-cluster",
    about: [
      "mixed cpu | mixed hardware | mix cpu | mix of cpu | different cpu | different generation | not identical | cpu type",
      "host passthrough | cpu host | passthrough cpu",
      "cluster | pool | node | host",
    ],
    also: ["crash* | migrat* | move | unstable"],
    not: "pci passthrough | gpu",
    says: "Can be, where guests are moved: with host-passthrough a guest is given what the host has on which it started, and code in it goes on using that after a move, so it crashes on a CPU that lacks it. A guest that was never moved has no such reason. Crashes that follow moves to the older CPUs show it; then a named model that all hosts have is safe, and vmx belongs in it only where guests run guests of their own.",
    steps: [
      {
        text: "Compare the flags of the hosts, and let libvirt name a model that all have.",
        commands: [
          "grep -m1 ^flags /proc/cpuinfo | tr ' ' '\\n' | sort > $(hostname).flags",
          "virsh hypervisor-cpu-baseline ALL-HOSTS.xml",
        ],
      },
    ],
    source: "QEMU, docs/system/cpu-models-x86.rst.inc (host passthrough); libvirt, virsh (hypervisor-cpu-baseline)",
  },
  {
    id: "superset",
    about: [
      "host passthrough | cpu host | passthrough vm | cpu passthrough | passthrough cpu",
      "migration | migrate | migrating | migrated",
      "superset | flag | feature | newer | different | additional | missing | identical | same",
    ],
    not: "host model | gpu | vfio | nested state",
    anywhere: true,
    says: "With host-passthrough the destination has to offer at least what the guest was started with: CPU, microcode, kernel and QEMU together have to be a superset of the source's. What the destination has besides does not prevent the move, but -cpu host takes CPUID from the host that it runs on, so an exact match is the safe rule, and a move back has to satisfy it in the other direction. A named model with explicit features avoids that.",
    steps: [
      {
        text: "Compare the flags of both hosts.",
        commands: ["grep -m1 ^flags /proc/cpuinfo | tr ' ' '\\n' | sort > $(hostname).flags"],
      },
    ],
    source: "libvirt, docs/formatdomain.rst (host-passthrough); QEMU, docs/system/i386/cpu-models-x86.rst",
  },
  {
    id: "host-model-vmx",
    about: [
      "host model",
      "host passthrough | passthrough",
      "difference | vmx | nested | flag | why | which | nested virtualization",
    ],
    not: "migration fail*",
    anywhere: true,
    says: "host-passthrough is -cpu host: the guest gets every feature that KVM can give it on this host, vmx included where kvm_intel.nested is on. host-model is made of the nearest named model and a list of features that libvirt knows, fixed when the guest starts; where vmx is not in that list, it has to be added (`<feature policy='require' name='vmx'/>`). For migration host-model is the better one, for a hypervisor in the guest either does where vmx is on.",
    steps: [SEE_MODEL],
    source: "libvirt, docs/formatdomain.rst; QEMU, docs/system/i386/cpu-models-x86.rst",
  },
  {
    id: "features-and-migration",
    about: [
      "cpu feature | cpu flag | feature policy | feature name | policy optional | pku | avx512 | hle | rtm | tsx | cpu model",
      "migrat* | live migration",
      "guest | host | vm | kvm | libvirt | qemu | server | hypervisor",
    ],
    not: "host passthrough | passthrough | nested | vmx * | xen | vmotion | match specification | invtsc | migratable off",
    anywhere: true,
    says: "A guest moves only to a host that offers every CPU feature that it was started with: these are fixed at the start, and none is taken away while it runs. policy='optional' decides at the start as well, so a guest that got the feature cannot move to a host without it. For several kinds of hosts take one model that all have, and disable what one of them lacks (hle and rtm, for example, where TSX is off or gone).",
    steps: [
      {
        text: "Let libvirt find what all hosts have.",
        commands: ["virsh domcapabilities > $(hostname).xml", "virsh hypervisor-cpu-baseline --migratable ALL.xml"],
      },
    ],
    source: "libvirt, docs/formatdomain.rst; QEMU, docs/system/i386/cpu-models-x86.rst",
  },
  {
    id: "host-slower-windows",
    about: [
      "x86 64 v3 | x86 64 v2 | kvm64 | x86 64 v2 aes",
      "host",
      "windows",
      "slow* | sluggish | faster | speed | lag*",
    ],
    anywhere: true,
    says: "With the CPU type host Windows sees vmx and the flags of the CPU's flaws (md_clear, flush_l1d): virtualization-based security then runs Windows' own hypervisor in the guest, nested, and Windows turns its mitigations on. Both cost, most of all on older CPUs, and a model without these flags has neither. So the slower type is slower by what Windows does with it, not by KVM.",
    steps: [
      {
        text: "In Windows, see whether it runs its hypervisor; then take a model without vmx, or switch that off.",
        commands: ["msinfo32   (Virtualization-based security)"],
      },
    ],
    source: "QEMU, docs/system/i386/cpu-models-x86.rst; Microsoft, virtualization-based security",
  },
  {
    id: "enforce",
    about: [
      "enforce | cpu check | check on | check enforce",
      "cpu | qemu | cpu model",
      "feature | warning | host doesn | refuse* | difference | vmx",
    ],
    not: "lockdown | selinux | check full | check partial",
    anywhere: true,
    says: "With `check`, the default, QEMU warns where the host lacks a feature that the CPU model or the command line asked for, takes it out and goes on; with `enforce` it ends instead, so a guest never gets less than it was given. For guests that are to be migrated use enforce (libvirt: check='full'), since the guest must not see less on the second host.",
    steps: [
      {
        text: "Try a model without a guest.",
        commands: ["qemu-system-x86_64 -accel kvm -cpu MODEL,enforce -S -display none -monitor stdio"],
      },
    ],
    source: "QEMU, target/i386/cpu.c (x86_cpu_filter_features)",
  },
  {
    id: "libvirt-check",
    about: ["check full | check partial | check none | cpu check", "libvirt | virsh | domain xml | cpu mode | xml"],
    says: "libvirt's check attribute of <cpu> says who verifies the guest's CPU: none leaves it to QEMU, which drops what the host lacks; partial, the default of most modes, compares the model with the host before the start; full asks QEMU after the start what the guest really got and stops it on any difference. A running guest's XML shows full, for the migration has to keep it.",
    steps: [SEE_MODEL],
    source: "libvirt, docs/formatdomain.rst (check)",
  },
  {
    id: "named-model-vmx",
    about: [
      "cpu model | named model | skylake server | cascadelake server | icelake server | sapphirerapid | kvm64 | x86 64 v2 | x86 64 v3",
      "vmx | nested virtualization | nested",
      "qemu | libvirt | guest | kvm | proxmox | vm",
    ],
    not: "vmx on | vmx y | host passthrough | host model | host cpu | migrat* | bios | msr 48 | kvm ok",
    anywhere: true,
    says: "QEMU's named CPU models have vmx off: a guest gets it by +vmx (libvirt: `<feature policy='require' name='vmx'/>`), where kvm_intel.nested is Y on the host. The model then also says which VMX features there are (vmx-ept, vmx-vpid and so on, by its generation), and QEMU warns about each that the host does not offer.",
    steps: [
      {
        text: "Give it, and look in the guest.",
        commands: ["-cpu MODEL,+vmx", "grep -c vmx /proc/cpuinfo   # in the guest"],
      },
    ],
    source: "QEMU, target/i386/cpu.c; docs/system/i386/cpu-models-x86.rst",
  },
  {
    id: "vmx-properties",
    about: [
      "vmx feature | vmx property | vmx feature of qemu | vmx ept | vmx vpid | vmx apicv | vmx flexpriority | vmx ple | vmx pml | vmx vmfunc",
      "qemu | libvirt | cpu model | kubevirt | host model",
      "what | meaning | mean | msr | need* | disable | remove | requir*",
    ],
    not: "host doesn t support",
    says: "QEMU's vmx-* features are the bits of the VMX capability registers (0x480 to 0x491) that a guest hypervisor reads; each switches one off or on for the guest. They count only with vmx itself, and KVM can give only those that it offers with kvm_intel.nested. One that a guest was started with has to be there on every host that it moves to.",
    steps: [{ text: "Look a name up.", commands: ["vmxlens why vmx-apicv-vid HOST"] }],
    source: "QEMU, target/i386/cpu.c (feature_word_info)",
  },
  {
    id: "vmx-flags-line",
    about: [
      "vmx flag",
      "cpuinfo | flag | proc cpuinfo | line",
      "difference | missing | why | what | new | kernel | vs | not",
    ],
    says: "`flags` in /proc/cpuinfo has what CPUID shows, with vmx itself; `vmx flags` is a line of its own, of newer kernels, with VMX features that the capability registers show (ept, vpid, unrestricted_guest and others). It is there only where IA32_FEAT_CTL lets VMX be used, and says what the CPU or the hypervisor below offers, not what KVM's parameters left on.",
    steps: [
      {
        text: "See both.",
        commands: ["grep -m1 '^vmx flags' /proc/cpuinfo", "grep -s . /sys/module/kvm_intel/parameters/*"],
      },
    ],
    source: "Linux, arch/x86/kernel/cpu/feat_ctl.c (init_vmx_capabilities)",
  },
  {
    id: "invtsc",
    about: ["invtsc | invariant tsc", "migrat* | savevm | snapshot | migratable"],
    anywhere: true,
    says: "A guest with invtsc was promised that its TSC never changes its rate, so QEMU refuses to migrate or save it unless the rate is given (tsc-frequency=), which needs the same rate or TSC scaling on the other host. `-cpu host` has invtsc only with migratable=off; libvirt adds it by `<feature policy='require' name='invtsc'/>`.",
    source: "QEMU, target/i386/kvm/kvm.c (invtsc_mig_blocker)",
  },
  {
    id: "migratable",
    about: [
      "migratable off | migratable no | migratable | migratable on",
      "cpu host | host passthrough | qemu | libvirt",
    ],
    not: "invtsc | kubevirt | livemigrat* | nested virtualization",
    anywhere: true,
    says: "`-cpu host` leaves out features that cannot be migrated (invtsc above all) because migratable is on by default; migratable=off gives the guest these as well, and then it cannot be moved. libvirt writes it as `<cpu mode='host-passthrough' migratable='off'>`. It changes nothing about vmx.",
    source: "QEMU, target/i386/cpu.c",
  },
  {
    id: "feature-and-control",
    about: [
      "xsaves | invpcid | rdtscp | waitpkg | rdseed | mpx",
      "qemu | kvm | cpu model | host model | builtin x86 def* | named model",
      "hyper v | hyperv | guest hypervisor | l1 | nested | vmware | 0x48b | procbased ctls2 | secondary ctl*",
    ],
    also: [
      "cpuid",
      "0x48b | procbased ctls2 | vmx secondary ctl*",
      "bit 20 | vmx xsaves | vmx invpcid exit | vmx rdtscp exit",
    ],
    says: "A guest hypervisor expects CPUID and the VMX control of an instruction to agree: XSAVES with {proc2.XSAVES} (vmx-xsaves), INVPCID with bit {bit proc2.INVPCID} (vmx-invpcid-exit), RDTSCP with bit {bit proc2.RDTSCP} (vmx-rdtscp-exit). Named models of QEMU can show the one and leave the other out, so that guests stay migratable; Hyper-V does not start then. -cpu host has both where the host has.",
    steps: [
      {
        text: "Give the guest both, or neither.",
        commands: ["-cpu MODEL,vmx=on,vmx-xsaves=on", "-cpu MODEL,vmx=on,xsaves=off"],
      },
    ],
    source: "QEMU, target/i386/cpu.c (builtin_x86_defs, FEAT_VMX_SECONDARY_CTLS)",
  },
  {
    id: "idle-windows",
    about: [
      "windows | win10 | win11 | server 2019 | server 2022 | server 2016",
      "idle",
      "cpu usage | cpu load | host cpu | usage | load | cpu",
      "kvm | qemu | proxmox | libvirt | hv | unraid",
    ],
    also: ["hv | enlightenment | stimer | hpet | synic | vapic"],
    not: "virtualbox | vmware | esxi | mac",
    anywhere: true,
    says: "An idle Windows guest costs the host what its timer interrupts cost. With hv-synic, hv-stimer and hv-time (they need hv-vpindex) it uses the timers and the clock of Hyper-V, which need few exits; without them it asks HPET, RTC or the ACPI timer, which QEMU emulates, many times a second. HPET should be off for it.",
    steps: [
      {
        text: "Give it all of them, and start it again; then see what is left.",
        commands: [
          "-cpu host,hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-time,hv-synic,hv-stimer -machine hpet=off",
          "sudo perf kvm stat live",
        ],
      },
    ],
    source: "QEMU, docs/system/i386/hyperv",
  },
];
