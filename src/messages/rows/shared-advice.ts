import type { Advice, Alternative, RowCause, Step } from "../../answers/message.js";
import type { Circumstance } from "../../situation/evidence/own-machine.js";
import { IN_CLOUD, OUTER_DECIDES } from "../../why/questions/next-steps.js";

/*
 * Things to do that many messages share.
 */

export const READ_FEAT_CTL: Advice = {
  text: "Read IA32_FEAT_CTL of every CPU: bit 0 is the lock, bit 2 VMX outside SMX, bit 1 VMX inside SMX; 0x5 and 0x7 are good, 0x1 is locked off.",
  commands: ["sudo modprobe msr", "sudo rdmsr -a 0x3a"],
  unless: ["IA32_FEAT_CTL read", "on Windows", "VT-x in use"],
};

/** In a virtual machine the firmware setup decides nothing. */
export const INSIDE: readonly Circumstance[] = [
  "virtual",
  "shown to be virtual",
  "said to be virtual",
  "said to be nested",
];

export const SVM_MODE = "Enable SVM Mode (AMD-V) in the firmware setup, and switch the machine off and on.";

/** Where the firmware has it off, and its setup has no switch. */
/** Where the setup asks for a password that is not known. */
export const LOCKED_SETUP: Alternative = {
  is: "setup said to be locked",
  text: "By the text its setup asks for a password that is not known: with it, or by the maker, VT-x is switched on there, and no setting of Linux or Windows replaces that. Without it, plain emulation is left.",
};
export const NO_SWITCH_OFF: Alternative = {
  is: "no firmware switch",
  text: "The text finds no switch for it in the firmware setup, or none that can be changed, and nothing but the firmware can change it: update the firmware, and look under CPU, Advanced and Security (a password can hide it); Intel TXT on can keep it off, too.",
};

/** People who switched it on, where the kernel found it locked off all the same. */
export const DID_NOT_TAKE: Alternative = {
  is: "said to be on",
  text: "The text says that the setting is on, and Linux finds it off: save it once more, take the power away (a restart keeps the lock), switch Intel TXT off where it is on, and update the firmware. VT-d is another setting.",
};

/** The same of AMD's. */
export const SVM_DID_NOT_TAKE: Alternative = {
  is: "said to be on",
  text: "The text says that the setting is on: where the system finds SVM off all the same, save it once more (or load the defaults and set it again), take the power away, and update the firmware. Where an update brought it, go back to the one before.",
};

/** Where both bits were read as 0: TXT would have one of them on. */
export const DID_NOT_TAKE_READ: Step = { text: DID_NOT_TAKE.text.replace(" switch Intel TXT off where it is on,", "") };

/** Linux runs beside ChromeOS there, or in a chroot of it. */
export const NO_SETUP: Alternative = {
  is: "on a Chromebook",
  text: "A Chromebook has no firmware setup: its firmware decides, and in ChromeOS and in a chroot of it (crouton) ChromeOS' kernel. Without KVM, plain emulation is left.",
};

/** It is on until then. */
export const AFTER_SLEEP: Alternative = {
  is: "after a suspend",
  text: "Where VT-x is lost on resume from sleep, the firmware does not restore IA32_FEAT_CTL: update the firmware, or go back to the one before where it came with an update. Until then a restart brings VT-x back, and sleep without S3 (mem_sleep_default=s2idle) keeps it.",
};

const INSTEAD_OF_OFF: readonly Alternative[] = [
  AFTER_SLEEP,
  NO_SETUP,
  LOCKED_SETUP,
  NO_SWITCH_OFF,
  { is: "AMD", text: SVM_MODE },
];

/** For messages that prove it off: what people say about their firmware setup does not count there. */
export const FIRMWARE_IS_OFF: Advice = {
  text: "Enable VT-x in the firmware setup (Intel Virtualization Technology, VT-x, Vanderpool, VMX; often under CPU, Advanced or Security), save, and switch the machine off and on: only a full power cycle releases the lock in IA32_FEAT_CTL.",
  unless: INSIDE,
  instead: INSTEAD_OF_OFF,
  changes: "firmware",
};

/** Where a program, or Windows at its start, found the register so. */
export const FIRMWARE_FOUND_OFF: Advice = {
  ...FIRMWARE_IS_OFF,
  instead: [
    ...INSTEAD_OF_OFF,
    { is: "said to be on", text: DID_NOT_TAKE.text.replace("Linux finds it off", "the register has it off") },
  ],
};

/** Where the kernel itself found it off. */
export const FIRMWARE_LOCKED: Advice = {
  ...FIRMWARE_IS_OFF,
  instead: [...INSTEAD_OF_OFF, DID_NOT_TAKE],
};

export const ENABLE_SVM: Advice = {
  text: SVM_MODE,
  unless: [...INSIDE, "said to be on"],
  changes: "firmware",
};

/** Where the firmware setup has no switch. */
export const NO_SWITCH: Alternative = {
  is: "no firmware switch",
  text: "The text finds no switch for it in the firmware setup: update the firmware, and look under CPU, Advanced and Security (a password can hide it). Some makers leave it on without a switch; Windows (systeminfo) and Linux (vmx among the flags) show whether it is.",
};

const SVM_IF_OFF = SVM_MODE.replace("setup,", "setup if it is off there,");
/** For messages that only say that something is missing. */
export const ENABLE_FIRMWARE: Advice = {
  ...FIRMWARE_IS_OFF,
  text: FIRMWARE_IS_OFF.text.replace("), save", ") if it is off there, save"),
  instead: [NO_SETUP, LOCKED_SETUP, NO_SWITCH, { is: "AMD", text: SVM_IF_OFF }],
  unless: [
    ...INSIDE,
    "said to be on",
    "after a suspend",
    "said to have nested on",
    "kvm_intel loaded",
    "/dev/kvm exists",
    "KVM runs a guest",
    "in WSL2",
    "in a cloud",
  ],
};

/** They are for the machine itself, and said with that condition where it may be a virtual one. */
export const ONLY_IF_PHYSICAL: ReadonlySet<string> = new Set([ENABLE_FIRMWARE.text, SVM_IF_OFF]);

export const OFF_IN_FIRMWARE: RowCause = { text: "VT-x is off in the firmware setup.", layer: "firmware" };

/** What it comes to where a program only says that it has no KVM. */
export const NO_KVM =
  "A program did not get KVM and does not say why: there is no /dev/kvm, because kvm_intel did not load (VT-x off in the firmware, or not passed to this virtual machine) or a container was not given the device; or the user may not open it.";

/** How to make each outer hypervisor expose VT-x. */
export const OUTER_COMMANDS = {
  KVM: [
    "# KVM: on the host, then -cpu host (QEMU) or <cpu mode='host-passthrough'/> (libvirt)",
    "echo 'options kvm_intel nested=1' | sudo tee /etc/modprobe.d/kvm-nested.conf",
  ],
  "Hyper-V": ["# Hyper-V: on the host", "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
  VMware: ["# VMware: in the .vmx file", 'vhv.enable = "TRUE"'],
  VirtualBox: ["# VirtualBox: on the host", "VBoxManage modifyvm NAME --nested-hw-virt on"],
} as const;

/** Where nested is on at the host. */
export const GIVE_TEXT =
  "Give the guest a CPU with vmx, shut it down and start it; a restart from inside is not enough.";
export const GIVE_VMX = "Give the guest VMX.";
export const GIVE_CPU = ["-cpu host", "<cpu mode='host-passthrough'/>", "qm set VMID --cpu host"];

export const ENABLE_OUTER: Advice = {
  text: OUTER_DECIDES,
  commands: Object.values(OUTER_COMMANDS).flat(),
  unless: ["bare metal", "said to be physical", "in WSL2", "KVM runs a guest", "on ESXi"],
  instead: {
    is: "in a cloud",
    text: IN_CLOUD,
  },
  changes: "outer hypervisor",
};

/** Of each system the command that shows it. */
export const SEE_CPU_NAME = ["# Linux", "lscpu | grep 'Model name'", "# Windows", "wmic cpu get name"] as const;

export const IS_VIRTUAL = "See whether this is a virtual machine, and whether boot removed the flag.";

export const LOOK_UP_CPU: Advice = {
  text: "Look the CPU up at ark.intel.com: `Intel Virtualization Technology (VT-x)`. Without it VirtualBox up to 6.0 runs 32-bit guests, later releases none.",
  commands: ["VBoxManage modifyvm NAME --hwvirtex off", ...SEE_CPU_NAME],
};

/** Whether Windows' own hypervisor runs all the same. */
export const SEE_SECURITY: Step = {
  text: "See whether it still runs: `Virtualization-based security: Running`, or `A hypervisor has been detected`.",
  commands: ["msinfo32"],
};
/** The same below a hypervisor that runs on other systems as well. */
export const SEE_SECURITY_BELOW: Advice = {
  ...SEE_SECURITY,
  instead: {
    is: "no Windows named",
    text: "Where the host is Windows, see whether its hypervisor runs: `Virtualization-based security: Running`, or `A hypervisor has been detected`.",
    commands: ["msinfo32"],
  },
};

export const HYPERV_OFF: Advice = {
  text: "Keep Windows' own hypervisor from starting, then restart. Hyper-V, Virtual Machine Platform, WSL2, Windows Sandbox, memory integrity and Credential Guard all start it.",
  commands: ["bcdedit /set hypervisorlaunchtype off"],
  changes: "Windows' hypervisor",
  unless: ["on Linux", "on ESXi", "macOS", "no hypervisor below", "Windows 7", "Windows' hypervisor wanted"],
  instead: [
    {
      is: "no Windows named",
      text: "Where this is Windows: keep its own hypervisor from starting, then restart. Hyper-V, Virtual Machine Platform, WSL2, Windows Sandbox, memory integrity and Credential Guard all start it.",
      commands: ["bcdedit /set hypervisorlaunchtype off"],
    },
    {
      is: "bcdedit refused",
      text: "Type it again in a command prompt that was started as administrator, then restart.",
      commands: ["bcdedit /set {current} hypervisorlaunchtype off"],
    },
    {
      is: "hypervisor launch off",
      text: "The boot entry is off already. See whether Windows' hypervisor runs all the same (`Virtualization-based security: Running`): the firmware can hold it (UEFI lock), and Microsoft's readiness tool for Device Guard takes that away.",
      commands: ["msinfo32", "DG_Readiness_Tool.ps1 -Disable"],
    },
    {
      is: "Hyper-V said to be off",
      text: "Hyper-V is off by the text. See whether Windows' own hypervisor runs all the same (`Virtualization-based security: Running`): memory integrity, Credential Guard, WSL2 and Virtual Machine Platform start it as well, unless its boot entry is off.",
      commands: ["msinfo32", "bcdedit /set hypervisorlaunchtype off"],
    },
  ],
};

/** For texts in which no program has to wait for it: there it stays. */
export const HYPERV_OFF_FOR_RIVAL: Advice = {
  ...HYPERV_OFF,
  unless: [...(HYPERV_OFF.unless ?? []), "no rival named"],
};

export const WHICH_RUNS: Advice = {
  text: "See which it is: a model like `Virtual Machine`, `VMware` or `Standard PC` is a guest.",
  commands: ['systeminfo | findstr /C:"System Manufacturer" /C:"System Model"'],
};

export const HYPERV_ON: Advice = {
  text: "Let Windows start its hypervisor, then restart.",
  commands: [
    "bcdedit /set hypervisorlaunchtype auto",
    "dism /online /enable-feature /featurename:VirtualMachinePlatform /all",
  ],
};

export const WINDOWS_STATE: Advice = {
  text: "Ask Windows which of the four requirements is missing, or whether a hypervisor already runs.",
  commands: ["systeminfo"],
  unless: ["on Linux", "macOS", "in a container"],
};

/** WSL of Windows 10 passes none, however new it is. */
export const TO_WINDOWS_11: Step = {
  text: "Update to Windows 11, run Linux in a Hyper-V machine, which can be given VT-x, or do without KVM.",
  commands: ["-accel tcg", "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
};

export const TO_WINDOWS_11_ON_AMD: Step = {
  text: "Update to Windows 11, or do without KVM.",
  commands: ["-accel tcg"],
};

export const UPDATE_WSL: Step = {
  text: "Update WSL, and see whether the device is there.",
  commands: ["wsl --update", "ls -l /dev/kvm"],
};

/** Where the hypervisor that it needs runs. */
export const OTHER_REASON: Step = {
  text: "Read the program's log. It can lack a right (start it as administrator), or need another feature or edition of Windows.",
};

export const LOAD_AMD = "Load AMD's module and read what it says; refused, it has the reason in the kernel log.";
export const LOAD_KVM: Advice = {
  text: "Load the module (on an AMD CPU kvm_amd) and read what it says; refused, it has the reason in the kernel log.",
  commands: ["sudo modprobe kvm_intel; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
  unless: ["KVM's module loaded", "/dev/kvm exists", "KVM runs a guest", "no vmx"],
  instead: {
    is: "AMD",
    text: LOAD_AMD,
    commands: ["sudo modprobe kvm_amd; sudo dmesg | grep -iE 'kvm|svm' | tail"],
  },
};

export const WHPX_ON: Advice = {
  text: "Switch `Windows Hypervisor Platform` on, and restart.",
  commands: ["dism /online /enable-feature /featurename:HypervisorPlatform /all"],
  instead: {
    is: "no Windows named",
    text: "On Windows, switch `Windows Hypervisor Platform` on, and restart.",
    commands: ["dism /online /enable-feature /featurename:HypervisorPlatform /all"],
  },
  unless: ["on Linux", "macOS", "Windows 7", "Windows 8", "in a container"],
};

export const KVM_ON_LINUX: Advice = {
  text: "On Linux, use KVM.",
  commands: ["sudo modprobe kvm_intel", "ls -l /dev/kvm"],
  unless: ["on Windows", "macOS"],
};

export const HOW_FAR_KVM: Advice = {
  text: "These say which it is.",
  commands: [
    "ls -l /dev/kvm; id -nG; lsmod | grep kvm",
    "grep -m1 -ow vmx /proc/cpuinfo; systemd-detect-virt; sudo dmesg | grep -iE 'kvm|vmx'",
  ],
  instead: {
    is: "on Windows",
    text: "Ask Windows whether its hypervisor runs, and QEMU which accelerators it has.",
    commands: ["systeminfo", "qemu-system-x86_64 -accel help"],
  },
};

export const JOIN_KVM: Advice = {
  text: "Join the group that owns the device and log in again; or, until the next boot, grant one user access.",
  commands: ["ls -l /dev/kvm", "sudo usermod -aG kvm $USER", "sudo setfacl -m u:$USER:rw /dev/kvm"],
  instead: {
    is: "in the group kvm",
    text: "The text shows the user in the group kvm: see that it owns the device, and that the session is a new one since the user joined.",
    commands: ["ls -l /dev/kvm; id -nG; getfacl /dev/kvm"],
  },
};

export const PASS_DEVICE: Advice = {
  text: "In a container, pass the host's device in.",
  unless: ["no container", "no vmx", "privileged container", "no right to the device", "device passed"],
  commands: [
    "docker run --device /dev/kvm ...",
    "# LXC: lxc.cgroup2.devices.allow = c 10:232 rwm and lxc.mount.entry = /dev/kvm dev/kvm none bind,create=file",
  ],
};

export const LOADED_WITHOUT_DEVICE =
  "KVM's module is loaded, so the machine has KVM; where the program looked there is no /dev/kvm: it was not passed into the container or sandbox in which it runs.";

/** Docker Desktop on Linux runs containers in a machine that has no KVM. */
export const DOCKER_ENGINE: Advice = {
  text: "See where the engine runs (Docker Desktop has a machine of its own; on Linux use Docker Engine), and make the container anew.",
  commands: [
    "docker info | grep -E 'Operating System|Kernel'; docker context ls",
    "docker context use default; docker compose up -d --force-recreate",
  ],
};

export const KERNEL_LOG: Advice = {
  text: "The reason is in the kernel log, next to this message; give those lines too.",
  commands: ["sudo dmesg | grep -iE 'kvm|vmx|vt-x|x86/cpu'"],
};

export const DUMP_VMCS: Advice = {
  text: "Let KVM print the VMCS when it happens again, and give the dump together with this message: it is audited then.",
  commands: ["echo 1 | sudo tee /sys/module/kvm_intel/parameters/dump_invalid_vmcs", "sudo dmesg"],
  unless: ["an old system"],
};

/** Another hypervisor beside KVM, on Linux. */
export const STOP_RIVAL: Step = {
  text: "Stop its machines, or unload its modules.",
  commands: ["sudo modprobe -r vboxnetadp vboxnetflt vboxdrv", "# VMware: sudo modprobe -r vmmon"],
};

export const WHO_USES_VMX: Advice = {
  text: "See which hypervisor holds VT-x.",
  commands: ["lsmod | grep -E 'kvm|vbox|vmmon|jailhouse'"],
  instead: [
    {
      is: "on Windows",
      text: "Close what else uses VT-x (AMD-V) itself: VMware, an Android emulator with a driver of its own (AEHD, HAXM), another VirtualBox.",
      commands: ["sc query aehd", "sc query gvm", "sc query vmx86"],
    },
    { is: "AMD", text: "See which hypervisor holds AMD-V.", commands: ["lsmod | grep -E 'kvm|vbox|vmmon|jailhouse'"] },
  ],
};

export const NESTED_ON: Advice = {
  text: "Turn nested VMX on in the host's kvm_intel (no virtual machine may run while it is reloaded).",
  commands: [
    "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1",
    "cat /sys/module/kvm_intel/parameters/nested",
  ],
  unless: ["AMD", "nested on", "said to have nested on", "in a cloud"],
};

export const DROP_VMX: Advice = {
  text: "If the guest runs no hypervisor, remove VMX from it: then no VMX capability MSR is set.",
  commands: ["-cpu host,-vmx", "<feature policy='disable' name='vmx'/>"],
  unless: ["AMD", "an old system"],
};

export const COMPARE_CPUS: Advice = {
  text: "Read the VMX MSRs of every CPU and compare; one line per register is right, two mean that CPUs disagree.",
  commands: [
    "sudo modprobe msr",
    'for m in $(seq 0x480 0x493); do printf "0x%x " $m; sudo rdmsr -a $m 2>&1 | sort | uniq -c | tr "\\n" ";"; echo; done',
  ],
};

export const MICROCODE: Advice = {
  text: "Compare the microcode revisions of the CPUs, and update microcode and firmware.",
  commands: ["grep microcode /proc/cpuinfo | sort | uniq -c"],
  unless: ["virtual"],
};

/** KubeVirt turns host-model into what the first node has (its user guide, on virtual hardware). */
export const ONE_MODEL: Step = {
  text: "Give the machine one CPU model that all nodes have in full (host-model is what the first node has), and start it again; then it can move.",
  commands: [
    "spec.template.spec.domain.cpu.model: MODEL",
    "kubectl get nodes --show-labels | tr ',' '\\n' | grep cpu-model.node | sort | uniq -c",
  ],
};
export const NODES_MODEL: Step = {
  ...ONE_MODEL,
  text: "Give the machine a CPU model that the nodes have in full, and start it again.",
};
export const ALL_SAME =
  " Nodes that are virtual machines get these from the hypervisor below: all of them have to run on hosts of one kind, with the same settings.";
export const withoutFeatures = (names: readonly string[], isOther = true): Step => ({
  text: `${isOther ? "Or l" : "L"}eave these features out of the machine's CPU, and start it again.`,
  commands: [
    `spec.template.spec.domain.cpu.features: [${names
      .slice(0, 8)
      .map((name) => `{name: ${name}, policy: disable}`)
      .join(", ")}]`,
  ],
});

export const REAL_STEP: Step = {
  text: "See whether KVM can run real mode without emulation.",
  commands: ["cat /sys/module/kvm_intel/parameters/unrestricted_guest /sys/module/kvm_intel/parameters/ept"],
};

export const PT_ON: Advice = {
  text: "To give a guest Intel PT, let KVM share it between host and guests (no virtual machine may run; kernels that mark this mode as broken refuse it).",
  commands: [
    "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel pt_mode=1",
    "cat /sys/module/kvm_intel/parameters/pt_mode",
  ],
};

/** A command of QEMU's monitor, for a guest of libvirt. */
export const monitor = (command: string): string => `virsh qemu-monitor-command --hmp GUEST '${command}'`;

/** What a cause presupposes, and what shows that it is not so. */
const NOT_WHERE = {
  "virtual machine": ["bare metal", "said to be physical"],
  "no VT-x": ["in WSL2", "VMX in CPUID", "VMX locked on", "VMX locked off", "a CPU with EPT named"],
  "no EPT": ["a CPU with EPT named", "in WSL2"],
  Windows: ["on Linux", "macOS", "no hypervisor below"],
  Linux: ["on Windows", "macOS"],
} as const satisfies { readonly [presupposed: string]: readonly Circumstance[] };

/** A cause that is offered unless the text shows that it cannot be. */
export const causeIf = (is: keyof typeof NOT_WHERE, text: string): RowCause => ({ text, unless: NOT_WHERE[is] });
