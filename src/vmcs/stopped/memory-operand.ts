import type { RegisterBlock } from "./register-block.js";

/*
 * Which memory an instruction of a stopped guest uses, by its bytes and the registers that QEMU prints. What is not surely
 * understood has no answer.
 */

const ORDER = ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"] as const;
const SEGMENTS: { readonly [prefix: number]: string } = {
  0x26: "ES",
  0x2e: "CS",
  0x36: "SS",
  0x3e: "DS",
  0x64: "FS",
  0x65: "GS",
};
/** Bases and indices of 16-bit addresses, by the last three bits of ModRM. */
const OLD_FORMS = [["BX", "SI"], ["BX", "DI"], ["BP", "SI"], ["BP", "DI"], ["SI"], ["DI"], ["BP"], ["BX"]] as const;

const isAmong = (byte: number, ranges: readonly (readonly [number, number])[]): boolean =>
  ranges.some(([from, to]) => from <= byte && byte <= to);
/** With an operand in memory; LEA, which only computes an address, is left out. */
const WITH_MODRM = [
  [0x62, 0x63],
  [0x69, 0x69],
  [0x6b, 0x6b],
  [0x80, 0x8c],
  [0x8e, 0x8f],
  [0xc0, 0xc1],
  [0xc6, 0xc7],
  [0xd0, 0xd3],
  [0xd8, 0xdf],
  [0xf6, 0xf7],
  [0xfe, 0xff],
] as const;
const WITH_MODRM_BEHIND_0F = [
  [0x00, 0x03],
  [0x10, 0x17],
  [0x28, 0x2f],
  [0x40, 0x76],
  [0x78, 0x7f],
  [0x90, 0x9f],
  [0xa3, 0xa5],
  [0xab, 0xc7],
  [0xd0, 0xff],
] as const;
/** MOVS, STOS and LODS: what they use of SI and DI. */
const STRINGS: { readonly [opcode: number]: readonly ("SI" | "DI")[] } = {
  0xa4: ["DI", "SI"],
  0xa5: ["DI", "SI"],
  0xaa: ["DI"],
  0xab: ["DI"],
  0xac: ["SI"],
  0xad: ["SI"],
};

type Width = 16 | 32 | 64;

/** The linear addresses that the instruction uses besides its own; empty where that is not known. */
export function operandsOf(block: RegisterBlock): readonly bigint[] {
  const { code, width, registers } = block;
  if (width === undefined || registers === undefined) return [];
  let at = 0;
  let segment: string | undefined;
  let isOtherAddress = false;
  for (; at < code.length; at++) {
    const byte = code[at] as number;
    if (SEGMENTS[byte] !== undefined) segment = SEGMENTS[byte];
    else if (byte === 0x67) isOtherAddress = true;
    else if (byte !== 0x66 && byte !== 0xf2 && byte !== 0xf3 && byte !== 0xf0) break;
  }
  let rex = 0;
  if (width === 64 && ((code[at] ?? 0) & 0xf0) === 0x40) rex = code[at++] as number;
  const address = addressWidth(width, isOtherAddress);
  const opcode = code[at++];
  const linear = (named: string, offset: bigint | undefined): readonly bigint[] => {
    const inSegment = segment ?? named;
    const base = width === 64 && !/[FG]S/.test(inSegment) ? 0n : registers.get(inSegment);
    if (base === undefined || offset === undefined) return [];
    return [BigInt.asUintN(width === 64 ? 64 : 32, base + BigInt.asUintN(address, offset))];
  };
  const string = STRINGS[opcode ?? -1];
  if (string !== undefined)
    return string.flatMap((name) => {
      const offset = register(block, ORDER.indexOf(name));
      // No prefix changes where DI points.
      if (name === "DI" && segment !== undefined && width !== 64) {
        const base = registers.get("ES");
        return base === undefined || offset === undefined ? [] : [BigInt.asUintN(32, base + offset)];
      }
      return linear(name === "DI" ? "ES" : "DS", offset);
    });
  const isLong = opcode === 0x0f;
  const second = isLong ? code[at++] : opcode;
  if (second === undefined) return [];
  if (
    isLong
      ? !isAmong(second, WITH_MODRM_BEHIND_0F)
      : !(second < 0x40 && (second & 7) < 4) && !isAmong(second, WITH_MODRM)
  )
    return [];
  const modrm = code[at++];
  if (modrm === undefined || modrm >= 0xc0) return [];
  const form = address === 16 ? oldForm(block, modrm, at) : newForm(block, modrm, at, rex);
  return form === undefined ? [] : linear(form.segment, form.offset);
}

function addressWidth(width: Width, isOther: boolean): Width {
  if (!isOther) return width;
  return width === 32 ? 16 : 32;
}

const register = ({ registers }: RegisterBlock, number: number): bigint | undefined =>
  registers?.get(ORDER[number] ?? String(number));

function displacement(code: readonly number[], at: number, bytes: number): bigint | undefined {
  if (bytes === 0) return 0n;
  const found = code.slice(at, at + bytes);
  if (found.length < bytes) return undefined;
  return BigInt.asIntN(
    bytes * 8,
    found.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n),
  );
}

interface Form {
  readonly segment: "DS" | "SS";
  readonly offset: bigint | undefined;
}

const sum = (...parts: readonly (bigint | undefined)[]): bigint | undefined =>
  parts.reduce<bigint | undefined>((all, one) => (all === undefined || one === undefined ? undefined : all + one), 0n);

function oldForm(block: RegisterBlock, modrm: number, at: number): Form {
  const mod = modrm >> 6;
  const isDirect = mod === 0 && (modrm & 7) === 6;
  const names: readonly (typeof ORDER)[number][] = isDirect ? [] : (OLD_FORMS[modrm & 7] ?? []);
  const shift = displacement(block.code, at, isDirect ? 2 : mod);
  const parts = names.map((name) => register(block, ORDER.indexOf(name)));
  return { segment: names[0] === "BP" ? "SS" : "DS", offset: sum(shift, ...parts) };
}

/** 32 and 64 bits; an address that is counted from RIP is left out. */
function newForm(block: RegisterBlock, modrm: number, start: number, rex: number): Form | undefined {
  const { code, width } = block;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  let at = start;
  let base: number | undefined = rm | ((rex & 1) << 3);
  let scaled: bigint | undefined = 0n;
  if (rm === 4) {
    const sib = code[at++];
    if (sib === undefined) return undefined;
    base = (sib & 7) | ((rex & 1) << 3);
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    const value = index === 4 ? 0n : register(block, index);
    scaled = value === undefined ? undefined : value << BigInt(sib >> 6);
  }
  let bytes = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  if (mod === 0 && (base & 7) === 5) {
    if (rm === 5 && width === 64) return undefined;
    base = undefined;
    bytes = 4;
  }
  return {
    segment: base === 4 || base === 5 ? "SS" : "DS",
    offset: sum(scaled, base === undefined ? 0n : register(block, base), displacement(code, at, bytes)),
  };
}

/** Whether linear addresses are not those of memory; where it is not known, they may be. */
export const isPaged = ({ mode }: RegisterBlock): boolean => mode === undefined || mode.cr0 >>> 31 === 1;

/** What a PC has at an address below 4 GByte that KVM has to emulate. */
const AREAS: readonly (readonly [from: bigint, to: bigint, name: string])[] = [
  [0xa0000n, 0xbffffn, "the memory of VGA"],
  [0xc0000n, 0xfffffn, "the ROMs of a PC"],
  [0xfec00000n, 0xfec00fffn, "the I/O APIC"],
  [0xfee00000n, 0xfee00fffn, "the local APIC"],
  [0xff000000n, 0xffffffffn, "the firmware's flash"],
];

/** A sentence about them; empty where there are none. */
export function usedText(used: readonly bigint[], block: RegisterBlock): string {
  const [first] = used;
  if (first === undefined) return "";
  const isLinear = isPaged(block);
  const texts = used.map((at) => {
    const area = isLinear ? undefined : AREAS.find(([from, to]) => from <= at && at <= to)?.[2];
    return `0x${at.toString(16)}${area === undefined ? "" : ` (${area})`}`;
  });
  return ` By the registers, the instruction uses ${isLinear ? "linear address" : "address"} ${texts.join(" and ")}.`;
}
