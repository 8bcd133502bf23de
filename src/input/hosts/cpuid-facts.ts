import type { CpuFacts, CpuFeature } from "../../host/host.js";
import type { CpuDraft } from "./host-builder.js";

export interface CpuidRegisters {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** What CPUID returned for a leaf and subleaf; undefined when nobody wrote it down. */
export type CpuidLookup = (leaf: number, subleaf: number) => CpuidRegisters | undefined;

type Register = keyof CpuidRegisters;

/** Where each feature stands in CPUID (SDM volume 2, CPUID). */
const FEATURE_BITS = {
  vmx: [0x1, 0, "ecx", 5],
  smx: [0x1, 0, "ecx", 6],
  xsave: [0x1, 0, "ecx", 26],
  hypervisor: [0x1, 0, "ecx", 31],
  ss: [0x1, 0, "edx", 27],
  sgx: [0x7, 0, "ebx", 2],
  mpx: [0x7, 0, "ebx", 14],
  umip: [0x7, 0, "ecx", 2],
  shstk: [0x7, 0, "ecx", 7],
  la57: [0x7, 0, "ecx", 16],
  sgx_lc: [0x7, 0, "ecx", 30],
  hybrid: [0x7, 0, "edx", 15],
  ibt: [0x7, 0, "edx", 20],
  xsaves: [0xd, 1, "eax", 3],
  nx: [0x8000_0001, 0, "edx", 20],
  pdpe1gb: [0x8000_0001, 0, "edx", 26],
} as const satisfies { readonly [F in CpuFeature]: readonly [number, number, Register, number] };

/** The facts of one CPU that its CPUID leaves tell. */
export function factsFromCpuid(cpuid: CpuidLookup): CpuFacts {
  const maxLeaf = cpuid(0, 0)?.eax;
  const features: { [F in CpuFeature]?: boolean } = {};
  for (const [name, [leaf, subleaf, register, bit]] of Object.entries(FEATURE_BITS)) {
    const found = cpuid(leaf, subleaf);
    if (found !== undefined) features[name as CpuFeature] = ((found[register] >>> bit) & 1) === 1;
    else if (isBeyond(leaf, maxLeaf)) features[name as CpuFeature] = false;
  }
  const sgx = cpuid(0x12, 0);
  const tsc = cpuid(0x15, 0);
  const tscKhz = tsc === undefined ? undefined : exactTscKhz(tsc);
  const sizes = cpuid(0x8000_0008, 0);
  return {
    features,
    ...(maxLeaf === undefined ? {} : { maxLeaf }),
    ...(sgx === undefined ? {} : { cpuid12Eax: sgx.eax }),
    ...(tsc === undefined ? {} : { cpuid15: { eax: tsc.eax, ebx: tsc.ebx, ecx: tsc.ecx } }),
    ...(tscKhz === undefined ? {} : { tscKhz }),
    ...(sizes === undefined ? {} : { physAddrBits: sizes.eax & 0xff, linAddrBits: (sizes.eax >>> 8) & 0xff }),
  };
}

/** The features that one register of a leaf tells, for texts that print no more. */
export function featuresOfRegister(
  leaf: number,
  subleaf: number,
  register: Register,
  value: number,
): { readonly [F in CpuFeature]?: boolean } {
  const features: { [F in CpuFeature]?: boolean } = {};
  for (const [name, [inLeaf, inSubleaf, inRegister, bit]] of Object.entries(FEATURE_BITS)) {
    if (inLeaf !== leaf || inSubleaf !== subleaf || inRegister !== register) continue;
    features[name as CpuFeature] = ((value >>> bit) & 1) === 1;
  }
  return features;
}

/**
 * A basic leaf above the highest one does not exist, so that its features are not there. Firmware can limit the
 * highest leaf to 2 or 3 (IA32_MISC_ENABLE bit 22) and Linux lifts the limit, so that such a low number proves nothing.
 */
export function isBeyond(leaf: number, maxLeaf: number | undefined): boolean {
  return maxLeaf !== undefined && maxLeaf > 3 && leaf < 0x8000_0000 && leaf > maxLeaf;
}

/**
 * crystal (ECX, Hz) × EBX / EAX as Linux computes it in native_calibrate_tsc, when CPUID enumerates all three and the
 * result is a whole number of kHz; Linux and the CPU could differ otherwise.
 */
export function exactTscKhz({ eax, ebx, ecx }: Omit<CpuidRegisters, "edx">): number | undefined {
  if (eax === 0 || ebx === 0 || ecx === 0 || ecx % 1000 !== 0) return undefined;
  const khz = ((ecx / 1000) * ebx) / eax;
  return Number.isInteger(khz) && khz <= 0xffff_ffff ? khz : undefined;
}

/** CPUID vendor string: twelve characters. */
export function vendorFromCpuid(cpuid: CpuidLookup): string | undefined {
  const leaf = cpuid(0, 0);
  return leaf && ascii([leaf.ebx, leaf.edx, leaf.ecx]);
}

/** CPUID brand string, runs of blanks folded; undefined unless all three leaves are known. */
export function nameFromCpuid(cpuid: CpuidLookup): string | undefined {
  const words: number[] = [];
  for (const leaf of [0x8000_0002, 0x8000_0003, 0x8000_0004]) {
    const found = cpuid(leaf, 0);
    if (found === undefined) return undefined;
    words.push(found.eax, found.ebx, found.ecx, found.edx);
  }
  const name = ascii(words).replace(/ +/g, " ").trim();
  return name === "" ? undefined : name;
}

function ascii(words: readonly number[]): string {
  let text = "";
  for (const w of words) {
    for (let shift = 0; shift < 32; shift += 8) {
      const code = (w >>> shift) & 0xff;
      if (code === 0) return text;
      text += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "";
    }
  }
  return text;
}

/** Kind of core by CPUID leaf 1AH (EAX bits 31:24), and whether leaf 4 lists a level-3 cache. */
export interface CoreKind {
  readonly kind: "core" | "atom" | undefined;
  readonly hasL3: boolean | undefined;
}

export function coreKindFromCpuid(cpuid: CpuidLookup): CoreKind {
  const type = (cpuid(0x1a, 0)?.eax ?? 0) >>> 24;
  let hasL3: boolean | undefined;
  for (let subleaf = 0; subleaf < 16; subleaf++) {
    const cache = cpuid(4, subleaf);
    if (cache === undefined) break;
    hasL3 ||= (cache.eax & 0x1f) !== 0 && ((cache.eax >>> 5) & 7) === 3;
  }
  return { kind: type === 0x40 ? "core" : type === 0x20 ? "atom" : undefined, hasL3 };
}

/**
 * Fills in the core types of a package: Core is P, Atom is E, and an Atom core without a level-3 cache where other
 * cores have one is LP-E.
 */
export function assignCoreTypes(cores: Iterable<{ readonly draft: CpuDraft; readonly kind: CoreKind }>): void {
  const all = [...cores];
  const someL3 = all.some((c) => c.kind.hasL3 === true);
  for (const { draft, kind } of all) {
    if (kind.kind === "core") draft.coreType = "P";
    if (kind.kind === "atom") draft.coreType = someL3 && kind.hasL3 === false ? "LP-E" : "E";
  }
}
