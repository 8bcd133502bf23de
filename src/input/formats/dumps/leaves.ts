import { CPUID_WORDS } from "../../../registers/cpuid-features.js";
import type { CpuidLookup } from "../../hosts/cpuid-facts.js";

/*
 * CPUID of many CPUs, as numbers in one array: a dump of a large machine has ten thousand lines of them. Only those leaves
 * are kept that facts are made of.
 */

/** Leaves and subleaves that `cpuid-facts.ts` asks for. */
const ASKED: readonly (readonly [leaf: number, subleaf: number])[] = [
  ...[0, 1, 7, 0xa, 0x12, 0x15, 0x1a].map((leaf) => [leaf, 0] as const),
  ...Array.from({ length: 16 }, (_, subleaf) => [4, subleaf] as const),
  ...[0x8000_0000, 0x8000_0002, 0x8000_0003, 0x8000_0004, 0x8000_0008, 0xc000_0000].map((leaf) => [leaf, 0] as const),
  ...Object.values(CPUID_WORDS).map(([leaf, subleaf]) => [leaf, subleaf] as const),
];

const SUBLEAVES = 16;
const LEAVES = 64;

/** A small number for a leaf of one of the three ranges; -1 for one further up. */
function numberOf(leaf: number): number {
  const low = leaf & 0x3fff_ffff;
  if (low >= LEAVES) return -1;
  return (leaf >>> 30) * LEAVES + low;
}

/** By number of the leaf and subleaf, where its four registers are; -1 for what is not kept. */
const SLOTS = new Int16Array(4 * LEAVES * SUBLEAVES).fill(-1);
/** By number of the leaf: whether one of its subleaves is kept. */
const KEPT = new Uint8Array(4 * LEAVES);
let slots = 0;
for (const [leaf, subleaf] of ASKED) {
  const number = numberOf(leaf);
  KEPT[number] = 1;
  if (SLOTS[number * SUBLEAVES + subleaf] === -1) SLOTS[number * SUBLEAVES + subleaf] = slots++;
}
const SIZE = slots * 4;

function slotOf(leaf: number, subleaf: number): number {
  const number = numberOf(leaf);
  return number < 0 || subleaf >= SUBLEAVES ? -1 : (SLOTS[number * SUBLEAVES + subleaf] as number);
}

/** Of leaf 1, EBX has the number of the CPU. */
const CPU_NUMBER = slotOf(1, 0) * 4 + 1;

/** Whether facts are made of a leaf. */
export function isFactLeaf(leaf: number): boolean {
  const number = numberOf(leaf);
  return number >= 0 && KEPT[number] === 1;
}

export interface CpuidLeaves {
  /** Begins a CPU. */
  readonly open: (cpu: number) => void;
  readonly has: (cpu: number) => boolean;
  /** CPU numbers, ascending. */
  readonly cpus: () => number[];
  /** Keeps a leaf of the CPU that was opened last. `again`: whether it replaces an earlier one. */
  readonly put: (
    leaf: number,
    subleaf: number,
    again: boolean,
    eax: number,
    ebx: number,
    ecx: number,
    edx: number,
  ) => void;
  readonly lookup: (cpu: number) => CpuidLookup;
  /** Whether two CPUs show the same in everything that facts are made of. */
  readonly alike: (a: number, b: number) => boolean;
}

export function cpuidLeaves(): CpuidLeaves {
  const bases = new Map<number, number>();
  // Small typed arrays cost more than they save.
  const values: number[] = [];
  const seen: boolean[] = [];
  let base = -SIZE;

  const baseOf = (cpu: number): number => bases.get(cpu) as number;

  return {
    open(cpu) {
      base = bases.size * SIZE;
      bases.set(cpu, base);
      for (let i = 0; i < slots; i++) {
        seen.push(false);
        values.push(0, 0, 0, 0);
      }
    },
    has: (cpu) => bases.has(cpu),
    cpus: () => [...bases.keys()].sort((a, b) => a - b),
    put(leaf, subleaf, again, eax, ebx, ecx, edx) {
      const slot = slotOf(leaf, subleaf);
      if (slot < 0 || (!again && seen[base / 4 + slot] === true)) return;
      seen[base / 4 + slot] = true;
      const at = base + slot * 4;
      values[at] = eax | 0;
      values[at + 1] = ebx | 0;
      values[at + 2] = ecx | 0;
      values[at + 3] = edx | 0;
    },
    lookup(cpu) {
      const from = baseOf(cpu);
      return (leaf, subleaf) => {
        const slot = slotOf(leaf, subleaf);
        if (slot < 0) throw new RangeError(`leaf ${leaf.toString(16)}.${subleaf} is not kept: add it to ASKED`);
        if (seen[from / 4 + slot] !== true) return undefined;
        const register = (i: number): number => (values[from + slot * 4 + i] as number) >>> 0;
        return { eax: register(0), ebx: register(1), ecx: register(2), edx: register(3) };
      };
    },
    alike(a, b) {
      const [x, y] = [baseOf(a), baseOf(b)];
      for (let i = 0; i < slots; i++) if (seen[x / 4 + i] !== seen[y / 4 + i]) return false;
      for (let i = 0; i < SIZE; i++) if (values[x + i] !== values[y + i] && i !== CPU_NUMBER) return false;
      return true;
    },
  };
}
