import { fieldByEncoding, fieldName } from "./fields/fields.js";

const MSR_NAMES: { readonly [index: string]: string } = {
  "480": "IA32_VMX_BASIC",
  "481": "IA32_VMX_PINBASED_CTLS",
  "482": "IA32_VMX_PROCBASED_CTLS",
  "483": "IA32_VMX_EXIT_CTLS",
  "484": "IA32_VMX_ENTRY_CTLS",
  "485": "IA32_VMX_MISC",
  "486": "IA32_VMX_CR0_FIXED0",
  "487": "IA32_VMX_CR0_FIXED1",
  "488": "IA32_VMX_CR4_FIXED0",
  "489": "IA32_VMX_CR4_FIXED1",
  "48a": "IA32_VMX_VMCS_ENUM",
  "48b": "IA32_VMX_PROCBASED_CTLS2",
  "48c": "IA32_VMX_EPT_VPID_CAP",
  "48d": "IA32_VMX_TRUE_PINBASED_CTLS",
  "48e": "IA32_VMX_TRUE_PROCBASED_CTLS",
  "48f": "IA32_VMX_TRUE_EXIT_CTLS",
  "490": "IA32_VMX_TRUE_ENTRY_CTLS",
  "491": "IA32_VMX_VMFUNC",
  "492": "IA32_VMX_PROCBASED_CTLS3",
  "493": "IA32_VMX_EXIT_CTLS2",
};

/** MSRs that MSR-load areas hold, by index in hex. */
const LOADED: { readonly [index: string]: string } = {
  10: "IA32_TIME_STAMP_COUNTER",
  48: "IA32_SPEC_CTRL",
  "9b": "IA32_SMM_MONITOR_CTL",
  179: "IA32_MCG_CAP",
  "1d9": "IA32_DEBUGCTL",
  "1dd": "MSR_LER_FROM_IP",
  "1de": "MSR_LER_TO_IP",
  277: "IA32_PAT",
  "38f": "IA32_PERF_GLOBAL_CTRL",
  "3f1": "IA32_PEBS_ENABLE",
  600: "IA32_DS_AREA",
  c0000080: "IA32_EFER",
  c0000081: "IA32_STAR",
  c0000082: "IA32_LSTAR",
  c0000083: "IA32_CSTAR",
  c0000084: "IA32_FMASK",
  c0000100: "IA32_FS_BASE",
  c0000101: "IA32_GS_BASE",
  c0000102: "IA32_KERNEL_GS_BASE",
  c0000103: "IA32_TSC_AUX",
};

/** `0x682 (LASTBRANCH_2_FROM_IP)`. */
export function msrName(index: number): string {
  const text = `0x${index.toString(16)}`;
  const branch = (first: number, side: string) =>
    index >= first && index < first + 32 ? `LASTBRANCH_${index - first}_${side}_IP` : undefined;
  const name =
    LOADED[index.toString(16)] ?? MSR_NAMES[index.toString(16)] ?? branch(0x680, "FROM") ?? branch(0x6c0, "TO");
  return name === undefined ? text : `${text} (${name})`;
}

const FACTS: { readonly [name: string]: string } = {
  intel64: "whether the CPU has Intel 64",
  nx: "whether the CPU has NX (CPUID.80000001H:EDX[20])",
  sgx: "whether the CPU has SGX (CPUID.7:EBX[2])",
  rtm: "whether the CPU has RTM (CPUID.7:EBX[11])",
  fred: "whether the CPU has FRED",
  osBusLock: "whether the CPU has OS bus-lock detection (CPUID.7:ECX[24])",
  lam: "whether the CPU has linear-address masking",
  longMode: "whether the processor was in IA-32e mode at the VM entry",
  anyErrorCode: "IA32_VMX_BASIC (0x480) bit 56",
  inSmm: "whether the processor was in SMM",
  inSeam: "whether the processor was in SEAM root mode",
  ptTracing: "IA32_RTIT_CTL.TraceEn of the host at the VM entry",
  v86OrCompatibility: "the mode in which the instruction was executed",
  cpl0: "the privilege level of the instruction",
  vmcsCurrent: "whether a VMCS was current",
  vmcsIsShadow: "whether the current VMCS was a shadow VMCS",
  movSsBlocking: "whether MOV SS blocked events",
  vmlaunch: "which instruction was executed",
  vmresume: "which instruction was executed",
  launchStateClear: "the launch state of the VMCS",
  l1La57: "CR4.LA57 of the nested hypervisor when it enters",
  cr4AsOffered: "whether CR4 is judged as /dev/kvm offers it",
  kernelHasCheck: "which kernel KVM is of",
  wrmsrAccepts: "what WRMSR accepts for the listed MSRs",
};

const MEMORY: { readonly [name: string]: string } = {
  vtpr: "VTPR, byte 80H of the virtual-APIC page",
  linkDword: "the first four bytes that the VMCS link pointer names",
  currentVmcs: "the physical address of the current VMCS",
  pdptes: "the four page-directory-pointer entries in guest memory",
  pdpte0: "the four page-directory-pointer entries in guest memory",
  pdpte1: "the four page-directory-pointer entries in guest memory",
  pdpte2: "the four page-directory-pointer entries in guest memory",
  pdpte3: "the four page-directory-pointer entries in guest memory",
};

/** Words for an input that `missingInputs` names, as in `field:2014` or `msr:48c`. */
export function describeInput(input: string): string {
  const colon = input.indexOf(":");
  const kind = input.slice(0, colon);
  const name = input.slice(colon + 1);
  switch (kind) {
    case "field": {
      const row = fieldByEncoding(Number.parseInt(name, 16));
      return row === undefined ? `field 0x${name}` : fieldName(row);
    }
    case "msr":
      return `${MSR_NAMES[name] ?? "MSR"} (0x${name})`;
    case "fact":
      return FACTS[name] ?? name;
    case "memory":
      return MEMORY[name] ?? name;
    default:
      return name.startsWith("physical")
        ? "the physical-address width (CPUID.80000008H:EAX[7:0])"
        : name.startsWith("linear")
          ? "the linear-address width (CPUID.80000008H:EAX[15:8])"
          : name;
  }
}
