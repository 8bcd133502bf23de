/*
 * How people really paste: short forms, typed again with their numbers, of texts in public threads and repositories in
 * which a fact was once lost or invented. Where a text has a stable address, it stands beside it.
 */
import { describe, expect, it } from "vitest";
import { formatU64 } from "../../src/bits/u64.js";
import { knownValue } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";

interface Paste {
  readonly from: string;
  readonly text: string;
  /** Registers of the CPU of which everything is known; all of them. */
  readonly values?: { readonly [index: string]: string };
  /** Any part of the first host. */
  readonly host?: object;
  /** No fact may be taken. */
  readonly nothing?: true;
  /** What the diagnostics must say, in order. */
  readonly told?: readonly RegExp[];
}

function valuesOf(text: string): { [index: string]: string } {
  const values: { [index: string]: string } = {};
  for (const [index, msr] of readHost(text).host?.cores[0].msrs ?? []) {
    const value = knownValue(msr);
    if (value !== undefined) values[`0x${index.toString(16)}`] = formatU64(value);
  }
  return values;
}

const PASTES: { readonly [what: string]: Paste } = {
  "a listing indented by tabs, whose remarks do not fit its value": {
    from: "README of a CMPE 283 exercise",
    text: `		[68528.990045] Pinbased Controls MSR: 0x7f00000016
		[68529.024551] Entry Controls MSR: 0x1d3ff000011ff
		[68529.041146]   Load IA32_PERF_GLOBAL_CTRL: Can set=Yes, Can clear=No
`,
    values: { "0x481": "0x7f00000016", "0x484": "0x1d3ff000011ff" },
    told: [/contradicts bit 13/],
  },
  "titles without the word controls, on lines of their own": {
    from: "README of a CMPE 283 exercise",
    text: `[ 2536.296522] 
                Basic MSR: 0xd8100000000001

[ 2536.296523]   True Control Capability: Can set=Yes, Can clear=Yes
[ 2536.296529] 
                Procbased MSR: 0xfff9fffe0401e172
`,
    values: { "0x480": "0xd8100000000001", "0x482": "0xfff9fffe0401e172" },
  },
  "the TRUE register under the title of the plain one": {
    from: "README of a CMPE 283 exercise in a nested guest of KVM",
    text: `[   81.094432] Basic Controls MSR: 0xd8100011e57ed0
[   81.144741] procbased Controls MSR: 0xf7b9fffe04006172
[   81.201108]   CR3-load exiting: Can set=Yes, Can clear=Yes
`,
    values: { "0x480": "0xd8100011e57ed0", "0x48e": "0xf7b9fffe04006172" },
    told: [/treated as 0x48e/],
  },
  "another register than the title says": {
    from: "source of a CMPE 283 exercise, which reads 0x48b under this title",
    text: "Procbased Controls MSR: 0x553cfe00000000\nEntry Controls MSR: 0x3ffff000011ff\n",
    values: { "0x484": "0x3ffff000011ff" },
    told: [/cannot be MSR 0x482/],
  },
  "a listing made of <br> and &nbsp;, with a title misspelt": {
    from: "README of a CMPE 283 exercise",
    text: `<br>[  232.390824] Pinbased Controls MSR: 0x7f00000016
<br>[  232.390826]   &nbsp;&nbsp;&nbsp;&nbsp; External Interrupt Exiting: Can set=Yes, Can clear=Yes
<br>[  232.390864] Probased Controls2 MSR: 0x53cff00000000
`,
    values: { "0x481": "0x7f00000016", "0x48b": "0x53cff00000000" },
  },
  "a name that VirtualBox 4.3 misspells, and bits that look like registers": {
    from: "https://github.com/Stichting-MINIX-Research-Foundation/minix/issues/17",
    text: `00:00:01.183347 HM: MSR_IA32_VMX_MISC               = 0x300481e5
00:00:01.183348 HM:   MSR_IA32_VMX_MISC_PREEMPT_TSC_BIT      = 0x5
00:00:01.183355 HM: MSR_IA32_VMX_VMCS_ENUM          = 0x2a
00:00:01.183356 HM:   MSR_IA32_VMX_VMCS_ENUM_HIGHEST_INDEX   = 0x15
00:00:01.183356 HM: MSR_A32_VMX_VMFUNC              = 0x1
`,
    values: { "0x485": "0x300481e5", "0x48a": "0x2a", "0x491": "0x1" },
  },
  "VirtualBox 4.0, whose values have no 0x": {
    from: "a thread of ubuntuforums.org",
    text: `00:00:06.270 HWACCM: MSR_IA32_FEATURE_CONTROL      = 5
00:00:06.270 HWACCM: MSR_IA32_VMX_BASIC_INFO       = 5a08000000000b
00:00:06.270 HWACCM: VMCS id                       = b
00:00:06.270 HWACCM: MSR_IA32_VMX_PROCBASED_CTLS2  = 100000000
00:00:06.270 HWACCM: MSR_IA32_VMX_CR4_FIXED1       = 67ff
`,
    values: { "0x3a": "0x5", "0x480": "0x5a08000000000b", "0x48b": "0x100000000", "0x489": "0x67ff" },
  },
  "the CPU lines of an old FreeBSD, wrapped by a terminal": {
    from: "boot messages of a C2558 board",
    text: `CPU: Intel(R) Atom(TM) CPU  C2558  @ 2.40GHz (2400.06-MHz K8-class CPU)
  Origin = "GenuineIntel"  Id = 0x406d8  Family = 0x6  Model = 0x4d  Stepping = 8
  Features=0xbfebfbff<FPU,VME,DE,ACPI,M
MX,FXSR,SSE,SSE2,SS,HTT,TM,PBE>
  Features2=0x43d8e3bf<SSE3,PCLMULQDQ,VMX,POP
CNT,TSCDLT,AESNI,RDRAND>
  AMD Features=0x28100800<SYSCALL,NX,RDTSCP,LM>
  VT-x: PAT,HLT,MTF,PAUSE,EPT,UG,VPID
`,
    host: {
      name: "Intel(R) Atom(TM) CPU C2558 @ 2.40GHz",
      cores: [{ signature: 0x406d8, cpuid: { features: { vmx: true, smx: false, nx: true, ss: true, xsave: false } } }],
    },
  },
  "the CPU lines of FreeBSD indented by tabs, or in an indented syslog": {
    from: "boot messages of an N95 board",
    text: `  CPU: Intel(R) N95 (1689.60-MHz K8-class CPU)
	Origin="GenuineIntel"  Id=0xb06e0  Family=0x6  Model=0xbe  Stepping=0
	Features=0xbfebfbff<FPU,VME,DE,SS>
	AMD Features2=0x121<LAHF,ABM,Prefetch>
  Oct 26 00:23:11 forward kernel:   Structured Extended Features2=0x98c007bc<UMIP,PKU>
	IA32_ARCH_CAPS=0x80fd6b<RDCL_NO>
	XSAVE Features=0xf<XSAVEOPT,XSAVEC,XINUSE,XSAVES>
`,
    host: {
      name: "Intel(R) N95",
      cores: [{ signature: 0xb06e0, cpuid: { features: { ss: true, umip: true, xsaves: true } } }],
    },
  },
  "Xen's list in a quoted code block": {
    from: "a thread of xen-devel about a console that hangs",
    text: `> >     (XEN) VMX: Supported advanced features:
> >     (XEN)  - APIC MMIO access virtualisation
> >     (XEN)  - APIC TPR shadow
> >     ...
`,
    host: { observed: { xenFeatures: ["APIC MMIO access virtualisation", "APIC TPR shadow"] } },
  },
  "Xen before 4.0": {
    from: "a thread of ubuntuforums.org, 2010",
    text: "(XEN) VMX: EPT is available.\n(XEN) VMX: VPID is available\n(XEN) HVM: VMX is enabled.\n",
    host: {
      cores: [{ cpuid: { features: { vmx: true } } }],
      observed: { xenFeatures: ["Extended Page Tables (EPT)", "Virtual-Processor Identifiers (VPID)"] },
    },
  },
  "a parameter with a blank in its value": {
    from: "notes about KVM's interface",
    text: "/sys/module/kvm_intel/parameters/vmentry_l1d_flush:not required\n",
    host: { params: { kvm_intel: { vmentry_l1d_flush: "not required" } } },
  },
  "systool, with an attribute of the distribution and a name that fills its column": {
    from: "an article about parameters of modules",
    text: `Module = "kvm_intel"

  Attributes:
    rhelversion         = "7.2"
    uevent              = <store method only>

  Parameters:
    emulate_invalid_guest_state= "Y"
    ple_gap             = "128"
`,
    host: { params: { kvm_intel: { emulate_invalid_guest_state: "Y", ple_gap: "128" } } },
  },
  "a script's list of parameters": {
    from: "an article about parameters of modules",
    text: "Module: kvm_intel\nParameter: enable_apicv --> Y\nParameter: nested --> N\n",
    host: { params: { kvm_intel: { enable_apicv: "Y", nested: "N" } } },
  },
  "commands and their answers in an indented block": {
    from: "documentation of nested KVM",
    text: `    # Read msr value
    $ rdmsr 0x48B
    7cff00000000

    # nested
    $ cat /sys/module/kvm_intel/parameters/nested 
    Y
`,
    values: { "0x48b": "0x7cff00000000" },
    host: { params: { kvm_intel: { nested: "Y" } } },
  },
  "flags that a terminal broke inside a word": {
    from: "a report about an i7-6600U",
    text: `flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat sse sse2 s
s ht tm pbe syscall nx pdpe1gb rdtscp lm monitor ds_cpl vmx smx est tm2 ssse3 hyper
visor lahf_lm abm 3dnowprefetch cpuid_fault epb pti ssbd tpr_shadow vnmi flexpriority ept vpid ept_a
d fsgsbase xsaveopt xsavec xgetbv1 xsaves arat
vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vap
ic ept vpid
`,
    host: {
      cores: [{ cpuid: { features: { ss: true, nx: true, vmx: true, hypervisor: true, xsaves: true } } }],
      observed: {
        cpuFlags: ["vmx", "tpr_shadow", "vnmi", "flexpriority", "ept", "vpid", "ept_ad"],
        vmxFlags: expect.arrayContaining(["vapic"]),
      },
    },
  },
  "cpuinfo whose tabs became blanks": {
    from: "a mail to the kvm list",
    text: `processor       : 0
cpu family      : 6
model           : 94
stepping        : 3
flags           : fpu vme vmx smx ss lahf_lm arat
`,
    host: { cores: [{ signature: 0x506e3, cpuid: { features: { vmx: true, smx: true, hypervisor: false } } }] },
  },
  "cpuid -r, wrapped by a mailer": {
    from: "a mail to the kvm list",
    text: `CPU:
    0x00000000 0x00: eax=0x00000016 ebx=0x756e6547 ecx=0x6c65746e 
edx=0x49656e69
    0x00000001 0x00: eax=0x000806ea ebx=0x00100800 ecx=0x7ffafbff 
edx=0xbfebfbff
`,
    host: { vendor: "GenuineIntel", cores: [{ signature: 0x806ea, cpuid: { maxLeaf: 0x16 } }] },
  },
  "a hypervisor's log of rdmsr": {
    from: "notes about XMHF in 64 bits",
    text: `CPU(0x00): RDMSR(0x00000480) = 0x00da04000000000f
CPU(0x00): RDMSR(0x0000048b) = 0x000000ff00000000
CPU(0x00): RDMSR(0x00000491) = unavailable
rdmsr(IA32_VMX_PINBASED_CTLS_MSR)  = 0x0000007f00000016
`,
    values: { "0x480": "0xda04000000000f", "0x48b": "0xff00000000", "0x481": "0x7f00000016" },
  },
  "a release in the middle of a sentence": {
    from: "a bug report of Ubuntu about QEMU 4.2",
    text: "  Current Kernel: Linux laptop 5.4.0-29-generic #33-Ubuntu SMP\n",
    host: { kernel: "5.4.0-29-generic" },
  },
  "numbers of registers beside their names": {
    from: "header files and documents",
    text: `   1) Exit Controls (IA32_VMX_EXIT_CTLS: 0x483)
IA32_VMX_PROCBASED_CTLS2: 0x48B (allowed-0) / 0x48C (allowed-1).
MSR_IA32_VMX_BASIC = 0x00000480,
MSR_IA32_VMX_PINBASED_CTLS              0x481
`,
    nothing: true,
  },
  "a table of anything whose numbers are near those of registers": {
    from: "a table of letters by case",
    text: " 0x47f: 0x47e,  0x481: 0x480,  0x48b: 0x48a,  0x48d: 0x48c\n 0x491: 0x490,  0x493: 0x492\n",
    nothing: true,
  },
  "a register 0x3a of some device": {
    from: "any dump of an I2C or PCI device",
    text: "0x39: 0x00\n0x3a: 0x05\n0x3b: 0xff\n",
    nothing: true,
  },
  "QEMU's warning with an apostrophe from a word processor": {
    from: "a blog about nested guests",
    text: "qemu-system-x86_64: warning: host doesn’t support requested feature: MSR(48BH).vmx-ept [bit 1]\n",
    host: { observed: { nestedMsrs: expect.any(Map) } },
  },
  "flags in hanging indentation, with another mail's quoting": {
    from: "an article about a ThinkPad",
    text: `	flags           : fpu vme de ss ht tm pbe syscall nx rdtscp lm
	                  constant_tsc arch_perfmon pebs bts rep_good nopl xtopology nonstop_tsc cpuid
	                  aperfmperf pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cx16 xtpr
	                  rdrand lahf_lm cpuid_fault epb pti ssbd ibrs ibpb stibp tpr_shadow vnmi
	                  flexpriority ept vpid fsgsbase smep erms xsaveopt dtherm ida arat pln pts
	vmx flags       : vnmi preemption_timer invvpid ept_x_only flexpriority tsc_offset vtpr mtf
	                  vapic ept vpid unrestricted_guest
	address sizes   : 36 bits physical, 48 bits virtual
`,
    host: {
      cores: [{ cpuid: { features: { smx: true, hypervisor: false }, physAddrBits: 36 } }],
      observed: {
        cpuFlags: ["vmx", "tpr_shadow", "vnmi", "flexpriority", "ept", "vpid"],
        vmxFlags: expect.arrayContaining(["unrestricted_guest"]),
      },
    },
  },
  "registers in JSON with names of its author's own": {
    from: "scripts that write what they read",
    text: '{"cpu": 0, "msrs": [{"msr": "0x480", "value": "0xda040000000004"}, {"address": 1163, "value": 4294967551}]}\n',
    values: { "0x480": "0xda040000000004", "0x48b": "0x1000000ff" },
    told: [/treated as the processor's/, /halves of MSR 0x48b/],
  },
  "what a TCG guest lacks, which says nothing of KVM": {
    from: "https://github.com/chillancezen/ZeldaOS.x86_64/issues/2",
    text: "warning: TCG doesn't support requested feature: MSR(48BH).vmx-ept [bit 1]\n",
    nothing: true,
  },
  "a list of posts about one warning": {
    from: "https://github.com/virt-manager/virt-manager/issues/234",
    text: `-msg timestamp=on
2023-01-20T14:12:06.028218Z qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-apicv-register [bit 8]
2023-01-20T14:12:06.028320Z qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48DH).vmx-posted-intr [bit 7]
kvm-ok
INFO: /dev/kvm exists
`,
    host: { cores: [{ msrs: new Map() }], observed: { nestedMsrs: expect.any(Map) } },
  },
  "advice with rdmsr and without its answer": {
    from: "how-tos about VT-d and nested virtualisation",
    text: `rdmsr 0x3a
3 or 5 -> OK
VTX=$(sudo modprobe msr | sudo rdmsr 0x3A)
X2APIC=$(lscpu | grep x2apic)
rdmsr 0x3A  # IA32_FEATURE_CONTROL
# Output: 0x5 = locked + VMX enabled
`,
    nothing: true,
  },
};

describe.each(Object.entries(PASTES))("%s", (_, { text, values, host, nothing, told }) => {
  it("is read right", () => {
    const result = readHost(text);
    if (nothing === true) expect(result.hosts).toEqual([]);
    if (values !== undefined) expect(valuesOf(text)).toEqual(values);
    if (host !== undefined) expect(result.host).toMatchObject(host);
    if (told === undefined) return;
    expect(result.diagnostics).toHaveLength(told.length);
    for (const [i, pattern] of told.entries()) expect(result.diagnostics[i]?.message).toMatch(pattern);
  });
});

it("systool gives parameters only", () => {
  const { host } = readHost(
    PASTES["systool, with an attribute of the distribution and a name that fills its column"]?.text ?? "",
  );
  expect(Object.keys(host?.params?.kvm_intel ?? {})).toEqual(["emulate_invalid_guest_state", "ple_gap"]);
});
