import type { Frame } from "./cpu.js";
import type { Decoder } from "./decoder.js";
import { meetingPoint } from "./flow-graph.js";
import { PAGE, type Region } from "./memory.js";
import type { Machine, Op } from "./op.js";
import { addressText, MachineStop } from "./stop.js";

/** Bytes that are decoded at once: a function of the usual size, without copying whole sections. */
const WINDOW = 512;

/** First page of the last 4 GiB. */
const HIGH_PAGE = 0xffff_ffff * 0x10_0000;

/**
 * Decoded code, shared by all runs over the same image: code cannot be written, so an instruction is decoded once.
 */
export interface Code {
  readonly decoder: Decoder;
  /** The instruction at an address; stops when there is none. */
  opAt(at: number): Op;
  /** Where both ways of the branch at `at` meet again; undefined: where the function returns. */
  meetingPoint(at: number): number | undefined;
  /** Whether something else happens at an address than the instruction that is there. */
  isAnswered(at: number): boolean;
  /** Code from `at` on, at most `length` bytes; empty where there is none. */
  bytesAt(at: number, length: number): Uint8Array;
}

/** What happens instead of an instruction. */
export type Override = (m: Machine) => void;

/** By the low half of the address of the instruction. */
export interface Overrides {
  get(at: number): Override | undefined;
}

/**
 * `overrides`: functions that are answered by the host, and jumps that the kernel rewrites while it runs. `after`: what
 * happens after the first instruction of a function, where it is called.
 */
export function makeCode(
  decoder: Decoder,
  regions: readonly Region[],
  overrides: Overrides,
  after: ReadonlyMap<number, (m: Machine, frame: Frame) => void> = new Map(),
): Code {
  const pages = new Map<number, (Op | undefined)[]>();
  const meetings = new Map<number, number | undefined>();
  const code = regions.filter((region) => region.code === true && region.bytes !== undefined);

  const find = (at: number): Op | undefined => pages.get(at >>> 12)?.[at & (PAGE - 1)];
  const keep = (op: Op) => {
    const page = op.at >>> 12;
    let ops = pages.get(page);
    if (ops === undefined) {
      ops = new Array<Op | undefined>(PAGE).fill(undefined);
      pages.set(page, ops);
    }
    const run = overrides.get(op.at) ?? followed(op);
    ops[op.at & (PAGE - 1)] ??= run === undefined ? op : { ...op, run };
  };
  const followed = (op: Op): Op["run"] | undefined => {
    const then = after.get(op.at);
    if (then === undefined) return undefined;
    // A jump back to the first instruction does not call the function again.
    const entered = new WeakSet<Frame>();
    return (m) => {
      const frame = m.frames[m.frames.length - 1];
      op.run(m);
      if (frame === undefined || entered.has(frame)) return;
      entered.add(frame);
      then(m, frame);
    };
  };
  const bytesAt = (at: number, length: number): Uint8Array => {
    const key = HIGH_PAGE + (at >>> 12);
    const region = code.find(({ first, pages: count }) => key >= first && key < first + count);
    if (region?.bytes === undefined) return new Uint8Array();
    const from = (key - region.first) * PAGE + (at & (PAGE - 1));
    const last = Math.min(region.pages - 1, Math.floor((from + length - 1) / PAGE));
    for (let page = key - region.first; page <= last; page++) region.prepare?.(page);
    return region.bytes.subarray(from, from + length);
  };
  const decode = (at: number): Op => {
    const bytes = bytesAt(at, WINDOW);
    for (const op of decoder.run(bytes, at)) keep(op);
    const run = overrides.get(at);
    if (run !== undefined) keep({ at, next: at, run });
    const op = find(at);
    if (op !== undefined) return op;
    throw bytes.length === 0
      ? new MachineStop("unmapped", `no code is at ${addressText(-1, at)}`)
      : new MachineStop("instruction", `an instruction at ${addressText(-1, at)} that vmxlens does not know`);
  };
  return {
    decoder,
    bytesAt,
    isAnswered: (at) => overrides.get(at) !== undefined,
    opAt: (at) => find(at) ?? decode(at),
    meetingPoint(at) {
      if (!meetings.has(at))
        meetings.set(
          at,
          meetingPoint(at, (from) => decoder.steps(bytesAt(from, WINDOW), from)),
        );
      return meetings.get(at);
    },
  };
}
