import type { Change } from "../../rules/change.js";
import type { Varying } from "../../rules/held.js";
import { SETUP_BEFORE_DEVICE, TDX_BESIDE_VMX, VENDOR_DECIDES, VMX_HARDWARE_SETUP } from "../changes.js";

/*
 * Functions of KVM that were renamed, merged or divided, by the kernels that have each name. A rule whose function was
 * always called like its stage names none.
 */

/** The names of one function, oldest first. */
export type Names = Exclude<Varying<string>, string>;

/** Decides what each parameter comes to (arch/x86/kvm/vmx/vmx.c). */
export const HARDWARE_SETUP: Names = [
  { held: { before: VMX_HARDWARE_SETUP }, is: "hardware_setup" },
  { held: { since: VMX_HARDWARE_SETUP }, is: "vmx_hardware_setup" },
];

/** kvm_x86_vendor_init took its body back when a lock could be held to the end of a function. */
const ONE_VENDOR_INIT: Change = ["6.9", "6.1.20"];

/** Where the common code asks whether the CPU can be used (arch/x86/kvm/x86.c). */
export const COMMON_INIT: Names = [
  { held: { before: SETUP_BEFORE_DEVICE }, is: "kvm_arch_init" },
  { held: { since: VENDOR_DECIDES, before: ONE_VENDOR_INIT }, is: "__kvm_x86_vendor_init" },
  { held: { since: ONE_VENDOR_INIT }, is: "kvm_x86_vendor_init" },
];

/** What asks the flags that boot left. The one with the underscores came with the check of each CPU. */
const VENDOR_CHECK_PER_CPU: Change = "6.5";
export const VENDOR_CHECK: Names = [
  { held: { before: VENDOR_CHECK_PER_CPU }, is: "kvm_is_vmx_supported" },
  { held: { since: VENDOR_CHECK_PER_CPU }, is: "__kvm_is_vmx_supported" },
];

/** The check of CPUID, which moved from the common code to the vendor's. */
export const FIRST_CHECK: Names = [
  { held: { before: [VENDOR_DECIDES, SETUP_BEFORE_DEVICE] }, is: "kvm_arch_init" },
  { held: { since: "6.1.20", before: VENDOR_DECIDES }, is: "kvm_x86_vendor_init" },
  { held: { since: VENDOR_DECIDES, before: VENDOR_CHECK_PER_CPU }, is: "kvm_is_vmx_supported" },
  { held: { since: VENDOR_CHECK_PER_CPU }, is: "__kvm_is_vmx_supported" },
];

/** Where KVM looks whether it runs on a Hyper-V with the enlightened VMCS. */
export const EVMCS_DETECTION: Names = [
  { held: { before: "6.2" }, is: "vmx_init" },
  { held: { since: "6.2" }, is: "hv_init_evmcs" },
];

/** What runs when kvm_intel is loaded: the first that a refusal ends (arch/x86/kvm/vmx/vmx.c, later main.c). */
export const MODULE_INIT: Names = [
  { held: { before: TDX_BESIDE_VMX }, is: "vmx_init" },
  { held: { since: TDX_BESIDE_VMX }, is: "vt_init" },
];

/** nested_vmx_setup_ctls_msrs calls a function of its own for each group of registers. */
const NESTED_PARTS: Change = "6.4";

/** The function for one group of the registers of a nested hypervisor (arch/x86/kvm/vmx/nested.c). */
export function nestedPart(is: `nested_vmx_setup_${string}`): Names {
  return [
    { held: { before: NESTED_PARTS }, is: "nested_vmx_setup_ctls_msrs" },
    { held: { since: NESTED_PARTS }, is },
  ];
}
