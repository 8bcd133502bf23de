import { ABSENT, type Msr, msrValue } from "../../../host/msr.js";
import { REGISTERS } from "../../../registers/registers.js";
import type { HostBuilder } from "../../hosts/host-builder.js";
import { BLANK, COLON, CR, DASH, hex4At, isAt, LF, plainEnd, type Run, withRow } from "./scan.js";

/*
 * MSRs of many CPUs, as numbers in one array; registers that no host has are passed over. The CPUs of a machine are most
 * often alike, and only the first of them becomes entries of a map.
 */

/** Microcode revision in bits 63:32 (IA32_BIOS_SIGN_ID). */
export const BIOS_SIGN_ID = 0x8b;

/** The registers that a host is made of, and behind them the one of the microcode. */
const KEPT: readonly number[] = [...REGISTERS.map(({ index }) => index), BIOS_SIGN_ID];
const MICROCODE = KEPT.length - 1;

/** By index, its place in `KEPT`; -1 for every other. */
const PLACES = new Int8Array(Math.max(...KEPT) + 1).fill(-1);
for (const [place, index] of KEPT.entries()) PLACES[index] = place;

/** What is kept of a register: `VALUE` or `FAILED`, 0 if it was not seen; its two halves; the number of its line. */
const STRIDE = 4;
const SIZE = KEPT.length * STRIDE;
const VALUE = 1;
const FAILED = 2;

/** The column of a value, where one ends, and what is there of a register that cannot be read. */
const COLUMN = 15;
const VALUE_END = 33;
const FAILURE = "< FAILED >";

let spare: Int32Array | undefined;
const FIRST_ROOM = 16 * SIZE;
const MOST_SPARE = 1 << 18;

/** The CPU of a section, undefined for the one without a number. */
type SectionCpu = number | undefined;

export interface MsrRows {
  /** Begins a section. */
  readonly open: (cpu: SectionCpu) => void;
  /**
   * Takes as many lines as it can for the section that was opened last. It stops before the first that is anything else than
   * `MSR 00000480: 00DA-0400-0000-0010` or one of a register that is of no interest, and before a register that comes again.
   */
  readonly read: (bytes: Uint8Array, run: Run, number: number) => void;
  readonly setMicrocode: (cpu: SectionCpu, revision: number) => void;
  /** Hands in what was read of a CPU so far, before the text adds to it or contradicts it. */
  readonly handInEarly: (cpu: SectionCpu) => void;
  readonly handIn: (cpu: SectionCpu) => void;
  readonly cpus: () => Iterable<SectionCpu>;
  /** Whether two CPUs show the same, and neither was handed in early. */
  readonly alike: (a: number, b: number) => boolean;
  /** The rows are no longer needed. */
  readonly end: () => void;
}

export function msrRows(builder: HostBuilder): MsrRows {
  const bases = new Map<SectionCpu, number>();
  const early = new Set<SectionCpu>();
  let values = spare ?? new Int32Array(FIRST_ROOM);
  spare = undefined;
  let base = 0;
  const open = (cpu: SectionCpu): number => {
    const at = bases.size * SIZE;
    bases.set(cpu, at);
    values = withRow(values, at, SIZE);
    return at;
  };
  const handIn = (cpu: SectionCpu): void => {
    const from = bases.get(cpu);
    if (from === undefined) return;
    for (const at of seenIn(values, from)) {
      const place = (at - from) / STRIDE;
      const hi = (values[at + 1] as number) >>> 0;
      const lo = (values[at + 2] as number) >>> 0;
      const msr = values[at] === FAILED ? ABSENT : lastOf(place, hi, lo);
      builder.msr(cpu ?? "unnamed", KEPT[place] as number, msr, { line: values[at + 3] as number, column: COLUMN });
    }
  };

  return {
    open(cpu) {
      base = bases.get(cpu) ?? open(cpu);
    },
    read: (bytes, run, number) => readLines(bytes, run, number, values, base),
    setMicrocode(cpu, revision) {
      const at = (bases.get(cpu) ?? open(cpu)) + MICROCODE * STRIDE;
      values[at] = VALUE;
      values[at + 1] = revision;
    },
    handInEarly(cpu) {
      early.add(cpu);
      handIn(cpu);
      const from = bases.get(cpu);
      if (from !== undefined) values.fill(0, from, from + MICROCODE * STRIDE);
    },
    handIn(cpu) {
      handIn(cpu);
      const microcode = (bases.get(cpu) ?? -SIZE) + MICROCODE * STRIDE;
      if (values[microcode] !== VALUE) return;
      builder.cpu(cpu ?? "unnamed").microcode = (values[microcode + 1] as number) >>> 0;
    },
    cpus: () => bases.keys(),
    alike(a, b) {
      const [x, y] = [bases.get(a), bases.get(b)];
      if (x === undefined || y === undefined) return x === y;
      if (early.has(a) || early.has(b)) return false;
      for (let i = 0; i < SIZE; i++) if (values[x + i] !== values[y + i] && i % STRIDE !== STRIDE - 1) return false;
      return true;
    },
    end() {
      if (values.length <= MOST_SPARE) spare = values;
    },
  };
}

/** What was handed in last of each register, by its place: CPUs that differ, and dumps, most often differ in few. */
const LAST: (Extract<Msr, { state: "value" }> | undefined)[] = KEPT.map(() => undefined);

function lastOf(place: number, hi: number, lo: number): Msr {
  const last = LAST[place];
  if (last?.hi.value === hi && last.lo.value === lo) return last;
  const msr = msrValue({ hi, lo }) as Extract<Msr, { state: "value" }>;
  LAST[place] = msr;
  return msr;
}

/** Where the registers are that were seen, in the order of their lines. */
function seenIn(values: Int32Array, from: number): number[] {
  const seen: number[] = [];
  let inOrder = true;
  let last = 0;
  for (let at = from; at < from + MICROCODE * STRIDE; at += STRIDE) {
    if (values[at] === 0) continue;
    const line = values[at + 3] as number;
    if (line < last) inOrder = false;
    last = line;
    seen.push(at);
  }
  return inOrder ? seen : seen.sort((a, b) => (values[a + 3] as number) - (values[b + 3] as number));
}

function readLines(bytes: Uint8Array, run: Run, number: number, values: Int32Array, base: number): void {
  const { length } = bytes;
  let { at, lines, weight } = run;
  while (at + COLUMN < length) {
    // "MSR "
    if (bytes[at] !== 77 || bytes[at + 1] !== 83 || bytes[at + 2] !== 82 || bytes[at + 3] !== BLANK) break;
    if (bytes[at + 12] !== COLON || bytes[at + 13] !== BLANK) break;
    const indexHigh = hex4At(bytes, at + 4);
    const indexLow = hex4At(bytes, at + 8);
    if ((indexHigh | indexLow) < 0) break;
    const place = indexHigh === 0 && indexLow < PLACES.length ? (PLACES[indexLow] as number) : -1;
    const to = base + place * STRIDE;
    let end = at + VALUE_END;
    if (end < length && bytes[end] === CR) end++;
    if (
      end < length &&
      bytes[end] === LF &&
      bytes[at + 18] === DASH &&
      bytes[at + 23] === DASH &&
      bytes[at + 28] === DASH
    ) {
      const a = hex4At(bytes, at + 14);
      const b = hex4At(bytes, at + 19);
      const c = hex4At(bytes, at + 24);
      const d = hex4At(bytes, at + 29);
      if ((a | b | c | d) < 0) break;
      if (place === MICROCODE) {
        if ((a | b) !== 0) {
          values[to] = VALUE;
          values[to + 1] = (a << 16) | b;
        }
      } else if (place >= 0) {
        if (values[to] !== 0) break;
        values[to] = VALUE;
        values[to + 1] = (a << 16) | b;
        values[to + 2] = (c << 16) | d;
        values[to + 3] = number + lines;
      }
    } else {
      end = (bytes[at + 14] as number) <= BLANK ? -1 : plainEnd(bytes, at + 14);
      if (end < 0) break;
      if (place >= 0) {
        const content = bytes[end - 1] === CR ? end - 1 : end;
        if (content - at - 14 !== FAILURE.length || !isAt(bytes, at + 14, FAILURE)) break;
        if (place !== MICROCODE) {
          if (values[to] !== 0) break;
          values[to] = FAILED;
          values[to + 3] = number + lines;
        }
      }
    }
    at = end + 1;
    lines++;
    weight += place < 0 ? 1 : 2;
  }
  run.at = at;
  run.lines = lines;
  run.weight = weight;
}
