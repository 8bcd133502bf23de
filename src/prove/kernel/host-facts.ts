import type { CpuidResult, Half, HostRead } from "../machine/op.js";

/** What is known of the machine that the code runs on. Everything may be unknown. */
export interface HostFacts {
  /** The CPUID vendor string. */
  readonly vendor?: string;
  /** CPUID.1:EAX. */
  readonly signature?: number;
  /** Words of the kernel's `x86_capability`, by number; a word that is missing is unknown. */
  readonly capabilities: readonly (Half | undefined)[];
  /** Capability words that are missing above are known to be zero. */
  readonly onlyThese?: boolean;
  readonly maxLeaf?: number;
  readonly tscKhz?: number;
  readonly physAddrBits?: number;
  readonly linAddrBits?: number;
  rdmsr(index: number): HostRead;
  /** A CPUID leaf; the subleaf is -1 where it depends on unknown bits. */
  cpuid(leaf: number, subleaf: number): CpuidResult;
  /** Control registers, `xcr0`. */
  control(name: string): HostRead;
  /** perf offers KVM a PMU. */
  readonly pmu?: boolean;
  readonly irqPosting?: boolean;
  readonly tboot?: boolean;
  /** The kernel has complained of a faulting read before; it does so once. */
  readonly complained?: boolean;
}

/** How the kernel numbers vendors (`X86_VENDOR_*` in asm/processor.h; the same since they exist). */
export const VENDORS: { readonly [vendor: string]: number } = {
  GenuineIntel: 0,
  AuthenticAMD: 2,
  CentaurHauls: 5,
  HygonGenuine: 9,
  "  Shanghai  ": 10,
};

/** Family, model and stepping as the kernel computes them of CPUID.1:EAX. */
export function familyModel(signature: number): { family: number; model: number; stepping: number } {
  const base = (signature >>> 8) & 15;
  const family = base === 15 ? base + ((signature >>> 20) & 0xff) : base;
  const model = ((signature >>> 4) & 15) | (family >= 6 ? ((signature >>> 16) & 15) << 4 : 0);
  return { family, model, stepping: signature & 15 };
}
