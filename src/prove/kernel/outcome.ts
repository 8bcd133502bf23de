import type { LoadedModule } from "../loader/link.js";
import { MachineStop } from "../machine/stop.js";
import { allocate } from "./heap.js";
import type { Layout } from "./layouts.js";
import type { Started } from "./start.js";

/** A number that the kernel keeps: bits that are not known are 0 in `value`. */
export interface Known64 {
  readonly value: bigint;
  readonly unknown: bigint;
  /** Bytes. */
  readonly size: number;
}

/** Members of a structure by name, in its order; parts that are structures themselves are left out. */
export type Fields = ReadonlyMap<string, Known64>;

/** Reads a number of the module's memory. */
function readNumber({ runner }: Started, address: bigint, size: number): Known64 {
  const lo = Number(BigInt.asIntN(32, address));
  const hi = Number(BigInt.asIntN(32, address >> 32n));
  runner.mem.load(size, hi, lo);
  const { mem } = runner;
  return {
    value: (BigInt(mem.hi >>> 0) << 32n) | BigInt(mem.lo >>> 0),
    unknown: (BigInt(mem.uhi >>> 0) << 32n) | BigInt(mem.ulo >>> 0),
    size,
  };
}

/** Numbers of a structure at an address. */
export function readLayout(started: Started, layout: Layout, address: bigint): Fields {
  return new Map(layout.map(({ name, offset, size }) => [name, readNumber(started, address + BigInt(offset), size)]));
}

/** An array of numbers of four bytes that a variable of a module is; empty when it has none. */
export function readWords(started: Started, module: LoadedModule, name: string): readonly Known64[] {
  const address = module.address(name);
  const size = module.size(name) ?? 0;
  if (address === undefined || size > MOST_WORDS * 4) return [];
  return Array.from({ length: size >> 2 }, (_unused, i) => readNumber(started, address + BigInt(4 * i), 4));
}

const MOST_WORDS = 256;

/** A variable of a module by its symbol; undefined when it has none. */
export function readVariable(started: Started, modules: readonly LoadedModule[], name: string): Known64 | undefined {
  for (const module of modules) {
    const address = module.address(name);
    const size = module.size(name);
    if (address === undefined) continue;
    if (size === 1 || size === 2 || size === 4 || size === 8) return readNumber(started, address, size);
  }
  return undefined;
}

const FIRST_VMX_MSR = 0x480;
const LAST_VMX_MSR = 0x491;

/**
 * The VMX MSRs as a nested hypervisor reads them, by the module's own `vmx_get_vmx_msr`: an MSR that it refuses is
 * missing. Undefined when the module has no such function.
 */
export function nestedMsrs(
  started: Started,
  module: LoadedModule,
  nested: bigint,
): ReadonlyMap<number, Known64> | undefined {
  const { runner, kernel } = started;
  const entry = module.address("vmx_get_vmx_msr");
  if (entry === undefined) return undefined;
  const place = allocate(kernel.heap, true, 8);
  if (place === undefined) throw new MachineStop("memory", "no room for the value of an MSR");
  const [hi, lo] = place;
  const at: readonly [number, number] = [Number(BigInt.asIntN(32, nested >> 32n)), Number(BigInt.asIntN(32, nested))];
  const values = new Map<number, Known64>();
  for (let index = FIRST_VMX_MSR; index <= LAST_VMX_MSR; index++) {
    runner.mem.store(8, hi, lo, 0, 0, 0, 0);
    runner.callFunction(Number(entry & 0xffff_ffffn), [at, [0, index], place]);
    if (runner.u[0] === 0 && runner.r[0] !== 0) continue;
    const value = readNumber(started, (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0), 8);
    const refused = (runner.u[0] ?? 0) !== 0;
    values.set(index, refused ? { ...value, value: 0n, unknown: (1n << 64n) - 1n } : value);
  }
  return values;
}
