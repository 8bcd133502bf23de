/*
 * A short text in every format, typed by hand with numbers of real CPUs: what a law that holds for all formats is tried
 * on. The key begins with the name of the reader.
 */
import { AIDA64_OLD } from "./excerpts.js";
import { CAPTURE_TRUTH, CAPTURES, registersOf } from "./truth.js";
import {
  canSetText,
  featureMsrText,
  freebsdText,
  haxmText,
  kvmJsonText,
  libvirtText,
  msrListText,
  qmpText,
  type Registers,
  turbostatText,
  vboxText,
  vmxcapText,
} from "./write-formats.js";

const CPU: Registers = CAPTURE_TRUTH[0]?.msrs ?? new Map();
const NESTED: Registers = registersOf(
  CAPTURES.flatMap((capture) => capture.scenarios).find((scenario) => scenario.features?.["0x480"] != null)?.features ??
    {},
);

export const SHORT_TEXTS: { readonly [name: string]: string } = {
  vmxcap: vmxcapText(CPU, true),
  "vmxcap without Hex": vmxcapText(CPU, false),
  vboxlog: vboxText(CPU),
  freebsd: `CPU: Intel(R) Celeron(R) 3205U @ 1.50GHz (1496.57-MHz K8-class CPU)
  Origin="GenuineIntel"  Id=0x306d4  Family=0x6  Model=0x3d  Stepping=4
  Features=0xbfebfbff<FPU,VME,DE,SS,HTT,TM,PBE>
  Features2=0x4dfaebbf<SSE3,PCLMULQDQ,VMX,RDRAND>
  AMD Features=0x2c100800<SYSCALL,NX,Page1GB,RDTSCP,LM>
${freebsdText(CPU)}`,
  "freebsd in one line": "  VT-x: PAT,HLT,MTF,PAUSE,EPT,UG,VPID,VID,PostIntr\n",
  haxm: haxmText(CPU),
  "can-set": canSetText(CPU),
  "msr-list": msrListText(CPU),
  "msr-sentence": "I read it twice, and IA32_FEATURE_CONTROL is 0x5 on all cores.\n",
  "msr-list of rdmsr": `# rdmsr -a 0x480
da040000000012
da040000000012
# rdmsr -p 1 0x48b
7fff00000000
`,
  "lock-counts": `# rdmsr -a 0x3a | sort | uniq -c
      8 1
      8 5
`,
  "msr-list of WinDbg": `lkd> rdmsr 0x482
msr[482] = fff9fffe\`0401e172
lkd> rdmsr 0x48b
msr[48b] = 001ffcff\`00000000
`,
  "control-words": `VMX capabilities:
  Enable EPT: yes
  Enable VPID: yes
  Unrestricted guest: no
  VMCS shadowing ....... not supported
`,
  "cpu-report": `cpu0: Intel(R) Core(TM) i5-6200U CPU @ 2.30GHz, 2295.13 MHz, 06-4e-03
cpu0: FPU,VME,DE,PSE,TSC,MSR,PAE,MCE,CX8,APIC,SEP,MTRR,PGE,MCA,CMOV,MMX,FXSR,SSE,SSE2,SSE3,PCLMUL,VMX,SSSE3,CX16,SSE4.1
vmm0 at mainbus0: VMX/EPT
`,
  "cpu-report of rows": `Intel64 Family 6 Model 78 Stepping 3, GenuineIntel
HYPERVISOR      -       Hypervisor is present
VMX             *       Supports Intel hardware-assisted virtualization
`,
  "kubernetes-labels": `Name:               node1
Labels:             cpu-feature.node.kubevirt.io/vmx-ept=true
                    cpu-feature.node.kubevirt.io/vmx-vpid=true
                    cpu-vendor.node.kubevirt.io/Intel=true
                    feature.node.kubernetes.io/cpu-cpuid.VMX=true
`,
  "msr-halves": `\t\t\t- IA32_VMX_TRUE_PINBASED_CTLS high bits mask: 0x3f
\t\t\t- IA32_VMX_TRUE_PINBASED_CTLS low bits mask: 0x16
VMX_EXIT_CTLS allowed1 = 0x1ffffff, allowed0 = 0x36dff;
`,
  "feature-control": turbostatText(CPU),
  "feature-control of chipsec": `[*] cpu0: IA32_Feature_Control Lock = 1
[*] cpu1: IA32_Feature_Control Lock = 1
`,
  cpuinfo: `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 94
model name\t: Intel(R) Core(TM) i7-6700HQ CPU @ 2.60GHz
stepping\t: 3
microcode\t: 0xd6
cpuid level\t: 22
flags\t\t: fpu vme de ss syscall nx pdpe1gb lm vmx lahf_lm epb ssbd tpr_shadow vnmi flexpriority ept vpid arat
vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest ple shadow_vmcs pml
bugs\t\t: cpu_meltdown
address sizes\t: 39 bits physical, 48 bits virtual

`,
  cpuid: `CPU 0:
   0x00000000 0x00: eax=0x00000016 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
   0x00000001 0x00: eax=0x000806ea ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff
   0x80000008 0x00: eax=0x00003027 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
`,
  params: `$ grep . /sys/module/kvm_intel/parameters/*
/sys/module/kvm_intel/parameters/ept:Y
/sys/module/kvm_intel/parameters/nested:N
/sys/module/kvm_intel/parameters/vmentry_l1d_flush:not required
`,
  "params of cat": `$ cat /sys/module/kvm_intel/parameters/nested
Y
$ cat /sys/module/kvm/parameters/ignore_msrs
N
`,
  "params of systool": `Module = "kvm_intel"

  Attributes:
    coresize            = "162153"
    rhelversion         = "7.2"

  Parameters:
    emulate_invalid_guest_state= "Y"
    enable_apicv        = "Y"
    ple_gap             = "128"

  Sections:
    .text               = "0xffffffffa0580000"
`,
  lscpu: `Architecture:            x86_64
  CPU op-mode(s):        32-bit, 64-bit
Vendor ID:               GenuineIntel
  Model name:            Intel(R) Xeon(R) Gold 6252 CPU @ 2.10GHz
    CPU family:          6
    Model:               85
    Stepping:            7
    Flags:               fpu vme de ss syscall nx pdpe1gb lm vmx lahf_lm ssbd tpr_shadow ept vpid arat
Virtualization features:
  Virtualization:        VT-x
`,
  "lscpu of old": `Architecture:          x86_64
Vendor ID:             GenuineIntel
CPU family:            6
Model:                 58
Model name:            Intel(R) Core(TM) i7-3770 CPU @ 3.40GHz
Stepping:              9
Virtualization:        VT-x
`,
  vulnerabilities: `Vulnerabilities:
  Itlb multihit:          KVM: Mitigation: VMX disabled
  L1tf:                   Mitigation; PTE Inversion; VMX conditional cache flushes, SMT vulnerable`,
  lsmod: `Module                  Size  Used by
kvm_intel             290816  0
kvm                   823296  1 kvm_intel
irqbypass              16384  1 kvm
`,
  "module-options": `options kvm ignore_msrs=1
options kvm_intel nested=1 ept=0
`,
  "module-options of a log": `[    0.000000] Command line: BOOT_IMAGE=/vmlinuz-6.1.0 root=/dev/sda1 ro kvm-intel.nested=1 quiet
`,
  "load-error": `modprobe: ERROR: could not insert 'kvm_intel': Operation not supported
`,
  surroundings: `$ grep -c vmx /proc/cpuinfo
8
`,
  "surroundings of kvm-ok": `INFO: Your CPU does not support KVM extensions
KVM acceleration can NOT be used
`,
  xen: `(XEN) CPU0: Intel(R) Xeon(R) CPU D-1518 @ 2.20GHz stepping 03
(XEN) VMX: Supported advanced features:
(XEN)  - APIC MMIO access virtualisation
(XEN)  - Extended Page Tables (EPT)
(XEN)  - VMCS shadowing
(XEN) HVM: ASIDs enabled.
(XEN) HVM: VMX enabled
`,
  "kernel-log": `Linux version 6.1.76-1-generic (builder@host) (gcc 12) #1 SMP PREEMPT_DYNAMIC
microcode: sig=0x506e3, pf=0x20, revision=0xd6
x86/cpu: VMX (outside TXT) disabled by BIOS
kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0
`,
  "kernel-log of QEMU":
    "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48FH).vmx-exit-load-perf-global-ctrl [bit 12]\n",
  aida64: AIDA64_OLD,
  "kvm-msrs": featureMsrText(NESTED),
  "kvm-msrs-json": kvmJsonText(NESTED),
  qmp: qmpText(NESTED),
  "qmp on one line": `${qmpText(NESTED).replace(/\s*\n\s*/g, " ")}\n`,
  libvirt: libvirtText(NESTED, "eax"),
  "libvirt of a host": `<capabilities>
  <host>
    <cpu>
      <arch>x86_64</arch>
      <model>Skylake-Client-IBRS</model>
      <vendor>Intel</vendor>
      <microcode version='214'/>
      <signature family='6' model='94' stepping='3'/>
      <feature name='vmx'/>
    </cpu>
  </host>
</capabilities>
`,
  collect: `# vmxlens-collect 1
release: 6.12.107-amd64
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 151
model name\t: 12th Gen Intel(R) Core(TM) i9-12900K
stepping\t: 2
microcode\t: 0x3a

msr 0 0x3a 0000000000000005
msr 0 0x480 03da050000000013
msr 0 0x492 fault
/sys/module/kvm_intel/parameters/nested:N
# end of vmxlens-collect
`,
  kubernetes: `{
  "apiVersion": "v1",
  "kind": "Node",
  "metadata": {
    "name": "n1",
    "labels": {
      "cpu-feature.node.kubevirt.io/vmx-ept": "true",
      "cpu-feature.node.kubevirt.io/vmx-vpid": "true",
      "cpu-vendor.node.kubevirt.io/Intel": "true",
      "host-model-required-features.node.kubevirt.io/vmx-invept": "true"
    }
  },
  "status": { "nodeInfo": { "kernelVersion": "5.14.0-427.42.1.el9_4.x86_64" } }
}
`,
  firecracker: `{"kernel_version": "5.10.1", "microcode_version": "0x5003901",
 "guest_cpu_config": {"msr_modifiers": [{"addr": "0x3a", "bitmap": "0b0101"}]}}
`,
};
