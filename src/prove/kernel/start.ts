import { REG } from "../machine/cpu.js";
import { LIMITS, Runner } from "../machine/run.js";
import { PER_CPU_HIGH, PER_CPU_IMPORTS_HIGH, STACK_HIGH, STACK_TOP } from "./heap.js";
import { familyModel, type HostFacts, VENDORS } from "./host-facts.js";
import { paravirtAddress, type RunImage } from "./image.js";
import { type KernelSide, kernelSide } from "./kernel-side.js";
import type { Field } from "./types.js";
import { type Content, PER_CPU_VARIABLES } from "./variables.js";

/** A machine with an image, about to run: what the kernel would have set up by then is set up. */
export interface Started {
  readonly runner: Runner;
  readonly kernel: KernelSide;
}

/** The word of a task that `current` points to; only its address matters. */
const TASK = [0xffff_8880 | 0, 0x1fff_0000] as const;

export function start(image: RunImage, facts: HostFacts, limits = LIMITS): Started {
  const kernel = kernelSide(image, facts);
  const runner = new Runner(image.code, image.memory.fork(), kernel, limits);
  kernel.attach(runner);
  runner.gsHi = image.perCpuHigh;
  runner.set(REG.rsp, STACK_HIGH, STACK_TOP);
  for (const [name, { row, slot }] of image.variables) {
    if (row !== undefined) fill(runner, kernel, -1, slot, row.holds);
    if (name === "__per_cpu_offset") runner.mem.store(8, -1, slot, 0, PER_CPU_HIGH, 0, 0);
  }
  // Where they lie in the image, it says what they hold.
  if (image.perCpuHigh === PER_CPU_HIGH) fillPerCpu(runner, kernel);
  return { runner, kernel };
}

function fillPerCpu(runner: Runner, kernel: KernelSide): void {
  const { image } = kernel;
  const { perCpu } = image.types.btf;
  /** By the kernel's types, or where an import of that name is seen from the base of the CPU's area. */
  const placeOf = (name: string): readonly [hi: number, lo: number] | undefined => {
    const offset = perCpu.get(name);
    if (offset !== undefined) return [PER_CPU_HIGH, offset];
    const slot = image.variables.get(name)?.slot;
    return slot === undefined ? undefined : [PER_CPU_IMPORTS_HIGH, slot];
  };
  for (const { name, holds } of PER_CPU_VARIABLES) {
    const place = placeOf(name);
    if (place !== undefined) fill(runner, kernel, ...place, holds);
  }
  // The canary of the stack has a fixed place in kernels that have no variable for it.
  if (!perCpu.has("__stack_chk_guard")) fill(runner, kernel, PER_CPU_HIGH, 0, "zero");
  const offset = placeOf("this_cpu_off");
  if (offset !== undefined) runner.mem.store(8, ...offset, 0, PER_CPU_HIGH, 0, 0);
  const current = placeOf("current_task");
  if (current !== undefined) runner.mem.store(8, ...current, TASK[1], TASK[0], 0, 0);
  const { hot } = image.types;
  const hotAt = perCpu.get("pcpu_hot");
  if (hot !== undefined && hotAt !== undefined) {
    for (let i = 0; i < hot.size; i++) runner.mem.store(1, PER_CPU_HIGH, hotAt + i, 0, 0, 0, 0);
    if (hot.task !== undefined) runner.mem.store(8, PER_CPU_HIGH, hotAt + hot.task.offset, TASK[1], TASK[0], 0, 0);
  }
}

function fill(runner: Runner, kernel: KernelSide, hi: number, lo: number, holds: Content): void {
  if (holds === "zero" && hi !== -1) for (let i = 0; i < 64; i += 8) runner.mem.store(8, hi, lo + i, 0, 0, 0, 0);
  else if (holds === "boot CPU") fillCpu(runner, kernel, hi, lo);
  else if (holds === "first CPU") runner.mem.store(8, hi, lo, 1, 0, 0, 0);
  else if (holds === "tsc") {
    const khz = kernel.facts.tscKhz;
    runner.mem.store(4, hi, lo, khz ?? 0, 0, khz === undefined ? -1 : 0, 0);
  } else if (holds === "paravirt")
    for (const [index, slot] of kernel.image.types.paravirt.entries())
      runner.mem.store(8, hi, lo + slot.offset, paravirtAddress(index) | 0, -1, 0, 0);
  else if (typeof holds !== "string")
    runner.mem.store(
      holds.size,
      hi,
      lo,
      Number(BigInt.asIntN(32, holds.value)),
      Number(BigInt.asIntN(32, holds.value >> 32n)),
      0,
      0,
    );
}

/** Writes `struct cpuinfo_x86` of the host; members about which nothing is known stay unknown. */
export function fillCpu(runner: Runner, kernel: KernelSide, hi: number, lo: number): void {
  const { cpu, cpuSize } = kernel.image.types;
  const { facts } = kernel;
  for (let i = 0; i < cpuSize; i++) runner.mem.store(1, hi, lo + i, 0, 0, 0xff, 0);
  const put = (field: Field | undefined, value: number | undefined) => {
    if (field !== undefined && value !== undefined) runner.mem.store(field.size, hi, lo + field.offset, value, 0, 0, 0);
  };
  const vendor = facts.vendor === undefined ? undefined : VENDORS[facts.vendor];
  put(cpu.x86_vendor, vendor);
  if (facts.signature !== undefined) {
    const { family, model, stepping } = familyModel(facts.signature);
    put(cpu.x86, family);
    put(cpu.x86_model, model);
    put(cpu.x86_stepping, stepping);
    // Where vendor, family and model are one number, its fourth byte is reserved and zero.
    if (vendor !== undefined) put(cpu.x86_vfm, (vendor << 16) | (family << 8) | model);
  }
  put(cpu.cpuid_level, facts.maxLeaf);
  put(cpu.x86_phys_bits, facts.physAddrBits);
  put(cpu.x86_cache_bits, facts.physAddrBits);
  put(cpu.x86_virt_bits, facts.linAddrBits);
  const words = cpu.x86_capability;
  if (words === undefined) return;
  for (let word = 0; 4 * word < words.size; word++) {
    const half = facts.capabilities[word];
    if (half === undefined && facts.onlyThese !== true) continue;
    runner.mem.store(4, hi, lo + words.offset + 4 * word, half?.value ?? 0, 0, half?.unknown ?? 0, 0);
  }
}
