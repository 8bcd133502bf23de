import { type Elf, PT_LOAD } from "../loader/elf.js";
import { type Kallsyms, readKallsyms } from "../loader/kallsyms.js";
import { makeCode } from "../machine/code.js";
import type { Decoder } from "../machine/decoder.js";
import { Memory, PAGE, pageNumber, type Region } from "../machine/memory.js";
import type { Half, Machine } from "../machine/op.js";
import { LIMITS, type Limits } from "../machine/run.js";
import { MachineStop } from "../machine/stop.js";
import { ANSWERS, thunkRegister } from "./answers.js";
import { memoryRegions } from "./heap.js";
import type { HostFacts } from "./host-facts.js";
import { type ExceptionRow, jumpLabelOverrides, type RunImage, readExceptions, staticCallOverride } from "./image.js";
import { FUNCTIONS, type FunctionRow } from "./imports.js";
import { kernelOf } from "./kernel-side.js";
import type { Log } from "./log.js";
import { readText } from "./printk.js";
import type { Stopped } from "./run-modules.js";
import { fillCpu, start } from "./start.js";
import type { KernelTypes } from "./types.js";

/** The kernel's own image, ready to run the part of its boot that concerns VMX. */
export interface BootImage {
  readonly image: RunImage;
  readonly symbols: Kallsyms;
}

/** What boot makes of a CPU. */
export interface BootRun {
  /** Words of `x86_capability` after it, by number. */
  readonly capabilities: readonly Half[];
  /** Words of `vmx_capability`. */
  readonly vmxCapability: readonly Half[];
  /** Names of `vmx_capability`'s bits that /proc/cpuinfo prints, by number of the bit. */
  readonly vmxNames: ReadonlyMap<number, string>;
  /** Numbers of the capabilities that /proc/cpuinfo prints, by name; the lower one where two have the same. */
  readonly capabilityBits: ReadonlyMap<string, number>;
  readonly log: Log;
  readonly stopped: Stopped | undefined;
  readonly instructions: number;
}

/** Functions of the kernel that are answered rather than run: its output, its hooks, its ways to jump. */
const ANSWERED: readonly string[] = ["_printk", "printk", "__warn_printk", "__fentry__", "__x86_return_thunk"];

/** Rows that answer functions by their whole names. */
function rowOf(name: string): FunctionRow | undefined {
  return FUNCTIONS.find(({ names }) => (names as readonly string[]).includes(name));
}

/** Prepares the image of a kernel. Throws `BadFile` when it has no table of symbols. */
export function bootImage(decoder: Decoder, elf: Elf, types: KernelTypes): BootImage {
  const symbols = readKallsyms(elf.bytes);
  const regions: Region[] = [...memoryRegions(new Uint8Array(PAGE)), ...segmentRegions(elf)];
  const overrides = new Map<number, (m: Machine) => void>();
  const lowHalf = (address: bigint) => Number(address & 0xffff_ffffn);
  for (const name of ANSWERED) {
    const address = symbols.address(name);
    const row = rowOf(name);
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
    if (key !== undefined) overrides.set(lowHalf(address), staticCallOverride(Number(BigInt.asIntN(32, key))));
  }
  const bytesAt = (from: string, to: string): { view: DataView; address: number } | undefined => {
    const [first, last] = [symbols.address(from), symbols.address(to)];
    if (first === undefined || last === undefined || last < first) return undefined;
    const segment = elf.segments.find(
      ({ type, address, fileSize }) => type === PT_LOAD && first >= address && last <= address + BigInt(fileSize),
    );
    if (segment === undefined) return undefined;
    const at = segment.offset + Number(first - segment.address);
    const { buffer, byteOffset } = elf.bytes;
    return { view: new DataView(buffer, byteOffset + at, Number(last - first)), address: lowHalf(first) };
  };
  const labels = bytesAt("__start___jump_table", "__stop___jump_table");
  if (labels !== undefined) jumpLabelOverrides(labels.view, labels.address, overrides);
  const exceptions = new Map<number, ExceptionRow>();
  const table = elf.section("__ex_table");
  if (table !== undefined) {
    const content = elf.content(table);
    readExceptions(
      new DataView(content.buffer, content.byteOffset, content.length),
      lowHalf(table.address),
      exceptions,
    );
  }
  const nameOf = (lo: number) => {
    const found = symbols.nameOf(lo);
    return found === undefined ? undefined : { module: "vmlinux", ...found };
  };
  return {
    symbols,
    image: {
      types,
      code: makeCode(decoder, regions, overrides),
      memory: new Memory(regions),
      bugs: bugTable(elf, types),
      exceptions,
      nameOf,
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
    if (filePages > 0)
      regions.push({
        name: `segment ${index} of the kernel`,
        first,
        pages: filePages,
        kind: "bytes",
        bytes: elf.bytes.subarray(offset, offset + fileSize),
        ...((flags & 1) === 0 ? {} : { code: true }),
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

function bugTable(elf: Elf, { bug }: KernelTypes): RunImage["bugs"] {
  const bugs = new Map<number, { warning: boolean; once: boolean }>();
  const section = elf.section("__bug_table");
  if (section === undefined || bug === undefined) return bugs;
  const content = elf.content(section);
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const base = Number(section.address & 0xffff_ffffn);
  for (let i = 0; i + bug.size <= view.byteLength; i += bug.size) {
    const at = (base + i + bug.address.offset + view.getInt32(i + bug.address.offset, true)) >>> 0;
    const flags = view.getUint16(i + bug.flags.offset, true);
    bugs.set(at, { warning: (flags & 1) !== 0, once: (flags & 2) !== 0 });
  }
  return bugs;
}

/**
 * Runs `init_ia32_feat_ctl` on a host, as the vendor's set-up of a CPU calls it. Never throws for what the kernel does.
 */
export function runBoot({ image, symbols }: BootImage, facts: HostFacts, limits: Limits = LIMITS): BootRun {
  const { runner, kernel } = start(image, facts, limits);
  const { cpu } = image.types;
  let stopped: Stopped | undefined;
  const at = symbols.address("boot_cpu_data");
  const entry = symbols.address("init_ia32_feat_ctl");
  const capabilities: Half[] = [];
  const vmxCapability: Half[] = [];
  const vmxNames = new Map<number, string>();
  const capabilityBits = new Map<string, number>();
  const eachName = (symbol: string, bits: number, visit: (bit: number, name: string) => void) => {
    const names = symbols.address(symbol);
    for (let bit = 0; names !== undefined && bit < bits; bit++) {
      runner.mem.load(8, -1, Number(BigInt.asIntN(32, names)) + 8 * bit);
      const { lo, hi } = runner.mem;
      // Behind its end lie other things than addresses of the kernel.
      if ((lo | hi) !== 0 && hi !== -1) return;
      if (hi === -1) visit(bit, readText(runner, hi, lo));
    }
  };
  try {
    if (at === undefined || entry === undefined)
      throw new MachineStop("unmapped", "the kernel has no init_ia32_feat_ctl (before 5.6, or built without Intel)");
    const lo = Number(BigInt.asIntN(32, at));
    fillCpu(runner, kernel, -1, lo);
    const words = cpu.vmx_capability;
    if (words !== undefined)
      for (let i = 0; i < words.size; i += 4) runner.mem.store(4, -1, lo + words.offset + i, 0, 0, 0, 0);
    const tboot = symbols.address("tboot");
    if (tboot !== undefined && facts.tboot !== false)
      // A pointer that is only compared with NULL.
      runner.mem.store(8, -1, Number(BigInt.asIntN(32, tboot)), 1, 0, facts.tboot === undefined ? 1 : 0, 0);
    runner.callFunction(Number(entry & 0xffff_ffffn), [[-1, lo]]);
    const read = (field: "x86_capability" | "vmx_capability", into: Half[]) => {
      const place = cpu[field];
      for (let i = 0; place !== undefined && i < place.size; i += 4) {
        runner.mem.load(4, -1, lo + place.offset + i);
        into.push({ value: runner.mem.lo >>> 0, unknown: runner.mem.ulo >>> 0 });
      }
    };
    read("x86_capability", capabilities);
    read("vmx_capability", vmxCapability);
    eachName("x86_vmx_flags", 32 * vmxCapability.length, (bit, name) => vmxNames.set(bit, name));
    eachName("x86_cap_flags", 32 * capabilities.length, (bit, name) => {
      if (!capabilityBits.has(name)) capabilityBits.set(name, bit);
    });
  } catch (error) {
    if (!(error instanceof MachineStop)) throw error;
    const name = image.nameOf(runner.rip);
    stopped = {
      kind: error.kind,
      message: error.message,
      where: name === undefined ? "" : `${name.name}+0x${name.offset.toString(16)}`,
      address: runner.rip,
    };
  }
  return {
    capabilities,
    vmxCapability,
    vmxNames,
    capabilityBits,
    log: kernel.log,
    stopped,
    instructions: runner.steps,
  };
}
