import { runBoot } from "../../src/prove/kernel/boot.js";
import type { BootImage } from "../../src/prove/kernel/boot-image.js";
import type { HostFacts } from "../../src/prove/kernel/host-facts.js";
import type { RunImage } from "../../src/prove/kernel/image.js";
import { runModules } from "../../src/prove/kernel/run-modules.js";
import type { Started } from "../../src/prove/kernel/start.js";
import { Memory, PAGE, pageNumber } from "../../src/prove/machine/memory.js";
import type { Machine, Op } from "../../src/prove/machine/op.js";
import { OUTSIDE } from "../../src/prove/machine/run.js";
import type { Prover } from "../../src/prove/prover.js";

/*
 * Whole functions for another judge: a run of boot or of loading, cut where the interpreter answers and runs no instruction of
 * the kernel (a function of another part of it, a jump label, a privileged instruction). Between two cuts the other judge
 * has to come from the same registers and memory to the same registers, and at the end to the same memory.
 */

/** Registers in the order of the encoding, and the flags. */
interface State {
  readonly rip: number;
  readonly registers: readonly bigint[];
  readonly flags: number;
}

export interface Segment {
  readonly from: State;
  /** What was written between the segment before and this one: address and bytes. */
  readonly writes: readonly (readonly [address: bigint, bytes: Uint8Array])[];
  readonly to: State;
  readonly instructions: number;
}

export interface WholeRun {
  readonly gs: bigint;
  /** Pages before the run, by their numbers. */
  readonly before: ReadonlyMap<number, Uint8Array>;
  readonly segments: readonly Segment[];
  readonly after: ReadonlyMap<number, Uint8Array>;
}

/** Instructions that ask the host, or that fault. */
const ASKING = /^(?:rdmsr|wrmsr|cpuid|xgetbv|rdtscp?|ud2|int3|hlt|sidt|sgdt|mov (?:[cd]r|.*, [cd]r))/;

/** What is unknown is zero here: the other judge has no unknown bits. Undefined where both ways of a branch were followed. */
function wholeRun(
  image: RunImage,
  run: (image: RunImage, prepare: (started: Started) => void) => void,
): WholeRun | undefined {
  const known = {
    ...image,
    memory: new Memory(image.memory.regions.map((one) => (one.kind === "unknown" ? { ...one, kind: "zero" } : one))),
  };
  let finish: (() => WholeRun | undefined) | undefined;
  run(known, (started) => {
    started.runner.mem.assumeZeros();
    finish = record(started, known);
  });
  return finish?.();
}

export function wholeLoad(prover: Prover, facts: HostFacts): WholeRun | undefined {
  return wholeRun(prover.image, (image, prepare) => {
    runModules({ ...prover.image, ...image }, facts, {}, undefined, prepare);
  });
}

export function wholeBoot(boot: BootImage, facts: HostFacts): WholeRun | undefined {
  return wholeRun(boot.image, (image, prepare) => {
    runBoot({ ...boot, image }, facts, undefined, prepare);
  });
}

function record({ runner }: Started, image: RunImage): () => WholeRun | undefined {
  const origin = runner.mem.fork();
  const segments: Segment[] = [];
  const asks = new Map<number, boolean>();
  const codePages = new Set<number>();
  let writes: [bigint, Uint8Array][] = [];
  let open: { readonly from: State; readonly writes: Segment["writes"]; instructions: number } | undefined;
  let forked = false;
  const isAsking = (at: number): boolean => {
    let answer = asks.get(at);
    if (answer === undefined) {
      const { code } = image;
      const text = code.isAnswered(at) ? undefined : code.decoder.text(code.bytesAt(at, 16), at, 1)[0]?.text;
      answer = text === undefined || ASKING.test(text);
      asks.set(at, answer);
    }
    return answer;
  };
  const close = (m: Machine, rip: number) => {
    if (open !== undefined) segments.push({ ...open, to: stateOf(m, rip) });
    open = undefined;
  };
  runner.watcher = {
    step(op: Op, m: Machine) {
      if (isAsking(op.at)) {
        close(m, op.at);
        return;
      }
      // An instruction may go on behind the end of its page.
      codePages.add(pageNumber(-1, op.at)).add(pageNumber(-1, op.at + 16));
      if (open === undefined) {
        open = { from: stateOf(m, op.at), writes, instructions: 0 };
        writes = [];
      }
      open.instructions++;
    },
    done(_op: Op, m: Machine) {
      if (m.rip === OUTSIDE) close(m, OUTSIDE);
    },
    branch(_at, taken) {
      if (taken === 2) forked = true;
    },
  };
  const pending: { readonly hi: number; readonly lo: number; readonly size: number }[] = [];
  runner.mem.written = (hi, lo, size) => {
    if (open === undefined) pending.push({ hi, lo, size });
  };
  const step = runner.watcher.step;
  // What was written outside of the code is read when the code goes on.
  runner.watcher.step = (op, m) => {
    for (const { hi, lo, size } of pending) writes.push([address(hi, lo), bytesOf(m.mem, hi, lo, size)]);
    pending.length = 0;
    step(op, m);
  };
  return () => {
    if (forked) return undefined;
    close(runner, runner.rip);
    const mapped = [...codePages].filter((page) => runner.mem.regionOf(page) !== undefined);
    const numbers = [...new Set([...runner.mem.touched(), ...mapped])];
    const pages = (mem: Memory) => new Map(numbers.map((number) => [number, pageOf(mem, number)]));
    return {
      gs: address(runner.gsHi, runner.gsLo),
      before: pages(origin),
      segments,
      after: pages(runner.mem),
    };
  };
}

function stateOf(m: Machine, rip: number): State {
  const { lo, hi, ulo, uhi } = m;
  m.loadFlags();
  const flags = m.lo;
  [m.lo, m.hi, m.ulo, m.uhi] = [lo, hi, ulo, uhi];
  return {
    rip,
    registers: Array.from({ length: 16 }, (_unused, n) => address(m.r[2 * n + 1] ?? 0, m.r[2 * n] ?? 0)),
    flags,
  };
}

function address(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Bytes of memory, without a trace in what the memory read last. */
function bytesOf(mem: Memory, hi: number, lo: number, size: number): Uint8Array {
  const kept = [mem.lo, mem.hi, mem.ulo, mem.uhi] as const;
  const bytes = Uint8Array.from({ length: size }, (_unused, i) => {
    mem.load(1, hi, (lo + i) | 0);
    return mem.lo;
  });
  [mem.lo, mem.hi, mem.ulo, mem.uhi] = kept;
  return bytes;
}

function pageOf(mem: Memory, number: number): Uint8Array {
  const at = BigInt(number) * BigInt(PAGE);
  return bytesOf(mem, Number(BigInt.asIntN(32, at >> 32n)), Number(BigInt.asIntN(32, at)), PAGE);
}

/** A run as `tools/judge/other_runs.py` reads it. */
export function encodeRun({ gs, before, segments, after }: WholeRun): Uint8Array {
  const pieces: Uint8Array[] = [];
  const numbers = (...values: readonly bigint[]) => {
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    for (const [i, value] of values.entries()) view.setBigUint64(8 * i, BigInt.asUintN(64, value), true);
    pieces.push(bytes);
  };
  const state = ({ rip, registers, flags }: State) =>
    numbers(
      (rip === OUTSIDE || rip >= 0 ? 0xffff_ffff_0000_0000n : 0n) | BigInt(rip >>> 0),
      ...registers,
      BigInt(flags),
    );
  const pages = (all: ReadonlyMap<number, Uint8Array>) => {
    numbers(BigInt(all.size));
    for (const [number, bytes] of all) {
      numbers(BigInt(number));
      pieces.push(bytes);
    }
  };
  numbers(gs);
  pages(before);
  numbers(BigInt(segments.length));
  for (const { from, writes, to, instructions } of segments) {
    state(from);
    numbers(BigInt(writes.length));
    for (const [at, bytes] of writes) {
      const eight = new Uint8Array(8);
      eight.set(bytes);
      numbers(at, BigInt(bytes.length));
      pieces.push(eight);
    }
    state(to);
    numbers(BigInt(instructions));
  }
  pages(after);
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const all = new Uint8Array(8 + size);
  new DataView(all.buffer).setBigUint64(0, BigInt(size), true);
  let at = 8;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
