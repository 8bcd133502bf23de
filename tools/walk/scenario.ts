import { type CoreGroup, type Host, msrOf } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { type Replay, type ReplayOptions, replay } from "../../src/kvm/replay.js";
import type { TraceEvent } from "../../src/rules/machine.js";
import type { Release } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";

/*
 * The one machine and the one kernel of docs/how-linux-initialises-vmx.md. Everything that the document shows is
 * computed from here.
 */

const CPU_ID = "intel-50654-skylakex";
export const RELEASE: Release = "6.12";

/** What the dump of the CPU does not have and the document assumes, with the reason in the prose. */
export const ASSUMED: ReadonlyMap<number, Msr> = new Map([
  [0x3a, msrValue({ hi: 0, lo: 0x5 })],
  [0x491, msrValue({ hi: 0, lo: 0x1 })],
]);

/** The host exactly as the atlas has it. */
export const DUMPED: Host = atlasHost(CPU_ID);
/** As dumped, and without the registers that the CPU's own control bits rule out. */
const RULED_OUT: Host = assume(DUMPED, "registers=sdm").host;
export const HOST: Host = withMsrs(RULED_OUT, ASSUMED);

const MACHINE = { pmu: true, irqPosting: false } as const;

export function withMsrs(host: Host, changes: Iterable<readonly [number, Msr]>): Host {
  const [first, ...others] = host.cores;
  const core: CoreGroup = { ...first, msrs: new Map([...first.msrs, ...changes]) };
  return { ...host, cores: [core, ...others] };
}

/** The host with one register changed: bits of the 64-bit value set or cleared, or the register taken away. */
export function changed(index: number, change: { set?: number; clear?: number; value?: number } | "absent"): Host {
  const old = msrOf(HOST.cores[0], index);
  if (change === "absent") return withMsrs(HOST, [[index, ABSENT]]);
  if (old.state !== "value") throw new Error(`MSR 0x${index.toString(16)} has no value to change`);
  let { hi, lo } = { hi: old.hi.value, lo: old.lo.value };
  if (change.value !== undefined) [hi, lo] = [0, change.value];
  const flip = (bit: number, on: boolean): void => {
    const mask = 1 << (bit & 31);
    if (bit < 32) lo = on ? lo | mask : lo & ~mask;
    else hi = on ? hi | mask : hi & ~mask;
  };
  if (change.set !== undefined) flip(change.set, true);
  if (change.clear !== undefined) flip(change.clear, false);
  return withMsrs(HOST, [[index, msrValue({ hi: hi >>> 0, lo: lo >>> 0 })]]);
}

/** A replay of the document's host, or of a changed one, under the document's release unless another is named. */
export function run(options: ReplayOptions = {}, host: Host = HOST): Replay {
  return replay(host, { release: RELEASE, machine: MACHINE, ...options });
}

const recorded: TraceEvent[] = [];
/** The replay that the document walks through, and its trace. */
export const WALK: Replay = run({ trace: (event) => recorded.push(event) });
export const EVENTS: readonly TraceEvent[] = recorded;
