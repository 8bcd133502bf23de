import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { releaseOf } from "../../rules/held.js";
import type { Half } from "../machine/op.js";
import { LIMITS, type Limits, type Runner } from "../machine/run.js";
import { MachineStop } from "../machine/stop.js";
import type { BootImage } from "./boot-image.js";
import type { HostFacts } from "./host-facts.js";
import type { Log } from "./log.js";
import { readText } from "./printk.js";
import type { Stopped } from "./run-modules.js";
import { fillCpu, type Started, start } from "./start.js";

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

/**
 * Runs `init_ia32_feat_ctl` on a host, as the vendor's set-up of a CPU calls it. Never throws for what the kernel does.
 */
export function runBoot(
  { image, symbols }: BootImage,
  facts: HostFacts,
  limits: Limits = LIMITS,
  prepare: (started: Started) => void = () => {},
): BootRun {
  const started = start(image, facts, limits);
  const { runner, kernel } = started;
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
      throw new MachineStop(
        "unmapped",
        `the kernel has no init_ia32_feat_ctl (before ${releaseOf(FEAT_CTL_AT_BOOT)}, or built without Intel)`,
      );
    const lo = Number(BigInt.asIntN(32, at));
    fillCpu(runner, kernel, -1, lo);
    const words = cpu.vmx_capability;
    if (words !== undefined)
      for (let i = 0; i < words.size; i += 4) runner.mem.store(4, -1, lo + words.offset + i, 0, 0, 0, 0);
    const tboot = symbols.address("tboot");
    if (tboot !== undefined && facts.tboot !== false)
      // A pointer that is only compared with NULL.
      runner.mem.store(8, -1, Number(BigInt.asIntN(32, tboot)), 1, 0, facts.tboot === undefined ? 1 : 0, 0);
    prepare(started);
    runner.callFunction(Number(entry & 0xffff_ffffn), [[-1, lo]]);
    // Where the kernel prepares VMX at boot, it does so once the boot CPU is identified.
    const virtual = symbols.address("x86_virt_init");
    if (virtual !== undefined) {
      oneCpu(runner, symbols);
      runner.callFunction(Number(virtual & 0xffff_ffffn));
    }
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

/** What the kernel finds out of the machine before it makes something for each of its CPUs. */
function oneCpu(runner: Runner, symbols: BootImage["symbols"]): void {
  for (const [name, size] of [
    ["nr_cpu_ids", 4],
    ["__cpu_possible_mask", 8],
  ] as const) {
    const address = symbols.address(name);
    if (address !== undefined) runner.mem.store(size, -1, Number(BigInt.asIntN(32, address)), 1, 0, 0, 0);
  }
}
