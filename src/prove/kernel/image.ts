import { type Btf, readBtf } from "../loader/btf.js";
import type { Elf } from "../loader/elf.js";
import type { Import, Linked } from "../loader/link.js";
import { loadedSection, SLOT } from "../loader/link.js";
import { type Code, makeCode, type Override } from "../machine/code.js";
import { type Frame, REG } from "../machine/cpu.js";
import type { Decoder } from "../machine/decoder.js";
import { Memory, PAGE, pageNumber, type Region } from "../machine/memory.js";
import type { Machine } from "../machine/op.js";
import type { Runner } from "../machine/run.js";
import { MachineStop } from "../machine/stop.js";
import { ANSWERS, thunkRegister } from "./answers.js";
import {
  type Bug,
  bugRows,
  type ExceptionRow,
  exceptionRows,
  jumpLabels,
  type Rows,
  staticCall,
  type TableBytes,
} from "./code-tables.js";
import { MODULE_PER_CPU, memoryRegions, PER_CPU_HIGH, PER_CPU_IMPORTS_HIGH } from "./heap.js";
import { FUNCTIONS, type FunctionRow } from "./imports.js";
import { kernelOf, type WatchedCall } from "./kernel-side.js";
import { PARAVIRT } from "./paravirt.js";
import type { KernelTypes } from "./types.js";
import { VARIABLES, type VariableRow } from "./variables.js";

/** Low half of the addresses of the operations of `pv_ops`; nothing but calls gets there. */
const PARAVIRT_CODE = 0xe000_0000;

/** Code ready to run: what all runs over it share. */
export interface RunImage {
  readonly types: KernelTypes;
  readonly code: Code;
  /** The address space before any run; runs are forks of it. */
  readonly memory: Memory;
  readonly bugs: Rows<Bug>;
  readonly exceptions: Rows<ExceptionRow>;
  readonly nameOf: Linked["nameOf"];
  /** High half of the address that GS holds, where the variables of the one CPU lie. */
  readonly perCpuHigh: number;
  /** Imports by the first page of their slots, for those that are read. */
  readonly variables: ReadonlyMap<string, { readonly row: VariableRow | undefined; readonly slot: number }>;
  /** What `kvm_x86_vendor_init` does where kvm.ko is not there. */
  vendorInit(runner: Runner): void;
}

/** Modules linked and ready to run. */
export interface KernelImage extends RunImage {
  readonly linked: Linked;
  /** Types of each module, by its name; a module without types is missing. */
  readonly moduleTypes: ReadonlyMap<string, Btf>;
}

interface RowIndex<R> {
  readonly whole: ReadonlyMap<string, R>;
  readonly patterns: readonly (readonly [text: string, atEnd: boolean, row: R])[];
}

/** Tables by name: modules import a thousand names. */
const indexes = new WeakMap<object, RowIndex<unknown>>();

/** The row of a table that has a name, whole or by its beginning or end. */
export function rowFor<R extends { readonly names: readonly string[] }>(
  rows: readonly R[],
  name: string,
): R | undefined {
  let index = indexes.get(rows) as RowIndex<R> | undefined;
  if (index === undefined) {
    const all = rows.flatMap((row) => row.names.map((text) => [text, row] as const));
    index = {
      whole: new Map(all.filter(([text]) => !text.includes("*")).reverse()),
      patterns: all.flatMap(([text, row]) =>
        text.includes("*") ? [[text.replace("*", ""), text.startsWith("*"), row] as const] : [],
      ),
    };
    indexes.set(rows, index);
  }
  const found = index.whole.get(name);
  if (found !== undefined) return found;
  return index.patterns.find(([text, atEnd]) => (atEnd ? name.endsWith(text) : name.startsWith(text)))?.[2];
}

/** Prepares linked modules. */
export function makeImage(decoder: Decoder, linked: Linked, types: KernelTypes): KernelImage {
  const overrides = new Map<number, Override>();
  const variables = new Map<string, { row: VariableRow | undefined; slot: number }>();
  const regions: Region[] = [...linked.regions, ...memoryRegions(modulePerCpu(linked))];
  for (const entry of linked.imports) {
    const row: FunctionRow | undefined = rowFor(FUNCTIONS, entry.name);
    const variable: VariableRow | undefined = rowFor(VARIABLES, entry.name);
    overrides.set(entry.slot, answerCalls(entry, row));
    if (row !== undefined && variable === undefined) continue;
    variables.set(entry.name, { row: variable, slot: entry.slot });
    regions.push({
      name: entry.name,
      first: pageNumber(-1, entry.slot),
      pages: SLOT / PAGE,
      kind:
        variable === undefined || variable.holds === "unknown" || variable.holds === "boot CPU" ? "unknown" : "zero",
    });
    // Every CPU may have its own; where the kernel's types do not list those, its use says so.
    regions.push({
      name: `${entry.name} of the CPU`,
      first: pageNumber(PER_CPU_IMPORTS_HIGH, entry.slot),
      pages: SLOT / PAGE,
      kind: "unknown",
    });
  }
  for (const [index, { name, valueByPointer }] of types.paravirt.entries())
    overrides.set(PARAVIRT_CODE + 16 * index, (m) => {
      const row = PARAVIRT[name];
      const kernel = kernelOf(m);
      count(kernel.reached, `pv_ops ${name}`);
      if (row === undefined) {
        kernel.report(`pv_ops ${name}`, "an operation of pv_ops");
        m.put(0, 0, 0, -1, -1);
      } else row.does(m, valueByPointer);
      m.ret();
    });
  for (const module of linked.modules) staticCalls(module, overrides);
  const labels = jumpLabels(tablesNamed(linked, "__jump_table"));
  const moduleTypes = new Map(linked.modules.flatMap(({ name, elf }) => typesOf(name, elf, types.btf)));
  const image: KernelImage = {
    linked,
    moduleTypes,
    types,
    code: makeCode(decoder, regions, { get: (at) => overrides.get(at) ?? labels.get(at) }, watched(linked)),
    memory: new Memory(regions),
    bugs: bugRows(tablesNamed(linked, "__bug_table"), types),
    exceptions: exceptionRows(tablesNamed(linked, "__ex_table"), types, (lo) => linked.importAt(lo)?.name),
    nameOf: linked.nameOf,
    perCpuHigh: PER_CPU_HIGH,
    variables,
    vendorInit: (runner) => vendorInit(runner, moduleTypes.get("kvm_intel")),
  };
  return image;
}

/**
 * Without kvm.ko: `kvm_init` or `kvm_x86_vendor_init`, whichever is given the module's table of functions, runs the one
 * that decides.
 */
function vendorInit(runner: Runner, types: Btf | undefined): void {
  runner.load64(REG.rdi);
  const { lo, hi } = runner;
  if (hi !== -1 || types === undefined) {
    runner.set(REG.rax, 0, 0);
    return;
  }
  const table = types.struct("kvm_x86_init_ops");
  const setUp = table === undefined ? undefined : types.place(table, "hardware_setup");
  if (setUp === undefined) throw new MachineStop("unmapped", "the module's types do not say where hardware_setup is");
  runner.mem.load(8, hi, (lo + setUp.offset) | 0);
  runner.take();
  runner.callPrepared(runner.codeAddress());
}

/** Types of a module: numbered after the kernel's, or after a base of its own. */
function typesOf(name: string, elf: Elf, kernel: Btf): [string, Btf][] {
  const section = elf.section(".BTF");
  if (section === undefined) return [];
  const base = elf.section(".BTF.base");
  return [[name, readBtf(elf.content(section), base === undefined ? kernel : readBtf(elf.content(base)))]];
}

/** Address of the code of a slot of `pv_ops`. */
export function paravirtAddress(index: number): number {
  return PARAVIRT_CODE + 16 * index;
}

function count(map: Map<string, number>, name: string): void {
  map.set(name, (map.get(name) ?? 0) + 1);
}

function answerCalls({ name }: Import, row: FunctionRow | undefined): (m: Machine) => void {
  if (row?.answer === "jump register") {
    const register = thunkRegister(name);
    return (m) => {
      m.load64(register);
      m.jumpTo(m.codeAddress());
    };
  }
  return (m) => {
    const kernel = kernelOf(m);
    count(kernel.reached, name);
    if (row === undefined) {
      kernel.report(name, "a function");
      m.put(0, 0, 0, -1, -1);
    } else ANSWERS[row.answer](m, kernel, name);
    m.ret();
  };
}

type Module = Linked["modules"][number];

/** Functions whose result is an output of its own. */
const WATCHED = ["setup_vmcs_config"] as const;

function watched(linked: Linked): Map<number, (m: Machine, frame: Frame) => void> {
  const after = new Map<number, (m: Machine, frame: Frame) => void>();
  for (const module of linked.modules)
    for (const name of WATCHED) {
      const address = module.address(name);
      if (address === undefined) continue;
      after.set(Number(address & 0xffff_ffffn), (m, frame) => {
        const kernel = kernelOf(m);
        const call: WatchedCall = {
          name,
          from: kernel.log.rdmsr.length,
          to: kernel.log.rdmsr.length,
          result: undefined,
          certain: kernel.certain(),
        };
        kernel.calls.push(call);
        kernel.runnerOf(m).finishCall(frame);
        call.to = kernel.log.rdmsr.length;
        call.result = { value: m.r[0] ?? 0, unknown: m.u[0] ?? 0 };
      });
    }
  return after;
}

/** A trampoline of a static call jumps to what its key points to; to nothing where that is nowhere. */
function staticCalls(module: Module, overrides: Map<number, Override>): void {
  const { symbols } = module;
  for (let index = 0; index < symbols.count; index++) {
    if (symbols.section(index) === 0 || !symbols.startsWith(index, "__SCT__")) continue;
    const name = symbols.name(index);
    const trampoline = module.address(name);
    const key = module.address(name.replace("__SCT__", "__SCK__"));
    if (trampoline === undefined || key === undefined) continue;
    overrides.set(Number(trampoline & 0xffff_ffffn), staticCall(Number(BigInt.asIntN(32, key))));
  }
}

/** The table of a name of every module that has it. */
function tablesNamed({ modules }: Linked, name: string): TableBytes[] {
  return modules.flatMap((module) => loadedSection(module, name) ?? []);
}

/** Initial content of the per-CPU variables of the modules. */
function modulePerCpu(linked: Linked): Uint8Array {
  const bytes = new Uint8Array(0x4_0000);
  for (const { elf, addresses, contents } of linked.modules)
    for (const section of elf.sections) {
      const content = contents.get(section.index);
      const address = addresses.get(section.index);
      if (section.name === ".data..percpu" && content !== undefined && address !== undefined)
        bytes.set(content, Number(address) - MODULE_PER_CPU);
    }
  return bytes;
}
