import type { U64 } from "../../bits/u64.js";
import { formatU64 } from "../../bits/u64.js";
import type { Part } from "./decode-tables.js";

/*
 * The exit qualification of ordinary VM exits, SDM volume 3, 29.2.1: what its bits mean depends on the exit reason.
 */

const REGISTERS = {
  0: "RAX",
  1: "RCX",
  2: "RDX",
  3: "RBX",
  4: "RSP",
  5: "RBP",
  6: "RSI",
  7: "RDI",
  8: "R8",
  9: "R9",
  10: "R10",
  11: "R11",
  12: "R12",
  13: "R13",
  14: "R14",
  15: "R15",
};

const PARTS: { readonly [reason: number]: readonly Part[] } = {
  /** Task switch. */
  9: [
    { bits: [15, 0], name: "selector", always: true },
    { bits: [31, 30], name: "by", values: { 0: "CALL", 1: "IRET", 2: "JMP", 3: "task gate" }, always: true },
  ],
  /** Control-register access. */
  28: [
    { bits: [3, 0], name: "CR", always: true },
    { bits: [5, 4], name: "access", values: { 0: "MOV to CR", 1: "MOV from CR", 2: "CLTS", 3: "LMSW" }, always: true },
    { bits: [11, 8], name: "register", values: REGISTERS, always: true },
  ],
  /** MOV DR. */
  29: [
    { bits: [2, 0], name: "DR", always: true },
    { bits: 4, name: "direction", values: { 0: "MOV to DR", 1: "MOV from DR" }, always: true },
    { bits: [11, 8], name: "register", values: REGISTERS, always: true },
  ],
  /** I/O instruction. */
  30: [
    { bits: [31, 16], name: "port", always: true },
    { bits: [2, 0], name: "size", values: { 0: "1 byte", 1: "2 bytes", 3: "4 bytes" }, always: true },
    { bits: 3, name: "direction", values: { 0: "OUT", 1: "IN" }, always: true },
    { bits: 4, name: "string instruction" },
    { bits: 5, name: "REP" },
  ],
  /** APIC access. */
  44: [
    { bits: [11, 0], name: "offset", always: true },
    {
      bits: [15, 12],
      name: "type",
      values: { 0: "linear read", 1: "linear write", 2: "linear fetch", 3: "linear, event delivery" },
      always: true,
    },
  ],
};

const isOn = (value: U64, bit: number): boolean => ((value.lo >>> bit) & 1) === 1;

/** What an EPT violation was, from its exit qualification: who touched what, and what the EPT entries allowed. */
export function eptViolationText(value: U64): string {
  const did = [
    ...(isOn(value, 0) ? ["read"] : []),
    ...(isOn(value, 1) ? ["write"] : []),
    ...(isOn(value, 2) ? ["instruction fetch"] : []),
  ];
  const may = [
    ...(isOn(value, 3) ? ["read"] : []),
    ...(isOn(value, 4) ? ["write"] : []),
    ...(isOn(value, 5) ? ["execute"] : []),
  ];
  const what =
    did.length === 0
      ? "an access of no kind that is defined"
      : `${did[0]?.startsWith("i") ? "an" : "a"} ${did.join(" and ")}`;
  const allowed =
    may.length === 0
      ? "the EPT has no present entry for this guest-physical address (bits 5:3 are 0)"
      : `the EPT entries on the way allow ${may.join(" and ")} alone`;
  // Without a linear address bit 8 has no meaning.
  const where = !isOn(value, 7)
    ? "; no linear address belongs to it"
    : isOn(value, 8)
      ? ", at the address that the guest's code used"
      : ", while the CPU walked or updated the guest's own page tables (bit 8 is 0)";
  return `${what}${where}: ${allowed}`;
}

const CR_ACCESS = 28;

/** CLTS has no operand, and LMSW one of its own. */
function crParts(value: U64): readonly Part[] {
  const [cr, access, register] = PARTS[CR_ACCESS] as readonly [Part, Part, Part];
  const kind = (value.lo >>> 4) & 3;
  if (kind < 2) return [cr, access, register];
  return kind === 2 ? [cr, access] : [cr, access, { bits: [31, 16], name: "source", always: true }];
}

/** The exit qualification in words, where its bits have names; undefined where it is an address, or means nothing. */
export function qualificationText(reason: number, value: U64): string | undefined {
  if (reason === 48) return eptViolationText(value);
  const parts = reason === CR_ACCESS ? crParts(value) : PARTS[reason];
  if (parts === undefined) return undefined;
  const words = parts.flatMap(({ bits, name, values, always }) => {
    const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
    const part = (value.lo >>> low) & (2 ** (high - low + 1) - 1);
    if (part === 0 && always !== true) return [];
    if (high === low && values === undefined) return [name];
    const meaning = values?.[part];
    return [meaning ?? (name === "CR" || name === "DR" ? `${name}${part}` : `${name} 0x${part.toString(16)}`)];
  });
  return words.join(", ");
}

/** A qualification as printed. */
export function qualificationValue(reason: number, value: U64): string {
  const words = qualificationText(reason, value);
  return words === undefined ? formatU64(value) : `${formatU64(value)}: ${words}`;
}
