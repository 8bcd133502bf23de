import type { Fact } from "../rules/held.js";

/*
 * Facts about kernels that no replay needs and that answers about a message rest on: what older kernels did than every
 * modelled one, and what happens beside boot and loading. A sentence that names a release takes it from its row.
 */

/** A fact with its source. */
interface SourcedFact extends Fact {
  readonly text: string;
  readonly file: string;
  readonly fn: string;
}

const X86 = "arch/x86/kvm/x86.c";
const NESTED = "arch/x86/kvm/vmx/nested.c";

export const NOT_REPLAYED = {
  /**
   * Hyper-V's enlightened VMCS, switched on for a guest, removed controls from what user space may set after KVM had
   * reported them to user space; and a value was compared with what the vCPU had.
   */
  evmcsRemovesControls: {
    held: { before: "5.6" },
    text: "switching on the enlightened VMCS for a guest removes controls after KVM reported them to user space",
    file: "arch/x86/kvm/vmx/nested.c, evmcs.c",
    fn: "nested_enable_evmcs",
  },
  /** KVM_GET_MSR_FEATURE_INDEX_LIST has them. */
  reportsVmxMsrs: {
    held: { since: "4.17" },
    text: "KVM reports the VMX registers to user space",
    file: X86,
    fn: "kvm_get_msr_feature",
  },
  /** Defects in what user space may set, on Hyper-V among others. */
  restoreDefects: {
    held: { since: "4.17", before: "5.3" },
    text: "user space cannot set every value that KVM reported",
    file: NESTED,
    fn: "vmx_set_vmx_msr",
  },
  /** Read on qemu-devel (2024), with the commits 27c42a1bb and e8a70bd4e. */
  vmfuncNotSet: {
    held: { since: "4.14", before: "5.3" },
    text: "guests are given IA32_VMX_VMFUNC, and user space cannot set it",
    file: NESTED,
    fn: "vmx_set_vmx_msr",
  },
  /** Bugzilla of the kernel, 216017: the value that QEMU 7.0 writes. */
  tscRatioRefused: {
    held: { before: "5.18" },
    text: "kvm_amd refuses the TSC ratio from user space for a guest without TSC scaling",
    file: "arch/x86/kvm/svm/svm.c",
    fn: "svm_set_msr",
  },
  /** Read on the kvm list (2020), and in the list of commits for 5.6. */
  synicTakesPosted: {
    held: { before: "5.6" },
    text: "with SynIC on, vCPUs made later are not offered posted interrupts that KVM reported",
    file: NESTED,
    fn: "nested_vmx_setup_ctls_msrs",
  },
  /** Without IA32_VMX_PROCBASED_CTLS2 in the list QEMU adds controls on its own, by CPUID. */
  savesVmxMsrs: {
    held: { since: "5.3" },
    text: "the VMX registers are among the MSRs that user space saves",
    file: X86,
    fn: "kvm_init_msr_list",
  },
  vmclearWording: {
    held: { before: "5.3" },
    text: "a failed VMCLEAR or VMPTRLD is printed as `vmclear fail` or `vmptrld fail`",
    file: "arch/x86/kvm/vmx/vmx.c",
    fn: "vmcs_clear, vmcs_load",
  },
  mpx: {
    held: { before: "5.6" },
    text: "Linux uses MPX for programs",
    file: "arch/x86/mm/mpx.c",
    fn: "mpx_enable_management",
  },
  featCtlOnResume: {
    held: { since: "5.8" },
    text: "IA32_FEAT_CTL of the boot CPU is set again on resume",
    file: "arch/x86/power/cpu.c",
    fn: "__restore_processor_state",
  },
  asyncPfStaysOn: {
    held: { since: "5.8", before: "5.9" },
    text: "without an in-kernel APIC even switching asynchronous page faults off is refused",
    file: X86,
    fn: "kvm_pv_enable_async_pf",
  },
  /** Read in public reports only: when it was mended is not known. */
  restoresRefused: {
    held: { since: "5.12", before: { after: "5.12" } },
    text: "restores of control registers fail in nested machines",
    file: X86,
    fn: "__set_sregs",
  },
  sgxDriver: {
    held: { since: "5.11" },
    text: "Linux has a driver for SGX, which needs launch control to be open",
    file: "arch/x86/kernel/cpu/sgx/main.c",
    fn: "sgx_init",
  },
  guestLbr: {
    held: { since: "5.12" },
    text: "a guest is given last-branch records where user space sets their format",
    file: "arch/x86/kvm/vmx/pmu_intel.c",
    fn: "intel_pmu_create_guest_lbr_event",
  },
  sgxForGuests: {
    held: { since: "5.13" },
    text: "KVM gives guests SGX, with memory of /dev/sgx_vepc",
    file: "arch/x86/kvm/vmx/sgx.c",
    fn: "setup_default_sgx_lepubkeyhash",
  },
  tdxGuests: {
    held: { since: "6.16" },
    text: "KVM runs guests as trust domains",
    file: "arch/x86/kvm/vmx/tdx.c",
    fn: "tdx_bringup",
  },
  /** Stable kernels took it, too; which is not known. */
  smmKeepsShadow: {
    held: { since: ["6.2", { after: "6.1.0" }, { after: "5.15.0" }] },
    text: "the interrupt shadow is saved and cleared when a guest enters SMM",
    file: "arch/x86/kvm/smm.c",
    fn: "enter_smm",
  },
  nestedByDefault: {
    held: { since: "4.20" },
    text: "kvm_intel gives guests VMX unless nested=0 is asked for",
    file: "arch/x86/kvm/vmx.c",
    fn: "nested",
  },
  vmcsDumpAsked: {
    held: { since: { after: "4.20", by: "5.4" } },
    text: "KVM prints the VMCS after a failed entry only with dump_invalid_vmcs=1; before, it did so unasked",
    file: "arch/x86/kvm/vmx/vmx.c",
    fn: "dump_vmcs",
  },
  vmcsDumped: {
    held: { since: { after: "4.0", by: "4.2" } },
    text: "KVM prints the VMCS after a failed entry",
    file: "arch/x86/kvm/vmx.c",
    fn: "dump_vmcs",
  },
  virtAtLoad: {
    held: { since: "6.12" },
    text: "loading the module enables VMX on every CPU; kvm.enable_virt_at_load=0 waits for the first guest",
    file: "virt/kvm/kvm_main.c",
    fn: "kvm_init_virtualization",
  },
} as const satisfies { readonly [name: string]: SourcedFact };
