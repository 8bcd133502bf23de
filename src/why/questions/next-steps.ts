import type { NextStep } from "./answer.js";

/*
 * What to do or to type next, where the question is whether VT-x is there and on.
 */

/** The answer where no more is known than what the CPU has. */
export const ONLY_CPU_READ = "the CPU has VT-x, and whether the firmware has it on was not read.";

export const READ_BOTH: NextStep = {
  text: "Read both: vmx must be among the flags, and IA32_FEAT_CTL must read 5 or 7 (1: the firmware locked it off).",
  commands: ["grep -c vmx /proc/cpuinfo; sudo modprobe msr; sudo rdmsr -a 0x3a"],
};

/** Where the flags are known. */
export const READ_LOCK: NextStep = {
  text: "Read IA32_FEAT_CTL: 1 is locked off by the firmware; 5 or 7 is on, and then the CPU or a hypervisor below hides VT-x.",
  commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a"],
};

export const FIRMWARE_OFF: NextStep = {
  text: "Enable VT-x in the firmware setup (Intel Virtualization Technology, VMX), save, and switch the machine off and on: a restart does not release the lock.",
};

/** VMX is on inside SMX alone. */
export const TXT_OFF: NextStep = {
  text: "Switch Intel TXT (Trusted Execution) off in the firmware setup, leave VT-x on, and switch the machine off and on.",
};

/** VMX is locked on on some CPUs alone. */
export const EVERY_CPU: NextStep = {
  text: "In the firmware setup, save VT-x once more (or load the defaults and set it again), take the power away, and read 0x3a of every CPU again: all have to show 5 or 7. Where they do not, update the firmware.",
};

/** After READ_LOCK. */
export const FIRMWARE_IF_LOCKED: NextStep = {
  text: "Where it reads 1, enable VT-x in the firmware setup (Intel Virtualization Technology, VMX), save, and switch the machine off and on: a restart does not release the lock.",
};

export const LOAD_IT: NextStep = {
  text: "Load it, and read what the kernel says.",
  commands: ["sudo modprobe kvm_intel; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
};

export const EITHER_FIRMWARE: NextStep = {
  text: "Enable it in the firmware setup (Intel Virtualization Technology, VT-x; on an AMD CPU, SVM Mode), save, and switch the machine off and on: a restart does not release the lock.",
};

/** Where it may be a virtual machine. */
export const EITHER_IF_PHYSICAL: NextStep = {
  text: "If it is not a virtual machine, enable it in the firmware setup (Intel Virtualization Technology, VT-x; on an AMD CPU, SVM Mode), save, and switch the machine off and on: a restart does not release the lock.",
};

export const WHOSE_CPU: NextStep = {
  text: "See whose CPU it is, and whether this is a virtual machine.",
  commands: ["lscpu | grep -E 'Vendor|Model name|Hypervisor'"],
};

export const KERNEL_LOG: NextStep = {
  text: "The kernel log has the reason.",
  commands: ["sudo dmesg | grep -iE 'kvm|vmx' | tail"],
};

export const FIND_PARAMETER: NextStep = {
  text: "See which one the kernel names, and where it is set.",
  commands: ["sudo dmesg | grep -iE 'kvm|parameter' | tail; grep -rs kvm /etc/modprobe.d /proc/cmdline"],
};

export const COLLECT: NextStep = {
  text: "A missing control leaves nothing in the kernel's log; the registers say which it is.",
  commands: ["vmxlens collect > collect.sh; sudo sh -s < collect.sh > host.txt; vmxlens why kvm host.txt"],
};

export const SVM_MODULE: NextStep = {
  text: "Look at AMD's module instead.",
  commands: ["sudo modprobe kvm_amd; sudo dmesg | grep -iE 'kvm|svm' | tail"],
};

export const SVM_IN_FIRMWARE: NextStep = {
  text: "See what the kernel found; where it says that SVM is disabled, enable SVM Mode in the firmware setup.",
  commands: ["sudo dmesg | grep -iE 'kvm|svm'"],
};

export const PASS_SVM: NextStep = {
  text: "See whether the flag is there; where it is not, let the hypervisor below pass AMD-V (nested virtualization), with the machine off.",
  commands: ["grep -m1 -ow svm /proc/cpuinfo; systemd-detect-virt"],
};

export const RELOAD_WITH_NESTED: NextStep = {
  text: "Reload the module with it; no virtual machine may run.",
  commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1"],
};

export const SEE_WHO_SETS_IT: NextStep = {
  text: "See all that sets the module's parameters, and load it again; no virtual machine may run.",
  commands: [
    "modprobe -c | grep 'options kvm'; cat /proc/cmdline",
    "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
  ],
};

/** Where a parameter is off and the CPU is not known. */
export const READ_FLAGS: NextStep = {
  text: "See which CPU it is, what its flags show and what sets the parameters, and ask again with all of it.",
  commands: [
    "grep -m1 'model name' /proc/cpuinfo; grep -m1 'vmx flags' /proc/cpuinfo; modprobe -c | grep 'options kvm'; cat /proc/cmdline",
  ],
};

/** Where its flags do not say it: the registers that were not read. */
export function readFeatures(registers: readonly number[]): NextStep {
  const names = registers.map((index) => `0x${index.toString(16)}`);
  const [only, ...others] = names;
  const command =
    others.length === 0 ? `sudo rdmsr ${only}` : `for r in ${names.join(" ")}; do echo "$r: $(sudo rdmsr $r)"; done`;
  return {
    text: "Read what the CPU allows, and ask again with it in the text.",
    commands: [`sudo modprobe msr; ${command}`],
  };
}

/** What a program of Windows shows: which hypervisor runs below it, it does not say. */
export const WINDOWS = "Windows";

/** What is to be done where it is not known which one it is. */
export const OUTER_DECIDES =
  "Inside a virtual machine the outer hypervisor decides: let it pass VT-x to this machine (the machine has to be off).";

export const OTHER_PROXMOX =
  "If the node is a virtual machine of another Proxmox, give it the host's CPU there, with nesting on, and start it again.";
/** Where only the kind of cloud is known, and no way of its own. */
export const IN_CLOUD =
  "In a cloud the kind of machine decides: choose one whose hypervisor may do so, and let it pass VT-x (Azure: with the security type Standard, as Trusted Launch can switch it off).";
/** Steps that one certain hypervisor below makes needless. */
export const OUTER_UNKNOWN: readonly string[] = [OUTER_DECIDES, OTHER_PROXMOX, IN_CLOUD];

const SEE_FLAG: readonly string[] = ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; ls -l /dev/kvm"];

/** In clouds some of whose machines pass it. */
export const OTHER_KIND: NextStep = {
  text: "See whether the machine shows vmx; where it does not, only another kind of machine (dedicated or bare metal) has it, or plain emulation does.",
  commands: SEE_FLAG,
};

/** How the hypervisors that people run Linux in are made to pass VT-x on. */
const OUTER: readonly { readonly name: RegExp; readonly text: string; readonly commands?: readonly string[] }[] = [
  {
    name: /^Proxmox/,
    text: "On the Proxmox host, switch nested on and give the guest the CPU type host; then shut it down and start it.",
    commands: ["cat /sys/module/kvm_intel/parameters/nested", "qm set VMID --cpu host"],
  },
  {
    name: /^(?:KVM|QEMU)$/,
    text: "On the host, switch nested on and give the guest a CPU with vmx; then shut it down and start it.",
    commands: ["cat /sys/module/kvm_intel/parameters/nested", "-cpu host", "<cpu mode='host-passthrough'/>"],
  },
  {
    name: /^QEMU TCG/,
    text: "The machine is emulated, and QEMU's emulation has no VMX: run it with KVM, on a host with VT-x.",
    commands: ["-accel kvm -cpu host"],
  },
  {
    name: /^WSL/,
    text: "WSL2 passes VT-x (and AMD-V) on Windows 11, unless nestedVirtualization is false in .wslconfig; on Windows 10 it does not.",
    commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "nestedVirtualization=true", "wsl --shutdown"],
  },
  {
    name: /^VMware/,
    text: "In the .vmx file of the powered-off machine, let it have VT-x.",
    commands: ['vhv.enable = "TRUE"'],
  },
  {
    name: /^(?:Hyper-V|Microsoft)/,
    text: "On the Windows host, with the machine off, expose it (Azure: choose a size that supports nested virtualization).",
    commands: ["Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
  },
  {
    name: /^(?:VirtualBox|Oracle(?! Cloud))/,
    text: "On the host, with the machine off, switch nested VT-x on.",
    commands: ["VBoxManage modifyvm NAME --nested-hw-virt on"],
  },
  {
    name: /^Parallels/,
    text: "With the machine off (Parallels Desktop Pro, on a Mac with an Intel CPU), switch nested virtualization on.",
    commands: ["prlctl set NAME --nested-virt on"],
  },
  {
    name: /^Apple/,
    text: "macOS passes virtualization to machines of its framework on an M3 or a later chip, from macOS 15 on: switch it on for the machine. On other Macs it passes none.",
    commands: ["# Lima: nestedVirtualization: true"],
  },
  {
    name: /^Nutanix/,
    text: "On the cluster, with the machine off, let it have the host's CPU.",
    commands: ["acli vm.update NAME cpu_passthrough=true"],
  },
  {
    name: /^HAXM/,
    text: "HAXM passes no VT-x to its guests: run the inner hypervisor under another one (KVM, Hyper-V, VMware).",
  },
  {
    name: /^Xen/,
    text: "Xen passes VT-x to an HVM guest with nested HVM alone, which is experimental and set on the host, with the machine off.",
    commands: [
      "# xl: nestedhvm=1; XCP-ng (before 8.3: platform:exp-nested-hvm=true)",
      "xe vm-param-set uuid=UUID platform:nested-virt=true",
    ],
  },
  {
    name: /^Windows$/,
    text: "To let other programs have VT-x, keep Windows' own hypervisor from starting, and restart.",
    commands: ["bcdedit /set hypervisorlaunchtype off"],
  },
  {
    name: /^Google/,
    text: "Create the instance again with nested virtualization on, on a machine type with an Intel CPU (E2 types cannot).",
    commands: ["gcloud compute instances create NAME --enable-nested-virtualization"],
  },
  {
    name: /^Azure/,
    text: "Choose a size that supports nested virtualization (Dv3, Ev3 and later with an Intel CPU), and the security type Standard: Trusted Launch can switch it off.",
  },
  {
    name: /^Alibaba/,
    text: "Choose a bare-metal instance (ebm types): others do not pass VT-x.",
  },
  {
    name: /^Docker Desktop/,
    text: "Docker Desktop runs containers in a machine of its own. On Windows that is WSL2, which has /dev/kvm with nested virtualization on; pass it in. On macOS there is none; on Linux use Docker Engine, which has the host's.",
    commands: ["# %USERPROFILE%\\.wslconfig: [wsl2] nestedVirtualization=true", "docker run --device /dev/kvm ..."],
  },
  {
    name: /^(?:Contabo|DigitalOcean|Hetzner|GitLab|Linode|Oracle Cloud|OVHcloud|Tencent Cloud|Vultr|Scaleway|IBM Cloud|IONOS|netcup|Huawei Cloud|Yandex Cloud)/,
    ...OTHER_KIND,
  },
  {
    name: /^a hosted CI/,
    text: "Its runners are virtual machines or containers of the service: take a kind of runner that it documents with KVM, or one of your own on a machine that has KVM.",
  },
  {
    name: /^Cirrus/,
    text: "Its containers have KVM where the task asks for it.",
    commands: ["kvm: true   # in .cirrus.yml, below container"],
  },
  {
    name: /^GitHub Codespaces/,
    text: "No setting of a codespace passes it. See what this one got (svm is AMD's); with neither, use another machine.",
    commands: SEE_FLAG,
  },
  {
    name: /^a rented workspace/,
    text: "No setting of such a workspace passes it. See what this one got (svm is AMD's); with neither, use another machine.",
    commands: SEE_FLAG,
  },
  {
    name: /^GitHub/,
    text: "Hosted Linux runners have /dev/kvm, for root alone until a rule opens it; where it is missing, the runner is self-hosted or of a kind without nested virtualization.",
    commands: [
      `echo 'KERNEL=="kvm", GROUP="kvm", MODE="0666", OPTIONS+="static_node=kvm"' | sudo tee /etc/udev/rules.d/99-kvm4all.rules`,
      "sudo udevadm control --reload-rules && sudo udevadm trigger --name-match=kvm",
    ],
  },
  {
    name: /^Amazon/,
    text: "Choose a .metal instance type, or an Intel type of the 8th generation (C8i, M8i, R8i), launched with nested virtualization, which is off unless asked for.",
    commands: ["aws ec2 run-instances --instance-type c8i.xlarge --cpu-options NestedVirtualization=enabled ..."],
  },
];

/** How to make the hypervisor below pass VT-x, with its name where that is known. */
export function outerStep(outer: string | undefined): NextStep {
  const found = outer === undefined ? undefined : OUTER.find(({ name }) => name.test(outer));
  if (found !== undefined)
    return { text: found.text, ...(found.commands === undefined ? {} : { commands: found.commands }) };
  return {
    text: "In a virtual machine the hypervisor below decides: let it pass VT-x (nested virtualization), with the machine off. Which one it is:",
    commands: ["systemd-detect-virt; lscpu | grep -i hypervisor"],
  };
}

/** Where it passes VT-x on already. */
export const START_ANEW: NextStep = {
  text: "Shut the machine down and start it: a restart from inside keeps the CPU that it had.",
};

/** Whether a step is what is left to do with one certain hypervisor below. */
export function isOuterStep({ text, commands }: NextStep): boolean {
  return (
    text === START_ANEW.text ||
    OUTER.some((one) => one.text === text) ||
    commands?.some((command) => PASSES.test(command)) === true
  );
}
/** The same, put shorter for one place. */
const PASSES = /^(?:Set-VMProcessor|VBoxManage modifyvm \S+ --nested-hw-virt on|aws ec2 run-instances|az vm create)\b/;
