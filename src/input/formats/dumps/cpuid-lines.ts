import { CPUID_WORDS } from "../../../registers/cpuid-features.js";
import type { CpuidLookup } from "../../hosts/cpuid-facts.js";
import { BLANK, COLON, DASH, hex2At, hex4At, LF, plainEnd, type Run, withRow } from "./scan.js";

/*
 * CPUID of many CPUs, as numbers in one array: a dump of a large machine has ten thousand lines of them. Only those leaves
 * are kept that facts are made of. One loop reads the lines, since most texts are over before V8 has made a fast one of
 * several functions.
 */

type Register = "eax" | "ebx" | "ecx" | "edx";
const REGISTERS: readonly Register[] = ["eax", "ebx", "ecx", "edx"];

/** Leaves and subleaves that `cpuid-facts.ts` asks for, and which of their registers. */
const ASKED: readonly (readonly [leaf: number, subleaf: number, ...Register[]])[] = [
  ...[0, 0x8000_0002, 0x8000_0003, 0x8000_0004].map((leaf) => [leaf, 0, ...REGISTERS] as const),
  ...[1, 7, 0x12, 0x1a, 0x8000_0000, 0x8000_0008, 0xc000_0000].map((leaf) => [leaf, 0, "eax"] as const),
  [0xa, 0, "eax", "ecx", "edx"],
  [0x15, 0, "eax", "ebx", "ecx"],
  ...Array.from({ length: 16 }, (_, subleaf) => [4, subleaf, "eax"] as const),
  ...Object.values(CPUID_WORDS),
];

const SUBLEAVES = 16;
const LEAVES = 64;

/** A small number for a leaf of one of the ranges; -1 for one further up. */
function numberOf(leaf: number): number {
  const low = leaf & 0x3fff_ffff;
  if (low >= LEAVES) return -1;
  return (leaf >>> 30) * LEAVES + low;
}

/** What is kept of a leaf: whether it was seen, and its four registers. */
const STRIDE = 5;
/** By number of the leaf and subleaf, where in a CPU's numbers it is; -1 for what is not kept. */
const SLOTS = new Int16Array(4 * LEAVES * SUBLEAVES).fill(-1);
/** By number of the leaf: whether one of its subleaves is kept. */
const KEPT = new Uint8Array(4 * LEAVES);
/** How many numbers a CPU has, and the places of those that facts are made of. */
let size = 0;
const asked = new Set<number>();
for (const [leaf, subleaf, ...registers] of ASKED) {
  const number = numberOf(leaf);
  const place = number * SUBLEAVES + subleaf;
  KEPT[number] = 1;
  if (SLOTS[place] === -1) {
    SLOTS[place] = size;
    asked.add(size);
    size += STRIDE;
  }
  for (const register of registers) asked.add((SLOTS[place] as number) + 1 + REGISTERS.indexOf(register));
}
const SIZE = size;
const COMPARED = Int16Array.from(asked);

function slotOf(leaf: number, subleaf: number): number {
  const number = numberOf(leaf);
  return number < 0 || subleaf >= SUBLEAVES ? -1 : (SLOTS[number * SUBLEAVES + subleaf] as number);
}

/** Whether facts are made of a leaf. */
export function isFactLeaf(leaf: number): boolean {
  const number = numberOf(leaf);
  return number >= 0 && KEPT[number] === 1;
}

/** The room of a dump that ended, for the next one: making a new one takes as long as reading a small dump. */
let spare: Int32Array | undefined;
const FIRST_ROOM = 16 * SIZE;
const MOST_SPARE = 1 << 18;

/** Where the values end, and the line itself unless something is behind them. */
export const CPUID_END = 51;

export interface CpuidLeaves {
  /** Begins a CPU. */
  readonly open: (cpu: number) => void;
  readonly has: (cpu: number) => boolean;
  /** CPU numbers, ascending. */
  readonly cpus: () => number[];
  /**
   * Takes as many lines as it can for the CPU that was opened last. It stops before the first that is anything else than
   * `CPUID 00000007: 00000002-219C07AB-1840072C-BC014410 [SL 00]`, and where leaf 0 may begin another CPU.
   */
  readonly read: (bytes: Uint8Array, run: Run, untitled: boolean) => void;
  readonly lookup: (cpu: number) => CpuidLookup;
  /** Whether two CPUs show the same in everything that facts are made of. */
  readonly alike: (a: number, b: number) => boolean;
  /** The leaves are no longer needed. */
  readonly end: () => void;
}

export function cpuidLeaves(): CpuidLeaves {
  const bases = new Map<number, number>();
  let values = spare ?? new Int32Array(FIRST_ROOM);
  spare = undefined;
  let base = 0;

  const baseOf = (cpu: number): number => bases.get(cpu) as number;

  return {
    open(cpu) {
      base = bases.size * SIZE;
      bases.set(cpu, base);
      values = withRow(values, base, SIZE);
    },
    has: (cpu) => bases.has(cpu),
    cpus: () => [...bases.keys()].sort((a, b) => a - b),
    read: (bytes, run, untitled) => readLines(bytes, run, untitled, values, base),
    lookup(cpu) {
      const from = baseOf(cpu);
      return (leaf, subleaf) => {
        const slot = slotOf(leaf, subleaf);
        if (slot < 0) throw new RangeError(`leaf ${leaf.toString(16)}.${subleaf} is not kept: add it to ASKED`);
        const at = from + slot;
        if (values[at] === 0) return undefined;
        return {
          eax: (values[at + 1] as number) >>> 0,
          ebx: (values[at + 2] as number) >>> 0,
          ecx: (values[at + 3] as number) >>> 0,
          edx: (values[at + 4] as number) >>> 0,
        };
      };
    },
    alike: (a, b) => isAlike(values, baseOf(a), baseOf(b)),
    end() {
      if (values.length <= MOST_SPARE) spare = values;
    },
  };
}

function isAlike(values: Int32Array, a: number, b: number): boolean {
  let same = 0;
  while (same < COMPARED.length) {
    const at = COMPARED[same] as number;
    if (values[a + at] !== values[b + at]) return false;
    same++;
  }
  return true;
}

function readLines(bytes: Uint8Array, run: Run, untitled: boolean, values: Int32Array, base: number): void {
  const last = bytes.length - CPUID_END;
  let { at } = run;
  let lines = 0;
  while (at < last) {
    // "CPUID ", and what is between the numbers.
    if (bytes[at] !== 67 || bytes[at + 1] !== 80 || bytes[at + 2] !== 85 || bytes[at + 3] !== 73) break;
    if (bytes[at + 4] !== 68 || bytes[at + 5] !== BLANK || bytes[at + 14] !== COLON || bytes[at + 15] !== BLANK) break;
    if (bytes[at + 24] !== DASH || bytes[at + 33] !== DASH || bytes[at + 42] !== DASH) break;
    const leafHigh = hex4At(bytes, at + 6);
    const leafLow = hex4At(bytes, at + 10);
    const a = hex4At(bytes, at + 16);
    const b = hex4At(bytes, at + 20);
    const c = hex4At(bytes, at + 25);
    const d = hex4At(bytes, at + 29);
    const e = hex4At(bytes, at + 34);
    const f = hex4At(bytes, at + 38);
    const g = hex4At(bytes, at + 43);
    const h = hex4At(bytes, at + 47);
    if ((leafHigh | leafLow | a | b | c | d | e | f | g | h) < 0) break;
    const leaf = (leafHigh << 16) | leafLow;
    if (leaf === 0 && untitled) break;
    const behind = at + CPUID_END;
    const end = bytes[behind] === LF ? behind : plainEnd(bytes, behind);
    if (end < 0) break;
    const number = numberOf(leaf);
    if (number >= 0 && KEPT[number] === 1) {
      const subleaf = subleafAt(bytes, behind);
      // Old dumps show the subleaves of most leaves without their numbers; the first is 0.
      const slot = subleaf < SUBLEAVES ? (SLOTS[number * SUBLEAVES + Math.max(subleaf, 0)] as number) : -1;
      const to = base + slot;
      if (slot >= 0 && (subleaf >= 0 || values[to] === 0)) {
        values[to] = 1;
        values[to + 1] = (a << 16) | b;
        values[to + 2] = (c << 16) | d;
        values[to + 3] = (e << 16) | f;
        values[to + 4] = (g << 16) | h;
      }
    }
    at = end + 1;
    lines++;
  }
  run.at = at;
  run.lines += lines;
  run.weight += lines;
}

/** The subleaf that a line of CPUID ends with, ` [SL 01]`; negative where it has none. */
function subleafAt(bytes: Uint8Array, at: number): number {
  // " [SL " and "]"
  if (bytes[at] !== BLANK || bytes[at + 1] !== 91 || bytes[at + 2] !== 83 || bytes[at + 3] !== 76) return -1;
  return bytes[at + 4] === BLANK && bytes[at + 7] === 93 ? hex2At(bytes, at + 5) : -1;
}
