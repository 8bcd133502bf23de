import { fromBigInt, parseHexU64, type U64 } from "../../bits/u64.js";
import { word } from "../../bits/word.js";
import { type Msr, msrValue } from "../../host/msr.js";
import { MAX_CPU } from "../text/cpu-ranges.js";

/** What one `rdmsr` on a command line will print. */
export interface RdmsrCall {
  /** Undefined if the command line does not say, as in `rdmsr $m`. */
  readonly index: number | undefined;
  /** The argument as typed. */
  readonly argument: string;
  /** `in-order`: one line for each CPU from 0. `set`: the pipe behind it hides whose value a line is. */
  readonly prints: "one" | "in-order" | "set";
  readonly cpu: number;
  /** `set` of every CPU, or of the one. */
  readonly everyCpu: boolean;
  readonly base: 8 | 10 | 16;
  /** `-f high:low`: only these bits are printed, shifted down. */
  readonly field: { readonly high: number; readonly low: number };
  /** `uniq -c` puts a count before each line. */
  readonly counted: boolean;
  /** Typed at a WinDbg or kd prompt. */
  readonly windbg: boolean;
}

const CALL = /(?:^|[\s;&|(`$#>/'"])rdmsr(?=\s)([^;&|<>`)\n]{0,300})((?:\|(?!\|)[^;&|<>`)\n]{0,200}){0,8})/g;
const WINDBG_PROMPT = /^(?:\d{1,4}: )?l?kd> *rdmsr(?=\s)/;

/** The `rdmsr` calls of a shell or debugger prompt line, in order; empty when the line is none. */
export function rdmsrCalls(line: string): RdmsrCall[] {
  if (!line.includes("rdmsr")) return [];
  const windbg = WINDBG_PROMPT.test(line);
  const calls: RdmsrCall[] = [];
  // What goes to a file is not in the text.
  if (/rdmsr\s[^|;]{0,300}[^2>]>{1,2}\s?[^&>\s]/.test(line.slice(0, 2000))) return [];
  for (const match of line
    .slice(0, 2000)
    .replace(/\s2>{1,2}\s?&?[^\s|;&]{1,100}/g, " ")
    .matchAll(CALL)) {
    const call = parseCall((match[1] as string).trim(), match[2] as string, windbg, OVER_CPUS.test(line));
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

/** A loop over all CPUs from 0. */
const OVER_CPUS = /\bfor \w{1,12} in (?:[$(`]{1,2}seq 0 |[$(]{2}nproc|\{0\.\.\d|0 1\b)/;

function parseCall(argumentText: string, pipe: string, windbg: boolean, loop: boolean): RdmsrCall | undefined {
  let everyCpu = false;
  let cpu = 0;
  let base: RdmsrCall["base"] = 16;
  let field = { high: 63, low: 0 };
  let argument: string | undefined;
  const words = argumentText.split(/\s+/).filter((w) => w !== "");
  for (let i = 0; i < words.length; i++) {
    const text = (words[i] as string).replace(/["']/g, "");
    const long = /^--([a-z-]+)(?:=(.*))?$/.exec(text);
    let options =
      long === null ? (/^-([A-Za-z0-9:]+)$/.exec(text)?.[1] ?? "") : (LONG_OPTIONS[long[1] as string] ?? "");
    if (long === null && options === "") {
      // A comment, or a redirection, ends the command.
      if (text.startsWith("#")) break;
      argument ??= text;
      continue;
    }
    while (options !== "") {
      const option = options[0] as string;
      options = options.slice(1);
      if (option === "a") everyCpu = true;
      else if (option === "d" || option === "u") base = 10;
      else if (option === "o") base = 8;
      else if (option === "x" || option === "X" || option === "c") base = 16;
      else if (option === "r") return undefined;
      else if (option === "p" || option === "f") {
        const given = options !== "" ? options : (long?.[2] ?? words[++i] ?? "");
        options = "";
        if (option === "p") {
          if (loop && /^\$\{?\w{1,12}\}?$/.test(given)) everyCpu = true;
          else if (!/^\d{1,4}$/.test(given) || Number(given) > MAX_CPU) return undefined;
          else cpu = Number(given);
        } else {
          const bits = /^(\d{1,2}):(\d{1,2})$/.exec(given);
          if (bits === null) return undefined;
          field = { high: Number(bits[1]), low: Number(bits[2]) };
          if (field.high > 63 || field.low > field.high) return undefined;
        }
      }
    }
  }
  if (argument === undefined) return undefined;
  const filters = pipe
    .split("|")
    .map((p) => p.trim())
    .filter((p) => p !== "");
  const keepsOrder = filters.every((f) => /^(?:sudo\s+)?(?:head|tee|cat)\b/.test(f));
  const knownFilters = filters.every((f) => /^(?:head|tee|cat|uniq|sort|tail)\b/.test(f));
  if (!knownFilters) return undefined;
  return {
    index: windbg ? parseIndex(argument, 16) : parseIndex(argument, 0),
    argument,
    prints: keepsOrder ? (everyCpu ? "in-order" : "one") : "set",
    cpu,
    everyCpu,
    base,
    field,
    counted: filters.some((f) => /^uniq\s.*-\w*c/.test(f)),
    windbg,
  };
}

const LONG_OPTIONS: { readonly [name: string]: string } = {
  all: "a",
  processor: "p",
  decimal: "d",
  unsigned: "u",
  octal: "o",
  hexadecimal: "x",
  "capital-hex": "X",
  "c-language": "c",
  "zero-pad": "0",
  "zero-fill": "0",
  raw: "r",
  bitfield: "f",
};

/** An MSR number as strtoul reads it: with radix 0, `0x` means hexadecimal and a leading 0 octal. */
function parseIndex(text: string, radix: 0 | 16): number | undefined {
  const hex =
    /^0[xX]([0-9a-fA-F]{1,8})$/.exec(text)?.[1] ?? (radix === 16 ? /^[0-9a-fA-F]{1,8}$/.exec(text)?.[0] : undefined);
  if (hex !== undefined) return Number.parseInt(hex, 16);
  if (radix === 16) return undefined;
  if (/^0[0-7]{1,11}$/.test(text)) return Number.parseInt(text, 8);
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** The register from one printed line; `broken` when it is a value that the call cannot have printed. */
export function printedValue(call: RdmsrCall, line: string): Msr | "broken" | undefined {
  const text = (call.counted ? line.replace(/^\s{0,20}\d{1,6}\s(?=\s{0,20}\S)/, "") : line).trim();
  const { high, low } = call.field;
  let value: U64 | undefined;
  if (call.base === 16) {
    if (!/^(?:0[xX])?[0-9a-fA-F]{1,40}$/.test(text)) return undefined;
    value = parseHexU64(text);
  } else {
    if (!(call.base === 8 ? /^0?[0-7]{1,40}$/ : /^-?\d{1,40}$/).test(text)) return undefined;
    const number = call.base === 8 ? BigInt(`0o${text}`) : BigInt(text);
    const unsigned = number < 0n ? number + (1n << BigInt(high - low + 1)) : number;
    value = unsigned >= 0n && unsigned < 1n << 64n ? fromBigInt(unsigned) : undefined;
  }
  if (value === undefined) return "broken";
  if (high === 63 && low === 0) return msrValue(value);
  return fieldOf(value, high, low);
}

/** The register when only bits `high` to `low` of it were printed, shifted down. */
function fieldOf(value: U64, high: number, low: number): Msr | "broken" {
  let [hi, lo, knownHi, knownLo] = [0, 0, 0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const set = ((bit < 32 ? value.lo : value.hi) >>> (bit & 31)) & 1;
    const target = bit + low;
    if (target > high) {
      if (set) return "broken";
      continue;
    }
    if (target < 32) {
      lo |= set << target;
      knownLo |= 1 << target;
    } else {
      hi |= set << (target - 32);
      knownHi |= 1 << (target - 32);
    }
  }
  return { state: "value", hi: word(hi, ~knownHi), lo: word(lo, ~knownLo) };
}
