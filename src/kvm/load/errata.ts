/*
 * CPUs that KVM knows to be broken. Facts: setup_vmcs_config and cpu_has_broken_vmx_preemption_timer in
 * arch/x86/kvm/vmx/vmx.c; the same in every release.
 */

/** Models of family 6 whose VM-exit control for IA32_PERF_GLOBAL_CTRL does not work. */
const PERF_GLOBAL_CTRL_MODELS = [
  { model: 26, name: "Nehalem-EP", erratum: "AAK155" },
  { model: 30, name: "Nehalem", erratum: "AAP115" },
  { model: 37, name: "Westmere", erratum: "AAT100" },
  { model: 44, name: "Westmere-EP", erratum: "BC86, AAY89, BD102" },
  { model: 46, name: "Nehalem-EX", erratum: "BA97" },
] as const;

/** CPUID.1:EAX, without the reserved bits 15:14 and 31:28, of CPUs whose preemption timer counts wrongly. */
const BROKEN_PREEMPTION_TIMER_SIGNATURES = [
  0x000206e6, 0x00020652, 0x00020655, 0x000106e5, 0x000106a0, 0x000106a1, 0x000106a4, 0x000106a5, 0x000306a8,
] as const;

/** Family and model as Linux computes them from CPUID.1:EAX. */
function familyAndModel(signature: number): { readonly family: number; readonly model: number } {
  let family = (signature >>> 8) & 0xf;
  let model = (signature >>> 4) & 0xf;
  if (family === 0xf) family += (signature >>> 20) & 0xff;
  if (family >= 6) model += ((signature >>> 16) & 0xf) << 4;
  return { family, model };
}

/**
 * Is it a CPU of `PERF_GLOBAL_CTRL_MODELS`, by CPUID.1:EAX. The vendor does not count here; KVM asks for it since 6.12.
 */
export function hasPerfGlobalCtrlErratum(signature: number): boolean {
  const { family, model } = familyAndModel(signature);
  return family === 6 && PERF_GLOBAL_CTRL_MODELS.some((row) => row.model === model);
}

/** Is it a stepping of `BROKEN_PREEMPTION_TIMER_SIGNATURES`, by CPUID.1:EAX (cpu_has_broken_vmx_preemption_timer). */
export function hasBrokenPreemptionTimer(signature: number): boolean {
  const eax = signature & ~0xf000_c000;
  return (BROKEN_PREEMPTION_TIMER_SIGNATURES as readonly number[]).includes(eax);
}
