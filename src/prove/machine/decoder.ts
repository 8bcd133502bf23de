import type { Instruction } from "iced-x86";
import type { Op } from "./op.js";
import { type Access, type Operand, registerOperand } from "./operands.js";
import { ARITHMETIC } from "./ops-alu.js";
import { FLOW } from "./ops-flow.js";
import { MOVES } from "./ops-move.js";
import { MULTIPLICATION } from "./ops-multiply.js";
import { SHIFTS } from "./ops-shift.js";
import { STRINGS } from "./ops-string.js";
import { SYSTEM } from "./ops-system.js";

/** The library that decodes; a WebAssembly module of its own, loaded when it is needed first. */
export type Iced = typeof import("iced-x86");

/** Makes what an instruction does of the decoded instruction; undefined for a form that is not supported. */
export type Lower = (decoder: Decoder, instruction: Instruction, place: Place) => Access | undefined;

/** Rows by the library's name of the mnemonic. */
export type LowerTable = { readonly [mnemonic: string]: Lower };

export interface Place {
  readonly at: number;
  readonly next: number;
}

/** Every instruction that the interpreter knows, by mnemonic. */
export const INSTRUCTIONS: LowerTable = {
  ...MOVES,
  ...ARITHMETIC,
  ...MULTIPLICATION,
  ...SHIFTS,
  ...FLOW,
  ...STRINGS,
  ...SYSTEM,
};

/** A general register by the library's number: number in the encoding, bytes, and whether it is AH, CH, DH or BH. */
interface RegisterPlace {
  readonly number: number;
  readonly size: number;
  readonly high: boolean;
}

/** How code goes on after an instruction. */
export type Flow = "next" | "jump" | "branch" | "call" | "end";

/** A decoded instruction as a graph of code needs it. */
export interface Step {
  readonly at: number;
  readonly next: number;
  readonly flow: Flow;
  /** Target of a near jump or branch. */
  readonly target?: number;
}

/** What decodes: tables of the library's names, made once, and the library itself. */
export interface Decoder {
  readonly iced: Iced;
  readonly registers: ReadonlyMap<number, RegisterPlace>;
  /** Decodes instructions from `bytes`, which begin at `at`, until control leaves or `bytes` ends. */
  run(bytes: Uint8Array, at: number): Op[];
  /** The same as steps of a graph. */
  steps(bytes: Uint8Array, at: number): Step[];
  /** The instructions in `bytes` as text in Intel's syntax, at most `most` of them. */
  text(bytes: Uint8Array, at: number, most: number): { readonly at: number; readonly text: string }[];
  nearTarget(instruction: Instruction): number | undefined;
  memorySize(instruction: Instruction): number;
  /** By how much an instruction moves the stack pointer, as far as its form says. */
  stackMove(instruction: Instruction): number;
  shortAddress(instruction: Instruction): boolean;
  controlName(register: number): string | undefined;
  accumulator(size: number): Operand;
  dataRegister(size: number): Operand;
  /** AH, where byte products and quotients have their other half. */
  highAccumulator(): Operand;
}

/** The last 4 GiB of the address space, where all code is. */
const HIGH = 0xffff_ffff_0000_0000n;

let loaded: Promise<Decoder> | undefined;

/**
 * Loads the decoder; the second call returns the first one's.
 *
 * @param load where the library comes from, for callers that have a faster way to it than `import`, or hold it themselves.
 */
export function loadDecoder(load: () => Iced | Promise<Iced> = importIced): Promise<Decoder> {
  loaded ??= Promise.resolve(load()).then(makeDecoder);
  return loaded;
}

async function importIced(): Promise<Iced> {
  const module = await import("iced-x86");
  return "Decoder" in module ? module : (module as { default: Iced }).default;
}

function makeDecoder(iced: Iced): Decoder {
  const registers = new Map<number, RegisterPlace>();
  const names = iced.Register as unknown as { readonly [name: string]: number };
  const low = ["AL", "CL", "DL", "BL", "SPL", "BPL", "SIL", "DIL"];
  const words = ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"];
  const place = (name: string, number: number, size: number, high = false) => {
    const register = names[name];
    if (register !== undefined) registers.set(register, { number, size, high });
  };
  for (let n = 0; n < 8; n++) {
    place(low[n] ?? "", n, 1);
    place(words[n] ?? "", n, 2);
    place(`E${words[n]}`, n, 4);
    place(`R${words[n]}`, n, 8);
  }
  for (const [n, name] of ["AH", "CH", "DH", "BH"].entries()) place(name, n, 1, true);
  for (let n = 8; n < 16; n++) {
    place(`R${n}L`, n, 1);
    place(`R${n}W`, n, 2);
    place(`R${n}D`, n, 4);
    place(`R${n}`, n, 8);
  }
  const controls = new Map<number, string>();
  for (let n = 0; n < 16; n++) {
    controls.set(names[`CR${n}`] ?? -1, `cr${n}`);
    controls.set(names[`DR${n}`] ?? -1, `dr${n}`);
  }
  for (const name of ["CS", "DS", "ES", "FS", "GS", "SS"]) controls.set(names[name] ?? -1, name.toLowerCase());
  controls.delete(-1);
  const mnemonics = iced.Mnemonic as unknown as { readonly [name: string]: number };
  const lowerings: (Lower | undefined)[] = [];
  for (const [name, lower] of Object.entries(INSTRUCTIONS)) {
    const mnemonic = mnemonics[name];
    if (mnemonic !== undefined) lowerings[mnemonic] = lower;
  }
  const sizes = new Map<number, number>();
  const instruction = new iced.Instruction();

  const operand = (name: string): Operand => {
    const found = registerOperand(decoder, names[name] ?? -1);
    if (found === undefined) throw new RangeError(`no register ${name}`);
    return found;
  };
  const bySize = (size: number, ...each: readonly string[]): Operand => operand(each[Math.log2(size)] ?? "");
  const flowOf = (): Flow => {
    const { FlowControl } = iced;
    switch (instruction.flowControl) {
      case FlowControl.UnconditionalBranch:
        return "jump";
      case FlowControl.ConditionalBranch:
        return "branch";
      case FlowControl.Call:
      case FlowControl.IndirectCall:
        return "call";
      case FlowControl.Return:
      case FlowControl.IndirectBranch:
        return "end";
      default:
        return "next";
    }
  };
  /** Visits instructions until `visit` returns false, or one is cut off or invalid. */
  const walk = (bytes: Uint8Array, at: number, visit: (place: Place) => boolean): void => {
    const reader = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
    reader.ip = HIGH | BigInt(at);
    try {
      let here = at;
      while (reader.canDecode) {
        reader.decodeOut(instruction);
        if (instruction.isInvalid) return;
        const next = here + instruction.length;
        if (!visit({ at: here, next })) return;
        here = next;
      }
    } finally {
      reader.free();
    }
  };

  const decoder: Decoder = {
    iced,
    registers,
    run(bytes, at) {
      const ops: Op[] = [];
      walk(bytes, at, (place) => {
        const run = lowerings[instruction.mnemonic]?.(decoder, instruction, place);
        if (run === undefined) return false;
        ops.push({ ...place, run });
        const flow = flowOf();
        return flow === "next" || flow === "branch" || flow === "call";
      });
      return ops;
    },
    steps(bytes, at) {
      const steps: Step[] = [];
      walk(bytes, at, (place) => {
        const flow = flowOf();
        const target = decoder.nearTarget(instruction);
        steps.push({ ...place, flow, ...(target === undefined || flow === "call" ? {} : { target }) });
        return flow !== "jump" && flow !== "end";
      });
      return steps;
    },
    text(bytes, at, most) {
      const lines: { at: number; text: string }[] = [];
      const formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
      formatter.hexPrefix = "0x";
      formatter.hexSuffix = "";
      formatter.spaceAfterOperandSeparator = true;
      walk(bytes, at, (place) => {
        lines.push({ at: place.at, text: formatter.format(instruction) });
        return lines.length < most;
      });
      formatter.free();
      return lines;
    },
    nearTarget(i) {
      return i.op0Kind === iced.OpKind.NearBranch64 ? Number(BigInt.asUintN(32, i.nearBranchTarget)) : undefined;
    },
    memorySize(i) {
      const kind = i.memorySize;
      let size = sizes.get(kind);
      if (size === undefined) {
        size = iced.MemorySizeExt.size(kind);
        sizes.set(kind, size);
      }
      return size;
    },
    stackMove: (i) => i.stackPointerIncrement,
    shortAddress: (i) => {
      const base = registers.get(i.op0Kind === iced.OpKind.Memory ? i.memoryBase : -1);
      if (base !== undefined) return base.size === 4;
      const { OpKind } = iced;
      const short: readonly number[] = [
        OpKind.MemorySegESI,
        OpKind.MemorySegEDI,
        OpKind.MemoryESEDI,
        OpKind.MemorySegSI,
        OpKind.MemorySegDI,
        OpKind.MemoryESDI,
      ];
      return short.includes(i.op0Kind) || short.includes(i.op1Kind);
    },
    controlName: (register) => controls.get(register),
    accumulator: (size) => bySize(size, "AL", "AX", "EAX", "RAX"),
    dataRegister: (size) => bySize(size, "DL", "DX", "EDX", "RDX"),
    highAccumulator: () => operand("AH"),
  };
  return decoder;
}
