import type { Override } from "../machine/code.js";
import type { Machine } from "../machine/op.js";
import type { KernelTypes } from "./types.js";

/*
 * Tables beside the kernel's code that say what happens at an address of it: jumps that depend on a key, warnings, and
 * faults that have a handler. They have tens of thousands of rows and a run meets a few of them, so rows are read when
 * they are asked for.
 */

/** The bytes of a table and the address (low half) that they lie at: entries are relative to their own. */
export interface TableBytes {
  readonly view: DataView;
  readonly address: number;
}

/** The row of a table for an address (low half) of code. */
export interface Rows<Row> {
  get(at: number): Row | undefined;
}

export interface Bug {
  readonly warning: boolean;
  readonly once: boolean;
}

export interface ExceptionRow {
  readonly fixup: number;
  /** The instruction is a read of an MSR. */
  readonly reads: boolean;
  /** The code sees the error itself. */
  readonly safe: boolean;
  /** Register that gets the error. */
  readonly errorRegister?: number;
}

const JUMP_ENTRY = 16;

/** Entries of 16 bytes: code, target and key, each relative to its own address; bit 0 of the key is the default. */
export function jumpLabels(tables: readonly TableBytes[]): Rows<Override> {
  let places: Map<number, readonly [table: TableBytes, offset: number]> | undefined;
  return {
    get(at) {
      if (places === undefined) {
        places = new Map();
        for (const table of tables)
          for (let i = 0; i + JUMP_ENTRY <= table.view.byteLength; i += JUMP_ENTRY)
            places.set((table.address + i + table.view.getInt32(i, true)) >>> 0, [table, i]);
      }
      const place = places.get(at);
      return place === undefined ? undefined : jumpLabel(...place, at);
    },
  };
}

function jumpLabel({ view, address }: TableBytes, i: number, at: number): Override {
  const target = (address + i + 4 + view.getInt32(i + 4, true)) >>> 0;
  const keyWord = view.getBigInt64(i + 8, true) + BigInt(address + i + 8);
  const key = Number(BigInt.asIntN(32, keyWord & ~3n));
  const byDefault = Number(keyWord & 1n);
  return (m) => {
    m.mem.load(4, -1, key);
    if (m.mem.ulo !== 0) m.branch(2, at, target);
    else if ((m.mem.lo > 0 ? 1 : 0) !== byDefault) m.branch(1, at, target);
  };
}

/** What the trampoline of a static call does whose key lies at an address (low half): nothing where the key is zero. */
export function staticCall(key: number): (m: Machine) => void {
  return (m) => {
    m.mem.load(8, -1, key);
    if ((m.mem.lo | m.mem.hi | m.mem.ulo | m.mem.uhi) === 0) {
      m.ret();
      return;
    }
    m.take();
    m.jumpTo(m.codeAddress());
  };
}

const BUGFLAG_WARNING = 1;
const BUGFLAG_ONCE = 2;

/** Warnings and bugs, by the address of their instruction. */
export function bugRows(tables: readonly TableBytes[], { bug }: KernelTypes): Rows<Bug> {
  return {
    get(at) {
      if (bug === undefined) return undefined;
      for (const { view, address } of tables)
        for (let i = 0; i + bug.size <= view.byteLength; i += bug.size) {
          const place = i + bug.address.offset;
          if ((address + place + view.getInt32(place, true)) >>> 0 !== at) continue;
          const flags = view.getUint16(i + bug.flags.offset, true);
          return { warning: (flags & BUGFLAG_WARNING) !== 0, once: (flags & BUGFLAG_ONCE) !== 0 };
        }
      return undefined;
    },
  };
}

/** Kinds of entries of `__ex_table` (`EX_TYPE_*` in asm/extable_fixup_types.h, 5.16 and later). */
const EX_RDMSR = 9;
const EX_RDMSR_SAFE = 11;
const EX_WRMSR_SAFE = 10;

const EXCEPTION_ENTRY = 12;

/**
 * Entries of 12 bytes: instruction and fixup, each relative to its own address, and what is done: a kind, or before 5.16
 * the function that handles the fault.
 *
 * @param handlerAt the name of a function by the low half of its address.
 */
export function exceptionRows(
  tables: readonly TableBytes[],
  { faultHandlers }: KernelTypes,
  handlerAt: (lo: number) => string | undefined,
): Rows<ExceptionRow> {
  return {
    get(at) {
      for (const { view, address } of tables)
        for (let i = 0; i + EXCEPTION_ENTRY <= view.byteLength; i += EXCEPTION_ENTRY) {
          if ((address + i + view.getInt32(i, true)) >>> 0 !== at) continue;
          const fixup = (address + i + 4 + view.getInt32(i + 4, true)) >>> 0;
          const what = view.getInt32(i + 8, true);
          return faultHandlers ? byHandler(fixup, handlerAt((address + i + 8 + what) >>> 0)) : byKind(fixup, what);
        }
      return undefined;
    },
  };
}

function byKind(fixup: number, what: number): ExceptionRow {
  const kind = what & 0xff;
  const safe = kind === EX_RDMSR_SAFE || kind === EX_WRMSR_SAFE;
  return {
    fixup,
    reads: kind === EX_RDMSR || kind === EX_RDMSR_SAFE,
    safe,
    ...(safe ? { errorRegister: (what >>> 8) & 15 } : {}),
  };
}

/** The code at the fixup sets the error itself, but where the handler is that of a read or write without one. */
function byHandler(fixup: number, handler: string | undefined): ExceptionRow {
  return { fixup, reads: handler === "ex_handler_rdmsr_unsafe", safe: handler === "ex_handler_default" };
}
