import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Bench } from "tinybench";
import type { Host } from "../src/host/host.js";
import { msrValue } from "../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../src/input/atlas/atlas.js";
import { replay } from "../src/kvm/replay.js";
import type { TraceEvent } from "../src/rules/machine.js";
import { RELEASES } from "../src/rules/release.js";
import { MODELLED } from "../src/situation/modelled.js";

/*
 * npm run bench: how long a full replay takes, with and without a listener, the whole atlas under all kernels, and the
 * start of the command line against an empty node. Printed, with ratios; nothing is asserted.
 */

const known = knownHost("intel-806f8-sapphirerapids-05");
const machine = { pmu: true, irqPosting: true, mediatedPmu: true };

const bench = new Bench({ time: 300, warmupTime: 100 });
for (const release of RELEASES) {
  bench.add(`replay ${release}`, () => {
    replay(known, { release, machine });
  });
  bench.add(`replay ${release} traced`, () => {
    const events: TraceEvent[] = [];
    replay(known, { release, machine, trace: (event) => events.push(event) });
  });
}
const hosts = atlas().map(entryHost);
bench.add("whole atlas read, all kernels", () => {
  for (const entry of atlas()) {
    const host = entryHost(entry);
    for (const { id } of MODELLED) replay(host, { release: id });
  }
});
bench.add("whole atlas at hand, all kernels", () => {
  for (const host of hosts) for (const { id } of MODELLED) replay(host, { release: id });
});
await bench.run();

const microseconds = new Map(bench.tasks.map((task) => [task.name, medianOf(task.name)]));
console.log("release   replay   traced   ratio   (median µs, Sapphire Rapids, all values known; goal: 15 and 3×)");
for (const release of RELEASES) {
  const plain = microseconds.get(`replay ${release}`) ?? 0;
  const traced = microseconds.get(`replay ${release} traced`) ?? 0;
  console.log(`${release.padEnd(8)}${show(plain)}${show(traced)}${`${(traced / plain).toFixed(2)}×`.padStart(8)}`);
}
const runs = hosts.length * MODELLED.length;
for (const name of ["whole atlas read, all kernels", "whole atlas at hand, all kernels"]) {
  const total = microseconds.get(name) ?? 0;
  console.log(`${name}: ${(total / 1000).toFixed(1)} ms for ${runs} replays, ${(total / runs).toFixed(1)} µs each`);
}
startUp();

function knownHost(id: string): Host {
  const host = atlasHost(id);
  const [core] = host.cores;
  const msrs = new Map(core.msrs);
  for (const [index, lo] of [
    [0x3a, 5],
    [0x491, 1],
    [0x492, 0],
  ] as const) {
    if (!msrs.has(index)) msrs.set(index, msrValue({ hi: 0, lo }));
  }
  const { features } = core.cpuid;
  const cpuid = {
    ...core.cpuid,
    features: { nx: true, ss: true, xsave: true, mpx: false, umip: true, ibt: false, ...features },
    tscKhz: 2_000_000,
    cpuid12Eax: 1,
  };
  return { ...host, cores: [{ ...core, msrs, cpuid }] };
}

function medianOf(name: string): number {
  const { result } = bench.getTask(name) ?? {};
  return result !== undefined && "latency" in result ? result.latency.p50 * 1000 : Number.NaN;
}

function show(value: number): string {
  return value.toFixed(1).padStart(9);
}

/** The whole process in pairs, so that what else the machine does hits both. */
function startUp(): void {
  const cli = resolve(import.meta.dirname, "../dist/cli/main.js");
  if (!existsSync(cli)) {
    console.log("start-up: dist/cli/main.js is not built (npm run build)");
    return;
  }
  const pairs = Array.from({ length: 30 }, () => [timed("-e", "0"), timed(cli, "layers", "skylake-x")] as const);
  const ratios = pairs.map(([empty, layers]) => layers / empty).sort((a, b) => a - b);
  const [empty, layers] = [0, 1].map((side) => median(pairs.map((pair) => pair[side as 0 | 1]))) as [number, number];
  const ratio = ratios[ratios.length >> 1] ?? Number.NaN;
  console.log(
    `vmxlens layers skylake-x: ${layers.toFixed(0)} ms, node -e 0: ${empty.toFixed(0)} ms, ratio ${ratio.toFixed(2)}× (goal: 1.7)`,
  );
}

function timed(...args: readonly string[]): number {
  const begin = performance.now();
  spawnSync(process.execPath, args, { stdio: "ignore" });
  return performance.now() - begin;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
