import { readFileSync } from "node:fs";
import { atlas, atlasHost } from "../src/input/atlas/atlas.js";
import { factsOfHost } from "../src/prove/kernel/facts-of-host.js";
import { loadProver, type ProofFiles } from "../src/prove/prover.js";
import { assume } from "../src/situation/assume.js";

/*
 * npm run bench:prove -- MODULE KVM BTF [VMLINUZ]: processor time of loading the modules, of one CPU warm, and of the whole
 * atlas, in milliseconds. Processor time, since a busy machine says nothing about this code.
 */

const [module, kvm, btf, vmlinuz] = process.argv.slice(2);
if (module === undefined || kvm === undefined || btf === undefined) {
  process.stderr.write("usage: npm run bench:prove -- kvm-intel.ko kvm.ko BTF [vmlinuz]\n");
  process.exit(2);
}
const files: ProofFiles = {
  module: readFileSync(module),
  kvm: readFileSync(kvm),
  btf: readFileSync(btf),
  ...(vmlinuz === undefined ? {} : { kernel: readFileSync(vmlinuz) }),
};

function time<T>(what: string, action: () => T): T {
  const before = process.cpuUsage();
  const result = action();
  print(what, before);
  return result;
}

function print(what: string, before: NodeJS.CpuUsage, parts = 1): void {
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${what}: ${((user + system) / 1000 / parts).toFixed(1)} ms\n`);
}

const start = process.cpuUsage();
const first = await loadProver(files);
print("load, first time (with the decoder)", start);
if (first.kind === "problem") throw new RangeError(first.problem);
const again = process.cpuUsage();
await loadProver(files);
print("load, warm", again);

const hosts = [...atlas()].map(({ id }) => {
  const host = atlasHost(id);
  if (host === undefined) throw new RangeError(id);
  return assume(assume(host, "registers=sdm").host, "firmware=enabled").host;
});
const [host] = hosts;
if (host === undefined) throw new RangeError("the atlas is empty");
const { prover } = first;
const options = { machine: { pmu: true, irqPosting: false } };
time("one CPU, cold", () => prover.prove(host, options));
for (const each of hosts.slice(0, 20)) prover.prove(each, options);
const rounds = 20;
const warm = process.cpuUsage();
for (let i = 0; i < rounds; i++) prover.run(factsOfHost(host, host.cores[0], options.machine));
print("one CPU, warm: both modules, setup_vmcs_config, hardware_setup, nested", warm, rounds);
const full = process.cpuUsage();
for (let i = 0; i < rounds; i++) prover.prove(host, options);
print("one CPU, warm, with boot where given, the tables and the comparison", full, rounds);
time(`the atlas, ${hosts.length} CPUs`, () => {
  for (const each of hosts) prover.prove(each, options);
});
