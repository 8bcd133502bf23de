import type { U64 } from "../../bits/u64.js";
import type { CoreType, CpuFacts } from "../../host/host.js";

/** Cores of one type among those that share a set of MSRs. */
export interface AtlasCoreDetail {
  readonly type: CoreType;
  /** CPUID.1AH:EAX. */
  readonly leaf1a: number;
  /** Microarchitecture of the core. */
  readonly core: string;
  readonly logicalCpus: string;
}

/** One set of VMX MSRs and the CPUs that have it. */
export interface AtlasCore {
  readonly coreTypes: readonly CoreType[];
  readonly coreDetail: readonly AtlasCoreDetail[];
  /** Ranges; missing when the dump does not name its CPUs. */
  readonly logicalCpus?: string;
  readonly msrs: ReadonlyMap<number, U64>;
  /** MSRs that the CPU has by its own control bits and that the program which wrote the dump does not read. */
  readonly notDumped: readonly number[];
}

/** One CPU of the atlas: a dump of AIDA64, and what else is known about the processor. */
export interface AtlasEntry {
  readonly id: string;
  /** CPUID vendor string. */
  readonly vendor: string;
  /** CPUID brand string. */
  readonly name: string;
  readonly codename: string;
  /** Group of microarchitectures. */
  readonly generation: string;
  /** Missing when not certain. */
  readonly launchYear?: number;
  /** CPUID.1:EAX. */
  readonly signature: number;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  readonly engineeringSample: boolean;
  /** Missing when the dump does not show it. */
  readonly microcode?: number;
  readonly logicalCpuCount: number;
  /** MSR sections of the dump: 1 for one unnamed CPU, else one for each logical CPU. */
  readonly msrSections: number;
  /** Header of the dump, where it has one: CPU alias, socket, version of AIDA64, operating system. */
  readonly aidaAlias?: string;
  readonly platform?: string;
  readonly aida64?: string;
  readonly os?: string;
  /** What the dump shows of CPUID; all logical CPUs of an entry are alike in it. */
  readonly cpuid: CpuFacts;
  readonly cores: readonly AtlasCore[];
  /** The file of the dump. */
  readonly source: { readonly repo: string; readonly path: string; readonly commit: string };
}
