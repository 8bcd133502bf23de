import { checkNumber } from "../bits/misuse.js";
import type { CpuidFeature } from "../registers/cpuid-features.js";
import { checkCore } from "./check-host.js";
import { knownValue, type Msr, msrBit, UNREAD } from "./msr.js";

/** CPUID features that a replay asks for. CPUs that differ in one of them are kinds of their own. */
export const CPU_FEATURES = [
  "vmx",
  "smx",
  "nx",
  "mpx",
  "umip",
  "ss",
  "pdpe1gb",
  "xsave",
  "xsaves",
  "sgx",
  "sgx_lc",
  "hybrid",
  "shstk",
  "ibt",
  "la57",
  "hypervisor",
] as const satisfies readonly CpuidFeature[];

/** One of `CPU_FEATURES`. */
export type CpuFeature = (typeof CPU_FEATURES)[number];

/** CPUID facts of one CPU. A member that is missing is not known. */
export interface CpuFacts {
  /** By the kernel's names in lower case. */
  readonly features: { readonly [F in CpuidFeature]?: boolean };
  /** CPUID.0:EAX. */
  readonly maxLeaf?: number;
  /**
   * CPUID.0AH: version and number of performance counters (EAX), and which fixed ones there are (ECX, EDX). Known only where
   * all CPUs of the machine agree; a replay does not ask for it.
   */
  readonly cpuid0a?: { readonly eax: number; readonly ecx: number; readonly edx: number };
  /** CPUID.12H.0:EAX, the SGX enumeration. */
  readonly cpuid12Eax?: number;
  /** CPUID.15H: TSC to crystal ratio (denominator EAX, numerator EBX, crystal ECX in Hz). */
  readonly cpuid15?: { readonly eax: number; readonly ebx: number; readonly ecx: number };
  /** TSC frequency as the kernel knows it, in kHz; 0 if the kernel does not know it. */
  readonly tscKhz?: number;
  /** CPUID.80000008H:EAX bits 7:0 and 15:8. */
  readonly physAddrBits?: number;
  readonly linAddrBits?: number;
}

/**
 * Kind of core of a hybrid CPU. `LP-E` is an Atom core without the level-3 cache that other cores have; CPUID leaf 1Ah
 * alone does not distinguish it from `E`.
 */
export type CoreType = "P" | "E" | "LP-E";

/** Logical CPUs whose VMX MSRs and CPUID facts are equal. */
export interface CoreGroup {
  /** Empty if the CPU does not report it (CPUID leaf 1Ah absent or zero). */
  readonly coreTypes: readonly CoreType[];
  /** Ranges as in `0-3,8`, or undefined for one unnamed CPU. */
  readonly logicalCpus?: string;
  /** CPUID.1:EAX. */
  readonly signature?: number;
  readonly microcode?: number;
  /** By MSR index. An index that is missing was not read. */
  readonly msrs: ReadonlyMap<number, Msr>;
  readonly cpuid: CpuFacts;
}

/** CPUID vendor strings whose vendor code in Linux calls `init_ia32_feat_ctl` (5.6 and later). */
export const FEAT_CTL_VENDORS = ["GenuineIntel", "CentaurHauls", "  Shanghai  "] as const;

/** CPUID vendor strings of CPUs that have SVM instead of VMX, and none of the MSRs of VMX. */
const SVM_VENDORS = ["AuthenticAMD", "HygonGenuine"] as const;

/** Whether a CPU of this vendor can have VMX at all; an unknown vendor may. */
export function isSvmVendor(vendor: string | undefined): boolean {
  return (SVM_VENDORS as readonly (string | undefined)[]).includes(vendor);
}

/** Whether the machine is one of WSL2, which runs on Hyper-V of Windows. */
export function isWsl2({ kernel = "", observed }: Pick<Host, "kernel" | "observed">): boolean {
  return microsoftsKernel(kernel) === "WSL2" || observed?.outer === "WSL2";
}

/** Of the kernels that Microsoft builds for WSL, the name of WSL2's says so; undefined for every other kernel. */
export function microsoftsKernel(kernel: string): "WSL2" | "other" | undefined {
  const found = /microsoft(-standard)?/i.exec(kernel);
  return found === null ? undefined : found[1] === undefined ? "other" : "WSL2";
}

/** Whether the CPU has SVM in place of VMX: by its vendor, or by the module that is loaded where that was not read. */
export function hasSvm({ vendor, observed, params }: Pick<Host, "vendor" | "observed" | "params">): boolean {
  if (vendor !== undefined) return isSvmVendor(vendor);
  // A module that is built in shows its parameters on the other vendor's CPUs, too.
  return params?.kvm_intel === undefined && observed?.modules?.kvm_amd === true && observed.modules.kvm_intel !== true;
}

/** Whether IA32_FEAT_CTL is known to be locked with VMX on, outside SMX. */
export function vmxLockedOn(core: CoreGroup): boolean {
  const msr = msrOf(core, 0x3a);
  return msrBit(msr, 0) === "yes" && msrBit(msr, 2) === "yes";
}

/** Whether it is known to be locked with VMX off there. */
export function vmxLockedOff(core: CoreGroup): boolean {
  const msr = msrOf(core, 0x3a);
  return msrBit(msr, 0) === "yes" && msrBit(msr, 2) === "no";
}

/** Whether the controls that every CPU with VMX has read 0: some of their bits are always 1. */
export function vmxReadsZero(core: CoreGroup): boolean {
  return [0x481, 0x482].every((index) => {
    const value = knownValue(msrOf(core, index));
    return value?.hi === 0 && value.lo === 0;
  });
}

/** Whether `vmx` is among the flags of /proc/cpuinfo; undefined where the text does not show it. */
export function showsVmx(host: Pick<Host, "observed"> | undefined): boolean | undefined {
  const observed = host?.observed;
  return observed?.cpuFlags?.includes("vmx") ?? observed?.vmx;
}

/**
 * What a machine or a tool reported about later layers. A replay does not start from it; it is what a replay is checked
 * against, and where nothing else is known it is knowledge of its own layer.
 */
export interface Observed {
  /** Names on the `vmx flags` line, and VMX names on the `flags` line, of /proc/cpuinfo. */
  readonly vmxFlags?: readonly string[];
  readonly cpuFlags?: readonly string[];
  /** What KVM offers a nested hypervisor: KVM_GET_MSRS on /dev/kvm, QEMU's host model, libvirt's masks. By MSR index. */
  readonly nestedMsrs?: ReadonlyMap<number, Msr>;
  /** Features of Xen's boot log, as Xen words them. */
  readonly xenFeatures?: readonly string[];
  /** Kernel messages about VMX, without time stamps. */
  readonly messages?: readonly string[];
  /** Whether `vmx` is among the flags of /proc/cpuinfo, for a text that shows no whole list of them. */
  readonly vmx?: boolean;
  /** Whether `svm` is among those flags, whole or not; `false` only of a whole list. */
  readonly svm?: boolean;
  /** Modules that are loaded, or that a list of the loaded ones does not have. */
  readonly modules?: { readonly [M in HypervisorModule]?: boolean };
  /** On how many CPUs VMX is locked on and is not (`off`) in IA32_FEAT_CTL, where it is not said which they are; 0 where it is not said how many. */
  readonly locks?: { readonly on: number; readonly off: number };
  /** Error with which the kernel refused kvm_intel, as `EOPNOTSUPP`. */
  readonly loadError?: string;
  /** What the machine runs in, as it calls itself: `VMware`, `KVM`. */
  readonly outer?: string;
  /** What `uname -m` prints, for a machine that is none of x86. */
  readonly arch?: string;
}

/** Modules of KVM that a list of loaded modules shows. */
export const HYPERVISOR_MODULES = ["kvm", "kvm_intel", "kvm_amd"] as const;
export type HypervisorModule = (typeof HYPERVISOR_MODULES)[number];

/** A machine, a CPU model or a dump: everything a replay needs and what identifies it. */
export interface Host {
  readonly id?: string;
  /** CPUID brand string. */
  readonly name?: string;
  /** CPUID vendor string, twelve characters as the CPU gives them. */
  readonly vendor?: string;
  readonly codename?: string;
  /** Kernel release as `uname -r` prints it. */
  readonly kernel?: string;
  /** Module parameters as /sys/module/MODULE/parameters shows them, by module and name. */
  readonly params?: { readonly kvm?: Params; readonly kvm_intel?: Params };
  /** Module parameters that the kernel's command line or modprobe.d asks for. */
  readonly paramsAsked?: { readonly kvm?: Params; readonly kvm_intel?: Params };
  readonly observed?: Observed;
  /** Where the facts come from: a file name, `atlas`, `this machine`. */
  readonly source?: string;
  /** The group of the boot CPU (logical CPU 0) comes first. Never empty. */
  readonly cores: readonly [CoreGroup, ...CoreGroup[]];
}

/**
 * Parameters of one module by name, without the module's; values are text as the kernel parses it (`1`, `Y`, `4096`).
 */
export type Params = { readonly [name: string]: string };

/**
 * What is known of an MSR, by its index; `UNREAD` when the group has no entry for it. See `effectiveMsr` for what other
 * registers say about its existence.
 */
export function msrOf(core: CoreGroup, index: number): Msr {
  checkCore(core, "core");
  checkNumber(index, "index", "the number of an MSR");
  return core.msrs.get(index) ?? UNREAD;
}

/** The group with another value of a register. */
export function withMsr(core: CoreGroup, index: number, msr: Msr): CoreGroup {
  return { ...core, msrs: new Map(core.msrs).set(index, msr) };
}
