/** A problem of a file that is not what it seemed to be. Thrown inside `src/prove/`, never out of it. */
export class BadFile extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "BadFile";
  }
}

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
}

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** Types of sections and symbols, and flags, as ELF numbers them (gABI, chapters 4 and 5). */
const SHT_NOBITS = 8;
export const SHT_RELA = 4;
export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;
export const PT_LOAD = 1;

/** Sections that a file may have; a kernel module has about seventy. */
const MOST_SECTIONS = 4096;

/** An ELF file of x86-64: a module (`ET_REL`) or a kernel (`ET_EXEC`). */
export interface Elf {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly relocatable: boolean;
  readonly sections: readonly Section[];
  readonly segments: readonly Segment[];
  /** The first section of a name. */
  section(name: string): Section | undefined;
  /** Content of a section; empty for one without bytes in the file. */
  content(section: Section): Uint8Array;
}

/** Reads the headers. Throws `BadFile`. */
export function readElf(bytes: Uint8Array): Elf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0, false) !== 0x7f45_4c46) throw new BadFile("not an ELF file");
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new BadFile("not a 64-bit little-endian ELF file");
  const type = view.getUint16(16, true);
  const machine = view.getUint16(18, true);
  if (machine !== 62) throw new BadFile(`an ELF file for machine ${machine}, not for x86-64 (62)`);
  const sections = readSections(bytes, view);
  const names = new Map<string, Section>();
  for (const section of sections) if (!names.has(section.name)) names.set(section.name, section);
  return {
    bytes,
    view,
    relocatable: type === 1,
    sections,
    segments: readSegments(bytes, view),
    section: (name) => names.get(name),
    content: (section) =>
      section.type === SHT_NOBITS ? new Uint8Array() : bytes.subarray(section.offset, section.offset + section.size),
  };
}

/** A 64-bit number of the file that must be small enough to count with. */
function small(view: DataView, at: number, what: string): number {
  const value = view.getBigUint64(at, true);
  if (value > 0x7fff_ffffn) throw new BadFile(`${what} is ${value}`);
  return Number(value);
}

function readSections(bytes: Uint8Array, view: DataView): Section[] {
  const start = small(view, 40, "the place of the section headers");
  const size = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const names = view.getUint16(62, true);
  if (count === 0) return [];
  if (size !== 64) throw new BadFile(`section headers of ${size} bytes`);
  if (count > MOST_SECTIONS) throw new BadFile(`${count} sections`);
  if (start + count * size > bytes.length) throw new BadFile("the section headers are cut off");
  const at = (index: number) => start + index * size;
  if (names >= count) throw new BadFile("the section of section names is not there");
  const namesAt = small(view, at(names) + 24, "the place of the section names");
  const sections: Section[] = [];
  for (let index = 0; index < count; index++) {
    const header = at(index);
    const type = view.getUint32(header + 4, true);
    const section: Section = {
      index,
      name: boundedText(bytes, namesAt + view.getUint32(header, true)),
      type,
      flags: Number(view.getBigUint64(header + 8, true) & 0xffff_ffffn),
      address: view.getBigUint64(header + 16, true),
      offset: small(view, header + 24, `the place of section ${index}`),
      size: small(view, header + 32, `the size of section ${index}`),
      link: view.getUint32(header + 40, true),
      info: view.getUint32(header + 44, true),
      align: small(view, header + 48, `the alignment of section ${index}`),
      entrySize: small(view, header + 56, `the entry size of section ${index}`),
    };
    if (type !== 0 && type !== SHT_NOBITS && section.offset + section.size > bytes.length)
      throw new BadFile(`section ${section.name || index} is cut off`);
    sections.push(section);
  }
  return sections;
}

function readSegments(bytes: Uint8Array, view: DataView): Segment[] {
  const start = small(view, 32, "the place of the program headers");
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (count === 0) return [];
  if (size !== 56 || start + count * size > bytes.length) throw new BadFile("the program headers are cut off");
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const header = start + index * size;
    const segment: Segment = {
      type: view.getUint32(header, true),
      flags: view.getUint32(header + 4, true),
      offset: small(view, header + 8, `the place of segment ${index}`),
      address: view.getBigUint64(header + 16, true),
      fileSize: small(view, header + 32, `the size of segment ${index}`),
      memorySize: small(view, header + 40, `the size in memory of segment ${index}`),
    };
    if (segment.offset + segment.fileSize > bytes.length) throw new BadFile(`segment ${index} is cut off`);
    segments.push(segment);
  }
  return segments;
}

const LONGEST_NAME = 1024;

const latin1 = new TextDecoder("latin1");

/** A text that ends in a zero byte, or after as many characters as no name has. */
export function boundedText(bytes: Uint8Array, at: number): string {
  const most = Math.min(bytes.length, at + LONGEST_NAME);
  let end = at;
  while (end < most && bytes[end] !== 0) end++;
  return end > at ? latin1.decode(bytes.subarray(at, end)) : "";
}
