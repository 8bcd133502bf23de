import { follow, type Location, lastChange, lastWrite, type Recording } from "./follow-bit.js";
import { type KernelImage, paravirtAddress } from "./kernel/image.js";
import type { Started } from "./kernel/start.js";
import type { Bit } from "./machine/alu.js";
import type { Machine, Op } from "./machine/op.js";

/*
 * Which instruction made a bit of a result what it is. The run is recorded, and the bit is followed backwards from where
 * it lies in memory: through moves and stores, and past operations that left it as it was, to the one that set or cleared
 * it, or to where the kernel got it from.
 */

/** A branch before the instruction that decided, in the same function. */
export interface Turn {
  readonly at: number;
  readonly text: string;
  /** Undefined if it depends on unknown bits. */
  readonly taken: boolean | undefined;
}

export interface Decision {
  /** Address, low half. */
  readonly at: number;
  readonly function: string;
  readonly offset: number;
  /** The instruction, or the function of the kernel that answered. */
  readonly text: string;
  /** The MSR that was read there. */
  readonly msr?: number;
  /** The last branches of the function before it, the nearest first. */
  readonly turns: readonly Turn[];
}

const MOST_STEPS = 400_000;
const MOST_LINKS = 200;
const TURNS = 3;

/** Records the run of a machine from here on; on request, gives the decision for a bit in memory. */
export function record(
  { runner }: Started,
  image: KernelImage,
): (address: bigint, bit: number) => Decision | undefined {
  const recording: Recording = { ats: [], registers: [], writes: [], branches: [] };
  runner.watcher = {
    step(op: Op, m: Machine) {
      if (recording.ats.length >= MOST_STEPS) return;
      recording.ats.push(op.at);
      recording.registers.push(m.r.slice());
    },
    branch(at: number, taken: Bit) {
      recording.branches.push({ step: recording.ats.length - 1, at, taken });
    },
  };
  runner.mem.written = (hi, lo, size) => {
    recording.writes.push({ step: recording.ats.length - 1, hi, lo, size });
  };
  return (address, bit) => decide(recording, image, address + BigInt(bit >> 3), bit & 7);
}

function decide(recording: Recording, image: KernelImage, address: bigint, bit: number): Decision | undefined {
  const { decoder } = image.code;
  let at: Location = {
    kind: "memory",
    hi: Number(BigInt.asIntN(32, address >> 32n)),
    lo: Number(BigInt.asIntN(32, address)),
    bit,
  };
  // Where two operands have a bit in common, either can have decided: the nearest is followed first.
  const open: { readonly at: Location; readonly limit: number }[] = [{ at, limit: recording.ats.length }];
  let first: Decision | undefined;
  for (let link = 0; link < MOST_LINKS; link++) {
    const place = open.pop();
    if (place === undefined) break;
    at = place.at;
    const step =
      at.kind === "memory"
        ? lastWrite(recording, at, place.limit)
        : lastChange(recording, image, decoder, at.number, place.limit);
    if (step === undefined) continue;
    const next = follow(recording, image, at, step);
    open.push(...next.map((one) => ({ at: one, limit: step })));
    if (next.length > 0) continue;
    const decision = decisionAt(recording, image, step);
    // A register that was read decides only where nothing else did.
    if (decision.msr === undefined) return decision;
    first ??= decision;
  }
  return first;
}

function decisionAt(recording: Recording, image: KernelImage, step: number): Decision {
  const at = recording.ats[step] ?? 0;
  const { decoder } = image.code;
  const text = (where: number) => decoder.text(image.code.bytesAt(where, 16), where, 1)[0]?.text;
  const answered = image.linked.importAt(at)?.name;
  // A function that was answered has no code: the call is what the reader can find.
  const here = text(at) === undefined ? callerOf(recording, image, step) : at;
  const name = image.nameOf(here);
  const turns: Turn[] = [];
  for (let i = recording.branches.length - 1; i >= 0 && turns.length < TURNS; i--) {
    const branch = recording.branches[i];
    if (branch === undefined || branch.step > step || image.nameOf(branch.at)?.name !== name?.name) continue;
    turns.push({
      at: branch.at,
      text: text(branch.at) ?? "",
      taken: branch.taken === 2 ? undefined : branch.taken === 1,
    });
  }
  return {
    at: here,
    function: name?.name ?? "",
    offset: name?.offset ?? 0,
    ...(isMsrRead(image, at) ? { msr: (recording.registers[step]?.[14] ?? 0) >>> 0 } : {}),
    text: text(at) ?? answered ?? text(here) ?? "",
    turns,
  };
}

/** Whether an address is an operation of `pv_ops` that reads an MSR, whose number is in EDI. */
function isMsrRead({ types }: KernelImage, at: number): boolean {
  const slot = types.paravirt.findIndex((_slot, index) => paravirtAddress(index) === at);
  return /^read_msr/.test(types.paravirt[slot]?.name ?? "");
}

function callerOf({ ats }: Recording, image: KernelImage, step: number): number {
  for (let i = step; i >= 0; i--) {
    const at = ats[i] ?? 0;
    if (image.code.bytesAt(at, 1).length > 0) return at;
  }
  return ats[step] ?? 0;
}
