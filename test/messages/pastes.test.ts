import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";
import { inShort } from "./in-short.js";

/*
 * Pastes of threads as their authors posted them, each the smallest that showed a kind of fault. The verdict is in the first
 * two lines of at most 25, and what the rest of the paste contradicts is not said.
 */

interface Paste {
  readonly name: string;
  readonly text: string;
  readonly verdict: RegExp;
  /** What must not be said anywhere. */
  readonly not: RegExp;
}

const PASTES: readonly Paste[] = [
  {
    name: "K1 the register decides between two causes",
    text: ["x86/cpu: VMX (outside TXT) disabled by BIOS", "$ sudo rdmsr -a 0x3a", "1"].join("\n"),
    verdict: /firmware locked VT-x off.* = 0x1 /,
    not: /inside SMX, for TXT|rdmsr -a 0x3a/,
  },
  {
    name: "K1 the message alone proves CPUID and the lock",
    text: ["x86/cpu: VMX (outside TXT) disabled by BIOS"].join("\n"),
    verdict: /firmware locked VT-x off.*kvm_intel does not load/,
    not: /CPU has no VT-x/,
  },
  {
    name: "K1 registers of the same paste are used for the error",
    text: [
      "error: failed to set MSR 0x48b to 0x1582e00000000",
      "qemu-system-x86_64: target/i386/kvm.c:2947: kvm_buf_set_msrs: Assertion failed",
      "$ ./vmxcap",
      "Basic VMX Information",
      "  Hex: 0xda040000000004",
      "  Revision                                 4",
      "secondary processor-based controls",
      "  Virtualize APIC accesses                 yes",
      "  Enable EPT                               yes",
      "  Descriptor-table exiting                 yes",
      "  Enable RDTSCP                            yes",
      "  Virtualize x2APIC mode                   yes",
      "  Enable VPID                              yes",
      "  WBINVD exiting                           yes",
      "  Unrestricted guest                       yes",
      "  APIC register emulation                  no",
      "  Virtual interrupt delivery               no",
      "  PAUSE-loop exiting                       yes",
      "  RDRAND exiting                           yes",
      "  Enable INVPCID                           yes",
      "  Enable VM functions                      yes",
      "  VMCS shadowing                           yes",
      "  RDSEED exiting                           no",
    ].join("\n"),
    verdict: /KVM refused.*RDSEED exiting/,
    not: /usual suspect/,
  },
  {
    name: "K1 parameters of the same paste",
    text: [
      "/sys/module/kvm_intel/parameters/allow_smaller_maxphyaddr:N",
      "/sys/module/kvm_intel/parameters/dump_invalid_vmcs:N",
      "/sys/module/kvm_intel/parameters/emulate_invalid_guest_state:Y",
      "/sys/module/kvm_intel/parameters/enable_apicv:Y",
      "/sys/module/kvm_intel/parameters/enable_ipiv:Y",
      "/sys/module/kvm_intel/parameters/enable_shadow_vmcs:Y",
      "/sys/module/kvm_intel/parameters/ept:Y",
      "/sys/module/kvm_intel/parameters/eptad:Y",
      "/sys/module/kvm_intel/parameters/nested:Y",
      "/sys/module/kvm_intel/parameters/unrestricted_guest:Y",
      "/sys/module/kvm_intel/parameters/vpid:Y",
    ].join("\n"),
    verdict: /kvm_intel is loaded\. KVM offers guests VMX/,
    not: /not recognised/,
  },
  {
    name: "K1 K4 kernel and parameters of the same paste",
    text: [
      "Linux version 4.19.0-9-amd64 (debian-kernel@lists.debian.org) (gcc version 8.3.0) #1 SMP Debian 4.19.118-2 (2020-04-26)",
      "processor\t: 0",
      "vendor_id\t: GenuineIntel",
      "cpu family\t: 6",
      "model\t\t: 142",
      "model name\t: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz",
      "stepping\t: 9",
      "microcode\t: 0xd6",
      "flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat vmx est tm2 ssse3 sdbg fma cx16 tpr_shadow vnmi flexpriority ept vpid ept_ad fsgsbase",
      "$ grep . /sys/module/kvm_intel/parameters/*",
      "/sys/module/kvm_intel/parameters/enable_apicv:N",
      "/sys/module/kvm_intel/parameters/enable_shadow_vmcs:N",
      "/sys/module/kvm_intel/parameters/ept:Y",
      "/sys/module/kvm_intel/parameters/nested:N",
    ].join("\n"),
    verdict: /kvm_intel is loaded.*nested is N on this machine/,
    not: /report it/,
  },
  {
    name: "K1 AMD in the same paste",
    text: [
      "Svm flag on /proc/cpuinfo is there, I have an AMD Ryzen 5 2600",
      "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]",
    ].join("\n"),
    verdict: /1 feature \(vmx\)/,
    not: /nested=1/,
  },
  {
    name: "K1 K10 the register block and the code bytes",
    text: [
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-tsc-scaling [bit 25]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-apicv-xapic [bit 0]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-ept [bit 1]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-unrestricted-guest [bit 7]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-vpid [bit 5]",
      "KVM internal error. Suberror: 1",
      "emulation failure",
      "EAX=00000000 EBX=00000000 ECX=00000000 EDX=00010676",
      "ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000",
      "EIP=0000e05b EFL=00010046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0",
      "ES =0000 00000000 0000ffff 00009300",
      "CS =f000 000f0000 0000ffff 00009b00",
      "SS =0000 00000000 0000ffff 00009300",
      "CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000",
      "Code=2e 66 89 04 24 66 e8 <f3> 0f 1e fb 66 53 66 83",
    ].join("\n"),
    verdict: /could not emulate an instruction of the guest.*real mode just after reset.*ENDBR/,
    not: /that follow|No Intel CPU of the atlas/,
  },
  {
    name: "K2 rdmsr 0x3a is 1",
    text: ["$ sudo rdmsr -a 0x3a", "1", "1", "1", "1"].join("\n"),
    verdict: /firmware locked VT-x off.* = 0x1 /,
    not: /Not known/,
  },
  {
    name: "K2 a whole cpuinfo without vmx",
    text: [
      "processor\t: 0",
      "vendor_id\t: GenuineIntel",
      "cpu family\t: 6",
      "model\t\t: 142",
      "model name\t: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz",
      "stepping\t: 9",
      "microcode\t: 0xea",
      "cpu MHz\t\t: 2900.000",
      "cache size\t: 4096 KB",
      "flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush dts acpi mmx fxsr sse sse2 ss ht tm pbe syscall nx pdpe1gb rdtscp lm constant_tsc art arch_perfmon pebs bts rep_good nopl xtopology nonstop_tsc cpuid aperfmperf pni pclmulqdq dtes64 monitor ds_cpl est tm2 ssse3 sdbg fma cx16 xtpr pdcm pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand lahf_lm abm 3dnowprefetch",
      "bugs\t\t: cpu_meltdown",
    ].join("\n"),
    verdict: /shows no `vmx`.*firmware most likely has it off/,
    not: /Not known/,
  },
  {
    name: "K3 lscpu",
    text: [
      "Architecture:            x86_64",
      "  CPU op-mode(s):        32-bit, 64-bit",
      "CPU(s):                  4",
      "Vendor ID:               GenuineIntel",
      "  Model name:            Intel(R) Xeon(R) Gold 6252 CPU @ 2.10GHz",
      "    CPU family:          6",
      "    Model:               85",
      "    Stepping:            7",
      "    Flags:               fpu vme de pse tsc msr vmx ept vpid hypervisor tpr_shadow vnmi",
      "Virtualization features:",
      "  Virtualization:        VT-x",
      "  Hypervisor vendor:     VMware",
      "  Virtualization type:   full",
    ].join("\n"),
    verdict: /VT-x is there/,
    not: /not recognised/,
  },
  {
    name: "K3 lscpu of an AMD guest",
    text: [
      "Architecture:          x86_64",
      "CPU op-mode(s):        32-bit, 64-bit",
      "CPU(s):                2",
      "Vendor ID:             AuthenticAMD",
      "CPU family:            23",
      "Model:                 49",
      "Model name:            AMD EPYC 7B12",
      "Stepping:              0",
      "Hypervisor vendor:     KVM",
      "Virtualization type:   full",
      "Flags:                 fpu vme de pse tsc msr pae mce cx8 apic sep mtrr svm hypervisor",
    ].join("\n"),
    verdict: /AMD CPU .*kvm_amd/,
    not: /not recognised/,
  },
  {
    name: "K3 lsmod without a vendor's module",
    text: ["kvm                  1105920  0", "irqbypass              16384  1 kvm"].join("\n"),
    verdict: /kvm_intel is not loaded/,
    not: /not recognised/,
  },
  {
    name: "K3 lsmod with it",
    text: [
      "Module                  Size  Used by",
      "kvm_intel             290816  0",
      "kvm                   823296  1 kvm_intel",
      "irqbypass              16384  1 kvm",
    ].join("\n"),
    verdict: /^kvm_intel is loaded/,
    not: /not recognised/,
  },
  {
    name: "K3 IA32_FEAT_CTL in words",
    text: [
      "VMXON in SMX enable: false",
      "VMXON outside SMX enable: true",
      "IA32_FEATURE_CONTROL register is locked: true",
    ].join("\n"),
    verdict: /locked IA32_FEAT_CTL \(0x3a\) with VMX on/,
    not: /not recognised/,
  },
  {
    name: "K4 already loaded vendor module",
    text: ["kvm: already loaded vendor module 'kvm_intel'"].join("\n"),
    verdict: /^kvm_intel is loaded already/,
    not: /modprobe -r/,
  },
  {
    name: "K4 kvm_amd's probe",
    text: ["has_svm: not amd or hygon", "kvm: no hardware support"].join("\n"),
    verdict: /^kvm_amd was tried on a CPU that is not AMD's/,
    not: /CPUID.1:ECX bit 5 is 0/,
  },
  {
    name: "K4 a parameter alone",
    text: ["/sys/module/kvm_intel/parameters/ept:Y"].join("\n"),
    verdict: /^kvm_intel is loaded/,
    not: /Nothing could be read/,
  },
  {
    name: "K4 0x3a alone",
    text: ["0x3a 0x1"].join("\n"),
    verdict: /firmware locked VT-x off/,
    not: /no VMX MSR in the text/,
  },
  {
    name: "K5 EIO",
    text: ["modprobe: ERROR: could not insert 'kvm_intel': Input/output error"].join("\n"),
    verdict: /refuses kvm_intel with EIO\. VT-x was found and is on/,
    not: /reason (?:is )?in the kernel log|[Ee]nable VT-x/,
  },
  {
    name: "K6 the kernel's reason before the errno",
    text: [
      "$ lsmod | grep kvm",
      "kvm                  1036288  0",
      "$ sudo modprobe kvm_intel",
      "modprobe: ERROR: could not insert 'kvm_intel': Operation not supported",
      "$ dmesg | grep kvm",
      "[    5.123] kvm: disabled by bios",
    ].join("\n"),
    verdict: /CPU shows VT-x, and Linux found it switched off/,
    not: /returns -E/,
  },
  {
    name: "K6 one answer and one thing to do for four lines",
    text: [
      "[    0.123456] x86/cpu: VMX (outside TXT) disabled by BIOS",
      "[    3.456789] kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0",
      "$ sudo modprobe kvm_intel",
      "modprobe: ERROR: could not insert 'kvm_intel': Operation not supported",
      "$ firecracker --api-sock /tmp/fc.sock",
      "Error creating KVM object: No such file or directory (os error 2): /dev/kvm",
    ].join("\n"),
    verdict: /firmware locked VT-x off/,
    not: /returns -E/,
  },
  {
    name: "K7 the fatal line among warnings",
    text: [
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48DH).vmx-vnmi-pending [bit 22]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(490H).vmx-entry-load-perf-global-ctrl [bit 13]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(490H).vmx-entry-load-perf-global-ctrl [bit 13]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48FH).vmx-exit-load-perf-global-ctrl [bit 12]",
      "qemu-system-x86_64: -vnc 127.0.0.1:0: could not read keymap file: 'en-us'",
    ].join("\n"),
    verdict: /QEMU stopped at line 5: "-vnc .*keymap/,
    not: /look for the next line/,
  },
  {
    name: "K7 the fatal line, of memory",
    text: [
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48FH).vmx-exit-load-perf-global-ctrl [bit 12]",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(490H).vmx-entry-load-perf-global-ctrl [bit 13]",
      "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
    ].join("\n"),
    verdict: /QEMU stopped at line 3: .*Cannot allocate memory/,
    not: /look for the next line$/,
  },
  {
    name: "K9 what is the line vmx flags",
    text: [
      "vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest ple shadow_vmcs pml ept_mode_based_exec",
    ].join("\n"),
    verdict: /VT-x is there/,
    not: /not recognised/,
  },
  {
    name: "K11 a virtual machine",
    text: [
      "processor\t: 0",
      "vendor_id\t: GenuineIntel",
      "cpu family\t: 6",
      "model\t\t: 142",
      "model name\t: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz",
      "stepping\t: 9",
      "microcode\t: 0xea",
      "cpu MHz\t\t: 2900.000",
      "cache size\t: 4096 KB",
      "flags\t\t: fpu vmx hypervisor vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush dts acpi mmx fxsr sse sse2 ss ht tm pbe syscall nx pdpe1gb rdtscp lm constant_tsc art arch_perfmon pebs bts rep_good nopl xtopology nonstop_tsc cpuid aperfmperf pni pclmulqdq dtes64 monitor ds_cpl est tm2 ssse3 sdbg fma cx16 xtpr pdcm pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand lahf_lm abm 3dnowprefetch",
      "bugs\t\t: cpu_meltdown",
    ].join("\n"),
    verdict: /VT-x is there/,
    not: /not recognised/,
  },
];

describe("the verdict on a paste", () => {
  it.each(PASTES.map((paste) => [paste.name, paste] as const))("%s", async (_, { text, verdict, not }) => {
    const { out } = await runCli(["explain", "-v", "-", "--width", "250"], { stdin: `${text}\n` });
    const { lines } = await inShort(text);
    expect(lines(250).slice(0, 2).join(" ")).toMatch(verdict);
    expect(out.split("\n").slice(0, 2)).toEqual(lines(250).slice(0, 2));
    expect(out).not.toMatch(not);
    for (const width of [80, 100]) expect(lines(width).length).toBeLessThanOrEqual(25);
  });
});
