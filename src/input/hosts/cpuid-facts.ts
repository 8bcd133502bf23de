import type { CpuFacts } from "../../host/host.js";
import { CPUID_FEATURES, CPUID_WORDS, type CpuidFeature, type CpuidWord } from "../../registers/cpuid-features.js";
import type { CpuDraft } from "./host-builder.js";

export interface CpuidRegisters {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** What CPUID returned for a leaf and subleaf; undefined if it is not recorded. */
export type CpuidLookup = (leaf: number, subleaf: number) => CpuidRegisters | undefined;

type Register = keyof CpuidRegisters;

/** Features by the registers that they were taken from: the CPUs of a machine that are alike have one object. */
export type FeaturesSeen = Map<string, CpuFacts["features"]>;

const WORDS = Object.values(CPUID_WORDS).map(([leaf, subleaf, register]) => ({ leaf, subleaf, register }));
const WORD_NAMES = Object.keys(CPUID_WORDS) as CpuidWord[];
const FEATURES = CPUID_FEATURES.map(({ name, word, bit }) => ({ name, bit, at: WORD_NAMES.indexOf(word) }));
/** An object that has room for all of them is filled several times as fast as one that grows. */
const ALL_FEATURES = Object.fromEntries(CPUID_FEATURES.map(({ name }) => [name, false]));

function featuresOf(cpuid: CpuidLookup, maxLeaf: number | undefined, seen: FeaturesSeen): CpuFacts["features"] {
  // On an Intel CPU, leaves from C0000000H on answer with the highest basic leaf.
  const intel = vendorFromCpuid(cpuid) === "GenuineIntel";
  const values = WORDS.map(({ leaf, subleaf, register }): number | undefined => {
    const hidden = leaf >= 0xc000_0000 && intel;
    const found = hidden ? undefined : cpuid(leaf, subleaf);
    if (found !== undefined) return found[register];
    return hidden || isMissing(cpuid, leaf, subleaf, maxLeaf) ? 0 : undefined;
  });
  const key = values.join();
  const before = seen.get(key);
  if (before !== undefined) return before;
  const features: Features = values.includes(undefined) ? {} : { ...ALL_FEATURES };
  setFeatures(features, values);
  // CPUID shows SYSCALL only to a 64-bit program, and many dumps were made by 32-bit ones (SDM volume 2, CPUID).
  if (features.lm === true) features.syscall = true;
  seen.set(key, features);
  return features;
}

type Features = { [F in CpuidFeature]?: boolean };

/** On its own, so that V8 has little to compile for a loop that it finds busy. */
function setFeatures(features: Features, values: readonly (number | undefined)[]): void {
  for (const { name, at, bit } of FEATURES) {
    const value = values[at];
    if (value !== undefined) features[name] = ((value >>> bit) & 1) === 1;
  }
}

/** The facts of one CPU that follow from its CPUID leaves; `seen` is of the CPUs that were looked at before. */
export function factsFromCpuid(cpuid: CpuidLookup, seen: FeaturesSeen = new Map()): CpuFacts {
  const maxLeaf = cpuid(0, 0)?.eax;
  const features = featuresOf(cpuid, maxLeaf, seen);
  const counters = cpuid(0xa, 0);
  const sgx = cpuid(0x12, 0);
  const tsc = cpuid(0x15, 0);
  const tscKhz = tsc === undefined ? undefined : exactTscKhz(tsc);
  const sizes = cpuid(0x8000_0008, 0);
  return {
    features,
    ...(maxLeaf === undefined ? {} : { maxLeaf }),
    ...(counters === undefined ? {} : { cpuid0a: { eax: counters.eax, ecx: counters.ecx, edx: counters.edx } }),
    ...(sgx === undefined ? {} : { cpuid12Eax: sgx.eax }),
    ...(tsc === undefined ? {} : { cpuid15: { eax: tsc.eax, ebx: tsc.ebx, ecx: tsc.ecx } }),
    ...(tscKhz === undefined ? {} : { tscKhz }),
    ...(sizes === undefined ? {} : { physAddrBits: sizes.eax & 0xff, linAddrBits: (sizes.eax >>> 8) & 0xff }),
  };
}

/** The features in one register of a leaf, for texts that print no more. */
export function featuresOfRegister(
  leaf: number,
  subleaf: number,
  register: Register,
  value: number,
): { readonly [F in CpuidFeature]?: boolean } {
  const features: { [F in CpuidFeature]?: boolean } = {};
  for (const { name, word, bit } of CPUID_FEATURES) {
    const [inLeaf, inSubleaf, inRegister] = CPUID_WORDS[word];
    if (inLeaf !== leaf || inSubleaf !== subleaf || inRegister !== register) continue;
    features[name] = ((value >>> bit) & 1) === 1;
  }
  if (features.lm === true) features.syscall = true;
  return features;
}

/**
 * A basic leaf above the highest one does not exist, so that its features are not there. Firmware can limit the
 * highest leaf to 2 or 3 (IA32_MISC_ENABLE bit 22) and Linux lifts the limit, so that such a low number proves nothing.
 */
function isBeyond(leaf: number, maxLeaf: number | undefined): boolean {
  return maxLeaf !== undefined && maxLeaf > 3 && leaf < 0x8000_0000 && leaf > maxLeaf;
}

/** Whether a leaf or subleaf that was not written down does not exist, by the leaves that were. */
function isMissing(cpuid: CpuidLookup, leaf: number, subleaf: number, maxLeaf: number | undefined): boolean {
  if (isBeyond(leaf, maxLeaf)) return true;
  if (leaf === 7 && subleaf > 0) {
    const subleaves = cpuid(7, 0)?.eax;
    return subleaves !== undefined && subleaf > subleaves;
  }
  const range = leaf >= 0xc000_0000 ? 0xc000_0000 : leaf >= 0x8000_0000 ? 0x8000_0000 : undefined;
  const highest = range === undefined ? undefined : cpuid(range, 0)?.eax;
  return range !== undefined && highest !== undefined && highest >= range && leaf > highest;
}

/**
 * crystal (ECX, Hz) × EBX / EAX as Linux computes it in native_calibrate_tsc, when CPUID enumerates all three and the
 * result is a whole number of kHz; Linux and the CPU could differ otherwise.
 */
function exactTscKhz({ eax, ebx, ecx }: Omit<CpuidRegisters, "edx">): number | undefined {
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
