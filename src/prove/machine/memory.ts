import { addressText, MachineStop } from "./stop.js";

/** Bytes of one page. */
export const PAGE = 4096;

/**
 * What may be found in a range of addresses: bytes that are the same for every run (a section of a module), zeros, or
 * unread bytes. Pages are made when they are touched first, so that large ranges cost nothing.
 */
export interface Region {
  readonly name: string;
  /** Number of the first page (address / 4096) and of pages. */
  readonly first: number;
  readonly pages: number;
  readonly kind: "zero" | "unknown" | "bytes";
  /** Content for `"bytes"`, from the start of the first page on; zeros after its end. */
  readonly bytes?: Uint8Array;
  /** Writing to it stops the machine. */
  readonly code?: boolean;
  /** Is called before the bytes of a page, counted from the first, are used. */
  readonly prepare?: (page: number) => void;
}

interface Page {
  readonly bytes: DataView;
  readonly raw: Uint8Array;
  /** Mask of the unknown bits, whose bits in `bytes` are 0; null where everything is known. */
  unknown: Uint8Array | null;
  readonly owner: object;
  readonly code: boolean;
}

const TLB = 256;

/** Number of the page of an address: exact, as it has 52 bits. */
export function pageNumber(hi: number, lo: number): number {
  return (hi >>> 0) * 0x10_0000 + (lo >>> 12);
}

/**
 * An address space of its own for one run. `fork` gives a second one that shares every page until one of the two writes
 * to it. A value that was read lies in `lo`, `hi` (the bits) and `ulo`, `uhi` (which of them are unknown).
 */
export class Memory {
  lo = 0;
  hi = 0;
  ulo = 0;
  uhi = 0;
  readonly regions: readonly Region[];
  /** Called for every write: the address and its bytes. */
  written: ((hi: number, lo: number, size: number) => void) | null = null;
  private readonly pages: Map<number, Page>;
  private owner: object = {};
  private readonly limit: number;
  private readonly readKeys = new Float64Array(TLB).fill(-1);
  private readonly readPages: (Page | undefined)[] = new Array<Page | undefined>(TLB).fill(undefined);
  private readonly writeKeys = new Float64Array(TLB).fill(-1);
  private readonly writePages: (Page | undefined)[] = new Array<Page | undefined>(TLB).fill(undefined);

  /** `limit`: how many pages may be made or copied. */
  constructor(regions: readonly Region[], limit = 16_384, pages: Map<number, Page> = new Map()) {
    this.regions = [...regions].sort((a, b) => a.first - b.first);
    this.pages = pages;
    this.limit = limit;
  }

  fork(): Memory {
    this.owner = {};
    this.writeKeys.fill(-1);
    const other = new Memory(this.regions, this.limit, new Map(this.pages));
    other.written = this.written;
    return other;
  }

  /** Goes on with the content of another address space, which must be a fork of this one or of the same origin. */
  adopt(other: Memory): void {
    this.pages.clear();
    for (const [key, page] of other.pages) this.pages.set(key, page);
    this.owner = {};
    other.owner = {};
    other.writeKeys.fill(-1);
    this.readKeys.fill(-1);
    this.writeKeys.fill(-1);
  }

  /** Makes every bit unknown in which this and another fork of the same address space differ. */
  join(other: Memory): void {
    for (const [key, theirs] of other.pages) {
      const ours = this.pages.get(key) ?? this.make(key, 0, 0);
      if (ours !== theirs) this.joinPage(key, ours, theirs);
    }
    for (const [key, ours] of [...this.pages]) {
      if (other.pages.has(key)) continue;
      const theirs = other.make(key, 0, 0);
      if (ours !== theirs) this.joinPage(key, ours, theirs);
    }
  }

  private joinPage(key: number, ours: Page, theirs: Page): void {
    let own: Page | undefined;
    for (let i = 0; i < PAGE; i++) {
      const a = ours.raw[i] ?? 0;
      const b = theirs.raw[i] ?? 0;
      const ua = ours.unknown?.[i] ?? 0;
      const mask = ua | (theirs.unknown?.[i] ?? 0) | (a ^ b);
      if (mask === ua) continue;
      own ??= this.writable(key, 0, 0);
      own.raw[i] = a & ~mask;
      own.unknown ??= new Uint8Array(PAGE);
      own.unknown[i] = mask;
    }
  }

  /**
   * Numbers of the pages that were read or written.
   *
   * @internal
   */
  touched(): Iterable<number> {
    return this.pages.keys();
  }

  /**
   * Makes 0 of every unknown bit in the pages so far.
   *
   * @internal
   */
  assumeZeros(): void {
    for (const [key, page] of [...this.pages]) if (page.unknown !== null) this.writable(key, 0, 0).unknown = null;
    this.readKeys.fill(-1);
    this.writeKeys.fill(-1);
  }

  /** The region that holds a page. */
  regionOf(key: number): Region | undefined {
    let low = 0;
    let high = this.regions.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const region = this.regions[middle] as Region;
      if (key < region.first) high = middle - 1;
      else if (key >= region.first + region.pages) low = middle + 1;
      else return region;
    }
    return undefined;
  }

  private make(key: number, hi: number, lo: number): Page {
    const known = this.pages.get(key);
    if (known !== undefined) return known;
    const region = this.regionOf(key);
    if (region === undefined) throw new MachineStop("unmapped", `nothing is mapped at ${addressText(hi, lo)}`);
    if (this.pages.size >= this.limit)
      throw new MachineStop("memory", `more than ${this.limit} pages of memory in use`);
    const raw = new Uint8Array(PAGE);
    if (region.bytes !== undefined) {
      region.prepare?.(key - region.first);
      const start = (key - region.first) * PAGE;
      raw.set(region.bytes.subarray(start, start + PAGE));
    }
    const unknown = region.kind === "unknown" ? new Uint8Array(PAGE).fill(0xff) : null;
    const page = { raw, bytes: new DataView(raw.buffer), unknown, owner: this.owner, code: region.code === true };
    this.pages.set(key, page);
    return page;
  }

  private readable(hi: number, lo: number): Page {
    const key = pageNumber(hi, lo);
    const slot = key & (TLB - 1);
    if (this.readKeys[slot] === key) return this.readPages[slot] as Page;
    const page = this.make(key, hi, lo);
    this.readKeys[slot] = key;
    this.readPages[slot] = page;
    return page;
  }

  private writable(key: number, hi: number, lo: number): Page {
    let page = this.make(key, hi, lo);
    if (page.owner !== this.owner) {
      const raw = page.raw.slice();
      const unknown = page.unknown?.slice() ?? null;
      page = { raw, bytes: new DataView(raw.buffer), unknown, owner: this.owner, code: page.code };
      this.pages.set(key, page);
      this.readKeys[key & (TLB - 1)] = -1;
    }
    return page;
  }

  private target(hi: number, lo: number): Page {
    const key = pageNumber(hi, lo);
    const slot = key & (TLB - 1);
    if (this.writeKeys[slot] === key) return this.writePages[slot] as Page;
    const page = this.writable(key, hi, lo);
    if (page.code) throw new MachineStop("code-written", `code is written at ${addressText(hi, lo)}`);
    this.writeKeys[slot] = key;
    this.writePages[slot] = page;
    return page;
  }

  /** Reads `size` (1, 2, 4 or 8) bytes. */
  load(size: number, hi: number, lo: number): void {
    const at = lo & (PAGE - 1);
    if (at + size > PAGE) {
      this.loadAcross(size, hi, lo);
      return;
    }
    const page = this.readable(hi, lo);
    const bytes = page.bytes;
    this.hi = 0;
    switch (size) {
      case 8:
        this.lo = bytes.getInt32(at, true);
        this.hi = bytes.getInt32(at + 4, true);
        break;
      case 4:
        this.lo = bytes.getInt32(at, true);
        break;
      case 2:
        this.lo = bytes.getUint16(at, true);
        break;
      default:
        this.lo = bytes.getUint8(at);
    }
    this.ulo = 0;
    this.uhi = 0;
    const mask = page.unknown;
    if (mask === null) return;
    for (let i = 0; i < size && i < 4; i++) this.ulo |= (mask[at + i] ?? 0) << (8 * i);
    for (let i = 4; i < size; i++) this.uhi |= (mask[at + i] ?? 0) << (8 * (i - 4));
  }

  private loadAcross(size: number, hi: number, lo: number): void {
    const halves = [0, 0];
    const masks = [0, 0];
    for (let i = 0; i < size; i++) {
      const low = (lo + i) | 0;
      this.load(1, (hi + (low >>> 0 < lo >>> 0 ? 1 : 0)) | 0, low);
      const half = i >> 2;
      halves[half] = (halves[half] ?? 0) | (this.lo << (8 * (i & 3)));
      masks[half] = (masks[half] ?? 0) | (this.ulo << (8 * (i & 3)));
    }
    this.lo = halves[0] ?? 0;
    this.hi = halves[1] ?? 0;
    this.ulo = masks[0] ?? 0;
    this.uhi = masks[1] ?? 0;
  }

  /** Writes the low `size` (1, 2, 4 or 8) bytes of a value and of the mask of its unknown bits. */
  store(size: number, hi: number, lo: number, vlo: number, vhi: number, ulo: number, uhi: number): void {
    const at = lo & (PAGE - 1);
    if (at + size > PAGE) {
      for (let i = 0; i < size; i++) {
        const low = (lo + i) | 0;
        const value = (i < 4 ? vlo : vhi) >>> (8 * (i & 3));
        const mask = (i < 4 ? ulo : uhi) >>> (8 * (i & 3));
        this.store(1, (hi + (low >>> 0 < lo >>> 0 ? 1 : 0)) | 0, low, value, 0, mask, 0);
      }
      return;
    }
    const page = this.target(hi, lo);
    if (this.written !== null) this.written(hi, lo, size);
    const bytes = page.bytes;
    switch (size) {
      case 8:
        bytes.setInt32(at, vlo & ~ulo, true);
        bytes.setInt32(at + 4, vhi & ~uhi, true);
        break;
      case 4:
        bytes.setInt32(at, vlo & ~ulo, true);
        break;
      case 2:
        bytes.setInt16(at, vlo & ~ulo, true);
        break;
      default:
        bytes.setInt8(at, vlo & ~ulo);
    }
    if ((ulo | uhi) !== 0) page.unknown ??= new Uint8Array(PAGE);
    const mask = page.unknown;
    if (mask === null) return;
    for (let i = 0; i < size && i < 4; i++) mask[at + i] = ulo >>> (8 * i);
    for (let i = 4; i < size; i++) mask[at + i] = uhi >>> (8 * (i - 4));
  }
}
