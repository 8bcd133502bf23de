import type { MessageRow } from "../../../answers/message.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import {
  DROP_VMX,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  JOIN_KVM,
  KERNEL_LOG,
  LOAD_KVM,
  monitor,
  NESTED_ON,
} from "../shared-advice.js";

/*
 * Why QEMU did not start or did not take a machine in: accelerator, CPU model, Hyper-V enlightenments, nested state.
 */

const CPU_C = "QEMU, target/i386/cpu.c";
const KVM_C = "QEMU, target/i386/kvm/kvm.c";
const ACCEL = "QEMU, accel/kvm/kvm-all.c and system/vl.c";

export const QEMU_START_MESSAGES = [
  {
    id: "qemu-sev-init",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: "failed to initialize ret=",
    pattern: /sev\w{1,20}: failed to initialize ret=(?:-?\d{1,4}) fw_error=\w{1,8}/,
    what: "QEMU could not start AMD's SEV, which encrypts the memory of guests, and so gave up KVM as a whole (`failed to initialize KVM: Operation not permitted`): /dev/kvm and the right to open it are not the cause. ret=-25 means that kvm_amd runs without SEV.",
    steps: [
      {
        text: "See whether kvm_amd has SEV, and what the driver of AMD's security processor says.",
        commands: ["cat /sys/module/kvm_amd/parameters/sev; sudo dmesg | grep -iE 'ccp|sev'; ls -l /dev/sev"],
      },
    ],
    source: {
      message: "AMDESE/AMDSEV#36",
      meaning: "QEMU, target/i386/sev.c; Linux, arch/x86/kvm/svm/sev.c (sev_mem_enc_ioctl)",
    },
  },
  {
    id: "qemu-host-needs-kvm",
    product: "QEMU",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "requires kvm",
      "unable to find cpu model",
      "unable to find cpu definition",
      "unable to find x86 cpu definition",
      "unable to find x86 cpu model",
    ],
    pattern:
      /(?:CPU model '(?<model>host|max)'|-cpu (?<model2>host|max)|cpu host|mode='host-\w{5,12}') requires KVM(?: or HVF)?\b|unable to find (?:x86 )?CPU (?:model|definition):? ?'?host\b/i,
    what: "`-cpu host` copies the host's CPU, which only KVM can do, and this QEMU runs without KVM.",
    where: [
      {
        is: "other guest",
        what: "`-cpu host` copies the host's CPU, which only KVM can do, and by the text this guest is emulated (TCG), without KVM.",
        steps: [
          {
            text: "Give it a CPU that QEMU emulates.",
            commands: ["-cpu max", "qm set VMID --cpu qemu64", "<cpu mode='maximum'/>"],
          },
          { text: "Or let it use KVM.", commands: ["-accel kvm -cpu host", "qm set VMID --kvm 1"] },
        ],
      },
    ],
    causes: [
      "-enable-kvm (or -accel kvm) is missing, or the host has another architecture than the guest.",
      "KVM could not be used, and the program fell back to emulation (TCG): /dev/kvm is missing or not readable.",
    ],
    steps: [{ text: "Ask for KVM.", commands: ["-accel kvm -cpu host"] }, LOAD_KVM, JOIN_KVM, ENABLE_OUTER],
    source: { message: `${CPU_C} (host_x86_cpu, x86_cpu_realizefn)`, meaning: CPU_C },
  },
  {
    id: "qemu-no-accelerator",
    product: "QEMU",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "no accelerator found",
      "invalid accelerator kvm",
      "kvm accelerator not supported",
      "kvm not supported for this target",
      "accelerator kvm not found",
      "does not support kvm",
      "invalid accelerator",
      "accelerator not supported",
      "accelerator not found",
    ],
    pattern:
      /[Nn]o accelerator found(?!!? Falling|,)!?|invalid accelerator "?kvm"?|"?kvm"? accelerator not (?:supported|found)[^\n]{0,40}|KVM not supported for this target|(?:qemu|binary)[^\n]{0,40} does not support kvm\b/i,
    what: "QEMU cannot use the accelerator KVM: this binary has no KVM in it, or /dev/kvm cannot be used.",
    causes: [
      "The QEMU emulates another architecture than the host's (qemu-system-aarch64 on x86), or was built without KVM (macOS, Windows and static builds).",
      "The line before `No accelerator found` says why: /dev/kvm is missing or not readable.",
    ],
    steps: [
      { text: "See what this QEMU has.", commands: ["qemu-system-x86_64 -accel help", "ls -l /dev/kvm"] },
      LOAD_KVM,
      JOIN_KVM,
      ENABLE_FIRMWARE,
    ],
    source: { message: ACCEL, meaning: ACCEL },
  },
  {
    id: "qemu-kvm-version",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: "kvm version too old",
    pattern: /kvm version too old/i,
    what: "QEMU opened /dev/kvm and found another version of KVM's interface than it knows: VT-x is not the reason. Released kernels and QEMUs have had one version since 2007, so one of the two is patched.",
    outcome: "KVM is there",
    steps: [{ text: "Use a QEMU and a kernel that belong together, as the distribution's do." }],
    source: { message: "intel/Igvtg-kernel#1", meaning: ACCEL },
  },
  {
    id: "qemu-kvm-lacks",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: "kvm does not support kvm_cap_",
    pattern: /kvm does not support (?<cap>KVM_CAP_[A-Z0-9_]{2,60})/i,
    what: "KVM is loaded and does not have {cap}, which this QEMU needs: the kernel's KVM is older than the QEMU. VT-x is not the reason.",
    steps: [
      {
        text: "Use a newer kernel on the host, or the QEMU that comes with this system.",
        commands: ["uname -r; qemu-system-x86_64 --version"],
      },
    ],
    source: { message: "Launchpad 1438572", meaning: "QEMU, accel/kvm/kvm-all.c (kvm_init)" },
  },
  {
    id: "qemu-memory-slot",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: "error registering slot",
    pattern: /kvm_set_phys_mem: error (?:un)?registering slot: (?<reason>[A-Z][a-z]{1,12}(?: [a-z]{1,12}){1,3})/,
    what: "KVM refused a piece of guest memory that QEMU registered ({reason}). VMX is not the reason: it is about how QEMU lays out the memory of the guest and of its devices (a passed-through device, ivshmem), or about memory that the kernel does not have.",
    steps: [
      {
        text: "See which device the memory belongs to (start without the passed-through one), and take another release of QEMU, where it began with one.",
        commands: [monitor("info mtree -f")],
      },
    ],
    source: { message: "Launchpad 1721221", meaning: "QEMU, accel/kvm/kvm-all.c (kvm_set_phys_mem)" },
  },
  {
    id: "qemu-empty-model",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: ["unable to find cpu model '", "could not open ',+"],
    pattern: /unable to find CPU model '(?:[+-][\w.-]{1,24})?'|Could not open ',\+\w{2,12}'/,
    what: "The CPU model that QEMU was given is empty: what is behind -cpu begins with a comma, or a feature (`,+vmx`) has no model before it.",
    steps: [
      {
        text: "Name the model, or take the stray argument away (Proxmox: `args` in the machine's configuration).",
        commands: ["qm set VMID --delete args; qm set VMID --cpu host", "-cpu host"],
      },
    ],
    source: { message: "ivanhao/pvetools#60", meaning: CPU_C },
  },
  {
    id: "qemu-no-host-device",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: "is not a valid device model name",
    pattern: /'(?<model>host)-(?:x86_64|i386)-cpu' is not a valid device model name/,
    what: "This QEMU has no CPU `host`: it was built without KVM, as it is where an x86 machine is emulated on a host of another architecture (ARM). Further virtual CPUs were to be of it.",
    steps: [
      {
        text: "Emulate a named model, or run a guest of the host's own architecture, for which there is KVM.",
        commands: ["uname -m; qemu-system-x86_64 -accel help", "qm set VMID --cpu qemu64 --kvm 0"],
      },
    ],
    source: { message: "jiangcuo/pxvirt#52", meaning: "QEMU, target/i386/host-cpu.c and target/i386/meson.build" },
  },
  {
    id: "qemu-unknown-model",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: [
      "unable to find cpu model",
      "unable to find cpu definition",
      "unable to find x86 cpu definition",
      "unknown cpu model",
      "cpu model",
    ],
    pattern:
      /unable to find (?:CPU model|(?:x86 )?CPU definition):?(?! '[+-])(?: '?(?<model>[\w.-]{1,60})'?)?|[Uu]nknown CPU model:? '?(?<model2>[\w.-]{1,60})|(?<!required by )CPU model '?(?<model3>[\w.-]{1,60})'? (?:is )?not (?:found|supported by hypervisor)/,
    what: "This QEMU (or libvirt) does not have the CPU model that is asked for: it is older than the model or its version (the -v2, -v3 behind a name), the name is misspelt, or the build leaves old models out (RHEL 10 and its kin have no kvm64).",
    steps: [
      { text: "List what they have.", commands: ["qemu-system-x86_64 -cpu help", "virsh cpu-models x86_64"] },
      { text: "Take an older model, or the host's own.", commands: ["-cpu host", "<cpu mode='host-model'/>"] },
    ],
    source: { message: `${CPU_C}; libvirt, src/cpu/cpu_x86.c`, meaning: CPU_C },
  },
  {
    id: "qemu-unknown-feature",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: ["unrecognized feature", "cpu feature ", "-x86_64-cpu."],
    pattern:
      /(?:qemu[\w.-]{0,30}|cpu|CPU):? unrecognized feature (?<name>[\w.-]{1,40})|CPU feature '?(?<name2>[\w.-]{1,60})'? not found|Property '[\w-]{0,60}-x86_64-cpu\.(?<name3>[\w-]{1,60})' not found/i,
    decoder: "feature-list",
    what: "This QEMU does not know the CPU feature that it is asked for: QEMU is older than the feature, or than the libvirt (or tool) that asks.",
    causes: [
      "The QEMU of an old distribution (qemu-kvm 1.5 of CentOS 7 among them) under newer tools: `kvm=off`, arat, tsc_adjust, vmx-… and the like came later.",
      "The name is misspelt, or is libvirt's where QEMU's is wanted.",
    ],
    steps: [
      {
        text: "See which QEMU answers, and what it knows.",
        commands: ["qemu-system-x86_64 --version", "qemu-system-x86_64 -cpu help | tail -40"],
      },
      {
        text: "Use a newer QEMU (on CentOS 7: qemu-kvm-ev), or leave the feature out.",
        commands: ["<feature policy='disable' name='NAME'/>"],
      },
    ],
    source: {
      message: "kubernetes/minikube#3546; cockpit-project/cockpit#8385",
      meaning: `${CPU_C} (x86_cpu_parse_featurestr)`,
    },
  },
  {
    id: "qemu-evmcs-range",
    product: "QEMU",
    layer: "nested KVM",
    gravity: "blocks",
    needle: "evmcs version range",
    pattern: /eVMCS version range \[[\d.]{1,20}\] is not supported by kernel \(supported: \[(?<range>[\d.]{1,20})\]\)/,
    what: "The machine asks for the enlightened VMCS (hv-evmcs), which KVM offers where it offers VMX: here its versions are {range} (0..0: none). nested of kvm_intel is off, the CPU is AMD's, or the kernel is too old. The failure of a virtual CPU behind it is this one.",
    steps: [
      {
        text: "Leave it out where nothing in the guest runs virtual machines (Hyper-V, WSL2).",
        commands: ["-cpu host,hv-passthrough,hv-evmcs=off", "<evmcs state='off'/>"],
      },
      NESTED_ON,
    ],
    source: { message: "dockur/windows#297", meaning: `${KVM_C} (hyperv_init_vcpu)` },
  },
  {
    id: "qemu-init-vcpu",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: [
      "kvm_init_vcpu",
      "kvm_create_vcpu",
      "kvm_set_cpuid",
      "failed to put registers",
      "put_registers() failed",
      "isters after",
      "kvm_set_msrs",
      "cpu state",
      "(os error",
      "ioctl (set_",
      "ioctl (kvm_set_",
      "ioctl set_",
      "ioctl kvm_set_",
    ],
    pattern:
      /kvm_init_vcpu(?: failed)?: [^\n]{3,100}|KVM_CREATE_VCPU[^\n]{0,20}failed[^\n]{0,60}|(?:ioctl\()?KVM_SET_CPUID2?\)?[^\n]{0,30}(?:failed|Invalid argument|error)[^\n]{0,40}|kvm_arch_put_registers\(\) failed with retval=-?\d{1,3}|[Ff]ailed to put registers after \w{3,20}: [^\n]{3,60}|(?:Putting|Restoring) re[gs]isters after \w{3,20}: Failed to set [\w ]{3,30}: [^\n]{3,60}|KVM_SET_MSRS[^\n]{0,30}failed[^\n]{0,60}|KVM:? ioctl \(?(?:KVM_)?SET_\w{3,20}\)? failed[^\n]{0,60}|(?:Could not|Cannot|Failed to) set (?:the )?v?CPU state[^\n]{0,120}|\bSet(?:SpecialRegs|Sregs|Regs|Msrs?|MsrEntries|NestedState|Cpuid2?|CpuId)\([^\n]{0,60}\(os error \d{1,3}\)/i,
    what: "KVM made the virtual machine, and refused to make one of its virtual CPUs or to give it the registers, MSRs or CPUID that user space asks for.",
    decoder: "vcpu-refused",
    steps: [KERNEL_LOG],
    source: {
      message: `${ACCEL} (kvm_init_vcpu)`,
      meaning:
        "Linux, Documentation/virt/kvm/api.rst (KVM_CREATE_VCPU, KVM_SET_CPUID2), arch/x86/kvm/x86.c (kvm_is_valid_sregs)",
    },
  },
  {
    id: "kvm-exit-shutdown",
    product: "KVM user space",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: [
      "kvm_exit_shutdown",
      "kvm exit shutdown",
      "vcpuexit::shutdown",
      "exit_reason=8",
      "cpu exit with exit_reason",
      "kvm exit: shutdown",
    ],
    pattern:
      /KVM_EXIT_SHUTDOWN(?!\s{0,12}(?:=\s{0,3}8|\(8\)|8\b|:\s{0,4}\d))|CPU exit with exit_reason ?= ?(?:0x)?8\b|KVM Exit:? Shutdown|VcpuExit::Shutdown|exit_reason=8 \(KVM_EXIT_SHUTDOWN\)/i,
    what: "The guest ended in a triple fault (or asked to be shut down): VM entries work, and the guest failed at its own first exceptions. VMX did not refuse anything.",
    causes: [
      "The image, the page tables or the CPUID that user space gave the guest do not fit: a feature that the kernel or the monitor uses at once and does not have (1-GByte pages on an older CPU).",
      "In a virtual machine: the outer hypervisor does not emulate something that the guest uses; on the same hardware without it, the guest starts.",
    ],
    steps: [
      {
        text: "Watch the last exits before it.",
        commands: ["sudo trace-cmd record -e kvm:kvm_exit -e kvm:kvm_inj_exception -e kvm:kvm_cpuid"],
        unless: ["exits traced"],
      },
    ],
    source: {
      message: "hyperlight-dev/hyperlight#418, firecracker-microvm/firecracker#5437, Solo5/solo5#6",
      meaning: "Linux, Documentation/virt/kvm/api.rst (KVM_EXIT_SHUTDOWN)",
    },
  },
  {
    id: "qemu-nested-state",
    product: "QEMU",
    layer: "nested KVM",
    gravity: "blocks",
    needle: ["nested state", "nested_state", "of device 'cpu'"],
    pattern:
      /kernel does not support (?:saving|restoring|loading)(?: of)? nested state|(?:KVM_[GS]ET_NESTED_STATE|kvm_(?:put|get)_nested_state)[^\n]{0,40}(?:failed|invalid|not supported|error)|(?:failed|unable|cannot|error)[^\n]{0,30}(?:KVM_[GS]ET_NESTED_STATE|kvm_(?:put|get)_nested_state|nested state of (?:the )?v?CPU)|(?<!qemu-system-(?:aarch64|arm|ppc64|s390x|riscv64): )error while loading state(?: section)?[^\n]{0,40}(?:for instance 0x[0-9a-f]{1,8} )?of device 'cpu'/i,
    what: "The guest's own VMX state (of `device 'cpu'`: or another part of it) could not be saved or restored: a guest with VMX on (a hypervisor in it has executed VMXON) carries it along when it migrates, is saved or restored.",
    causes: [
      `The destination offers other VMX capabilities than the source: another CPU, kernel (before ${releaseOf(NOT_REPLAYED.restoreDefects.held.before)} not all that it reports), QEMU, or kvm_intel parameters; the lines around it name an MSR, if one was refused.`,
      "The state file belongs to another QEMU or machine type.",
    ],
    steps: [
      { text: "Compare the two hosts.", commands: ["vmxlens migrate SOURCE DESTINATION"] },
      {
        text: "See that nested is on at the destination as well.",
        commands: ["cat /sys/module/kvm_intel/parameters/nested"],
      },
      DROP_VMX,
    ],
    source: {
      message: "QEMU, target/i386/machine.c (nested_state) and migration/vmstate.c",
      meaning: `${KVM_C} (kvm_put_nested_state); Linux, ${"arch/x86/kvm/vmx/nested.c"} (vmx_set_nested_state)`,
    },
  },
  {
    id: "qemu-hyperv-feature",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: ["is not supported by kernel", "requires hyper-v"],
    pattern:
      /Hyper-V (?<what>[\w ,/()-]{3,80}?) is not supported by kernel|Hyper-V (?<what2>[\w ,/()-]{3,80}?) requires Hyper-V [\w ()-]{3,60}/i,
    what: "The machine asks for a Hyper-V enlightenment that KVM of this host does not offer, or without another one that it depends on.",
    causes: [
      "hv-evmcs (the enlightened VMCS, for Windows guests with Hyper-V of their own) needs an Intel CPU, nested=1 and hv-vapic.",
      "The kernel is older than the enlightenment.",
    ],
    steps: [
      {
        text: "Leave it out, or let QEMU take what there is.",
        commands: ["-cpu host,hv-evmcs=off", "-cpu host,hv-passthrough"],
      },
      NESTED_ON,
    ],
    source: { message: `${KVM_C} (kvm_hyperv_expand_features)`, meaning: "QEMU, docs/system/i386/hyperv.rst" },
  },
] as const satisfies readonly MessageRow[];
