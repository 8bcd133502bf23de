import type { MessageRow } from "../../../answers/message.js";
import { OTHER_PROXMOX } from "../../../why/questions/next-steps.js";
import {
  causeIf,
  DOCKER_ENGINE,
  DUMP_VMCS,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HOW_FAR_KVM,
  HYPERV_OFF,
  JOIN_KVM,
  KERNEL_LOG,
  LOAD_KVM,
  LOADED_WITHOUT_DEVICE,
  NO_KVM,
  OFF_IN_FIRMWARE,
  PASS_DEVICE,
} from "../shared-advice.js";

/*
 * Programs that need KVM and do not get it: each front end words it in its own way, and the reason is one of a few.
 */

const KVM_DEVICE = "Linux, virt/kvm/kvm_main.c and the rights on /dev/kvm";

export const KVM_DEVICE_MESSAGES = [
  {
    id: "proxmox-no-kvm",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: "configured, but not available",
    pattern: /KVM virtuali[sz]ation configured, but not available/i,
    what: "Proxmox found no usable /dev/kvm on this node: kvm_intel is not loaded.",
    outcome: "no device",
    where: [
      {
        is: "KVM's module loaded",
        what: "Proxmox found no usable /dev/kvm where this comes from. The text shows KVM's module loaded, so that is another machine, as a rule a Proxmox that is itself a guest and is given no VT-x.",
        outcome: "no device",
        steps: [{ text: OTHER_PROXMOX, commands: ["qm set VMID --cpu host"], changes: "outer hypervisor" }],
      },
    ],
    causes: [
      "The node is itself a virtual machine and its hypervisor does not pass VT-x (a Proxmox in Proxmox needs CPU type host and nesting on).",
      OFF_IN_FIRMWARE,
    ],
    steps: [
      LOAD_KVM,
      ENABLE_FIRMWARE,
      {
        text: OTHER_PROXMOX,
        commands: ["cat /sys/module/kvm_intel/parameters/nested", "qm set VMID --cpu host"],
        changes: "outer hypervisor",
      },
      ENABLE_OUTER,
      { text: "Or run the guest without KVM, slowly.", commands: ["qm set VMID --kvm 0"] },
    ],
    source: {
      message: "gaudat/gauup#1, tteck/Proxmox#1613, LongQT-sea/pve-live#1",
      meaning: "LongQT-sea/pve-live#1; packer issue 7550 (Proxmox inside VirtualBox)",
    },
  },
  {
    id: "docker-no-device",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: "gathering device information",
    pattern:
      /error gathering device information while adding custom device \W{0,4}\/dev\/k[vd]m\b\W{0,8}(?:lstat \/dev\/kvm: )?no such (?:file or directory|device)/i,
    what: "Docker was to pass /dev/kvm in, and where its engine runs there is none: kvm_intel is not loaded, or the engine runs in a machine of its own (Docker Desktop).",
    outcome: "no device",
    where: [
      {
        is: "/dev/kvm exists",
        what: "The machine has /dev/kvm, and Docker's engine finds none: it runs in a machine of its own (Docker Desktop), or it is another one than the shell's.",
        steps: [DOCKER_ENGINE],
      },
    ],
    steps: [LOAD_KVM, ENABLE_FIRMWARE, ENABLE_OUTER, DOCKER_ENGINE],
    source: {
      message: "sickcodes/Docker-OSX#127, #522, dockur/windows#638, rancher/old-vm#80",
      meaning: "Docker, daemon (devices of a container); kernalix7/winpodx#579",
    },
  },
  {
    id: "emulator-no-kvm",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["vt disabled in bios or kvm kernel module not loaded", "kvm is not installed on this machine"],
    pattern:
      /(?:\/dev\/kvm is not found: )?VT disabled in BIOS or KVM kernel module not loaded|KVM is not installed on this machine(?: \(\/dev\/kvm is missing\))?/i,
    group: "emulator-no-kvm",
    what: "The Android emulator finds no /dev/kvm where it runs.",
    outcome: "no device",
    where: [
      {
        is: "/dev/kvm exists",
        what: "The host has /dev/kvm, and the Android emulator does not see it: it runs in a container or a sandbox (Docker, Flatpak, Snap) that does not pass the device in.",
        steps: [PASS_DEVICE, { text: "Flatpak: allow it.", commands: ["flatpak override --user --device=kvm APP"] }],
      },
      { is: "KVM's module loaded", what: LOADED_WITHOUT_DEVICE, steps: [PASS_DEVICE] },
    ],
    causes: [
      "In a container or a sandbox (Docker, Flatpak): the host may have KVM and the device was not passed in.",
      "kvm_intel is not loaded, or refused because VT-x is off or not passed to this virtual machine.",
    ],
    steps: [PASS_DEVICE, LOAD_KVM, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "google/gcm#69, Dart-Code/Dart-Code#1205, aerokube/images#243",
      meaning: "Android emulator (accel-check); aerokube/images#243",
    },
  },
  {
    id: "multipass-no-kvm",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["kvm support is not enabled on this machine", "check_kvm_support script failed"],
    group: "multipass-no-kvm",
    pattern: /KVM support is not enabled on this machine|The check_kvm_support script failed to start/i,
    what: "Multipass asked kvm-ok (its check_kvm_support) and KVM cannot be used here, or the check itself could not run.",
    causes: [
      { text: "VT-x is off in the firmware setup, or kvm_intel is not loaded.", layer: "firmware", always: true },
      causeIf(
        "virtual machine",
        "This is a virtual machine (Hyper-V, VMware, a cloud) whose hypervisor does not pass VT-x.",
      ),
    ],
    steps: [
      {
        text: "Run the same check by hand; it says which it is.",
        commands: ["sudo apt install cpu-checker && sudo kvm-ok"],
      },
      LOAD_KVM,
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: { message: "canonical/multipass#3392, #2360", meaning: "canonical/multipass#2360, #2336" },
  },
  {
    id: "gns3-no-kvm",
    product: "KVM user space",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "kvm support available",
    pattern: /KVM support available:? False/i,
    what: "The GNS3 VM found no /dev/kvm: VMware or VirtualBox, in which it runs, does not pass VT-x to it.",
    causes: [
      "Nested VT-x is off for this machine: VirtualBox has it since 6.1 (Intel) and calls it NestedHWVirt, VMware calls it Virtualize Intel VT-x/EPT.",
      "Windows' hypervisor runs below VirtualBox or VMware; then neither can pass VT-x on, and the setting is greyed out.",
    ],
    steps: [
      {
        text: "Switch nested VT-x on for the machine, while it is off.",
        commands: ['VBoxManage modifyvm "GNS3 VM" --nested-hw-virt on', 'vhv.enable = "TRUE"'],
        changes: "outer hypervisor",
      },
      HYPERV_OFF,
      ENABLE_FIRMWARE,
    ],
    source: { message: "GNS3/gns3-vm#109, GNS3/gns3-server#2254", meaning: "GNS3/gns3-server#1377, #2218, #2254" },
  },
  {
    id: "container-no-kvm",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: "kvm acceleration",
    group: "kvm-device",
    pattern:
      /KVM acceleration (?:is )?not (?:available|detected|enabled) \((?:device file missing|\/dev\/kvm is missing)\)|Error: KVM acceleration is disabled\b/i,
    what: "There is no /dev/kvm in the container: it was not passed in, or the machine that runs the container has none.",
    outcome: "no device",
    where: [
      {
        is: "on Windows",
        what: "There is no /dev/kvm in the container. On Windows its engine runs in WSL 2, which has the device where Windows passes VT-x on to it (Windows 11: nestedVirtualization, on unless .wslconfig says otherwise); then the container has to be given it.",
        steps: [
          {
            text: "See whether WSL has it, and pass it in.",
            commands: ["wsl ls -l /dev/kvm", "docker run --device /dev/kvm ..."],
          },
        ],
      },
    ],
    causes: [
      "Docker Desktop runs containers in a virtual machine of its own: the device of the host is not there.",
      {
        text: "KVM's module is not loaded on the host, or refused: VT-x or AMD-V is off.",
        layer: "firmware",
        always: true,
      },
    ],
    steps: [
      {
        text: "On the machine that runs the container, see whether it has the device; then pass it in.",
        commands: ["ls -l /dev/kvm; sudo modprobe -a kvm_intel kvm_amd", "docker run --device /dev/kvm ..."],
      },
      DOCKER_ENGINE,
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "dockur/windows#151, #856, #1577; vdsm/virtual-dsm#41, #858",
      meaning: "qemus/qemu, src (KVM check)",
    },
  },
  {
    id: "kvm-device",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "/dev/kvm",
      "no supported hypervisor",
      "kvm object",
      "kvm support",
      "kvm error",
      "(os error",
      "kvmnew",
      "kvm(error",
      "vmcreate(",
      "kvm support is missing",
      "hypervisorcreate(",
      "permissions to use kvm",
    ],
    group: "kvm-device",
    pattern:
      /Failed to create the hypervisor: no supported hypervisor|\bstat \/dev\/kvm: no such file or directory|(?:Kvm object: |KvmNew\(|Kvm\()Error\((?<errno>\d{1,3})\)|(?:KVM object|KVM support|\bKvm error|\bkvm fd|KVM device|opening KVM|open KVM|initiali[sz]e KVM|create (?:a )?KVM)\b[^\n]{0,80}?\(os error (?<errno4>\d{1,3})\)|(?:VmCreate|HypervisorCreate)\((?<reason>[\w/ ]{3,60}?) \(os error (?<errno2>\d{1,3})\)\)|KVM support is missing(?: \(no \/dev\/kvm\))?|is \/dev\/kvm available\?(?:[^\n]{0,80}?\(os error (?<errno3>\d{1,3})\))?|(?:\bno|(?<!\b(?:runs?|works?|working|running) )without) [`'"]?\/dev\/kvm\b(?! (?:access|permission|(?:is )?needed|(?:is )?required))|\/dev\/kvm['"`)]{0,2}[^\n/]{0,40}?(?:No such (?:file|device)\b|不存在|n['’]existe pas|(?:no|não) existe|не (?:существует|найден)|отсутствует|existiert nicht|fehlt|nie istnieje|Is a directory|Permission denied|Operation not permitted|Device or resource busy|(?:(?:does|do|did)(?: not|n't|n’t)|never) (?:exist|appear|show up)|(?:is |was |does |did |has ){0,2}(?:not|never) (?:been |being |become |get ){0,2}(?:found|available|present|accessible|created|there|appears?)|(?:is |was )?(?:missing|unavailable)|EACCES|EPERM|ENOENT)|(?:open|access)[^\n]{0,30}\/dev\/kvm[^\n]{0,30}?(?:permission denied|EACCES)|This user doesn't have permissions to use KVM/i,
    what: NO_KVM,
    decoder: "device",
    steps: [HOW_FAR_KVM, LOAD_KVM, JOIN_KVM, PASS_DEVICE],
    source: {
      message:
        "firecracker-microvm/firecracker#685, #1111, #2908; cloud-hypervisor/cloud-hypervisor#1014, #1568; lxc/incus-os#155",
      meaning: KVM_DEVICE,
    },
  },
  {
    id: "boxes-no-libvirt",
    product: "KVM user space",
    layer: "user space",
    gravity: "blocks",
    needle: "failed to execute: virsh capabilities",
    pattern: /Failed to execute: virsh capabilities/i,
    what: "GNOME Boxes asks `virsh capabilities` for KVM, and that failed: it calls the extensions unavailable then, whatever the CPU has. Its Flatpak brings a libvirt of its own, which did not start.",
    steps: [
      {
        text: "Ask the same by hand, and read what libvirt says.",
        commands: ["flatpak run --command=virsh org.gnome.Boxes capabilities", "ls -l /dev/kvm"],
      },
    ],
    source: { message: "flathub/org.gnome.Boxes#46, #85", meaning: "GNOME Boxes, src/util-app.vala" },
  },
  {
    id: "kvm-api-version",
    product: "KVM user space",
    layer: "user space",
    gravity: "blocks",
    needle: [
      "kvm kernel version too old",
      "kvm_get_api_version ioctl not supported",
      "kvm version not supported",
      "kvm api version",
    ],
    pattern:
      /kvm kernel version too old(?:: KVM_GET_API_VERSION ioctl not supported)?|KVM_GET_API_VERSION ioctl not supported|kvm version not supported|KVM API version (?:mismatch|\d{1,3} (?:is )?(?:not supported|unsupported))/i,
    what: "The program and the KVM module do not speak the same version of KVM's interface: the module was found, so VT-x is on, and one of the two is of another age.",
    steps: [
      {
        text: "Use the module of the running kernel and a QEMU of the distribution; a module built by hand or left from another kernel goes.",
        commands: ["modinfo kvm_intel | grep -E 'filename|vermagic'; uname -r", "ls -l /dev/kvm"],
      },
    ],
    source: { message: "Ubuntu forums, 2008", meaning: "Linux, Documentation/virt/kvm/api.rst (KVM_GET_API_VERSION)" },
  },
  {
    id: "kvm-run-failed",
    product: "QEMU",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: ["kvm run failed", "kvm_run returned", "kvm_run failed"],
    group: "kvm-run-failed",
    pattern:
      /(?:kvm run failed|KVM_RUN (?:returned|failed):?|kvm_run (?:returned|failed):?) (?<reason>Bad address|Invalid argument|Input\/output error|No such device|Function not implemented|Operation not permitted|Cannot allocate memory|Memory page has hardware error|-\d{1,3})/i,
    what: "KVM_RUN itself failed ({reason}): no VM entry was refused and VMX is not the reason, the kernel could not continue running the guest.",
    causes: [
      "Bad address (-14, EFAULT): KVM could not get a page of guest memory: the file behind it is too small or its file system is full (/dev/shm of a container, huge pages), or a passed-through device does not answer.",
      "Invalid argument (-22, EINVAL): user space left the virtual CPU in a state that KVM refuses to run; after another failure it follows from that one.",
      "Input/output error (-5, EIO): KVM gave the guest up before; the message before says why.",
    ],
    decoder: "kvm-run-failed",
    steps: [
      {
        text: "Look for full memory file systems and huge pages, and at what the kernel said at that moment.",
        commands: ["df -h /dev/shm /dev/hugepages; grep -i huge /proc/meminfo", "sudo dmesg | tail -50"],
      },
    ],
    source: {
      message: "QEMU, accel/kvm/kvm-all.c (kvm_cpu_exec); jclulow/illumos-kvm#7",
      meaning: "kvm mailing list, on -EFAULT of KVM_RUN; notes of a Kata setup whose /dev/shm was too small",
    },
  },
  {
    id: "fail-entry-bare",
    product: "KVM user space",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["failentry", "kvm_exit_fail_entry"],
    pattern:
      /\b(?:KVM_EXIT_FAIL_ENTRY|FailEntry)\b(?!\(| is returned|\s{0,12}[=:]?\s{0,12}9\b|\s{2,12}:\s{0,4}\d)(?![^\n]{0,80}hardware_entry_failure_reason)/,
    what: "KVM_EXIT_FAIL_ENTRY: the CPU refused to enter the guest. This line does not have the reason, a number that KVM gave the program.",
    causes: [
      "In a virtual machine: the outer hypervisor does not implement something that this KVM uses (nested virtualization in the cloud, VirtualBox).",
      "On hardware: the program set a guest state that no entry allows, or the CPU has no unrestricted guest and the guest begins in real mode.",
    ],
    steps: [
      DUMP_VMCS,
      KERNEL_LOG,
      {
        text: "See whether KVM can run real mode without emulation.",
        commands: ["cat /sys/module/kvm_intel/parameters/unrestricted_guest"],
      },
    ],
    source: {
      message: "firecracker-microvm/firecracker#668; google/gvisor#84",
      meaning: "Linux, Documentation/virt/kvm/api.rst (KVM_EXIT_FAIL_ENTRY)",
    },
  },
  {
    id: "cloud-hypervisor-cpuid",
    product: "KVM user space",
    layer: "user space",
    gravity: "blocks",
    needle: "detected incompatible cpuid entry",
    pattern: /Detected incompatible CPUID entry[^\n]{0,200}/i,
    what: "Cloud Hypervisor compared the CPUID of the virtual machine with what this host can give, and refuses to restore or receive it: the CPUs, the kernels or the microcode differ.",
    causes: [
      "The snapshot or the migration comes from another CPU model; without a CPU profile the guest saw all that the source had.",
    ],
    steps: [
      { text: "Compare what KVM of both hosts offers.", commands: ["vmxlens diff SOURCE TARGET"] },
      {
        text: "Restore on the CPU model that it was taken on, or start machines with a CPU profile that all hosts have.",
      },
    ],
    source: {
      message: "virt-pvm/linux#7",
      meaning: "cloud-hypervisor/cloud-hypervisor#2841, #8029 (CPUID check, CPU profiles)",
    },
  },
] as const satisfies readonly MessageRow[];
