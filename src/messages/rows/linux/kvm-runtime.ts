import type { MessageRow } from "../../../answers/message.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { DUMP_VMCS, INSIDE, KERNEL_LOG, PASS_DEVICE, UPDATE_WSL, WHO_USES_VMX } from "../shared-advice.js";

const VMX = "Linux, arch/x86/kvm/vmx/vmx.c";

export const KVM_RUNTIME_MESSAGES = [
  {
    id: "modprobe-error",
    product: "kmod",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["could not insert", "insmod: error", "error inserting kvm", "can't insert", "modprobe kvm"],
    pattern:
      /(?:could not insert ['"]?(?<module>kvm_intel|kvm-intel|kvm_amd|kvm)['"]?|Error inserting (?<module2>kvm_intel|kvm_amd|kvm) ?\([^)\n]{1,160}\)|can't insert '[\w./-]{0,120}kvm[-_]intel\.ko(?:\.\w{2,3})?'|insmod: ERROR: could not insert module [\w./-]{0,120}kvm(?:[-_]intel)?\.ko(?:\.\w{2,3})?|\bmodprobe (?<module3>kvm[-_]intel)(?: [\w -]{1,24})? (?:gives|gave|fails with|failed with|returns|returned|says|said|ends with|prints)):? ["'“`]?(?<reason>Operation not supported|Input\/output error|Invalid argument|Device or resource busy|No such device|Cannot allocate memory|Numerical result out of range|File exists|Unknown symbol in module[\w ,()-]{0,60}|Required key not available|Key was rejected by service|Operation not permitted|Exec format error|Invalid module format|Unknown error \d+)/i,
    what: "The kernel refused to load the module: {reason}.",
    decoder: "module-error",
    steps: [KERNEL_LOG],
    source: {
      message: "NixOS/nixpkgs#27930, canonical/multipass#12, docker/docs#14912",
      meaning: "Linux, arch/x86/kvm (return values of the rules in this project)",
    },
  },
  {
    id: "modprobe-not-found",
    product: "kmod",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "not found in directory",
      "not found in modules.dep",
      "could not find module",
      "failed to find a module",
      "change directory to '/lib/modules/",
    ],
    decoder: "module-not-found",
    pattern:
      /modprobe: can't change directory to '(?<directory2>\/lib\/modules\/[\w.+~-]{1,80})'|failed to find a module named (?<module2>kvm[-_](?:intel|amd)|kvm)\b|Module '?(?<module>kvm_intel|kvm-intel|kvm_amd|kvm-amd|kvm)'? not found in (?:modules\.dep|directory (?<directory>[\w.+~/-]{1,120}))|modinfo: could not find module kvm(?:[-_](?:intel|amd))?\b/i,
    what: "There is no such module file for the running kernel: the kernel was updated and not restarted since, or has KVM built in, or left out, or in a package that is not installed.",
    causes: [
      "An updated kernel that was not booted yet: its modules replaced those of the running one.",
      "A container, microVM or cloud kernel without KVM, or a package of further modules that is not installed.",
    ],
    where: [
      { is: "not x86", what: "kvm_intel and kvm_amd are modules of x86 alone.", gravity: "informs", steps: [] },
      {
        is: "/dev/kvm exists",
        what: "KVM is there: /dev/kvm exists, so the kernel has KVM built in, or this is a container, which has no module files of its kernel. Nothing has to be loaded here.",
        gravity: "harmless",
        steps: [
          {
            text: "Go on without modprobe. In a container, modules are loaded on the host.",
            commands: ["ls -l /dev/kvm"],
          },
        ],
      },
      {
        is: "a kernel for guests",
        what: "There is no such module file for the running kernel, which is one for virtual machines and smaller than the general one: KVM is often left out of it, or in a package of further modules. A restart into the same kernel changes nothing.",
        steps: [
          {
            text: "See how it was built; where KVM is left out, install and start the general kernel of the distribution.",
            commands: [
              "zgrep -E 'CONFIG_KVM(_INTEL)?=' /proc/config.gz || grep -E 'CONFIG_KVM(_INTEL)?=' /boot/config-$(uname -r)",
            ],
          },
        ],
      },
      {
        is: "KVM's module loaded",
        what: "KVM's module is loaded all the same, so no file is needed: this is a container, which has none, or the files of the running kernel were removed since.",
        gravity: "informs",
        steps: [],
      },
      {
        is: "typed in a container",
        what: "A container has no module files: it runs on the kernel of its host, which loads modules and has to pass the device in.",
        gravity: "informs",
        steps: [PASS_DEVICE],
      },
      {
        is: "in WSL2",
        what: "The kernel of WSL2 comes with WSL, which has KVM built into it or brings its modules along: there is nothing to install in Linux, and no update of Linux changes it. /dev/kvm is there where Windows passes VT-x (AMD-V) on.",
        steps: [outerStep("WSL2"), UPDATE_WSL],
      },
      {
        is: "kvm.ko loaded",
        what: "kvm itself is loaded as a module, so this kernel has KVM as modules, and the file of {module} is not among them: it is in a package of further modules that is not installed, or was removed since.",
        steps: [
          {
            text: "See which files of KVM there are, and which package has the rest.",
            commands: ["modinfo -F filename kvm; find /lib/modules/$(uname -r) -name 'kvm*'"],
          },
        ],
      },
    ],
    steps: [
      {
        text: "Compare the running kernel with those whose modules are there; where its own are missing, restart.",
        commands: ["uname -r; ls /lib/modules"],
      },
      {
        text: "See how the running kernel was built.",
        commands: [
          "zgrep -E 'CONFIG_KVM(_INTEL)?=' /proc/config.gz || grep -E 'CONFIG_KVM(_INTEL)?=' /boot/config-$(uname -r)",
        ],
      },
    ],
    source: { message: "weaveworks/ignite#583", meaning: "kmod" },
  },
  {
    id: "modprobe-builtin",
    product: "kmod",
    layer: "host operating system",
    gravity: "informs",
    needle: "is builtin",
    pattern: /Module (?<module>kvm_intel|kvm-intel|kvm) is builtin/i,
    what: "{module} is part of the kernel itself: it cannot be removed or loaded again, and modprobe.d has no say in its parameters.",
    causes: ["Parameters of a built-in module go on the kernel's command line, as module.parameter=value."],
    steps: [
      {
        text: "Put the parameter on the kernel's command line and restart (WSL2: in .wslconfig, then wsl --shutdown).",
        commands: [
          "kvm-intel.nested=1",
          "# %USERPROFILE%\\.wslconfig",
          "[wsl2]",
          "kernelCommandLine=kvm-intel.nested=1",
        ],
      },
      { text: "See what holds now.", commands: ["cat /sys/module/kvm_intel/parameters/nested"] },
    ],
    source: { message: "microsoft/WSL#4193", meaning: "microsoft/WSL#4193; Linux, kernel/params.c" },
  },
  {
    id: "modprobe-config-line",
    product: "kmod",
    layer: "user space",
    gravity: "degrades",
    needle: "ignoring bad line starting with",
    pattern:
      /kmod_config_parse: (?<file>[\w./-]{1,120}) line (?<line>\d{1,5}): ignoring bad line starting with '(?<word>[^'\n]{0,60})'/i,
    what: "Line {line} of {file} begins with `{word}`, which modprobe's configuration does not know, so what it was to set is not set.",
    causes: ["The file holds a command; it needs lines like `options MODULE parameter=value`."],
    steps: [
      {
        text: "Write the parameter as an options line, then load the module again.",
        commands: [
          "echo 'options kvm_intel nested=1' | sudo tee {file}",
          "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
        ],
      },
    ],
    source: { message: "microsoft/WSL#4193", meaning: "kmod, modprobe.d(5)" },
  },
  {
    id: "kvm-unknown-parameter",
    product: "KVM",
    layer: "KVM parameter",
    gravity: "harmless",
    needle: "unknown parameter",
    pattern: /(?<module>kvm_intel|kvm): unknown parameter '?(?<name>[\w-]{1,60})'? ignored/i,
    what: "The module has no parameter {name} in this kernel and ignores it; it loads all the same.",
    decoder: "module-parameter",
    steps: [{ text: "List the parameters it has.", commands: ["modinfo -p {module}"] }],
    source: { message: "Linux, kernel/module", meaning: "Linux, module_param lines of arch/x86/kvm" },
  },
  {
    id: "kvm-invalid-parameter",
    product: "KVM",
    layer: "KVM parameter",
    gravity: "blocks",
    needle: "invalid for parameter",
    pattern: /(?<module>kvm_intel|kvm): [`'](?<value>[^`']{0,60})' invalid for parameter [`'](?<name>[\w-]{1,60})'/i,
    what: "The value {value} cannot be read for the parameter {name}, so the module does not load (Invalid argument).",
    decoder: "module-parameter",
    steps: [{ text: "Find where it is set.", commands: ["grep -rE 'kvm' /etc/modprobe.d /proc/cmdline"] }],
    source: { message: "Linux, kernel/params.c", meaning: "Linux, kernel/params.c" },
  },
  {
    id: "kvm-guest-msr",
    product: "KVM",
    layer: "nested KVM",
    gravity: "degrades",
    needle: ["unhandled rdmsr", "unhandled wrmsr", "ignored rdmsr", "ignored wrmsr"],
    pattern:
      /(?<treated>unhandled|ignored) (?<how>rdmsr|wrmsr)(?::? |\()(?<msr>0x[0-9a-f]{1,8})(?:(?: (?:data )?|\) = )(?<value>0x[0-9a-f]{1,16}))?/i,
    group: "guest-msr",
    what: "The guest accessed MSR {msr}, which KVM does not give it ({treated} {how}).",
    decoder: "guest-msr",
    steps: [],
    source: { message: "Linux, arch/x86/kvm/x86.c", meaning: "Linux, arch/x86/kvm/x86.c (kvm_msr_ignored_check)" },
  },
  {
    id: "kvm-vmwrite-error",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: ["vmwrite", "vmread"],
    pattern:
      /(?<how>vmwrite|vmread) (?:error: reg|failed: field=|error, field=?) ?(?<field>[0-9a-f]{1,8})(?:[, ]{1,2}(?:value|val)[ =](?<value>[0-9a-f]{1,16}))?[, ]{1,2}\(?err[ =](?<error>-?\d{1,10})/i,
    what: "KVM accessed VMCS field 0x{field} and the CPU refused with VM-instruction error {error}.",
    decoder: "instruction-error",
    causes: [
      {
        text: "The CPU (or the outer hypervisor) has no such field, although KVM believed that it has the control the field belongs to.",
        fits: /err[ =](?:12|0x0?c)\b/i,
      },
      { text: "No VMCS was current (VMfailInvalid).", fits: /err[ =](?:-\d|\d{5})/i },
    ],
    steps: [{ text: "Name the field.", commands: ["vmxlens vmcs 0x{field}"] }, KERNEL_LOG],
    source: {
      message: `${VMX} (vmwrite_error, vmread_error); KVM-VMI/nitro#12`,
      meaning: "Intel SDM volume 3C, VMREAD and VMWRITE",
    },
  },
  {
    id: "kvm-nested-hardware-error",
    product: "KVM",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["failed vm entry", "hardware vm-instruction error"],
    pattern:
      /(?:\bnested_vmx_\w{1,40} failed vm entry |hardware VM-instruction error: (?:0x)?)(?<error>[0-9a-f]{1,8})\b/i,
    what: "A hypervisor inside the guest started its own guest, and the CPU refused the entry with VM-instruction error {error}.",
    decoder: "instruction-error",
    steps: [
      {
        text: "Let KVM print that VMCS at the next failure, and have it checked.",
        commands: ["echo 1 | sudo tee /sys/module/kvm_intel/parameters/dump_invalid_vmcs", "vmxlens audit DUMP.txt"],
      },
    ],
    causes: [
      "A hypervisor inside the guest started its own guest: nested VMX is on, KVM found nothing wrong with that VMCS, and the CPU refused the one that KVM merged from it.",
    ],
    source: { message: `${VMX} (nested_vmx_exit_reflected, nested_vmx_reflect_vmexit)`, meaning: `${VMX} (nested.c)` },
  },
  {
    id: "kvm-vmx-insn-failed",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: ["vmclear failed", "vmptrld failed", "invvpid failed", "invept failed", "vmread failed"],
    pattern: /\b(?<insn>vmclear|vmptrld|invvpid|invept|vmread) failed: (?<what>(?:ext|field|[0-9a-fx(])[^\n]{0,100})/i,
    what: "{insn} of KVM itself failed ({what}). Execution continues; do not rely on what follows.",
    causes: [
      { text: "The address is not canonical; a guest asked KVM to flush one.", fits: /invvpid failed: ext=0x0\b/i },
      "An outer hypervisor does not emulate the instruction as KVM expects.",
      "Another hypervisor took the CPU's VMCS away.",
    ],
    steps: [{ ...WHO_USES_VMX, unless: INSIDE }, KERNEL_LOG],
    source: {
      message: `${VMX} (vmclear_error, vmptrld_error, invvpid_error, invept_error)`,
      meaning: `${VMX}; kvm mailing list, on INVVPID with addresses that are not canonical`,
    },
  },
  {
    id: "kvm-unexpected-exit",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "blocks",
    needle: "unexpected exit reason",
    pattern: /(?:vmx|kvm_intel): unexpected exit reason (?<code>0x[0-9a-f]{1,16})/i,
    what: "A VM exit came that KVM has no handler for.",
    decoder: "exit-reason",
    steps: [DUMP_VMCS],
    source: {
      message: `${VMX} (vmx_handle_exit); Scrut1ny/AutoVirt#51; kvm mailing list, 2024`,
      meaning: "Intel SDM volume 3C, appendix C",
    },
  },
  {
    id: "kvm-set-dump",
    product: "KVM",
    layer: "KVM at run time",
    gravity: "informs",
    needle: "dump_invalid_vmcs",
    pattern: /set kvm_intel\.dump_invalid_vmcs=1 to dump internal KVM state/i,
    what: "A VM entry failed and KVM did not print the VMCS, because dump_invalid_vmcs is off.",
    steps: [DUMP_VMCS],
    source: { message: `${VMX} (dump_vmcs)`, meaning: VMX },
  },
  {
    id: "kvm-l1tf",
    product: "KVM",
    layer: "silicon",
    gravity: "informs",
    needle: "l1tf cpu bug present",
    pattern: /L1TF CPU bug present and (?:SMT on|virtualization mitigation disabled)/i,
    what: "The CPU has the L1 terminal fault and guests use EPT: a malicious guest could read the host's memory from the sibling thread. It does not keep anything from starting.",
    steps: [{ text: "See the mitigation in use.", commands: ["cat /sys/devices/system/cpu/vulnerabilities/l1tf"] }],
    source: { message: VMX, meaning: "Linux, Documentation/admin-guide/hw-vuln/l1tf.rst" },
  },
  {
    id: "nested-vmx-entry",
    product: "KVM",
    layer: "nested KVM",
    gravity: "blocks",
    needle: "kvm_nested_vmenter_failed:",
    pattern: /kvm_nested_vmenter_failed: (?!hardware )(?<check>[^\n]{1,200})/,
    what: "A hypervisor inside the guest tried a VM entry, and a check of KVM on its VMCS failed; the check is written as KVM's source has it: {check}",
    steps: [
      {
        text: "Look at the fields of the guest hypervisor's VMCS that the check names, and at the VMX registers that KVM gives it.",
        commands: ["sudo trace-cmd record -e kvm:kvm_nested_vmenter_failed -e kvm:kvm_nested_vmenter"],
      },
    ],
    source: {
      message: "Linux, arch/x86/kvm/trace.h (kvm_nested_vmenter_failed)",
      meaning: "Linux, arch/x86/kvm/vmx/nested.c",
    },
  },
] as const satisfies readonly MessageRow[];
