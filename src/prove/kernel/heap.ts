import { PAGE, pageNumber, type Region } from "../machine/memory.js";

/*
 * Memory that the kernel hands out: zeroed memory and memory of unknown content, each from a range of its own of the
 * direct map, never given back. High half of all addresses: 0xffff8880.
 */

const HIGH = 0xffff_8880 | 0;
const ZEROED = 0x1000_0000;
const UNKNOWN = 0x4000_0000;
const LENGTH = 0x1000_0000;

/** The stack; its content is unknown before it is written. */
export const STACK_HIGH = 0xffff_c900 | 0;
const STACK = 0x0010_0000;
const STACK_PAGES = 8;
export const STACK_TOP = STACK + STACK_PAGES * PAGE - 64;

/** Where GS points to: the per-CPU area of the one CPU. */
export const PER_CPU_HIGH = 0xffff_8881 | 0;
/** High half of where an import is found from there: its address is of the last 4 GiB, so one less. */
export const PER_CPU_IMPORTS_HIGH = PER_CPU_HIGH - 1;
/** Per-CPU memory that is handed out, as offsets. */
const PER_CPU_HEAP = 0x24_0000;
const PER_CPU_END = 0x40_0000;
export const MODULE_PER_CPU = 0x20_0000;

/** Regions of memory that every run has, besides modules and imports. */
export function memoryRegions(modulePerCpu: Uint8Array): Region[] {
  const pages = (bytes: number) => bytes / PAGE;
  return [
    { name: "zeroed memory", first: pageNumber(HIGH, ZEROED), pages: pages(LENGTH), kind: "zero" },
    { name: "memory", first: pageNumber(HIGH, UNKNOWN), pages: pages(LENGTH), kind: "unknown" },
    { name: "stack", first: pageNumber(STACK_HIGH, STACK), pages: STACK_PAGES, kind: "unknown" },
    {
      name: "per-CPU area of the kernel",
      first: pageNumber(PER_CPU_HIGH, 0),
      pages: pages(MODULE_PER_CPU),
      kind: "unknown",
    },
    {
      name: "per-CPU area of the modules",
      first: pageNumber(PER_CPU_HIGH, MODULE_PER_CPU),
      pages: pages(PER_CPU_HEAP - MODULE_PER_CPU),
      kind: "bytes",
      bytes: modulePerCpu,
    },
    {
      name: "per-CPU memory",
      first: pageNumber(PER_CPU_HIGH, PER_CPU_HEAP),
      pages: pages(PER_CPU_END - PER_CPU_HEAP),
      kind: "zero",
    },
  ];
}

/** How far each range is used; the state of the host side that a fork has to go back to. */
export interface Heap {
  zeroed: number;
  unknown: number;
  perCpu: number;
}

export function newHeap(): Heap {
  return { zeroed: ZEROED, unknown: UNKNOWN, perCpu: PER_CPU_HEAP };
}

/** Room for one object when its size is not known: more than any structure that the kernel allocates. */
const ROOM = 0x1_0000;

/** The halves of the address of new memory; undefined when there is none left. */
export function allocate(heap: Heap, zeroed: boolean, size = ROOM): readonly [number, number] | undefined {
  const at = zeroed ? heap.zeroed : heap.unknown;
  const end = at + Math.max(PAGE, Math.ceil(size / PAGE) * PAGE);
  if (end > (zeroed ? ZEROED : UNKNOWN) + LENGTH) return undefined;
  if (zeroed) heap.zeroed = end;
  else heap.unknown = end;
  return [HIGH, at];
}

/** The offset of new per-CPU memory, zeroed; undefined when there is none left. */
export function allocatePerCpu(heap: Heap, size: number): number | undefined {
  const at = heap.perCpu;
  const end = at + Math.max(64, Math.ceil(size / 64) * 64);
  if (end > PER_CPU_END) return undefined;
  heap.perCpu = end;
  return at;
}

/** The halves of the page descriptor of the page at an address of this memory. */
export function pageDescriptor(lo: number): readonly [number, number] {
  return [0xffff_ea00 | 0, (lo / PAGE) * 64];
}
