import type { CoreType, CpuFacts } from "../../host/host.js";
import type { Msr } from "../../host/msr.js";
import type { DiagnosticLog, Place } from "../text/diagnostic.js";
import type { CpuScope } from "./host-builder.js";

/** Layers that a text can speak of, and what a fact of each is. */
const EVIDENCE_LAYERS = {
  cpu: "MSRs and CPUID as the processor, or the hypervisor below, answers",
  linux: "what the kernel says about the CPU: flags and messages",
  kvm: "parameters of kvm and kvm_intel as they are",
  nested: "what KVM offers a nested hypervisor",
  guest: "what one guest was given or asked for, which says nothing about the host",
  xen: "what Xen uses",
  system: "names, kernel release",
} as const;
export type EvidenceLayer = keyof typeof EVIDENCE_LAYERS;

/** One thing that a text says, and where. */
export interface Evidence {
  readonly layer: EvidenceLayer;
  /** What it is about: `MSR 0x48b (IA32_VMX_PROCBASED_CTLS2)`, `kvm_intel.nested`, `vmx flags`, `microcode` … */
  readonly about: string;
  /** What is said, as text. */
  readonly value: string;
  /** The bits, for a statement about an MSR; only those given by the line itself are known. */
  readonly msr?: { readonly index: number; readonly value: Msr };
  /** The logical CPU, where the text names one; of several that agree, the first. */
  readonly cpu?: number;
  /** Name of the reader. */
  readonly format: string;
  readonly file?: string;
  /** Of the first line that says so; from 1. */
  readonly line: number;
  readonly column: number;
  /** How often it is said. */
  readonly times: number;
  /** Position in `ReadResult.hosts`; missing for what belongs to no host. */
  readonly host?: number;
}

/** Facts of a CPU other than MSRs. */
export interface CpuStatement extends Partial<CpuFacts> {
  readonly signature?: number;
  readonly microcode?: number;
  readonly coreType?: CoreType;
}

/** What distinguishes the machines of a text that has several. */
export interface MachineMarks {
  /** CPUID brand string. */
  readonly name?: string;
  /** CPUID vendor string. */
  readonly vendor?: string;
  /** CPUID.1:EAX. */
  readonly signature?: number;
  /** Whether it is itself a virtual machine. */
  readonly hypervisor?: boolean;
}

/** A fact about a machine in one word, with the layer that it belongs to. */
const SYSTEM_FACTS = {
  /** As `uname -m` prints it. */
  arch: "system",
  codename: "system",
  kernel: "system",
  /** What a list of machines calls it. */
  node: "system",
  /** What the machine runs in, as it calls itself. */
  outer: "system",
  /** Whether `vmx` is among the flags: `yes` or `no`. */
  "flag vmx": "linux",
  /** Whether `svm` is among the flags: `yes` or `no`. */
  "flag svm": "linux",
  /** `yes` where they were counted together, and there are some. */
  "flag vmx or svm": "linux",
  /** `loaded` or `missing`. */
  "module kvm": "kvm",
  "module kvm_intel": "kvm",
  "module kvm_amd": "kvm",
  /** Error with which the kernel refused kvm_intel. */
  "load error": "kvm",
  /** On how many CPUs VMX is locked on and is not, as `16 8`, where both occur; `0 0` where it is not said on how many. */
  "locks differ": "cpu",
} as const satisfies { readonly [fact: string]: EvidenceLayer };
export type SystemFact = keyof typeof SYSTEM_FACTS;

export function layerOfSystemFact(fact: SystemFact): EvidenceLayer {
  return SYSTEM_FACTS[fact];
}

/** A list of flags of /proc/cpuinfo. `whole`: nothing says that a name may be missing. */
export interface FlagList {
  readonly names: readonly string[];
  readonly whole: boolean;
  /** The list is short or was shortened by hand: only whether it has `vmx` can be taken from what is missing. */
  readonly picked?: true;
}

/**
 * Where a reader hands in what its lines say. Nothing handed in is lost: facts about the same thing are merged; where
 * two differ, both are reported and neither is used.
 */
export interface FactSink {
  readonly log: DiagnosticLog;
  /** What follows is about the machine with these marks: the one at hand, an earlier one, or a further one. */
  readonly machine: (marks: MachineMarks, at: Place) => void;
  /** What follows is about another machine, whatever its marks. */
  readonly nextMachine: () => void;
  /** An MSR of the processor. Bits that the text does not give must be unknown. */
  readonly msr: (scope: CpuScope, index: number, msr: Msr, at: Place) => void;
  /** An MSR as KVM offers it to a nested hypervisor. */
  readonly nested: (index: number, msr: Msr, at: Place) => void;
  readonly cpu: (scope: number | "unnamed", said: CpuStatement, at: Place) => void;
  readonly vmxFlags: (scope: number | "unnamed", flags: FlagList, at: Place) => void;
  /** Names on the `flags` line that have to do with VMX. */
  readonly cpuFlags: (scope: number | "unnamed", flags: FlagList, at: Place) => void;
  readonly system: (what: SystemFact, value: string, at: Place) => void;
  readonly param: (module: "kvm" | "kvm_intel", name: string, value: string, at: Place) => void;
  /** A module is unloaded: from here on its parameters may differ from what they were. */
  readonly unloaded: (module: "kvm" | "kvm_intel") => void;
  /** As `param`, but the command line or modprobe.d asks for it, and what became of it is not said. */
  readonly paramAsked: (module: "kvm" | "kvm_intel", name: string, value: string, at: Place) => void;
  readonly xen: (feature: string, at: Place) => void;
  readonly message: (text: string, at: Place) => void;
  /** Something about one guest: it is listed and changes nothing that is known of the host. */
  readonly guest: (about: string, value: string, at: Place) => void;
}
