import type { FeatureId } from "../../why/features.js";

/**
 * What it means to lack a feature, in one sentence for each: for guests of KVM, or for the guests of a nested hypervisor,
 * whichever the layer is about.
 */
const IMPACTS: { readonly [F in FeatureId]: string } = {
  ept: "Guests run on shadow page tables: each change of a guest page table exits, and everything built on EPT is gone.",
  "ept-ad": "Dirty pages are found by write protection, which costs an exit for each page; PML cannot be used.",
  "ept-1gb": "Guest memory is mapped with 2-MByte pages at most: more TLB misses in large guests.",
  "ept-2mb": "Guest memory is mapped with 4-KByte pages only: many more TLB misses.",
  "ept-5level": "Guest-physical addresses end at 48 bits.",
  "ept-execute-only": "Pages that can be executed but not read cannot be made: some introspection tools do not work.",
  mbec: "Guests that protect their kernel code with a hypervisor (HVCI of Windows) emulate it, with many more exits.",
  "ept-violation-ve": "EPT violations cannot be delivered to the guest as #VE: each exits.",
  "ept-exit-info": "Exits for EPT violations do not say what the linear address was used for.",
  "unrestricted-guest": "Real mode and unpaged protected mode are emulated: slow and incomplete starts of some guests.",
  pml: "Dirty pages are found by page faults instead of a log: live migration slows its guest down more.",
  vpid: "The TLB is flushed at every entry and exit.",
  invvpid: "The TLB cannot be flushed by VPID, so KVM uses no VPIDs.",
  "tpr-shadow": "Each access of a guest to CR8 or the task priority exits; all of APIC virtualization depends on it.",
  flexpriority: "Accesses to the task priority of the APIC exit: 32-bit Windows guests are slow.",
  "x2apic-virt": "Guests exit for each access to an x2APIC register.",
  "apic-register-virt": "Guests exit for reads of APIC registers.",
  "virtual-interrupt-delivery": "Interrupts are injected at VM entry, and each end of interrupt exits.",
  "posted-interrupts": "A running guest has to exit to receive an interrupt; device interrupts cannot be posted to it.",
  apicv: "Interrupts and most APIC accesses exit: more exits in guests with much I/O.",
  "ipi-virt": "Each interrupt that one vCPU sends to another exits.",
  vnmi: "KVM has to guess when a guest can take its next NMI.",
  "preemption-timer": "APIC timers of guests are kept by host timers, with an interrupt for each.",
  "tsc-scaling":
    "A guest cannot keep its TSC rate on a host with another one: migration between them shows in its clocks.",
  ple: "Spinning vCPUs are not noticed: guests with more vCPUs than CPUs lose time in spin locks.",
  "shadow-vmcs": "VMREAD and VMWRITE of a nested hypervisor exit: nested guests are slower.",
  vmfunc: "Guests cannot use VM functions.",
  "eptp-switching": "Guests cannot switch their EPT pointer without an exit.",
  "notify-vm-exit": "A guest can keep a CPU from handling events for long with some instruction sequences.",
  "bus-lock": "Bus locks of guests are not noticed by VM exits.",
  sgx: "Guests have no SGX.",
  "intel-pt": "Intel PT cannot trace guests separately, or be given to them.",
  cet: "Guests have no shadow stacks and no indirect branch tracking.",
  mpx: "Guests have no MPX.",
  "perf-global-ctrl":
    "IA32_PERF_GLOBAL_CTRL is switched through MSR lists: slower entries and exits while guests count events.",
  efer: "IA32_EFER is switched through MSR lists or by the hypervisor: slower when host and guest differ.",
  pat: "IA32_PAT is not switched at entry and exit: guests run with the host's.",
  xsaves: "Guests have neither XSAVES nor what depends on it.",
  invpcid: "Guests have no INVPCID.",
  rdtscp: "Guests have neither RDTSCP nor RDPID.",
  waitpkg: "Guests have neither TPAUSE nor UMWAIT.",
  "rdrand-exiting": "RDRAND cannot be withheld from a guest.",
  "rdseed-exiting": "RDSEED cannot be withheld from a guest.",
  "desc-exiting": "UMIP cannot be emulated where the CPU has none.",
  "wbinvd-exiting": "WBINVD of a guest does not exit.",
  mtf: "Single steps need the guest's trap flag.",
  "msr-bitmaps": "Each RDMSR and WRMSR of a guest exits.",
  "io-bitmaps": "Either all I/O instructions of a guest exit or none.",
  "tsc-offset": "Guests see the TSC of the host, or each RDTSC exits.",
  "secondary-controls": "There are no secondary controls: no EPT, VPID, unrestricted guest or others.",
  "tertiary-controls": "There are no tertiary controls.",
  hlat: "Linear-address translation cannot be guarded by the hypervisor.",
  "spec-ctrl-virt": "IA32_SPEC_CTRL of a guest is either passed through or exits.",
  "wait-for-sipi": "A vCPU cannot be parked until a SIPI comes: its hypervisor has to emulate that, or refuses to run.",
  "true-controls":
    "The controls of the default1 class have to be 1: CR3 loads and stores of guests exit even with EPT.",
  "any-error-code": "An exception can be injected only with an error code where its vector has one.",
};

/** What it means to lack a feature; `undefined` for a feature that is not in the list, as a single bit. */
export function impactOf(id: string): string | undefined {
  return (IMPACTS as { readonly [id: string]: string | undefined })[id];
}
