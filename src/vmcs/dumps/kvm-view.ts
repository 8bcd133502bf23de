import { parseHexU64, type U64 } from "../../bits/u64.js";
import { integerOf } from "./lists/base.js";

/*
 * What KVM_GET_SREGS gives a monitor, as monitors print it: structures of C, Rust and Go, JSON, kvmtool's table. Segments have
 * their access rights in parts.
 */

const SEGMENTS = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt", "gdt", "idt"] as const;
export type SregsName = (typeof SEGMENTS)[number];

/** The parts of a segment in the order of kvmtool's columns. */
const COLUMNS = ["selector", "base", "limit", "type", "p", "dpl", "db", "s", "l", "g", "avl"] as const;
const PARTS: { readonly [word: string]: SregsPart } = {
  selector: "selector",
  sel: "selector",
  base: "base",
  limit: "limit",
  type: "type",
  type_: "type",
  typ: "type",
  p: "p",
  present: "p",
  dpl: "dpl",
  db: "db",
  s: "s",
  l: "l",
  g: "g",
  avl: "avl",
  unusable: "unusable",
};
type SregsPart = (typeof COLUMNS)[number] | "unusable";
const REGISTERS = new Set(["cr0", "cr3", "cr4", "efer", "rip", "rsp", "rflags", "flags", "dr7"]);

/** Registers and segments of one vCPU, each number as it is written. */
export interface Sregs {
  readonly segments: ReadonlyMap<SregsName, ReadonlyMap<SregsPart, U64>>;
  readonly registers: ReadonlyMap<string, U64>;
}

const TOKEN = /[A-Za-z_][A-Za-z0-9_]*|0[xX][0-9a-fA-F]{1,16}|[0-9][0-9a-fA-F]*/g;
const ROW = /^\s{0,20}(cs|ds|es|fs|gs|ss|tr|ldt|gdt|idt)((?:\s{1,30}[0-9a-f]{1,16}){2,11})\s{0,20}$/i;
const SELECTOR_BESIDE = /^\s{0,8}=\s{0,4}0x[0-9a-f]{1,4}\b/i;

/** `type=R-Xa`: readable, writable, executable, accessed. */
const LETTERS = /(\btype\s{0,4}[=:]\s{0,4})([R-][W-][X-][aA-])(?![\w-])/g;

/** The four bits of a segment's type; bit 1 is "readable" of code and "writable" of data. */
function typeOf(letters: string): string {
  const has = (letter: string) => letters.toUpperCase().includes(letter);
  const isCode = has("X");
  return `0x${((isCode ? 8 : 0) | (has(isCode ? "R" : "W") ? 2 : 0) | (has("A") ? 1 : 0)).toString(16)}`;
}

/** The registers in the lines of a block; `undefined` where the segments have no parts. */
export function readSregs(lines: readonly string[]): Sregs | undefined {
  const segments = new Map<SregsName, Map<SregsPart, string>>();
  const registers = new Map<string, string>();
  let current: SregsName | undefined;
  const put = (segment: SregsName, part: SregsPart, digits: string) => {
    const own = segments.get(segment) ?? new Map<SregsPart, string>();
    segments.set(segment, own);
    if (!own.has(part)) own.set(part, digits);
  };
  for (const line of lines) {
    const row = ROW.exec(line);
    if (row !== null) {
      const segment = (row[1] as string).toLowerCase() as SregsName;
      const cells = (row[2] as string).trim().split(/\s{1,30}/);
      if (cells.length === COLUMNS.length)
        for (const [at, part] of COLUMNS.entries()) put(segment, part, cells[at] as string);
      else if (cells.length === 2)
        for (const [at, part] of (["base", "limit"] as const).entries()) put(segment, part, cells[at] as string);
      continue;
    }
    let word = "";
    const plain = line.replace(LETTERS, (_, before: string, letters: string) => before + typeOf(letters));
    for (const match of plain.matchAll(TOKEN)) {
      const [token] = match;
      const isValue = word !== "" && /^(?:0[xX])?[0-9a-fA-F]{1,20}$/.test(token);
      if (isValue) {
        const part = PARTS[word];
        if (part !== undefined && current !== undefined) put(current, part, token);
        else if (REGISTERS.has(word) && !registers.has(word)) registers.set(word, token);
        word = "";
        continue;
      }
      const name = token.toLowerCase();
      word = "";
      const segment = SEGMENTS.find(
        (known) => known === (name === "ldtr" ? "ldt" : name === "gdtr" ? "gdt" : name === "idtr" ? "idt" : name),
      );
      if (segment !== undefined) {
        current = segment;
        // Some print the selector beside the name.
        if (SELECTOR_BESIDE.test(plain.slice(match.index + token.length, match.index + token.length + 24)))
          word = "selector";
      } else if (name === "present" && !/^\W{0,8}(?:0x)?\d/.test(plain.slice(match.index + token.length))) {
        if (current !== undefined) put(current, "p", "1");
      } else if (PARTS[name] !== undefined || REGISTERS.has(name)) word = name;
    }
  }
  if (segments.get("cs")?.has("type") !== true || segments.get("cs")?.has("s") !== true) return undefined;
  const all = [...registers.values(), ...[...segments.values()].flatMap((parts) => [...parts.values()])];
  const bare = all.filter((digits) => !/^0x/i.test(digits));
  // Padded or with letters: hexadecimal without its mark, as kvmtool prints. Go and Rust print decimal.
  const hex = bare.some((digits) => /[a-f]/i.test(digits) || /^0\d/.test(digits));
  const number = (digits: string): U64 | undefined =>
    /^0x/i.test(digits) ? parseHexU64(digits.slice(2)) : integerOf(digits, hex ? "hex" : "decimal");
  const known = <K>(map: ReadonlyMap<K, string>): Map<K, U64> => {
    const result = new Map<K, U64>();
    for (const [key, digits] of map) {
      const value = number(digits);
      if (value !== undefined) result.set(key, value);
    }
    return result;
  };
  return {
    segments: new Map([...segments].map(([name, parts]) => [name, known(parts)])),
    registers: known(registers),
  };
}

/** Access rights in the form of the VMCS, as KVM puts them together; `undefined` where a part is missing. */
export function rightsOf(parts: ReadonlyMap<SregsPart, U64>): number | undefined {
  let rights = 0;
  for (const [part, shift, mask] of [
    ["type", 0, 15],
    ["s", 4, 1],
    ["dpl", 5, 3],
    ["p", 7, 1],
    ["avl", 12, 1],
    ["l", 13, 1],
    ["db", 14, 1],
    ["g", 15, 1],
  ] as const) {
    const value = parts.get(part);
    if (value === undefined) {
      if (part === "avl") continue;
      return undefined;
    }
    rights |= (value.lo & mask) << shift;
  }
  const unusable = (parts.get("unusable")?.lo ?? 0) !== 0 || ((rights >>> 7) & 1) === 0;
  return unusable ? rights | 0x1_0000 : rights;
}

/** A line that begins such a block, or is in it. */
export const SREGS_LINE =
  /KVM_GET_S?REGS|kvm_s?regs\b|\bselector\b[^\n]{0,80}\b(?:type|typ|type_)\b|\blimit\b[^\n]{0,80}\b(?:type|typ|type_)\b/i;
