import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadProver } from "../src/cli/load-prover.js";
import { atlas, atlasHost } from "../src/input/atlas/atlas.js";
import { factsOfHost } from "../src/prove/kernel/facts-of-host.js";
import { readKernelFile } from "../src/prove/loader/kernel-file.js";
import type { ProofFiles } from "../src/prove/prover.js";
import { assume } from "../src/situation/assume.js";

/*
 * npm run bench:prove -- FOLDER: processor time, in milliseconds, of loading the modules of the kernel in a folder (kvm-intel.ko*,
 * kvm.ko*, vmlinuz*) with the kernel's types at hand, as a running kernel has them; of one CPU warm; of the whole atlas; and
 * of loading them with vmlinuz. Processor time, since a busy machine says nothing about this code.
 */

const [folder] = process.argv.slice(2);
const found = (prefix: string): Buffer | undefined => {
  for (const entry of readdirSync(folder ?? ".", { withFileTypes: true, recursive: true }))
    if (entry.isFile() && entry.name.startsWith(prefix)) return readFileSync(join(entry.parentPath, entry.name));
  return undefined;
};
const [module, kvm, kernel] = folder === undefined ? [] : ["kvm-intel.ko", "kvm.ko", "vmlinuz"].map(found);
if (module === undefined || kvm === undefined || kernel === undefined) {
  process.stderr.write(
    "usage: npm run bench:prove -- FOLDER, with kvm-intel.ko, kvm.ko and vmlinuz of one kernel in it\n",
  );
  process.exit(2);
}

function print(what: string, before: NodeJS.CpuUsage, most?: number, parts = 1): void {
  const { user, system } = process.cpuUsage(before);
  const limit = most === undefined ? "" : ` (at most ${most})`;
  process.stdout.write(`${what}: ${((user + system) / 1000 / parts).toFixed(1)} ms${limit}\n`);
}

const hosts = [...atlas()].map(
  ({ id }) => assume(assume(atlasHost(id), "registers=sdm").host, "firmware=enabled").host,
);
const elf = await readKernelFile(kernel);
const types = elf.section(".BTF");
if (types === undefined) throw new RangeError("the kernel has no types");
const files: ProofFiles = { module, kvm, btf: elf.content(types).slice() };

const start = process.cpuUsage();
const first = await loadProver(files);
print("load the modules, first time, with the decoder", start, 300);
if (first.kind === "problem") throw new RangeError(first.problem);
const { prover } = first;
const options = { machine: { pmu: true, irqPosting: false } };
const [host] = hosts;
if (host === undefined) throw new RangeError("the atlas is empty");
const cold = process.cpuUsage();
prover.prove(host, options);
print("one CPU, cold", cold);
for (const each of hosts.slice(0, 20)) prover.prove(each, options);
const rounds = 20;
const warm = process.cpuUsage();
for (let i = 0; i < rounds; i++) prover.run(factsOfHost(host, host.cores[0], options.machine));
print("one CPU, warm: both modules, setup_vmcs_config, hardware_setup, nested", warm, 30, rounds);
const full = process.cpuUsage();
for (let i = 0; i < rounds; i++) prover.prove(host, options);
print("one CPU, warm, with the tables and the comparison", full, undefined, rounds);
const all = process.cpuUsage();
for (const each of hosts) prover.prove(each, options);
print(`the atlas, ${hosts.length} CPUs`, all, 5000);
const again = process.cpuUsage();
await loadProver(files);
print("load the modules, warm", again);
const whole = process.cpuUsage();
const withBoot = await loadProver({ module, kvm, kernel });
print("load the modules and vmlinuz, warm", whole);
if (withBoot.kind === "prover") {
  const booted = process.cpuUsage();
  for (let i = 0; i < rounds; i++) withBoot.prover.prove(host, options);
  print("one CPU with boot, the tables and the comparison", booted, undefined, rounds);
}
