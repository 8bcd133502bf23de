import type { Machine } from "../machine/op.js";

/** A message of the kernel: its level (0 to 7) and text; unread bits show as `?`. */
export interface Printed {
  readonly level: number;
  readonly text: string;
}

/** Level of a message that names none (CONFIG_MESSAGE_LOGLEVEL_DEFAULT). */
const DEFAULT_LEVEL = 4;
const LONGEST = 1024;

/** Reads a text that ends in a zero byte; `?` for bytes that are not known. */
export function readText(m: Machine, hi: number, lo: number): string {
  let text = "";
  for (let i = 0; i < LONGEST; i++) {
    m.mem.load(1, hi, (lo + i) | 0);
    if (m.mem.ulo !== 0) {
      text += "?";
      continue;
    }
    if (m.mem.lo === 0) break;
    text += String.fromCharCode(m.mem.lo);
  }
  return text;
}

/** Arguments of a function with a variable number of them, in order: registers from `first` on, then the stack. */
export function variableArguments(m: Machine, first: number): () => Argument {
  const registers = [7, 6, 2, 1, 8, 9];
  let next = first;
  let stack = 0;
  return () => {
    const register = registers[next++];
    if (register !== undefined) {
      const i = 2 * register;
      return {
        lo: m.r[i] ?? 0,
        hi: m.r[i + 1] ?? 0,
        unknown: ((m.u[i] ?? 0) | (m.u[i + 1] ?? 0)) !== 0,
        ulo: m.u[i] ?? 0,
      };
    }
    stack += 8;
    // The return address lies on top.
    m.mem.load(8, m.r[9] ?? 0, ((m.r[8] ?? 0) + stack) | 0);
    return { lo: m.mem.lo, hi: m.mem.hi, unknown: (m.mem.ulo | m.mem.uhi) !== 0, ulo: m.mem.ulo };
  };
}

interface Argument {
  readonly lo: number;
  readonly hi: number;
  readonly unknown: boolean;
  readonly ulo: number;
}

/** Formats as the kernel does, as far as its messages about VMX need: `%s`, `%c` and numbers of all sizes. */
export function format(m: Machine, pattern: string, next: () => Argument): string {
  return pattern.replace(
    /%(%|([-+ #0]{0,5})(\*|\d{1,3})?(?:\.(\*|\d{1,3}))?(hh|h|ll|l|z|t)?([a-zA-Z]))/g,
    (
      _whole,
      all: string,
      flags: string,
      width: string | undefined,
      precision: string | undefined,
      length: string | undefined,
      kind: string,
    ) => {
      if (all === "%") return "%";
      const wide = width === "*" ? String(next().lo) : width;
      if (precision === "*") next();
      const value = next();
      return pad(one(m, value, flags, length, kind), flags, Number(wide ?? 0));
    },
  );
}

function one(m: Machine, value: Argument, flags: string, length: string | undefined, kind: string): string {
  const long = length === "l" || length === "ll" || length === "z" || length === "t" || kind === "p";
  if (kind === "s") return value.unknown ? "?" : readText(m, value.hi, value.lo);
  if (long ? value.unknown : value.ulo !== 0) return "?";
  const number = long ? (BigInt(value.hi) << 32n) | BigInt(value.lo >>> 0) : BigInt(value.lo);
  const bits = long ? 64 : length === "hh" ? 8 : length === "h" ? 16 : 32;
  switch (kind) {
    case "c":
      return String.fromCharCode(value.lo & 0xff);
    case "d":
    case "i":
      return BigInt.asIntN(bits, number).toString();
    case "u":
      return BigInt.asUintN(bits, number).toString();
    case "x":
    case "X": {
      const text = BigInt.asUintN(bits, number).toString(16);
      return (flags.includes("#") ? "0x" : "") + (kind === "X" ? text.toUpperCase() : text);
    }
    default:
      return "?";
  }
}

function pad(text: string, flags: string, width: number): string {
  if (flags.includes("-")) return text.padEnd(width);
  return text.padStart(width, flags.includes("0") ? "0" : " ");
}

/** The text of `_printk(pattern, …)` with its level. */
export function printed(m: Machine): Printed {
  const pattern = readText(m, m.r[15] ?? 0, m.r[14] ?? 0);
  const level = pattern.charCodeAt(0) === 1 ? /^.([0-7c])/s.exec(pattern) : null;
  const text = format(m, level === null ? pattern : pattern.slice(2), variableArguments(m, 1)).replace(/\n$/, "");
  return { level: level === null || level[1] === "c" ? DEFAULT_LEVEL : Number(level[1]), text };
}
