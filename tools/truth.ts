import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { loadProver } from "../src/prove/prover.js";
import {
  bootOutput,
  expectedBoot,
  expectedOutput,
  factsOfCase,
  proofOutput,
} from "../test/oracles/vectors/proof-case.js";
import {
  differencesOf,
  isModelled,
  isVectorCase,
  replayCase,
  type VectorCase,
  vectorOutput,
} from "../test/oracles/vectors/vector-case.js";

/*
 * npm run truth -- [--cases FILE] KERNEL…: what Debian's kernels make of many CPUs, by running their own code. KERNEL is a
 * version as in linux-image-VERSION (6.12.107+deb12-amd64), fetched with apt into a scratch folder, or a folder with
 * kvm-intel.ko*, kvm.ko* and vmlinuz* somewhere in it. FILE holds cases in the format of the vector files, whose inputs are
 * run; where it was made of the same kernel its outputs are compared, too. Writes KERNEL.jsonl.gz there in the same
 * format, and compares with the tables. Exit code 1 on a difference, 2 when a kernel cannot be had.
 */

const SCRATCH = join(tmpdir(), "vmxlens-truth");
const SHOWN = 12;

const args = process.argv.slice(2);
const at = args.indexOf("--cases");
const casesFile = at < 0 ? undefined : args[at + 1];
const kernels = args.filter((_text, index) => at < 0 || (index !== at && index !== at + 1));
if (kernels.length === 0 || casesFile === undefined) {
  process.stderr.write("usage: npm run truth -- --cases FILE.jsonl.gz KERNEL…\n");
  process.exit(2);
}
const raw = readFileSync(casesFile);
const cases = (casesFile.endsWith(".gz") ? gunzipSync(raw) : raw)
  .toString("utf8")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line): unknown => JSON.parse(line))
  .filter(isVectorCase);
let wrong = 0;
let missing = 0;
for (const kernel of kernels) {
  const folder = existsSync(kernel) ? kernel : fetchKernel(kernel);
  if (folder === undefined) missing++;
  else wrong += await truth(kernel, folder);
}
process.exitCode = missing > 0 ? 2 : wrong > 0 ? 1 : 0;

/** Downloads and unpacks the parts of a package that are needed; undefined, after a message, when it is not to be had. */
function fetchKernel(version: string): string | undefined {
  const folder = join(SCRATCH, version);
  try {
    mkdirSync(folder, { recursive: true });
    if (!readdirSync(folder).some((name) => name.endsWith(".deb")))
      execFileSync("apt-get", ["download", `linux-image-${version}`], {
        cwd: folder,
        stdio: ["ignore", "ignore", "inherit"],
      });
    const deb = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (deb === undefined) throw new Error("apt-get left no package");
    const script = 'dpkg-deb --fsys-tarfile "$0" | tar -x --wildcards "*/kvm.ko*" "*/kvm-intel.ko*" "./boot/vmlinuz*"';
    execFileSync("sh", ["-c", script, deb], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    return folder;
  } catch (error) {
    process.stdout.write(`${version}: skipped, not to be had here (${(error as Error).message.split("\n")[0]})\n`);
    return undefined;
  }
}

/** The first file in a folder whose name begins so. */
function find(folder: string, prefix: string): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && entry.name.startsWith(prefix)) return join(entry.parentPath, entry.name);
  return undefined;
}

async function truth(kernel: string, folder: string): Promise<number> {
  const [module, kvm, vmlinuz] = ["kvm-intel.ko", "kvm.ko", "vmlinuz"].map((name) => find(folder, name));
  if (module === undefined || vmlinuz === undefined) {
    process.stdout.write(`${kernel}: no kvm-intel.ko or no vmlinuz in ${folder}\n`);
    return 1;
  }
  const loaded = await loadProver({
    module: readFileSync(module),
    kvm: kvm === undefined ? undefined : readFileSync(kvm),
    kernel: readFileSync(vmlinuz),
  });
  if (loaded.kind === "problem") {
    process.stdout.write(`${kernel}: ${loaded.file}: ${loaded.problem}\n`);
    return 1;
  }
  const { prover } = loaded;
  const release = prover.resolved.release;
  const lines: string[] = [];
  const byVectors = counter("the vectors");
  const byTables = counter("the tables");
  for (const vector of cases) {
    const facts = factsOfCase(vector.in);
    const boot = prover.boot(facts);
    const run = prover.run(facts, vector.in.params, boot);
    const expected = vector.out as { readonly kvm?: unknown; readonly boot?: unknown };
    const own = release !== undefined && vector.release === release;
    const actual = {
      ...(boot === undefined ? {} : { boot: bootOutput(boot, expected) }),
      ...(proofOutput(run, expected) as object),
    };
    lines.push(JSON.stringify({ id: vector.id, release: prover.kernel, in: vector.in, out: actual }));
    if (own)
      byVectors.compare(
        vector.id,
        { boot: expectedBoot(vector.out), ...(expectedOutput(vector.out) as object) },
        actual,
      );
    if (release !== undefined && isModelled(release)) {
      const tables = vectorOutput(replayCase({ ...vector, release } as VectorCase), vector.in.params);
      byTables.compare(vector.id, { boot: expectedBoot(tables), ...(expectedOutput(tables) as object) }, actual);
    }
  }
  const file = join(SCRATCH, `${prover.kernel}.jsonl.gz`);
  mkdirSync(SCRATCH, { recursive: true });
  writeFileSync(file, gzipSync(lines.join("\n")));
  process.stdout.write(`Linux ${prover.kernel}: ${lines.length} cases, written to ${file}\n`);
  return byVectors.finish() + byTables.finish();
}

function counter(what: string) {
  let passed = 0;
  let failed = 0;
  const paths = new Map<string, { number: number; example: string }>();
  return {
    compare(id: string, expected: unknown, actual: unknown) {
      const differences = differencesOf(expected, actual);
      if (differences.length === 0) passed++;
      else failed++;
      for (const { path, expected: want, actual: got } of differences) {
        const key = path.replace(/\.\d+(?=\.|$)/g, "[]");
        const entry = paths.get(key) ?? { number: 0, example: `${id}: ${text(want)}, the kernel's code ${text(got)}` };
        paths.set(key, { ...entry, number: entry.number + 1 });
      }
    },
    finish(): number {
      if (passed + failed === 0) return 0;
      process.stdout.write(`  against ${what}: ${passed} passed, ${failed} failed\n`);
      const sorted = [...paths].sort(([, a], [, b]) => b.number - a.number).slice(0, SHOWN);
      for (const [path, { number, example }] of sorted) process.stdout.write(`    ${path}: ${number}, as ${example}\n`);
      return failed;
    },
  };
}

function text(value: unknown): string {
  return (JSON.stringify(value) ?? "missing").slice(0, 120);
}
