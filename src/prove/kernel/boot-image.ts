import { type Elf, PT_LOAD, SHF_EXECINSTR, SHF_WRITE } from "../loader/elf.js";
import { type Kallsyms, readKallsyms } from "../loader/kallsyms.js";
import { makeCode, type Override } from "../machine/code.js";
import type { Decoder } from "../machine/decoder.js";
import { Memory, PAGE, pageNumber, type Region } from "../machine/memory.js";
import { ANSWERS, thunkRegister } from "./answers.js";
import { bugRows, exceptionRows, jumpLabels, staticCall, type TableBytes } from "./code-tables.js";
import { memoryRegions, PER_CPU_HIGH } from "./heap.js";
import { type RunImage, rowFor } from "./image.js";
import { FUNCTIONS, type FunctionRow } from "./imports.js";
import { kernelOf } from "./kernel-side.js";
import type { KernelTypes } from "./types.js";

/** The kernel's own image, ready to run the part of its boot that concerns VMX. */
export interface BootImage {
  readonly image: RunImage;
  readonly symbols: Kallsyms;
}

/** Functions of the kernel that are answered rather than run: its output, its hooks, its ways to jump, its memory. */
const ANSWERED: readonly string[] = [
  "_printk",
  "printk",
  "__warn_printk",
  "__fentry__",
  "__x86_return_thunk",
  "__alloc_pages",
  "__alloc_pages_noprof",
  "alloc_pages_node_noprof",
  "__free_pages",
  "free_pages",
];

/** Prepares the image of a kernel. Throws `BadFile` when it has no table of symbols. */
export function bootImage(decoder: Decoder, elf: Elf, types: KernelTypes): BootImage {
  const symbols = readKallsyms(elf);
  const regions: Region[] = [...memoryRegions(new Uint8Array(PAGE)), ...segmentRegions(elf)];
  const overrides = new Map<number, Override>();
  for (const name of ANSWERED) {
    const address = symbols.address(name);
    const row: FunctionRow | undefined = rowFor(FUNCTIONS, name);
    if (address === undefined || row === undefined) continue;
    overrides.set(lowHalf(address), (m) => {
      ANSWERS[row.answer](m, kernelOf(m), name);
      m.ret();
    });
  }
  for (const [name, address] of symbols.startingWith("__x86_indirect_thunk_")) {
    const register = thunkRegister(name);
    if (register < 0) continue;
    overrides.set(lowHalf(address), (m) => {
      m.load64(register);
      m.jumpTo(m.codeAddress());
    });
  }
  for (const [name, address] of symbols.startingWith("__SCT__")) {
    const key = symbols.address(name.replace("__SCT__", "__SCK__"));
    if (key !== undefined) overrides.set(lowHalf(address), staticCall(Number(BigInt.asIntN(32, key))));
  }
  const labels = jumpLabels(betweenSymbols(elf, symbols, "__start___jump_table", "__stop___jump_table"));
  const nameOf = (lo: number) => {
    const found = symbols.nameOf(lo);
    return found === undefined ? undefined : { module: "vmlinux", ...found };
  };
  return {
    symbols,
    image: {
      types,
      code: makeCode(decoder, regions, { get: (at) => overrides.get(at) ?? labels.get(at) }),
      memory: new Memory(regions),
      bugs: bugRows(sectionNamed(elf, "__bug_table"), types),
      exceptions: exceptionRows(sectionNamed(elf, "__ex_table"), types, (lo) => symbols.nameOf(lo)?.name),
      nameOf,
      // Before the kernel makes an area for each CPU, newer ones use the variables where they are linked.
      perCpuHigh: (elf.section(".data..percpu")?.address ?? 0n) >> 32n === 0n ? PER_CPU_HIGH : 0,
      variables: new Map(),
      vendorInit: () => {},
    },
  };
}

/** Loaded parts of the kernel at the addresses it is linked for, which the running kernel only shifts. */
function segmentRegions(elf: Elf): Region[] {
  const regions: Region[] = [];
  for (const [index, segment] of elf.segments.entries()) {
    const { address, fileSize, memorySize, flags, offset } = segment;
    if (segment.type !== PT_LOAD || address >> 32n !== 0xffff_ffffn || address % BigInt(PAGE) !== 0n) continue;
    const lo = Number(address & 0xffff_ffffn);
    const filePages = Math.ceil(fileSize / PAGE);
    const allPages = Math.ceil(memorySize / PAGE);
    const first = pageNumber(-1, lo);
    const bytes = elf.bytes.subarray(offset, offset + fileSize);
    for (const { from, to, code } of runs(filePages, codePages(elf, first, filePages, (flags & 1) !== 0)))
      regions.push({
        name: `segment ${index} of the kernel`,
        first: first + from,
        pages: to - from,
        kind: "bytes",
        bytes: bytes.subarray(from * PAGE, to * PAGE),
        ...(code ? { code } : {}),
      });
    if (allPages > filePages)
      regions.push({
        name: `zeros of segment ${index} of the kernel`,
        first: first + filePages,
        pages: allPages - filePages,
        kind: "zero",
      });
  }
  return regions;
}

/** Which pages of a segment hold code: a segment that can be executed also has data that is only written at boot. */
function codePages(elf: Elf, first: number, pages: number, executable: boolean): (page: number) => boolean {
  const ranges = elf.sections.flatMap(({ flags, address, size }) => {
    if ((flags & (SHF_EXECINSTR | SHF_WRITE)) !== SHF_EXECINSTR || size === 0) return [];
    const from = pageNumber(-1, lowHalf(address)) - first;
    return from >= 0 && from < pages
      ? [[from, from + Math.ceil((lowHalf(address) % PAGE) + size) / PAGE] as const]
      : [];
  });
  if (ranges.length === 0) return () => executable;
  return (page) => ranges.some(([from, to]) => page >= from && page < to);
}

/** Pages that follow each other and are of one kind. */
function runs(pages: number, isCode: (page: number) => boolean): { from: number; to: number; code: boolean }[] {
  const found: { from: number; to: number; code: boolean }[] = [];
  for (let page = 0; page < pages; page++) {
    const code = isCode(page);
    const last = found[found.length - 1];
    if (last?.code === code) last.to = page + 1;
    else found.push({ from: page, to: page + 1, code });
  }
  return found;
}

function sectionNamed(elf: Elf, name: string): TableBytes[] {
  const section = elf.section(name);
  if (section === undefined) return [];
  const { buffer, byteOffset, length } = elf.content(section);
  return [{ view: new DataView(buffer, byteOffset, length), address: lowHalf(section.address) }];
}

function betweenSymbols(elf: Elf, symbols: Kallsyms, from: string, to: string): TableBytes[] {
  const [first, last] = [symbols.address(from), symbols.address(to)];
  if (first === undefined || last === undefined || last < first) return [];
  const segment = elf.segments.find(
    ({ type, address, fileSize }) => type === PT_LOAD && first >= address && last <= address + BigInt(fileSize),
  );
  if (segment === undefined) return [];
  const at = segment.offset + Number(first - segment.address);
  const { buffer, byteOffset } = elf.bytes;
  return [{ view: new DataView(buffer, byteOffset + at, Number(last - first)), address: lowHalf(first) }];
}

function lowHalf(address: bigint): number {
  return Number(address & 0xffff_ffffn);
}
