import type { MessageRow } from "../../../answers/message.js";
import { HOW_FAR_KVM, KERNEL_LOG } from "../shared-advice.js";

/*
 * Loading, removing and setting up kvm_intel from user space, besides the refusals of the module itself.
 */

export const KMOD_MESSAGES = [
  {
    id: "module-denied",
    product: "kmod",
    layer: "user space",
    gravity: "informs",
    needle: ["blacklist", "install kvm"],
    pattern:
      /^\s{0,8}(?:[\w./-]{1,120}\.conf:)?(?:(?:blacklist|install)[ \t]{1,8}kvm(?:[-_](?:intel|amd))?(?:[ \t]{1,8}(?:\/usr)?\/bin\/(?:false|true))?[ \t]{0,8}$|[^#\n]{0,1000}\b(?:module_|modprobe\.)blacklist=(?:[\w,-]{0,80},)?kvm(?:[-_](?:intel|amd))?\b)/i,
    what: "The configuration keeps a module of KVM from being loaded at boot: without modprobe by hand there is no /dev/kvm. That says nothing about VT-x.",
    causes: ["Often set for VirtualBox or VMware, which want VT-x for themselves."],
    steps: [
      {
        text: "Where KVM is to be used, remove the entry (and make the initramfs or the boot loader's configuration anew, where they have it), and load the module.",
        commands: ["grep -rnE 'kvm' /etc/modprobe.d /usr/lib/modprobe.d /proc/cmdline; sudo modprobe kvm_intel"],
      },
    ],
    source: {
      message: "modprobe.d(5), kernel-command-line(7)",
      meaning: "kmod; Linux, kernel/module (module_blacklist)",
    },
  },
  {
    id: "kvm-command-missing",
    product: "tool",
    layer: "user space",
    gravity: "informs",
    needle: ["kvm: ", "kvm-ok: ", "command not found: kvm", "kvm: not found"],
    pattern:
      /(?:^|[\s:])(?<name>kvm(?:-ok)?): (?:command )?not found\b|\bcommand not found: (?<name2>kvm(?:-ok)?)(?:\s|$)/i,
    what: "{name} is a program that some distributions bring along, and it is not installed here. That says nothing about VT-x or KVM, which is a part of the kernel: it is there where /dev/kvm is.",
    steps: [HOW_FAR_KVM],
    source: { message: "sickcodes/Docker-OSX#100", meaning: "Debian, packages qemu-system-x86 and cpu-checker" },
  },
  {
    id: "modprobe-file-missing",
    product: "kmod",
    layer: "host operating system",
    gravity: "blocks",
    needle: "error=no such file or directory",
    pattern: /path=(?<path>[\w./+~-]{1,160}\/kvm(?:[-_]intel)?\.ko(?:\.\w{2,3})?) error=No such file or directory/i,
    what: "modprobe looked for {path} and it is not there, although the index of modules names it: it was moved, or its package is half installed. VT-x has nothing to do with it.",
    causes: ["What follows, such as `Unknown symbol in module`, is kvm_intel without kvm, whose functions it needs."],
    steps: [
      {
        text: "Put the file back, or install the kernel's modules again, and rebuild the index.",
        commands: ["ls /lib/modules/$(uname -r)/kernel/arch/x86/kvm/", "sudo depmod -a && sudo modprobe kvm_intel"],
      },
    ],
    source: { message: "kvm mailing list, November 2019", meaning: "kmod, libkmod-module.c; depmod(8)" },
  },
  {
    id: "module-in-use",
    product: "kmod",
    layer: "user space",
    gravity: "blocks",
    needle: [
      "module kvm_intel is in",
      "module kvm-intel is in",
      "module kvm_amd is in",
      "module kvm is in",
      "resource temporarily unavailable",
    ],
    pattern:
      /Module (?<module>kvm_intel|kvm-intel|kvm_amd|kvm) is in use(?: by:? (?<by>[\w ,]{1,80}))?|could not remove (?:module )?'?(?<module2>kvm_intel|kvm_amd|kvm)'?: Resource temporarily unavailable|Error removing (?:module )?'?kvm_intel'?[^\n]{0,20}Resource temporarily unavailable/i,
    what: "The module cannot be removed while a virtual machine runs (or another module uses it), so its parameters stay as they are.",
    causes: [
      "A virtual machine runs: each open one counts, also those of Docker Desktop, Multipass, minikube, an Android emulator or libvirt's own probing.",
      "Of kvm the user is kvm_intel (kvm_amd), which goes first.",
    ],
    steps: [
      {
        text: "See who has /dev/kvm open, and stop it.",
        commands: ["sudo fuser -v /dev/kvm", "virsh list; lsmod | grep kvm"],
      },
      {
        text: "Then reload with the parameter.",
        commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1"],
      },
      {
        text: "Or save the setting and restart the machine.",
        commands: ["echo 'options kvm_intel nested=1' | sudo tee /etc/modprobe.d/kvm-nested.conf"],
      },
    ],
    source: {
      message: "kmod (modprobe -r, rmmod)",
      meaning: "Linux, kernel/module; virt/kvm/kvm_main.c (kvm_dev_ioctl)",
    },
  },
  {
    id: "modules-load",
    product: "kmod",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["failed to insert", "failed to load"],
    pattern:
      /Failed to (?:insert|load)(?: module)? '?(?<module>kvm_intel|kvm-intel|kvm_amd|kvm)'?: (?<reason>Operation not supported|Input\/output error|Invalid argument|Device or resource busy|No such device|Cannot allocate memory|Numerical result out of range|File exists|Required key not available|Key was rejected by service|Operation not permitted|Exec format error|No such file or directory)/i,
    what: "The kernel refused to load the module at boot: {reason}.",
    decoder: "module-error",
    steps: [KERNEL_LOG],
    source: {
      message: "systemd, src/modules-load",
      meaning: "Linux, arch/x86/kvm (return values of the rules in this project)",
    },
  },
  {
    id: "module-missing",
    product: "kmod",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "failed to find module",
      "not found.",
      "could not find module by name",
      "could not insert module ",
      "not currently loaded",
    ],
    pattern:
      /(?:Failed to find module '(?<module>kvm_intel|kvm-intel|kvm)'|FATAL: Module (?<module2>kvm_intel|kvm-intel|kvm) not found\.|could not find module by name='(?<module3>kvm_intel|kvm-intel|kvm)'|(?:Module|module) '?(?:kvm_intel|kvm)'? (?:is )?not currently loaded)/i,
    what: "The running kernel has no such module, or none that is loaded: it is built into the kernel, was left out of it, or belongs to a package that is not installed.",
    causes: [
      "An updated kernel that was not booted yet: its modules replaced those of the running one.",
      "A container, microVM or cloud kernel without KVM, or a package of further modules that is not installed.",
    ],
    steps: [
      {
        text: "See how the running kernel was built.",
        commands: [
          "zgrep -E 'CONFIG_KVM(_INTEL)?=' /proc/config.gz || grep -E 'CONFIG_KVM(_INTEL)?=' /boot/config-$(uname -r)",
          "ls /lib/modules/$(uname -r)/kernel/arch/x86/kvm",
        ],
      },
    ],
    source: { message: "kmod; systemd, src/modules-load", meaning: "kmod" },
  },
  {
    id: "modules-missing",
    product: "kmod",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["could not open moddep file", "could not open directory /lib/modules/", "not found in directory"],
    group: "modules-missing",
    pattern:
      /could not open (?:moddep file|directory) '?(?<path>\/lib\/modules\/[\w.+~-]{3,80})|Module (?:msr|cpuid) not found in directory (?<path2>\/lib\/modules\/[\w.+~-]{3,80})/i,
    where: [{ is: "not x86", what: "kvm_intel and msr are modules of x86 alone.", gravity: "informs", steps: [] }],
    what: "There are no module files for the running kernel where this runs ({path}). A container, a snap or the build of an image has none; on the machine itself, an update took those of the running kernel away.",
    steps: [
      {
        text: "Load modules on the machine whose kernel runs, outside of containers; after an update of the kernel, restart it first.",
        commands: ["uname -r; ls /lib/modules", "sudo modprobe msr; sudo modprobe kvm_intel"],
      },
    ],
    source: { message: "canonical/multipass#811, boot2docker/boot2docker#1138", meaning: "kmod, libkmod; depmod(8)" },
  },
  {
    id: "kernel-config-builtin",
    product: "Linux",
    layer: "host operating system",
    gravity: "informs",
    needle: "config_kvm_intel=y",
    pattern: /^\s{0,8}(?:\S{1,120}:)?CONFIG_KVM_INTEL=y\s*$/i,
    what: "kvm_intel is built into this kernel (CONFIG_KVM_INTEL=y): there is no module file, lsmod does not list it, and modprobe cannot remove it. It loads at boot where VT-x is on.",
    steps: [
      {
        text: "Read what it said at boot, and whether it is in use.",
        commands: ["ls /sys/module/kvm_intel/parameters; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
      },
    ],
    source: { message: "clearlinux/distribution#776", meaning: "Linux, arch/x86/kvm/Kconfig" },
  },
  {
    id: "kernel-config-without",
    product: "Linux",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "config_kvm_intel is not set",
      "config_kvm_intel=n",
      "config_kvm is not set",
      "config_kvm=n",
      "config_virtualization is not set",
      "config_virtualization=n",
    ],
    group: "kernel-config-without",
    pattern:
      /^\s{0,8}(?:\S{1,120}:)?(?:# (?<option>CONFIG_KVM(?:_INTEL)?|CONFIG_VIRTUALIZATION) is not set|(?<option2>CONFIG_KVM(?:_INTEL)?|CONFIG_VIRTUALIZATION)=n)\s*$/i,
    unless: ["AMD"],
    what: "This kernel was built without kvm_intel ({option} is not set): no setting of the machine and no package brings KVM on an Intel CPU back. CONFIG_KVM_GUEST is for running in a machine of KVM.",
    steps: [
      {
        text: "Boot a kernel that has it, or build this one with CONFIG_VIRTUALIZATION=y, CONFIG_KVM=m and CONFIG_KVM_INTEL=m, and start that.",
      },
    ],
    source: { message: "microsoft/WSL#4193", meaning: "Linux, arch/x86/kvm/Kconfig" },
  },
  {
    id: "module-irqbypass",
    product: "Linux",
    layer: "host operating system",
    gravity: "blocks",
    needle: "unknown symbol irq_bypass",
    group: "module-irqbypass",
    pattern: /\bkvm(?:[-_]intel)?: Unknown symbol irq_bypass_\w{4,40}/i,
    what: "kvm.ko needs the module irqbypass, which is not loaded, so it does not load either. The CPU had not been checked yet.",
    causes: [
      "insmod loads one file and nothing that it needs; modprobe does.",
      "The kernel's image has no irqbypass.ko (virt/lib): it is in a package of further modules that is not installed.",
    ],
    steps: [
      {
        text: "See whether the file is there, and load KVM with all that it needs.",
        commands: ["modinfo irqbypass; sudo depmod -a && sudo modprobe kvm_intel"],
      },
    ],
    source: { message: "rancher-archives/os-kernel#19", meaning: "Linux, virt/lib/irqbypass.c; arch/x86/kvm/Kconfig" },
  },
  {
    id: "module-version",
    product: "Linux",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["disagrees about version of symbol", "unknown symbol", "version magic"],
    pattern:
      /\b(?:kvm(?:[-_]intel)?|irqbypass): (?:disagrees about version of symbol (?<symbol>\w{1,60})|Unknown symbol (?!irq_bypass_)(?<symbol2>\w{1,60})|version magic '[^'\n]{1,120}' should be '[^'\n]{1,120}')/i,
    what: "kvm.ko and kvm_intel.ko come from different builds: they do not belong to each other or to the running kernel, so the module does not load. The CPU had not been checked yet.",
    causes: [
      "One of the two comes from another build: a kernel that was updated and not booted, a module compiled by hand, or kvm.ko loaded by insmod in the wrong order (kvm before kvm_intel).",
    ],
    steps: [
      {
        text: "Compare them with the running kernel.",
        commands: ["uname -r; modinfo -F vermagic kvm kvm_intel", "sudo depmod -a && sudo modprobe kvm_intel"],
      },
      { text: "Restart into the installed kernel." },
    ],
    source: { message: "Linux, kernel/module", meaning: "Linux, kernel/module (check_version, same_magic)" },
  },
  {
    id: "module-lockdown",
    product: "Linux",
    layer: "host operating system",
    gravity: "blocks",
    needle: "unsigned module loading is restricted",
    group: "module-lockdown",
    pattern: /Lockdown: [^:\n]{1,40}: unsigned module loading is restricted/i,
    what: "The kernel is locked down (Secure Boot is on), and refused a module that is not signed with a key it trusts. VT-x has nothing to do with it, and neither have rights: root is refused, too.",
    causes: [
      "A kernel or a module that was built by hand, or by DKMS (vboxdrv, vmmon) without a key that is enrolled. A distribution signs its own kvm_intel.",
    ],
    steps: [
      {
        text: "See who signed the module, and whether Secure Boot is on.",
        commands: ["modinfo -F signer kvm_intel; mokutil --sb-state"],
      },
      {
        text: "Boot the distribution's own kernel, or sign the module and enrol the key, or switch Secure Boot off in the firmware setup.",
      },
    ],
    source: { message: "kernel_lockdown(7)", meaning: "Linux, kernel/module/signing.c; security/lockdown" },
  },
  {
    id: "parameter-read-only",
    product: "Linux",
    layer: "KVM parameter",
    gravity: "blocks",
    needle: "/sys/module/kvm",
    pattern:
      /\/sys\/module\/kvm(?<module>_intel|_amd)?\/parameters\/(?<name>\w{1,40})['"]?: (?:Permission denied|Read-only file system|Operation not permitted)/i,
    what: "Most parameters of kvm_intel can only be read once it is loaded, including {name}: they are given when the module loads.",
    causes: [
      "The file is written to directly; root does not help where its mode is 0444. (`sudo echo … > file` also fails because the shell, not sudo, opens the file.)",
    ],
    steps: [
      {
        text: "Give the parameter while loading (no virtual machine may run), and save it for the next boot.",
        commands: [
          "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1",
          "echo 'options kvm_intel nested=1' | sudo tee /etc/modprobe.d/kvm-nested.conf",
        ],
      },
      {
        text: "See which can be written.",
        commands: ["ls -l /sys/module/kvm_intel/parameters /sys/module/kvm/parameters"],
      },
    ],
    source: { message: "Linux, kernel/params.c", meaning: "Linux, module_param lines of arch/x86/kvm" },
  },
] as const satisfies readonly MessageRow[];
