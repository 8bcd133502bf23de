import type { Instruction } from "iced-x86";
import { type KernelImage, rowFor } from "./kernel/image.js";
import { FUNCTIONS, type FunctionRow } from "./kernel/imports.js";
import type { Bit } from "./machine/alu.js";
import type { Decoder } from "./machine/decoder.js";

/*
 * One step backwards on the way of a bit through a recorded run: which step put it where it is, and where it was before.
 */

/** A run, step by step. */
export interface Recording {
  readonly ats: number[];
  /** 32 halves of registers before each step. */
  readonly registers: Int32Array[];
  readonly writes: { readonly step: number; readonly hi: number; readonly lo: number; readonly size: number }[];
  readonly branches: { readonly step: number; readonly at: number; readonly taken: Bit }[];
}

/** Where a bit is. */
export type Location =
  | { readonly kind: "memory"; readonly hi: number; readonly lo: number; readonly bit: number }
  | { readonly kind: "register"; readonly number: number; readonly bit: number };

type InMemory = Location & { readonly kind: "memory" };

/** The last write of a byte by one of the steps, and how far behind its begin the byte is. */
function writeOf(
  { writes }: Recording,
  at: InMemory,
  isStep: (step: number) => boolean,
): { readonly step: number; readonly distance: number } | undefined {
  for (let i = writes.length - 1; i >= 0; i--) {
    const write = writes[i];
    if (write === undefined || !isStep(write.step) || write.hi !== at.hi) continue;
    const distance = (at.lo - write.lo) | 0;
    if (distance >= 0 && distance < write.size) return { step: write.step, distance };
  }
  return undefined;
}

/** The last step before `limit` that wrote the byte. */
export function lastWrite(recording: Recording, at: InMemory, limit: number): number | undefined {
  return writeOf(recording, at, (step) => step < limit)?.step;
}

/** Registers that an instruction writes, by its address. */
const writtenBy = new WeakMap<KernelImage, Map<number, ReadonlySet<number>>>();

export function lastChange(
  recording: Recording,
  image: KernelImage,
  decoder: Decoder,
  register: number,
  limit: number,
): number | undefined {
  let cache = writtenBy.get(image);
  if (cache === undefined) {
    cache = new Map();
    writtenBy.set(image, cache);
  }
  for (let step = limit - 1; step >= 0; step--) {
    const at = recording.ats[step] ?? 0;
    let written = cache.get(at);
    if (written === undefined) {
      written = registersWritten(image, decoder, at);
      cache.set(at, written);
    }
    if (written.has(register)) return step;
  }
  return undefined;
}

const RAX: ReadonlySet<number> = new Set([0]);
const NONE: ReadonlySet<number> = new Set();

function registersWritten(image: KernelImage, decoder: Decoder, at: number): ReadonlySet<number> {
  const instruction = decodeAt(image, decoder, at);
  // A function of the kernel that is answered: most have a result, hooks and returns have none.
  if (instruction === undefined) {
    const row: FunctionRow | undefined = rowFor(FUNCTIONS, image.linked.importAt(at)?.name ?? "");
    return row?.answer === "nothing" || row?.answer === "jump register" ? NONE : RAX;
  }
  const { iced } = decoder;
  const factory = new iced.InstructionInfoFactory();
  const info = factory.info(instruction);
  const written = new Set<number>();
  for (const used of info.usedRegisters()) {
    const writes: readonly number[] = [
      iced.OpAccess.Write,
      iced.OpAccess.ReadWrite,
      iced.OpAccess.CondWrite,
      iced.OpAccess.ReadCondWrite,
    ];
    const place = decoder.registers.get(used.register);
    if (place !== undefined && writes.includes(used.access)) written.add(place.number);
    used.free();
  }
  info.free();
  factory.free();
  instruction.free();
  return written;
}

function decodeAt(image: KernelImage, { iced }: Decoder, at: number): Instruction | undefined {
  const bytes = image.code.bytesAt(at, 16);
  if (bytes.length === 0) return undefined;
  const reader = new iced.Decoder(64, bytes, 0);
  reader.ip = BigInt(at) | 0xffff_ffff_0000_0000n;
  const instruction = reader.decode();
  reader.free();
  return instruction;
}

/** Where the bit came from; nothing when this step decided it. */
export function follow(recording: Recording, image: KernelImage, at: Location, step: number): readonly Location[] {
  const { decoder } = image.code;
  const instruction = decodeAt(image, decoder, recording.ats[step] ?? 0);
  if (instruction === undefined) return [];
  try {
    const other = otherOperand(recording, decoder, instruction, at, step);
    const own = followInstruction(recording, decoder, instruction, at, step);
    return [...(own === undefined ? [] : [own]), ...(own === undefined || other === undefined ? [] : [other])];
  } finally {
    instruction.free();
  }
}

function mnemonicOf({ iced }: Decoder, { mnemonic }: Instruction): string {
  return (iced.Mnemonic as unknown as { readonly [number: number]: string })[mnemonic] ?? "";
}

/** The second register of an OR that left 0, or of an AND that left 1: it had the same bit. */
function otherOperand(
  recording: Recording,
  decoder: Decoder,
  i: Instruction,
  at: Location,
  step: number,
): Location | undefined {
  const { iced } = decoder;
  const name = mnemonicOf(decoder, i);
  const after = recording.registers[step + 1];
  if (at.kind !== "register" || after === undefined || i.op1Kind !== iced.OpKind.Register) return undefined;
  const left = name === "Or" ? 0 : name === "And" ? 1 : undefined;
  if (left === undefined || bitOf(after, at.number, at.bit) !== left) return undefined;
  const place = decoder.registers.get(i.op1Register);
  return place === undefined || place.high ? undefined : { kind: "register", number: place.number, bit: at.bit };
}

function followInstruction(
  recording: Recording,
  decoder: Decoder,
  i: Instruction,
  at: Location,
  step: number,
): Location | undefined {
  const { iced } = decoder;
  const before = recording.registers[step];
  const after = recording.registers[step + 1];
  const name = mnemonicOf(decoder, i);
  if (before === undefined) return undefined;
  const bit = at.kind === "register" ? at.bit : bitInOperand(recording, at, step);
  if (name === "Pop" && at.kind === "register" && at.number !== 4)
    return inMemory(before[9] ?? 0, before[8] ?? 0, at.bit);
  if (name === "Push") return operand(decoder, i, 0, bit, before);
  if (/^Stos/.test(name) && at.kind === "memory") return { kind: "register", number: 0, bit: bit % 8 };
  if (/^Mov/.test(name) || /^Cmov/.test(name)) {
    const size = sourceBits(decoder, i);
    if (bit >= size) return undefined;
    if (/^Cmov/.test(name) && at.kind === "register") {
      return bitOf(before, at.number, bit) === bitOf(after ?? before, at.number, bit) ? at : undefined;
    }
    return operand(decoder, i, 1, bit, before);
  }
  if (at.kind === "memory") return leavesAlone(decoder, i, name, bit, before) ? at : undefined;
  if (after === undefined) return undefined;
  if (i.op0Kind !== iced.OpKind.Register || decoder.registers.get(i.op0Register)?.number !== at.number)
    return undefined;
  if (/^(?:Shl|Shr|Sar)$/.test(name) && i.op1Kind === iced.OpKind.Immediate8) {
    const by = Number(i.immediate(1)) & 63;
    const from = name === "Shl" ? bit - by : bit + by;
    return from < 0 || from > 63 ? undefined : { kind: "register", number: at.number, bit: from };
  }
  if (!/^(?:And|Or|Xor|Bts|Btr|Btc|Not)$/.test(name)) return undefined;
  return bitOf(before, at.number, bit) === bitOf(after, at.number, bit) ? at : undefined;
}

/** Whether AND, OR or XOR with a constant or a register leaves a bit in memory as it was. */
function leavesAlone(decoder: Decoder, i: Instruction, name: string, bit: number, before: Int32Array): boolean {
  const neutral = name === "And" ? 1 : name === "Or" || name === "Xor" ? 0 : undefined;
  if (neutral === undefined) return false;
  if (i.op1Kind === decoder.iced.OpKind.Register) {
    const from = inRegister(decoder, i.op1Register, bit);
    return from !== undefined && bitOf(before, from.number, from.bit) === neutral;
  }
  return Number((BigInt.asUintN(64, BigInt(i.immediate(1))) >> BigInt(bit)) & 1n) === neutral;
}

/** The bit of what was written that lies where a location is. */
function bitInOperand(recording: Recording, at: InMemory, step: number): number {
  const write = writeOf(recording, at, (one) => one === step);
  return 8 * (write?.distance ?? 0) + at.bit;
}

/** A bit of a register by its name, which may be that of the second byte (AH). */
function inRegister(decoder: Decoder, register: number, bit: number): (Location & { kind: "register" }) | undefined {
  const place = decoder.registers.get(register);
  return place === undefined ? undefined : { kind: "register", number: place.number, bit: bit + (place.high ? 8 : 0) };
}

function inMemory(hi: number, lo: number, bit: number): Location {
  return { kind: "memory", hi, lo: (lo + (bit >> 3)) | 0, bit: bit & 7 };
}

function sourceBits(decoder: Decoder, i: Instruction): number {
  if (i.op1Kind === decoder.iced.OpKind.Register) return 8 * (decoder.registers.get(i.op1Register)?.size ?? 8);
  return i.op1Kind === decoder.iced.OpKind.Memory ? 8 * decoder.memorySize(i) : 0;
}

/** An operand as a location; undefined for a constant, which decides. */
function operand(
  decoder: Decoder,
  i: Instruction,
  index: number,
  bit: number,
  before: Int32Array,
): Location | undefined {
  const { iced } = decoder;
  if (i.opKind(index) === iced.OpKind.Register) return inRegister(decoder, i.opRegister(index), bit);
  if (i.opKind(index) !== iced.OpKind.Memory || i.memorySegment === iced.Register.GS) return undefined;
  const value = (register: number): bigint => {
    const place = decoder.registers.get(register);
    if (place === undefined) return 0n;
    const n = 2 * place.number;
    return (BigInt(before[n + 1] ?? 0) << 32n) | BigInt((before[n] ?? 0) >>> 0);
  };
  const address = i.memoryDisplacement + value(i.memoryBase) + value(i.memoryIndex) * BigInt(i.memoryIndexScale);
  return inMemory(Number(BigInt.asIntN(32, address >> 32n)), Number(BigInt.asIntN(32, address)), bit);
}

function bitOf(registers: Int32Array, number: number, bit: number): number {
  return ((registers[2 * number + (bit >> 5)] ?? 0) >>> (bit & 31)) & 1;
}
