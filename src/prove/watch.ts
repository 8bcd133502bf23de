import { numberText } from "./compare-run.js";
import type { KernelImage } from "./kernel/image.js";
import { layoutOf } from "./kernel/layouts.js";
import type { Started } from "./kernel/start.js";
import type { Memory } from "./machine/memory.js";
import type { Machine, Op } from "./machine/op.js";
import { addressText } from "./machine/stop.js";

/*
 * A run to look at, instruction by instruction: what each did to registers and memory.
 */

/** A register or a place in memory before and after an instruction. */
export interface Change {
  /** `rax`, or where it lies: `vmcs_config.pin_based_exec_ctrl`, `enable_pml`, an address. */
  readonly place: string;
  /** Hexadecimal; `?` is a digit that holds unknown bits. */
  readonly before: string;
  readonly after: string;
  /** Numbers of the bits that changed, or became known or unknown. */
  readonly bits: readonly number[];
}

export interface WatchedStep {
  readonly index: number;
  /** The module, or `kernel` for a function that is answered. */
  readonly module: string;
  readonly function: string;
  readonly offset: number;
  /** The instruction in Intel's syntax, or the name of the function that is answered. */
  readonly text: string;
  readonly changes: readonly Change[];
  /** It is a branch on unread bits, or calls back: what follows happens inside it. */
  readonly holdsOthers: boolean;
}

/** A function with the step that enters it first, and how many of its instructions were run. */
export interface WatchedFunction {
  readonly module: string;
  readonly name: string;
  readonly first: number;
  readonly steps: number;
}

export interface Watched {
  /** Steps; a run that is longer than `MOST_STEPS` is kept up to there. */
  readonly length: number;
  step(index: number): WatchedStep | undefined;
  /** In the order in which they are entered. */
  readonly functions: readonly WatchedFunction[];
  /** The next step after (or, for -1, before) one that changes a result: a field of what KVM keeps. */
  nextResult(from: number, direction: 1 | -1): number | undefined;
}

const MOST_STEPS = 400_000;
const NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

type Quad = readonly [lo: number, hi: number, ulo: number, uhi: number];

interface Raw {
  /** Number of a register; in memory, its address. */
  readonly register: number;
  readonly hi: number;
  readonly lo: number;
  readonly before: Quad;
  readonly after: Quad;
}

/** Records the run of a machine from here on; `finish` gives what was seen. */
export function watch({ runner }: Started, image: KernelImage): () => Watched {
  const ats: number[] = [];
  const changes: (readonly Raw[] | undefined)[] = [];
  const registers = new Int32Array(64);
  let writes: { readonly hi: number; readonly lo: number; readonly size: number; readonly before: Quad }[] = [];
  const open: number[] = [];
  runner.watcher = {
    step(op: Op, m: Machine) {
      open.push(ats.length);
      if (ats.length >= MOST_STEPS) return;
      ats.push(op.at);
      registers.set(m.r);
      registers.set(m.u, 32);
      writes = [];
    },
    done(_op: Op, m: Machine) {
      const step = open.pop() as number;
      // Others came in between, or nothing more is kept.
      if (step !== ats.length - 1) return;
      const found: Raw[] = [];
      for (let n = 0; n < NAMES.length; n++) {
        const before: Quad = quad(registers, 2 * n, 32 + 2 * n);
        const after: Quad = [m.r[2 * n] ?? 0, m.r[2 * n + 1] ?? 0, m.u[2 * n] ?? 0, m.u[2 * n + 1] ?? 0];
        if (before.some((half, i) => half !== after[i])) found.push({ register: n, hi: 0, lo: 0, before, after });
      }
      for (const { hi, lo, size, before } of writes)
        found.push({ register: -1, hi, lo, before, after: peek(m.mem, size, hi, lo) });
      if (found.length > 0) changes[step] = found;
      else changes[step] = [];
    },
    branch() {},
  };
  runner.mem.written = (hi, lo, size) => {
    writes.push({ hi, lo, size, before: peek(runner.mem, size, hi, lo) });
  };
  return () => watched(image, ats, changes);
}

function quad(all: Int32Array, value: number, unknown: number): Quad {
  return [all[value] ?? 0, all[value + 1] ?? 0, all[unknown] ?? 0, all[unknown + 1] ?? 0];
}

/** Reads memory without leaving a trace in what the memory read last. */
function peek(mem: Memory, size: number, hi: number, lo: number): Quad {
  const kept: Quad = [mem.lo, mem.hi, mem.ulo, mem.uhi];
  mem.load(size, hi, lo);
  const found: Quad = [mem.lo, mem.hi, mem.ulo, mem.uhi];
  [mem.lo, mem.hi, mem.ulo, mem.uhi] = kept;
  return found;
}

function watched(
  image: KernelImage,
  ats: readonly number[],
  changes: readonly (readonly Raw[] | undefined)[],
): Watched {
  const { code, linked } = image;
  const fields = resultFields(image);
  const place = ({ register, hi, lo }: Raw): string => {
    if (register >= 0) return NAMES[register] ?? "";
    const field = hi === -1 ? fields.get(lo >>> 0) : undefined;
    const name = hi === -1 ? image.nameOf(lo >>> 0) : undefined;
    if (field !== undefined) return field;
    return name === undefined
      ? addressText(hi, lo)
      : name.offset === 0
        ? name.name
        : `${name.name}+0x${name.offset.toString(16)}`;
  };
  const holder = (at: number): { readonly module: string; readonly name: string; readonly offset: number } =>
    image.nameOf(at) ?? { module: "kernel", name: linked.importAt(at)?.name ?? "pv_ops", offset: 0 };
  const functions = new Map<string, { module: string; name: string; first: number; steps: number }>();
  for (const [index, at] of ats.entries()) {
    const { module, name } = holder(at);
    const key = `${module} ${name}`;
    const known = functions.get(key);
    if (known === undefined) functions.set(key, { module, name, first: index, steps: 1 });
    else known.steps++;
  }
  const isResult = (index: number): boolean =>
    changes[index]?.some(
      (raw) => raw.register < 0 && raw.hi === -1 && fields.has(raw.lo >>> 0) && bitsOf(raw).length > 0,
    ) === true;
  return {
    length: ats.length,
    functions: [...functions.values()],
    step(index) {
      const at = ats[index];
      if (at === undefined) return undefined;
      const { module, name, offset } = holder(at);
      const found = changes[index];
      return {
        index,
        module,
        function: name,
        offset,
        text: code.decoder.text(code.bytesAt(at, 16), at, 1)[0]?.text ?? name,
        changes: (found ?? [])
          .map((raw) => ({ place: place(raw), before: text(raw.before), after: text(raw.after), bits: bitsOf(raw) }))
          .filter(({ bits }) => bits.length > 0),
        holdsOthers: found === undefined,
      };
    },
    nextResult(from, direction) {
      for (let index = from + direction; index >= 0 && index < ats.length; index += direction)
        if (isResult(index)) return index;
      return undefined;
    },
  };
}

/** Names of the fields of what KVM keeps, by the low half of their addresses. */
function resultFields({ linked, moduleTypes }: KernelImage): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const module = linked.modules[linked.modules.length - 1];
  if (module === undefined) return found;
  const types = moduleTypes.get(module.name);
  for (const variable of ["vmcs_config", "vmx_capability"] as const)
    for (const part of [undefined, "nested"] as const) {
      const address = module.address(variable);
      if (address === undefined || (part === "nested" && variable !== "vmcs_config")) continue;
      for (const { name, offset } of layoutOf(module, types, variable, part) ?? [])
        found.set(Number(address & 0xffff_ffffn) + offset, `${part === undefined ? variable : part}.${name}`);
    }
  return found;
}

function text([lo, hi, ulo, uhi]: Quad): string {
  return numberText({ value: wide(hi, lo), unknown: wide(uhi, ulo) });
}

function wide(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function bitsOf({ before, after }: Raw): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 64; bit++) {
    const half = bit >> 5;
    const changed = ((before[half] ?? 0) ^ (after[half] ?? 0)) | ((before[half + 2] ?? 0) ^ (after[half + 2] ?? 0));
    if ((changed >>> (bit & 31)) & 1) bits.push(bit);
  }
  return bits;
}
