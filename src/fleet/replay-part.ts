import { type CoreGroup, type CpuFacts, type Host, msrOf } from "../host/host.js";
import { fillTimer } from "../kvm/fill-machine.js";
import { createMachine, NO } from "../rules/machine.js";
import { timerTooFast } from "../rules/timer.js";
import { bitIndex, wordIndex } from "../rules/words.js";

/*
 * Hosts of a fleet also differ in what has no influence on VMX: one generation of CPUs is sold under thirty names, each with its own
 * frequency. What a replay does not ask for is left out here, so that all of them are replayed once.
 */

const RATE_MASK = 0x1f;
const MISC_LO = wordIndex("misc.lo");
const CPU_HAS = wordIndex("cpu_has");
const HYPERVISOR = 1 << bitIndex("cpu_has", "hypervisor");

/** A timer that no kernel finds too fast, at any rate. */
const SLOW_TIMER = { tscKhz: 1, cpuid15: { eax: 0, ebx: 0, ecx: 0 } } as const;

/** The part of a set on which its row of the dimension depends: replayed alone, it gives the same row. */
export function replayPart({ name: _, ...host }: Host): Host {
  return { ...host, cores: host.cores.map(corePart) as unknown as Host["cores"] };
}

function corePart(core: CoreGroup): CoreGroup {
  const { physAddrBits: _, linAddrBits: __, ...cpuid } = core.cpuid;
  return { ...core, cpuid: isSlowTimer(core, cpuid) ? { ...cpuid, ...SLOW_TIMER } : cpuid };
}

/** Whether the preemption timer is certainly not too fast by either limit, as most are not. */
function isSlowTimer(core: CoreGroup, { tscKhz, features }: CpuFacts): boolean {
  const misc = msrOf(core, 0x485);
  if (tscKhz === undefined || misc.state !== "value" || (misc.lo.unknown & RATE_MASK) !== 0) return false;
  const m = createMachine(undefined);
  m.value[MISC_LO] = misc.lo.value & RATE_MASK;
  if (features.hypervisor === true) m.value[CPU_HAS] = HYPERVISOR;
  else if (features.hypervisor === undefined) m.unknown[CPU_HAS] = HYPERVISOR;
  fillTimer(m, core);
  return timerTooFast(m, "fixed limit") === NO && timerTooFast(m, "limit of CPUID leaf 15h") === NO;
}
