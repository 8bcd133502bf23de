import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import { ENDED } from "../../../vmcs/dumps/ended.js";
import type { MessageRow } from "../../message.js";
import {
  DROP_VMX,
  DUMP_VMCS,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HOW_FAR_KVM,
  JOIN_KVM,
  KERNEL_LOG,
  LOAD_KVM,
  NESTED_ON,
  NO_KVM,
  WHO_USES_VMX,
} from "../shared-advice.js";

const KVM_C = "QEMU, target/i386/kvm/kvm.c";
const CPU_C = "QEMU, target/i386/cpu.c";
const NESTED_C = "Linux, arch/x86/kvm/vmx/nested.c";

export const QEMU_MESSAGES = [
  {
    id: "qemu-set-msr",
    product: "QEMU",
    layer: "nested KVM",
    gravity: "blocks",
    needle: "failed to set msr",
    pattern: /failed to set MSR (?<msr>0x[0-9a-f]{1,8}) to (?<value>0x[0-9a-f]{1,16}|\d\b)/i,
    what: "QEMU asked KVM to set MSR {msr} for the guest, KVM refused {value}, and QEMU gives up.",
    decoder: "set-msr",
    steps: [DROP_VMX],
    source: {
      message: `${KVM_C} (kvm_buf_set_msrs)`,
      meaning: `${NESTED_C} (vmx_set_vmx_msr); ${KVM_C} (make_vmx_msr_value)`,
    },
  },
  {
    id: "qemu-set-msr-assertion",
    product: "QEMU",
    layer: "user space",
    gravity: "informs",
    needle: "kvm_msr_buf->nmsrs",
    pattern: /Assertion [`']?ret == cpu->kvm_msr_buf->nmsrs'? failed/i,
    what: "QEMU stops because KVM set or read fewer MSRs than it was asked to; the line before names the MSR.",
    decoder: "msr-assertion",
    steps: [],
    source: { message: `${KVM_C} (kvm_buf_set_msrs)`, meaning: KVM_C },
  },
  {
    id: "qemu-get-msr",
    product: "QEMU",
    layer: "nested KVM",
    gravity: "blocks",
    needle: "get msr",
    pattern:
      /(?:failed to get MSR (?<msr>0x[0-9a-f]{1,8})|KVM get MSR \(index=(?<index>0x[0-9a-f]{1,8})\) feature failed)/i,
    what: "QEMU asked KVM for an MSR that KVM lists and could not be read.",
    decoder: "guest-msr",
    steps: [{ text: "Use a QEMU at least as new as the kernel, or the kernel's newest stable update." }, DROP_VMX],
    source: { message: `${KVM_C} (kvm_get_msrs, kvm_arch_get_supported_msr_feature)`, meaning: KVM_C },
  },
  {
    id: "qemu-requested-feature",
    product: "QEMU",
    layer: "nested KVM",
    gravity: "harmless",
    needle: "t support requested feature",
    group: "requested-feature",
    pattern:
      /(?<user>\bqemu-(?:i386|x86_64)(?:-static)?: )?(?<level>warning|error)?:?\s{0,4}(?<who>host|TCG) doesn't support requested feature ?: (?<place>MSR\((?<msr>[0-9a-f]{2,8})H\)|CPUID[\w.:[\]=,]{1,60}?(?:E[ABCD]X|\](?!\.E[ABCD]X)))(?:\.(?<name>[\w.-]{1,60}))?(?: \[bit (?<bit>\d{1,2})\])?/i,
    what: "The CPU model asks for features that the accelerator cannot give; QEMU starts without them.",
    decoder: "requested-feature",
    depends: ["with `enforce` in -cpu, or policy='require' in libvirt, a missing feature stops the start instead"],
    steps: [],
    source: { message: `${CPU_C} (mark_unavailable_features)`, meaning: `${CPU_C} (x86_cpu_filter_features)` },
  },
  {
    id: "qemu-phys-bits",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: ["phys-bits too low", "address space limit"],
    pattern:
      /Address space limit 0x(?<limit>[0-9a-f]{1,16}) < 0x(?:[0-9a-f]{1,16}|\.{2,3}) ?phys-bits too low(?: \((?<bits>\d{1,2})\))?/i,
    what: "The guest's memory and devices need more physical address bits than its CPU model has: that is what the guest is given, and neither EPT nor another VMX capability is missing.",
    steps: [
      {
        text: "Give the guest the width of the host, or a greater one that the host has.",
        commands: ["grep -m1 'address sizes' /proc/cpuinfo", "-cpu MODEL,host-phys-bits=on"],
      },
    ],
    source: { message: "QEMU, hw/i386/pc.c (pc_memory_init)", meaning: "QEMU, hw/i386/pc.c (pc_max_used_gpa)" },
  },
  {
    id: "qemu-enforce",
    product: "QEMU",
    layer: "nested KVM",
    gravity: "blocks",
    needle: "doesn't support requested features",
    pattern: /(?<who>Host|TCG) doesn't support requested features/i,
    what: "`enforce` is set and the accelerator lacks features of the CPU model, so QEMU does not start. The warnings before name them.",
    steps: [
      {
        text: "Take `enforce` away, or turn off the named features one by one.",
        commands: ["-cpu MODEL,FEATURE=off"],
      },
      { text: "Or use the host's own model.", commands: ["-cpu host"], unless: ["a host model given"] },
    ],
    source: { message: `${CPU_C} (x86_cpu_realizefn)`, meaning: CPU_C },
  },
  {
    id: "qemu-feature-dependency",
    product: "QEMU",
    layer: "user space",
    gravity: "harmless",
    needle: "depends on other features that were not requested",
    group: "feature-dependency",
    pattern:
      /feature depends on other features that were not requested: (?<place>MSR\((?<msr>[0-9a-f]{2,8})H\)|CPUID[\w.:[\]=,]{1,60}?E[ABCD]X)(?:\.(?<name>[\w.-]{1,60}))? \[bit (?<bit>\d{1,2})\]/i,
    what: "The feature is left out because another one that it needs is off in the same CPU model.",
    decoder: "requested-feature",
    steps: [
      {
        text: "Turn both off or both on; for anything of VMX the first condition is vmx itself.",
        commands: ["-cpu MODEL,vmx=on"],
      },
    ],
    source: { message: `${CPU_C} (x86_cpu_expand_features)`, meaning: CPU_C },
  },
  {
    id: "qemu-entry-failed",
    product: "QEMU",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["entry failed", "vm entry failed", "hardware error 0x"],
    pattern: ENDED.hardwareError,
    what: "The CPU refused to enter the guest.",
    decoder: "hardware-error",
    steps: [DUMP_VMCS],
    source: {
      message: `${KVM_C} (handle of KVM_EXIT_FAIL_ENTRY)`,
      meaning: "Intel SDM volume 3C, VM entries and appendix C; Linux, arch/x86/kvm/vmx/vmx.c (vmx_handle_exit)",
    },
  },
  {
    id: "kvm-fail-entry",
    product: "KVM user space",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["failentry", "fail_entry", "fail entry 0x", "entry_failure_reason"],
    pattern:
      /(?:\b(?:hardware|hw)_entry_failure_reason\s{0,3}[:=]?\s{0,3}|FailEntry\(|\bfail entry (?=0x)|KVM_EXIT_FAIL_ENTRY[\s:,(]{1,3}(?:(?:hardware |error |reason )?(?:reason|error|code)\s?[:=]?\s?)?)(?<code>0x[0-9a-f]{1,16}|\d{1,20})/i,
    what: "KVM_EXIT_FAIL_ENTRY: the CPU refused to enter the guest.",
    decoder: "hardware-error",
    steps: [DUMP_VMCS],
    source: {
      message: "hermit-os/uhyve#1150; kvm-ioctls (VcpuExit::FailEntry)",
      meaning: "Linux, Documentation/virt/kvm/api.rst; Intel SDM volume 3C, appendix C",
    },
  },
  {
    id: "kvm-unhandled-exit",
    product: "KVM user space",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["unhandled exit", "unknown exit, hardware reason"],
    pattern: /(?:kvm: unhandled exit|KVM: unknown exit, hardware reason) (?<code>(?:0x)?[0-9a-f]{1,16})/i,
    what: "KVM handed user space a VM exit that it does not handle.",
    decoder: "exit-reason",
    steps: [DUMP_VMCS],
    source: { message: `jclulow/illumos-kvm#7; ${KVM_C}`, meaning: "Intel SDM volume 3C, appendix C" },
  },
  {
    id: "qemu-unrestricted-advice",
    product: "QEMU",
    layer: "VM entry",
    gravity: "informs",
    needle: ["unrestricted mode", "running a guest on an intel machine"],
    pattern: /(?:running a guest on an Intel machine without|unrestricted mode ?\n? ?support, the failure)/i,
    what: "QEMU's usual advice after 0x80000021. It is right on CPUs without unrestricted guest and misleading on all others, where real mode runs as it is.",
    steps: [
      {
        text: "See whether the advice applies: with Y it does not, and another guest-state check failed.",
        commands: ["cat /sys/module/kvm_intel/parameters/unrestricted_guest"],
      },
    ],
    source: {
      message: "QEMU, accel/kvm and target/i386/kvm/kvm.c",
      meaning: "Intel SDM volume 3C, checks on guest segments; jclulow/illumos-kvm#7",
    },
  },
  {
    id: "qemu-internal-error",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: ["vm internal error", "extra data[", "suberror"],
    group: "internal-error",
    pattern:
      /\bK?VM internal error\. ?Suberror: (?<suberror>\d+)|(?:KVM_EXIT_INTERNAL_ERROR[^\n]{0,30}|^\s{0,8})suberror[ :=(]{1,4}(?<suberror2>\d{1,6})|^\s{0,16}(?:\S{0,60}: )?extra data\[(?<index>\d)\]: (?:0x)?(?<word>[0-9a-f]{1,16})\s*$/i,
    what: "KVM gave up on the guest (suberror {suberror}: 1 emulation of an instruction failed, 2 simultaneous exceptions, 3 an event could not be delivered, 4 an exit that KVM does not expect). This is not a refused VM entry.",
    decoder: "suberror",
    steps: [],
    source: {
      message: KVM_C,
      meaning: "Linux, Documentation/virt/kvm/api.rst (KVM_EXIT_INTERNAL_ERROR); OscarLGH/Oscar-Kernel#1",
    },
  },
  {
    id: "qemu-exception-exit",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: "kvm: exception ",
    pattern: /KVM: exception (?!0 exit)(?<vector>\d{1,3}) exit \(error code 0x[0-9a-f]{1,8}\)/i,
    what: "The guest exited for exception {vector}, which KVM has no use for, and QEMU stopped it. VT-x works.",
    causes: [
      "In a virtual machine: the hypervisor below reports an exit for an exception that KVM did not ask for.",
      "A fault of the host's kernel.",
    ],
    steps: [
      { text: "See whether the host is a virtual machine, and update its kernel.", commands: ["systemd-detect-virt"] },
    ],
    source: { message: KVM_C, meaning: "Linux, arch/x86/kvm/vmx/vmx.c (handle_exception_nmi)" },
  },
  {
    id: "qemu-empty-exit",
    product: "QEMU",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "kvm: exception ",
    pattern: /KVM: exception 0 exit \(error code 0x0{1,8}\)/i,
    what: "KVM read a VM exit with reason 0 (an exception or NMI) and nothing that says which: a CPU never does that. This is a virtual machine whose hypervisor below fails to run VMX for its guests, or says that it can and cannot.",
    causes: [
      "The hypervisor below has a fault in nested VMX, or is older than what its CPU model promises (an old KVM below, in a cloud of OpenStack).",
    ],
    steps: [
      {
        text: "Have the host below updated; until then, the inner guest runs with emulation.",
        commands: ["-accel tcg", "<domain type='qemu'>"],
      },
      {
        text: "See whether KVM does without these features.",
        commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel unrestricted_guest=0 enable_apicv=0 vpid=0"],
      },
    ],
    source: { message: `${KVM_C}; Launchpad 1902394`, meaning: "Linux, arch/x86/kvm/vmx/vmx.c (handle_exception_nmi)" },
  },
  {
    id: "qemu-reset-required",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: "resetting the virtual machine is required",
    pattern: /(?:command '?cont'?: )?Resetting the Virtual Machine is required/i,
    what: "QEMU does not let the guest continue: it was stopped by an error inside KVM (or it was shut down), and only a reset leaves that state. QEMU printed the reason before.",
    causes: [
      "KVM gave up on the guest: the log has `KVM internal error. Suberror: N` or `KVM: entry failed, hardware error N`, which name the reason.",
    ],
    steps: [
      {
        text: "Read the log of the machine, and give it.",
        commands: ["sudo tail -60 /var/log/libvirt/qemu/NAME.log; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
      },
    ],
    source: {
      message: "kubevirt/kubevirt#2318; Launchpad 1866870",
      meaning: "QEMU, monitor/qmp-cmds.c (qmp_cont); QEMU, system/runstate.c (runstate_needs_reset)",
    },
  },
  {
    id: "qemu-no-kvm",
    product: "QEMU",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["kvm kernel module: ", "kvm kernal module: ", "failed to initialize kvm", "unable to open /dev/kvm"],
    group: "no-kvm",
    pattern:
      /(?:(?:Could not access )?KVM kern[ae]l module|failed to initialize kvm|Unable to open \/dev\/kvm): (?<reason>No such file or directory|Permission denied|Device or resource busy|No such device|Input\/output error|Operation not permitted|Is a directory)/i,
    what: "QEMU cannot use /dev/kvm: {reason}.",
    causes: [
      "No such file or directory: kvm_intel is not loaded, because the CPU, the firmware or an outer hypervisor does not offer VMX, or it was never loaded.",
      "Permission denied: the user is not in the group that owns /dev/kvm.",
      "Device or resource busy, Input/output error: another hypervisor holds VT-x on some CPU.",
    ],
    decoder: "device",
    steps: [LOAD_KVM, JOIN_KVM, WHO_USES_VMX],
    source: {
      message: "QEMU, accel/kvm/kvm-all.c; canonical/multipass#12, foxlet/macOS-Simple-KVM#404",
      meaning: "QEMU, accel/kvm/kvm-all.c (kvm_init)",
    },
  },
  {
    id: "qemu-create-vm",
    product: "QEMU",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["kvm_create_vm", "unable to create vm", "vmfd(os"],
    pattern:
      /(?:(?:ioctl\(KVM_CREATE_VM\)(?: failed)?|kvm_create_vm): (?:(?<errno>\d+) )?(?<reason>[A-Z][\w/ ]{3,40})|(?:error|fail\w{0,4}|unable|cannot|could not)\b[^\n]{0,30}\bKVM_CREATE_VM(?: ioctl)?\b(?!\)(?: failed)?: )|KVM_CREATE_VM\b(?=[^\n]{0,40}(?:fail|error|denied|busy|= -1 E))|(?:Unable to create VM: OsError\(|\bVmFd\(Os \{ code: )(?<errno2>\d+)[),])/i,
    what: "KVM could not switch VMX on for the first virtual machine.",
    decoder: "create-vm",
    causes: [
      "Busy (16, EBUSY): another hypervisor runs and has set CR4.VMXE on a CPU; VirtualBox, VMware and Jailhouse do.",
      "Input/output error (5, EIO): the same since Linux reports one failure for all CPUs, or VMXON faulted because IA32_FEAT_CTL is not set on some CPU.",
    ],
    steps: [
      WHO_USES_VMX,
      KERNEL_LOG,
      {
        text: "Stop the other hypervisor, or unload its module.",
        commands: ["sudo rmmod vboxnetadp vboxnetflt vboxdrv"],
      },
    ],
    source: {
      message: "QEMU, accel/kvm/kvm-all.c; hermit-os/hermit-rs#90",
      meaning: "Linux, arch/x86/kvm/vmx/vmx.c (kvm_cpu_vmxon, vmx_enable_virtualization_cpu)",
    },
  },
  {
    id: "qemu-no-property",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: "not found",
    pattern: /Property '(?<owner>[\w-]{0,60})\.(?<name>vmx[\w-]{0,60}|vmx)' not found/i,
    what: "This QEMU has no CPU property {name}: it is older than the property, or the name is misspelt.",
    decoder: "feature-list",
    steps: [
      { text: "List what this QEMU knows.", commands: ["qemu-system-x86_64 -cpu help | tr ' ' '\\n' | grep vmx"] },
      {
        text: "QEMU has vmx-* properties since 4.2; a build older than that, or one patched for containers, refuses all of them. Remove the option there: such a QEMU does not set VMX MSRs either.",
      },
    ],
    source: { message: "kata-containers/tests#2686", meaning: `${CPU_C} (feature words of the VMX MSRs, since 4.2)` },
  },
  {
    id: "qemu-vmx-no-migration",
    product: "QEMU",
    layer: "user space",
    gravity: "degrades",
    needle: "nested vmx virtualization does not support live migration",
    pattern: /Nested VMX virtualization does not support live migration yet/i,
    what: "The guest has VMX, and this QEMU cannot save nested state, so it refuses to migrate, save or snapshot the machine.",
    rule: {
      fn: "kvm_arch_init_vcpu",
      file: "target/i386/kvm.c",
      since: `QEMU 4.0 and 4.1 with a kernel that has no KVM_CAP_NESTED_STATE; gone with QEMU 4.1 and Linux ${releaseOf(NOT_REPLAYED.restoreDefects.held.before)} together`,
    },
    steps: [
      { text: "Take VMX from guests that run no hypervisor.", commands: ["-cpu host,-vmx"] },
      { text: "Or use a later QEMU, on a kernel that offers KVM_CAP_NESTED_STATE." },
    ],
    source: {
      message: "kata-containers/runtime#1747",
      meaning: "QEMU, target/i386/kvm.c (vmx_mig_blocker); kata-containers/runtime#1747",
    },
  },
  {
    id: "qemu-vmx-required",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: ["requires vmx", "vmx is required", "requires vt-x"],
    pattern:
      /(?<!\b(?:virtualbox|vmware|workstation|player|haxm|hyper-v|docker|bluestacks|emulator)) (?:requires|require) (?:VMX|VT-x)\b(?!\/)|VMX is required/i,
    what: "The CPU model or the machine option needs VMX in the guest, and it is not there.",
    steps: [{ text: "Ask for it.", commands: ["-cpu host,vmx=on"] }, NESTED_ON, ENABLE_OUTER],
    source: { message: "not seen in a public thread; wording as in QEMU option errors", meaning: `${CPU_C}` },
  },
  {
    id: "qemu-emulation-no-vmx",
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: ["vmx"],
    pattern:
      /\b(?:TCG|QEMU)\b[^\n]{0,24}\b(?:(?:does|do)(?: not|n[o']t)|cannot|can't) (?:support|have|emulate|provide)\b(?! requested)[^\n]{0,24}\bvmx\b(?:[^\n]{0,20}\bwithout KVM\b)?/i,
    what: "QEMU's own emulation (TCG) has no VMX, whatever the host is; it has SVM. A guest gets VMX from KVM alone, on an Intel CPU whose kvm_intel has nested on.",
    steps: [{ text: "With KVM.", commands: ["-accel kvm -cpu host"] }, NESTED_ON],
    source: { message: "QEMU front ends", meaning: `${CPU_C} (TCG features)` },
  },
  {
    id: "qemu-tcg-no-vmx",
    generic: true,
    product: "QEMU",
    layer: "user space",
    gravity: "blocks",
    needle: ["kvm is not available", "kvm acceleration"],
    pattern:
      /KVM is not available|KVM acceleration (?:is )?not available(?! \((?:device file missing|\/dev\/kvm is missing)\))(?: \((?<reason>[^()\n]{4,60})\))?/i,
    what: `QEMU emulates the CPU (TCG), without VMX. ${NO_KVM}`,
    decoder: "device",
    steps: [HOW_FAR_KVM, LOAD_KVM, JOIN_KVM, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: { message: "virt-manager, QEMU front ends", meaning: `${CPU_C} (TCG features)` },
  },
] as const satisfies readonly MessageRow[];
