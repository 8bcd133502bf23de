import { REG } from "../machine/cpu.js";
import type { Machine } from "../machine/op.js";
import { MachineStop } from "../machine/stop.js";
import { allocate, allocatePerCpu, pageDescriptor } from "./heap.js";
import type { Answer } from "./imports.js";
import type { KernelSide } from "./kernel-side.js";
import { format, printed, readText, variableArguments } from "./printk.js";

/*
 * What calls of the kernel's functions do. An answer sets the result; the caller goes back. Arguments are in RDI, RSI,
 * RDX, RCX, R8, R9, as the C compiler passes them.
 */

type Does = (m: Machine, kernel: KernelSide, name: string) => void;

const GFP_ZERO = 0x100;
/** Flags of an entry of `__bug_table` (`BUGFLAG_*` in linux/bug.h): warned once, and done so. */
const BUGFLAG_ONCE = 2;
const BUGFLAG_DONE = 4;
const CPUS = 1;

/** The low half of an argument that has to be known. */
function known(m: Machine, register: number, what: string): number {
  if (((m.u[2 * register] ?? 0) | (m.u[2 * register + 1] ?? 0)) !== 0)
    throw new MachineStop("unknown-address", `${what} depends on unknown bits`);
  return m.r[2 * register] ?? 0;
}

function high(m: Machine, register: number): number {
  return m.r[2 * register + 1] ?? 0;
}

function result(m: Machine, lo: number, hi = 0): void {
  m.set(REG.rax, hi, lo);
}

function unknownResult(m: Machine): void {
  m.put(REG.rax, 0, 0, -1, -1);
}

function give(m: Machine, memory: readonly [number, number] | undefined): void {
  if (memory === undefined) throw new MachineStop("memory", "the kernel was asked for more memory than there is");
  result(m, memory[1], memory[0]);
}

function moreThan(bytes: number): boolean {
  return bytes < 0 || bytes > 0x100_0000;
}

/** A length of bytes to work on. */
function length(m: Machine, register: number): number {
  const bytes = known(m, register, "a length");
  if (high(m, register) !== 0 || moreThan(bytes)) throw new MachineStop("memory", `a length of ${bytes >>> 0} bytes`);
  return bytes;
}

function copy(m: Machine): void {
  const bytes = length(m, REG.rdx);
  const [toLo, toHi] = [known(m, REG.rdi, "a pointer"), high(m, REG.rdi)];
  const [fromLo, fromHi] = [known(m, REG.rsi, "a pointer"), high(m, REG.rsi)];
  m.count(bytes >>> 2);
  const backward = toLo >>> 0 > fromLo >>> 0;
  for (let i = 0; i < bytes; i++) {
    const at = backward ? bytes - 1 - i : i;
    m.mem.load(1, fromHi, (fromLo + at) | 0);
    m.mem.store(1, toHi, (toLo + at) | 0, m.mem.lo, 0, m.mem.ulo, 0);
  }
  result(m, toLo, toHi);
}

/** The number of the first set bit from `from` on, or `size`; undefined where an unknown bit comes first. */
function findBit(m: Machine, size: number, from: number, pointer: number = REG.rdi): number | undefined {
  const lo = known(m, pointer, "a pointer");
  const hi = high(m, pointer);
  for (let bit = from; bit < size; bit++) {
    m.mem.load(1, hi, (lo + (bit >> 3)) | 0);
    if ((m.mem.ulo >> (bit & 7)) & 1) return undefined;
    if ((m.mem.lo >> (bit & 7)) & 1) return bit;
  }
  return size;
}

function giveBit(m: Machine, bit: number | undefined): void {
  if (bit === undefined) unknownResult(m);
  else result(m, bit);
}

function keyBy(change: (value: number) => number): Does {
  return (m) => {
    const lo = known(m, REG.rdi, "a static key");
    const hi = high(m, REG.rdi);
    m.mem.load(4, hi, lo);
    m.mem.store(4, hi, lo, change(m.mem.lo), 0, m.mem.ulo, 0);
    result(m, 0);
  };
}

const REGISTERS = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
];

export const ANSWERS: { readonly [A in Answer]: Does } = {
  zero: (m) => result(m, 0),
  one: (m) => result(m, 1),
  nothing: () => {},
  memory: (m, { heap }) => {
    const zeroed = ((m.r[2 * REG.rsi] ?? 0) & GFP_ZERO) !== 0 && ((m.u[2 * REG.rsi] ?? 0) & GFP_ZERO) === 0;
    give(m, allocate(heap, zeroed));
  },
  "zeroed memory": (m, { heap }) => give(m, allocate(heap, true)),
  page: (m, { heap }) => {
    const memory = allocate(heap, true, 4096);
    give(m, memory === undefined ? undefined : pageDescriptor(memory[1]));
  },
  "page address": (m, { heap }) => give(m, allocate(heap, true, 4096)),
  "per-CPU memory": (m, { heap }) => {
    const at = allocatePerCpu(heap, length(m, REG.rdi));
    give(m, at === undefined ? undefined : [0, at]);
  },
  memset: (m) => {
    const bytes = length(m, REG.rdx);
    const lo = known(m, REG.rdi, "a pointer");
    const hi = high(m, REG.rdi);
    const value = m.r[2 * REG.rsi] ?? 0;
    const mask = m.u[2 * REG.rsi] ?? 0;
    m.count(bytes >>> 2);
    for (let i = 0; i < bytes; i++) m.mem.store(1, hi, (lo + i) | 0, value, 0, mask, 0);
    result(m, lo, hi);
  },
  memcpy: copy,
  memcmp: (m) => {
    const bytes = length(m, REG.rdx);
    const [a, b] = [known(m, REG.rdi, "a pointer"), known(m, REG.rsi, "a pointer")];
    for (let i = 0; i < bytes; i++) {
      m.mem.load(1, high(m, REG.rdi), (a + i) | 0);
      const { lo, ulo } = m.mem;
      m.mem.load(1, high(m, REG.rsi), (b + i) | 0);
      if ((ulo | m.mem.ulo) !== 0) {
        unknownResult(m);
        return;
      }
      if (lo === m.mem.lo) continue;
      result(m, lo - m.mem.lo, lo < m.mem.lo ? -1 : 0);
      return;
    }
    result(m, 0);
  },
  strlen: (m) => result(m, readText(m, high(m, REG.rdi), known(m, REG.rdi, "a pointer")).length),
  "find first bit": (m) => giveBit(m, findBit(m, length(m, REG.rsi), 0)),
  "find next bit": (m) => giveBit(m, findBit(m, length(m, REG.rsi), length(m, REG.rdx))),
  "find last bit": (m) => {
    const size = length(m, REG.rsi);
    let last: number | undefined = size;
    for (let bit = findBit(m, size, 0); bit !== size; bit = bit === undefined ? size : findBit(m, size, bit + 1))
      last = bit;
    giveBit(m, last);
  },
  // The number before the first one is -1.
  "next CPU": (m) => giveBit(m, findBit(m, CPUS, known(m, REG.rdi, "the number of a CPU") + 1, REG.rsi)),
  "set bits": (m) => {
    const lo = known(m, REG.rdi, "a pointer");
    const hi = high(m, REG.rdi);
    const from = length(m, REG.rsi);
    for (let bit = from; bit < from + length(m, REG.rdx); bit++) {
      m.mem.load(1, hi, (lo + (bit >> 3)) | 0);
      const one = 1 << (bit & 7);
      m.mem.store(1, hi, (lo + (bit >> 3)) | 0, m.mem.lo | one, 0, m.mem.ulo & ~one, 0);
    }
  },
  "or bits": (m) => {
    const [to, a, b] = [known(m, REG.rdi, "a pointer"), known(m, REG.rsi, "a pointer"), known(m, REG.rdx, "a pointer")];
    const words = (length(m, REG.rcx) + 63) >> 6;
    for (let i = 0; i < 8 * words; i++) {
      m.mem.load(1, high(m, REG.rsi), (a + i) | 0);
      const { lo, ulo } = m.mem;
      m.mem.load(1, high(m, REG.rdx), (b + i) | 0);
      const ones = lo | m.mem.lo;
      m.mem.store(1, high(m, REG.rdi), (to + i) | 0, ones, 0, (ulo | m.mem.ulo) & ~ones, 0);
    }
  },
  popcount: (m, _kernel, name) => {
    const wide = name.endsWith("64");
    const i = 2 * REG.rdi;
    if (((m.u[i] ?? 0) | (wide ? (m.u[i + 1] ?? 0) : 0)) !== 0) return unknownResult(m);
    let number = 0;
    for (const half of wide ? [m.r[i] ?? 0, m.r[i + 1] ?? 0] : [m.r[i] ?? 0])
      for (let bit = 0; bit < 32; bit++) number += (half >>> bit) & 1;
    result(m, number);
  },
  printk: (m, kernel) => {
    kernel.log.messages.push({ ...printed(m), certain: kernel.certain() });
    result(m, 0);
  },
  "warn text": (m, kernel) => {
    const pattern = readText(m, high(m, REG.rdi), known(m, REG.rdi, "a pointer"));
    kernel.warnText = format(m, pattern, variableArguments(m, 1)).replace(/\n$/, "");
  },
  "warn entry": (m, kernel) => {
    const { bug } = kernel.image.types;
    if (bug?.format === undefined)
      return kernel.report("__SCT__WARN_trap", "warns by an entry that the types do not have");
    const entry = known(m, REG.rdi, "the entry of a warning");
    m.mem.load(bug.flags.size, high(m, REG.rdi), (entry + bug.flags.offset) | 0);
    const flags = m.mem.lo;
    if ((flags & BUGFLAG_DONE) !== 0) return;
    const once = (flags & BUGFLAG_ONCE) !== 0;
    if (once) m.mem.store(bug.flags.size, -1, (entry + bug.flags.offset) | 0, flags | BUGFLAG_DONE, 0, 0, 0);
    const place = (entry + bug.format.offset) | 0;
    m.mem.load(4, high(m, REG.rdi), place);
    const pattern = readText(m, high(m, REG.rdi), (place + m.mem.lo) | 0);
    const text = format(m, pattern, variableArguments(m, 1)).replace(/\n$/, "");
    // The return address lies on top of the stack; the call is before it.
    m.mem.load(8, m.r[2 * REG.rsp + 1] ?? 0, m.r[2 * REG.rsp] ?? 0);
    const holder = kernel.image.nameOf((m.mem.lo >>> 0) - 1)?.name ?? "";
    kernel.log.warnings.push({ function: holder, once, text, certain: kernel.certain() });
  },
  "jump register": () => {
    throw new RangeError("jumps are made where calls are answered");
  },
  "call back": (m, kernel) => {
    kernel.call(m, REG.rsi, REG.rdx);
    result(m, 0);
  },
  "call back many": (m, kernel) => {
    kernel.call(m, REG.rsi, REG.rdx);
    result(m, 0);
  },
  "key on": keyBy(() => 1),
  "key off": keyBy(() => 0),
  "key up": keyBy((value) => value + 1),
  "key down": keyBy((value) => value - 1),
  "static call update": (m) => {
    m.load64(REG.rdx);
    const { lo, hi, ulo, uhi } = m;
    m.mem.store(8, high(m, REG.rdi), known(m, REG.rdi, "a static call"), lo, hi, ulo, uhi);
  },
  "parse bool": (m) => {
    const text = readText(m, high(m, REG.rdi), known(m, REG.rdi, "a pointer"));
    const value = kernelBool(text);
    if (value === undefined) return result(m, -22, -1);
    m.mem.store(1, high(m, REG.rsi), known(m, REG.rsi, "a pointer"), value ? 1 : 0, 0, 0, 0);
    result(m, 0);
  },
  "equal lines": (m) => {
    const a = readText(m, high(m, REG.rdi), known(m, REG.rdi, "a pointer"));
    const b = readText(m, high(m, REG.rsi), known(m, REG.rsi, "a pointer"));
    result(m, a.replace(/\n$/, "") === b.replace(/\n$/, "") ? 1 : 0);
  },
  sort: (m, kernel) => {
    const count = length(m, REG.rsi);
    if (count > 1) kernel.report("sort", "is asked to sort, which vmxlens leaves out");
  },
  "pmu capability": (m, kernel) => kernel.pmuCapability(m, high(m, REG.rdi), known(m, REG.rdi, "a pointer")),
  "interrupt posting": (m, { facts }) => {
    if (facts.irqPosting === undefined) m.put(REG.rax, 0, 0, 0, 1);
    else result(m, facts.irqPosting ? 1 : 0);
  },
  "vendor init": (m, kernel) => kernel.vendorInit(m),
  "vendor caps": () => {},
  time: unknownResult,
  "true when tsc is unstable": (m, { facts }) => {
    if (facts.tscKhz === undefined) m.put(REG.rax, 0, 0, 0, 1);
    else result(m, facts.tscKhz === 0 ? 1 : 0);
  },
};

/** Number of the register that a trampoline jumps to. */
export function thunkRegister(name: string): number {
  return REGISTERS.indexOf(name.replace(/^__x86_indirect_thunk_/, ""));
}

/** A yes or no as the kernel parses parameters. */
export function kernelBool(text: string): boolean | undefined {
  const first = text.slice(0, 1).toLowerCase();
  if (first === "y" || first === "t" || first === "1") return true;
  if (first === "n" || first === "f" || first === "0") return false;
  if (first !== "o") return undefined;
  const second = text.slice(1, 2).toLowerCase();
  return second === "n" ? true : second === "f" ? false : undefined;
}
