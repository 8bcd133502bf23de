import type { ExamplesOf } from "../shape.examples.js";
import type { TOOL_MESSAGES } from "./tools.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const TOOL_EXAMPLES = {
  "fwts-virt": {
    examples: ["FAILED [MEDIUM] VirtDisabledByBIOS: Test 1, Virtualisation extensions supported but disabled by BIOS."],
  },
  "kvm-ok-bios": {
    examples: ["INFO: KVM (vmx) is disabled by your BIOS", "failed to launch: KVM (vmx) is disabled by your BIOS."],
  },
  "kvm-ok-no": {
    examples: [
      "INFO: Your CPU does not support KVM extensions",
      "CPU acceleration status: KVM requires a CPU that supports vmx or svm",
    ],
  },
  "kvm-ok-unusable": {
    examples: ["INFO: /dev/kvm does not exist", "KVM acceleration can NOT be used"],
  },
  "kata-parameter": {
    examples: [
      'ERRO[0001] kernel module parameter has unexpected value  arch=amd64 description="Intel KVM" expected=Y name=kvm_intel parameter=unrestricted_guest pid=16345 source=runtime type=module value=N',
      'WARN[0002] kernel module parameter has unexpected value  arch=amd64 container=1 description="Intel KVM" expected=Y name=kvm_intel parameter=nested pid=15098 sandbox=99999999-9999-9999-99999999999999999 source=runtime type=module value=N',
    ],
  },
  "kata-no-parameter-file": {
    examples: [
      "cat: /sys/module/kvm_intel/parameters/nested: No such file or directory",
      "open /sys/module/kvm_intel/parameters/nested: no such file or directory",
      "It fails, because `/sys/module/kvm_intel/parameters/nested` doesn't exist.",
    ],
    not: [
      "cat /sys/module/kvm_intel/parameters/nested",
      "bash: /sys/module/kvm_intel/parameters/nested: Permission denied",
    ],
  },
  "kata-no-vmx": {
    examples: [
      'ERRO[0000] CPU property not found                        arch=amd64 description="Virtualization support" name=vmx pid=10721 source=runtime type=flag',
    ],
  },
  "kata-no-svm": {
    examples: [
      'ERRO[0000] CPU property not found                        arch=amd64 description="Virtualization support" name=svm pid=21936',
    ],
  },
  "nix-kvm-feature": {
    examples: [
      "error: a 'x86_64-linux' with features {kvm} is required to build '/nix/store/8lv9-nixos-disk-image.drv', but I am a 'x86_64-linux' with features {benchmark, big-parallel, nixos-test}",
    ],
    not: ["I am a 'x86_64-linux' with features {benchmark, big-parallel, kvm}"],
  },
  "crc-virtualization": {
    examples: ["FATA You need to enable virtualization in BIOS"],
    not: ["You need to enable virtualization in BIOS, says the manual."],
  },
  "kata-no-flag": {
    examples: [
      "ERRO[0000] CPU property not found                        arch=amd64 description=SSE4.1 name=sse4_1 pid=5391 source=runtime type=flag",
      'level=error msg="CPU property not found" arch=amd64 description="AMD Architecture CPU" name=AuthenticAMD',
    ],
  },
  "docker-virtualization": {
    examples: [
      "Docker Desktop is unable to detect a Hypervisor.",
      "'virtualization and Data execution protection must be enabled in the BIOS'",
    ],
    not: ["Hyper-V cannot be installed because virtualization support is not enabled in the BIOS."],
  },
  "no-vtx-generic": {
    examples: [
      '"Virtualization extensions are unavailable on your system. Check your BIOS settings to enable them."',
      "Getting `KVM has been disabled by BIOS. KVM must be enabled before creating any Virtual Machines.` in Host / Basics menu",
      "HVM: Not Available - Enable VT-x in BIOS",
    ],
    not: [
      "UAC Virtualization is not enabled for this process",
      "Stderr: VBoxManage.exe: error: Cannot enable nested VT-x/AMD-V without nested-paging and unresricted guest execution!",
    ],
  },
  "rdmsr-fails": {
    examples: ["rdmsr: CPU 0 cannot read MSR 0x0000010a", "rdmsr: CPU 2 cannot read MSR 0x00000491"],
  },
  "msr-write-refused": {
    examples: [
      "[85917.978818] Lockdown: amdctl: raw MSR access is restricted; see man kernel_lockdown.7",
      "wrmsr: CPU 0 cannot set MSR 0x0000003a to 0x0000000000000005",
    ],
    not: ["sudo wrmsr -a 0x3a 5", "[  894.899410] msr: Write to unrecognized MSR 0x150 by python"],
  },
  "msr-denied": {
    examples: [
      "modprobe: ERROR: ../libkmod/libkmod-module.c:1047 command_do() Error running install command '/bin/disabled-msr-by-security-misc' for module msr: retcode 1",
    ],
    not: ["Error running install command '/bin/false' for module kvm_intel: retcode 1"],
  },
  "rdmsr-no-device": {
    examples: [
      "rdmsr: open: No such file or directory",
      "FileNotFoundError: [Errno 2] No such file or directory: '/dev/cpu/0/msr'",
    ],
    not: ["rdmsr: open: Operation not permitted"],
  },
  "rdmsr-no-right": {
    examples: ["rdmsr: open: Operation not permitted", "rdmsr:open: Permission denied"],
    not: ["rdmsr: open: No such file or directory"],
  },
  "nyx-lip": {
    examples: ["[KVM-NYX] Error: IP Payloads are LIP!"],
    not: ["IP payloads are LIP values where bit 31 is 1"],
  },
  "nyx-kvm-pt": {
    examples: [
      "[QEMU-Nyx] Could not access KVM-PT kernel module!",
      "ERROR: KVM does not support NYX_PT (0)!",
      "[Error] VMX_PT is not loaded!",
      "[KVM-NYX] Error: Only one ToPA block supported!",
    ],
    not: ["#define KVM_CAP_NYX_PT 512", "[KVM-NYX] Info:  CPU is supported!"],
  },
} as const satisfies ExamplesOf<typeof TOOL_MESSAGES>;
