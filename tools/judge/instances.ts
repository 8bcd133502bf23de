import { makeCode } from "../../src/prove/machine/code.js";
import type { Decoder } from "../../src/prove/machine/decoder.js";
import { Memory, PAGE, pageNumber, type Region } from "../../src/prove/machine/memory.js";
import type { Environment } from "../../src/prove/machine/op.js";
import { Runner } from "../../src/prove/machine/run.js";
import { MachineStop } from "../../src/prove/machine/stop.js";

/*
 * Random instances of every instruction that the interpreter knows: the bytes of one instruction, and the registers,
 * flags and memory before it. They are run here and by another judge (`tools/judge/other_judge.py`), or here with unknown
 * bits and again with all of them filled in.
 */

/** Where the instruction lies, and the memory that it may reach, low halves of addresses in the last 4 GiB. */
const CODE = 0xc000_0000;
const DATA = 0xc010_0000;
export const DATA_BYTES = PAGE;
/** Each seed has a place of its own, for the other judge keeps what it decoded. */
export function placeOf(seed: number): number {
  return CODE + 32 * (seed % 0x4000);
}

export interface Instance {
  readonly seed: number;
  readonly bytes: Uint8Array;
  /** The library's name of the mnemonic. */
  readonly name: string;
  /** Registers in the order of the encoding. */
  readonly registers: readonly bigint[];
  readonly flags: number;
}

/** What one instance came to. A mask holds the bits that are not defined. */
export interface Outcome {
  readonly stop: "none" | "divide" | "other";
  readonly rip: number;
  readonly registers: readonly bigint[];
  readonly unknown: readonly bigint[];
  readonly flags: number;
  readonly unknownFlags: number;
  readonly memory: Uint8Array;
  readonly unknownMemory: Uint8Array;
}

/** A small generator of random numbers: the same sequence for the same seed, everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Content of the memory before every instance. */
export const MEMORY: Uint8Array = (() => {
  const random = randomFrom(1);
  return Uint8Array.from({ length: DATA_BYTES }, () => random() & 0xff);
})();

type Form = readonly [opcodes: string, modrm: "none" | "any" | number, immediate: 0 | 1 | 2 | 4 | 8, prefixes?: string];

/*
 * Encodings: opcodes as hex, with `..` for a range of the last byte; the field `reg` of the ModRM byte where it chooses
 * the operation; bytes of the immediate, 4 for the operand's size up to 4, 8 for all of it.
 */
const FORMS: readonly Form[] = [
  ...[0x00, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38].flatMap((base): Form[] => [
    [`${hex(base)}..${hex(base + 3)}`, "any", 0],
    [hex(base + 4), "none", 1],
    [hex(base + 5), "none", 4],
  ]),
  ["50..57", "none", 0],
  ["58..5f", "none", 0],
  ["63", "any", 0],
  ["68", "none", 4],
  ["6a", "none", 1],
  ["69", "any", 4],
  ["6b", "any", 1],
  ["70..7f", "none", 1],
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((reg): Form[] => [
    ["80", reg, 1],
    ["81", reg, 4],
    ["83", reg, 1],
  ]),
  ["84..8b", "any", 0],
  ["8d", "any", 0],
  ["90..97", "none", 0],
  ["98..99", "none", 0],
  ["9c", "none", 0],
  ["a4..a7", "none", 0, "f3"],
  ["aa..af", "none", 0, "f3"],
  ["a4..a7", "none", 0],
  ["a6..a7", "none", 0, "f2"],
  ["ae..af", "none", 0, "f2"],
  ["aa..af", "none", 0],
  ["a8", "none", 1],
  ["a9", "none", 4],
  ["b0..b7", "none", 1],
  ["b8..bf", "none", 8],
  ...[0, 1, 2, 3, 4, 5, 7].flatMap((reg): Form[] => [
    ["c0..c1", reg, 1],
    ["d0..d1", reg, 0],
    ["d2..d3", reg, 0],
  ]),
  ["c6", 0, 1],
  ["c7", 0, 4],
  ["c9", "none", 0],
  ["e8..e9", "none", 4],
  ["eb", "none", 1],
  ["f5", "none", 0],
  ["f8..f9", "none", 0],
  ["fc..fd", "none", 0],
  ["f6", 0, 1],
  ["f7", 0, 4],
  ...[2, 3, 4, 5, 6, 7].map((reg): Form => ["f6..f7", reg, 0]),
  ["fe..ff", 0, 0],
  ["fe..ff", 1, 0],
  ["ff", 6, 0],
  ["0f40..0f4f", "any", 0],
  ["0f80..0f8f", "none", 4],
  ["0f90..0f9f", 0, 0],
  ["0fa3", "any", 0],
  ["0fab", "any", 0],
  ["0fb3", "any", 0],
  ["0fbb", "any", 0],
  ...[4, 5, 6, 7].map((reg): Form => ["0fba", reg, 1]),
  ["0fa4", "any", 1],
  ["0fa5", "any", 0],
  ["0fac", "any", 1],
  ["0fad", "any", 0],
  ["0faf", "any", 0],
  ["0fb0..0fb1", "any", 0],
  ["0fb6..0fb7", "any", 0],
  ["0fbe..0fbf", "any", 0],
  ["0fbc..0fbd", "any", 0],
  ["0fbc..0fbd", "any", 0, "f3"],
  ["0fb8", "any", 0, "f3"],
  ["0fc0..0fc1", "any", 0],
  ["0fc8..0fcf", "none", 0],
  ["0f1f", 0, 0],
  ["e3", "none", 1],
];

/** Forms that jump. */
const BRANCH = /^(?:70|e3|e8|eb|0f80)$/;

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[random() % list.length] as T;
}

/** A number that finds edges more often than chance would: few bits, runs of ones, near powers of two. */
function interesting(random: () => number): bigint {
  const any = (BigInt(random()) << 32n) | BigInt(random());
  switch (random() % 6) {
    case 0:
      return any & 0xffn;
    case 1:
      return BigInt.asUintN(64, (1n << BigInt(random() % 65)) - BigInt(random() % 3));
    case 2:
      return BigInt.asUintN(64, -1n << BigInt(random() % 64));
    case 3:
      return BigInt.asUintN(64, BigInt.asIntN(32, any));
    default:
      return any;
  }
}

function encode(random: () => number): Uint8Array {
  const [opcodes, modrm, immediate, prefix] = pick(random, FORMS);
  const [first = "", last = first] = opcodes.split("..");
  const from = Number.parseInt(first.slice(-2), 16);
  const opcode = from + (random() % (Number.parseInt(last.slice(-2), 16) - from + 1));
  const bytes: number[] = [];
  let rex = random() % 3 === 0 ? 0 : 0x40 | (random() & 15);
  // Left out, as the other judge has its own mind there and no compiler writes it: a 16-bit branch, an operand-size
  // prefix beside REX.W, and REX.R where the field `reg` chooses the operation.
  if (typeof modrm === "number") rex &= ~4;
  const short = random() % 4 === 0 && (rex & 8) === 0 && !BRANCH.test(first);
  if (short) bytes.push(0x66);
  if (prefix !== undefined) bytes.push(Number.parseInt(prefix, 16));
  if (rex !== 0) bytes.push(rex);
  if (first.length === 4) bytes.push(0x0f);
  bytes.push(opcode);
  if (modrm !== "none") {
    const reg = modrm === "any" ? random() & 7 : modrm;
    const mod = random() % 2 === 0 ? 3 : random() & 3;
    const rm = random() & 7;
    bytes.push((mod << 6) | (reg << 3) | rm);
    if (mod !== 3 && rm === 4) bytes.push(random() & 0xff);
    const sib = mod !== 3 && rm === 4 ? (bytes[bytes.length - 1] ?? 0) : 0;
    if (mod === 1) bytes.push(random() & 0xff);
    else if (mod === 2 || (mod === 0 && (rm === 5 || (rm === 4 && (sib & 7) === 5))))
      bytes.push(random() & 0xff, random() & 0xff, random() & 15, 0);
  }
  const wide = (rex & 8) !== 0;
  const length = immediate === 8 ? (wide ? 8 : short ? 2 : 4) : immediate === 4 ? (short && !wide ? 2 : 4) : immediate;
  const value = interesting(random);
  for (let i = 0; i < length; i++) bytes.push(Number((value >> BigInt(8 * i)) & 0xffn));
  return Uint8Array.from(bytes);
}

/** The instance of a seed; undefined when the seed makes no instruction that the interpreter knows. */
export function instanceOf(decoder: Decoder, seed: number): Instance | undefined {
  const random = randomFrom(seed);
  const bytes = encode(random);
  const registers = Array.from({ length: 16 }, () => interesting(random));
  const code = BigInt(placeOf(seed)) | 0xffff_ffff_0000_0000n;
  const data = BigInt(DATA) | 0xffff_ffff_0000_0000n;
  const place = () => data + 512n + BigInt(random() % (DATA_BYTES - 1024));
  const { iced } = decoder;
  const reader = new iced.Decoder(64, bytes, 0);
  reader.ip = code;
  const i = reader.decode();
  try {
    const mnemonics = iced.Mnemonic as unknown as { readonly [number: number]: string };
    if (i.isInvalid || i.length !== bytes.length) return undefined;
    // A string instruction, the stack and RCX as a count, whichever of them is used.
    registers[4] = place() & ~7n;
    if (i.isStringInstruction) {
      registers[6] = place();
      registers[7] = place();
      if (i.hasRepPrefix || i.hasRepnePrefix) registers[1] = BigInt(random() % 12);
    }
    if (bytes.includes(0xc9) && i.length === 1) registers[5] = place();
    if (i.flowControl === iced.FlowControl.Return) return undefined;
    const target = decoder.nearTarget(i);
    if (target !== undefined && (target < CODE || target >= DATA)) return undefined;
    let memory = false;
    for (let n = 0; n < i.opCount; n++) memory ||= i.opKind(n) === iced.OpKind.Memory;
    if (memory && i.mnemonic !== iced.Mnemonic.Lea) {
      const base = decoder.registers.get(i.memoryBase);
      const index = decoder.registers.get(i.memoryIndex);
      const operand = place();
      if (index !== undefined && base !== undefined && index.number === base.number) return undefined;
      if (index !== undefined) registers[index.number] = BigInt(random() % 24);
      const scaled = index === undefined ? 0n : (registers[index.number] ?? 0n) * BigInt(i.memoryIndexScale);
      if (base === undefined) return undefined;
      registers[base.number] = BigInt.asUintN(64, operand - i.memoryDisplacement - scaled);
      // The number of a bit in memory reaches far; keep it near.
      if (i.op1Kind === iced.OpKind.Register) {
        const number = decoder.registers.get(i.op1Register)?.number;
        const far: readonly number[] = [iced.Mnemonic.Bt, iced.Mnemonic.Bts, iced.Mnemonic.Btr, iced.Mnemonic.Btc];
        if (number !== undefined && far.includes(i.mnemonic)) {
          if (number === base.number || number === index?.number) return undefined;
          registers[number] = BigInt.asUintN(64, BigInt((random() % 2048) - 1024));
        }
      }
    }
    // Divisions that fit are rare among random numbers.
    if (i.mnemonic === iced.Mnemonic.Div || i.mnemonic === iced.Mnemonic.Idiv)
      if (random() % 4 !== 0) registers[2] = BigInt(random() % 3);
    return {
      seed,
      bytes,
      name: mnemonics[i.mnemonic] ?? "",
      registers,
      flags: (random() & 0x8d5) | 2 | (random() % 8 === 0 ? 0x400 : 0),
    };
  } finally {
    i.free();
    reader.free();
  }
}

/**
 * A host with nothing known about it.
 *
 * @internal
 */
export const NO_HOST: Environment = {
  rdmsr: () => ({ kind: "unknown" }),
  wrmsr: () => true,
  cpuid: () => [UNREAD, UNREAD, UNREAD, UNREAD],
  control: () => ({ kind: "unknown" }),
  setControl: () => {},
  fault: () => false,
  mark: () => undefined,
  rewind: () => undefined,
  settle: () => {},
};
const UNREAD = { value: 0, unknown: 0xffff_ffff };

/** Runs one instance, with the given bits of registers, flags and memory unknown. */
export function runInstance(
  decoder: Decoder,
  instance: Instance,
  masks?: { readonly registers: readonly bigint[]; readonly flags: number; readonly memory: Uint8Array },
): Outcome | undefined {
  const at = placeOf(instance.seed);
  const image = new Uint8Array(PAGE);
  image.set(instance.bytes, at % PAGE);
  // A return, where decoding ends.
  image[(at % PAGE) + instance.bytes.length] = 0xc3;
  const regions: Region[] = [
    { name: "code", first: pageNumber(-1, at), pages: 1, kind: "bytes", bytes: image, code: true },
    { name: "data", first: pageNumber(-1, DATA), pages: DATA_BYTES / PAGE, kind: "bytes", bytes: MEMORY },
  ];
  const runner = new Runner(makeCode(decoder, regions, new Map()), new Memory(regions), NO_HOST);
  for (const [n, value] of instance.registers.entries()) {
    const mask = masks?.registers[n] ?? 0n;
    const known = value & ~mask;
    runner.put(n, half(known >> 32n), half(known), half(mask >> 32n), half(mask));
  }
  if (masks !== undefined)
    for (let i = 0; i < DATA_BYTES; i++) {
      const mask = masks.memory[i] ?? 0;
      if (mask !== 0) runner.mem.store(1, -1, DATA + i, (MEMORY[i] ?? 0) & ~mask, 0, mask, 0);
    }
  runner.lo = instance.flags & ~(masks?.flags ?? 0);
  runner.ulo = masks?.flags ?? 0;
  runner.storeFlags();
  let stop: Outcome["stop"] = "none";
  try {
    runner.stepAt(at);
  } catch (error) {
    if (!(error instanceof MachineStop)) throw error;
    if (error.kind === "instruction") return undefined;
    stop = error.kind === "divide" ? "divide" : "other";
  }
  runner.loadFlags();
  const { lo: flags, ulo: unknownFlags } = runner;
  const memory = new Uint8Array(DATA_BYTES);
  const unknownMemory = new Uint8Array(DATA_BYTES);
  const view = new DataView(memory.buffer);
  const unknownView = new DataView(unknownMemory.buffer);
  for (let i = 0; i < DATA_BYTES; i += 4) {
    runner.mem.load(4, -1, DATA + i);
    view.setInt32(i, runner.mem.lo, true);
    unknownView.setInt32(i, runner.mem.ulo, true);
  }
  return {
    stop,
    rip: runner.rip,
    registers: instance.registers.map((_value, n) => whole(runner.r[2 * n + 1] ?? 0, runner.r[2 * n] ?? 0)),
    unknown: instance.registers.map((_value, n) => whole(runner.u[2 * n + 1] ?? 0, runner.u[2 * n] ?? 0)),
    flags,
    unknownFlags,
    memory,
    unknownMemory,
  };
}

function half(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

function whole(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
