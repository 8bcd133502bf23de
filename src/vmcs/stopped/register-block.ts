/** Where a stopped guest was, by the registers that QEMU prints. */
export interface RegisterBlock {
  readonly rip: bigint;
  /** CR0.PE is 0. */
  readonly isReal: boolean;
  /** The code segment is the one in which a CPU begins, or the BIOS's. */
  readonly isResetSegment: boolean;
  /** Base of CS, where the block has it. */
  readonly base?: bigint;
  /** Where the page tables are, where the block has it. */
  readonly cr3?: bigint;
  /** The bytes from RIP on. */
  readonly code: readonly number[];
  /** QEMU could read no memory there. */
  readonly isUnreadable: boolean;
  /** In system-management mode. */
  readonly isSmm: boolean;
  /** 64-bit code, where the block shows it. */
  readonly is64: boolean;
  /** How wide code is there, in protected mode. */
  readonly width?: 16 | 32 | 64;
  /** General registers without their first letter (`AX`; `8` to `15`) and the bases of segments. */
  readonly registers?: ReadonlyMap<string, bigint>;
  /** Control registers, EFER and the attributes of CS, where the block has them all. */
  readonly mode?: { readonly cr0: number; readonly cr4: number; readonly efer: number; readonly cs: number };
}

const RIP = /(?<!\w)[ER]IP(?: ?= ?| )([0-9a-f]{8,16})\b/i;
/** A block is about 25 lines, with the pointer among the first. */
const BEFORE = 8;
const BEHIND = 24;

/** The first register block of a text; undefined where there is none, or one that was not read from the guest. */
export function readRegisterBlock(all: readonly string[]): RegisterBlock | undefined {
  const at = all.findIndex((line) => RIP.test(line));
  if (at < 0) return undefined;
  const text = all.slice(Math.max(0, at - BEFORE), at + BEHIND).join("\n");
  // Bit 1 is always 1: what shows it at 0 is not what the guest had.
  if (/\b[ER]FL=0{8,16}\b/.test(text)) return undefined;
  const cr0 = /\bCR0[= ]([0-9a-f]{8,16})\b/i.exec(text)?.[1];
  const isReal = cr0 === undefined ? !PROTECTED.test(text) : (Number.parseInt(cr0.slice(-8), 16) & 1) === 0;
  const cr3 = /\bCR3[= ]([0-9a-f]{8,16})\b/i.exec(text)?.[1];
  const base = /\bCS ?=[0-9a-f]{4} ([0-9a-f]{8,16}) /.exec(text)?.[1];
  return {
    ...(base === undefined ? {} : { base: BigInt(`0x${base}`) }),
    ...(cr3 === undefined ? {} : { cr3: BigInt(`0x${cr3}`) }),
    rip: BigInt(`0x${RIP.exec(all[at] as string)?.[1]}`),
    isReal,
    isResetSegment: /\bCS ?=f000 /.test(text),
    code: bytesFrom(/<([0-9a-f]{2})>((?: [0-9a-f]{2}){0,60})/i.exec(text)),
    isUnreadable: /<\?\?>(?: \?\?){8}/.test(text),
    isSmm: /\bSMM=1\b/.test(text),
    is64: /\bCS64 \[/.test(text),
    ...widthOf(text),
    registers: registersOf(text),
    ...modeOf(text, cr0),
  };
}

function widthOf(text: string): Pick<RegisterBlock, "width"> {
  const bits = /\bCS(16|32|64) \[/.exec(text)?.[1];
  return bits === undefined ? {} : { width: Number(bits) as 16 | 32 | 64 };
}

/** Of the first block, where there are several. */
function registersOf(text: string): ReadonlyMap<string, bigint> {
  const found = new Map<string, bigint>();
  const take = (name: string | undefined, value: string | undefined) => {
    if (name !== undefined && value !== undefined && !found.has(name)) found.set(name, BigInt(`0x${value}`));
  };
  for (const [, name, value] of text.matchAll(/\b[ER]([ABCD]X|[SB]P|[SD]I) ?= ?([0-9a-f]{8,16})\b/gi))
    take(name?.toUpperCase(), value);
  for (const [, name, value] of text.matchAll(/\bR(8|9|1[0-5]) ?= ?([0-9a-f]{16})\b/g)) take(name, value);
  for (const [, name, value] of text.matchAll(/\b([CDEFGS]S) ?= ?[0-9a-f]{4} ([0-9a-f]{8,16}) [0-9a-f]{8} /g))
    take(name, value);
  return found;
}

function modeOf(text: string, cr0: string | undefined): Pick<RegisterBlock, "mode"> {
  const words = [
    cr0,
    /\bCR4[= ]([0-9a-f]{8,16})\b/i.exec(text)?.[1],
    /\bEFER=([0-9a-f]{8,16})\b/.exec(text)?.[1],
    /\bCS ?=[0-9a-f]{4} [0-9a-f]{8,16} [0-9a-f]{8} ([0-9a-f]{8})\b/.exec(text)?.[1],
  ].map((word) => (word === undefined ? Number.NaN : Number.parseInt(word.slice(-8), 16)));
  const [cr0Now, cr4, efer, cs] = words as [number, number, number, number];
  return words.some(Number.isNaN) ? {} : { mode: { cr0: cr0Now, cr4, efer, cs } };
}

const bit = (word: number, at: number): boolean => ((word >>> at) & 1) === 1;

/** Registers that do not go together. */
export interface Contradiction {
  readonly says: string;
  /** It is in a segment, and not in the control registers alone. */
  readonly ofSegment?: true;
}

/** What KVM does not accept from user space in these registers together: kvm_is_valid_sregs in arch/x86/kvm/x86.c. */
export function contradictionIn({ mode }: RegisterBlock): Contradiction | undefined {
  if (mode === undefined) return undefined;
  const { cr0, cr4, efer, cs } = mode;
  const isLong = bit(efer, 10);
  if (bit(efer, 8) && bit(cr0, 31)) {
    if (!bit(cr4, 5)) return { says: "EFER.LME and CR0.PG are 1, and CR4.PAE is 0" };
    return isLong ? undefined : { says: "EFER.LME and CR0.PG are 1, and EFER.LMA is 0" };
  }
  if (isLong) return { says: "EFER.LMA is 1, and EFER.LME and CR0.PG are not both 1" };
  if (!bit(cs, 21)) return undefined;
  return {
    ofSegment: true,
    says: "the L bit of CS (64-bit code) is 1 outside long mode (EFER.LMA is 0). A CPU ignores it there, and KVM does not: the guest's GDT has it in a segment for 32-bit code",
  };
}

/** QEMU takes segments apart in protected mode only. */
const PROTECTED = /\bCPL=[123]\b|\bCS(?:16|32|64) \[/;

function bytesFrom(found: RegExpExecArray | null): number[] {
  if (found === null) return [];
  return `${found[1]}${found[2]}`.split(" ").map((byte) => Number.parseInt(byte, 16));
}

/** Just after reset: the pointer of the first instruction, or of the one that it jumps to in a PC's BIOS. */
export const isAtReset = ({ isReal, isResetSegment, rip }: RegisterBlock): boolean =>
  isReal && isResetSegment && (rip === 0xfff0n || rip === 0xe05bn);

/** The segment that only a reset leaves, and a pointer that no code reaches in it. */
export const isPartOfState = ({ isReal, base, rip }: RegisterBlock): boolean =>
  isReal && base === 0xffff0000n && rip > 0xffffn;

/** From so many equal bytes on, memory holds no code. */
const FILLED = 8;

/** The byte that fills memory at RIP, where no code is there. */
export function filledWith({ code }: RegisterBlock): number | undefined {
  const [first] = code;
  const isFilled = code.length >= FILLED && code.slice(0, FILLED).every((byte) => byte === first);
  return isFilled && (first === 0 || first === 0xff) ? first : undefined;
}

/** VGA memory, where no code is executed from. */
export const isInVga = (block: RegisterBlock): boolean => placeOf(block) >= 0xa0000n && placeOf(block) < 0xc0000n;
/** Where the instruction is: a segment of old code begins elsewhere than at 0. */
export const placeOf = ({ rip, base = 0n, is64 }: RegisterBlock): bigint =>
  is64 ? rip : BigInt.asUintN(32, base + rip);

const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3]);

/** The VMX instruction at the beginning of code bytes, of those without a prefix and a register in the opcode. */
export function vmxInstruction([first, second, third]: readonly number[]): string | undefined {
  if (first !== 0x0f) return undefined;
  if (second === 0x01) return ({ 193: "VMCALL", 194: "VMLAUNCH", 195: "VMRESUME", 196: "VMXOFF" } as const)[third ?? 0];
  return second === 0x78 ? "VMREAD" : second === 0x79 ? "VMWRITE" : undefined;
}

/** AVX in 64-bit code, by its VEX or EVEX prefix; KVM's emulator knows hardly any. */
export function isAvx({ code, is64 }: RegisterBlock): boolean {
  const opcode = code.find((byte) => !PREFIXES.has(byte));
  return is64 && (opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62);
}
