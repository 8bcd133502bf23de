import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { loadProver, type Prover } from "../src/prove/prover.js";
import {
  bootOutput,
  expectedBoot,
  expectedOutput,
  factsOfCase,
  proofOutput,
} from "../test/oracles/vectors/proof-case.js";
import {
  isVectorCase,
  kernelOf,
  replayCase,
  type VectorCase,
  vectorOutput,
} from "../test/oracles/vectors/vector-case.js";
import { truthCases } from "./truth/cases.js";
import { fetchKernel } from "./truth/fetch.js";
import { type FieldCounter, fieldCounter, fieldTable } from "./truth/fields.js";

/*
 * npm run truth -- [--cases FILE | --random COUNT] [--every N] KERNEL…: what Debian's kernels make of many CPUs, by
 * running their own code. KERNEL is a version as in linux-image-VERSION (6.12.107+deb12-amd64), fetched with apt into a
 * scratch folder, or a folder with kvm-intel.ko*, kvm.ko* and vmlinuz* somewhere in it. The cases are the atlas, its CPUs
 * with each parameter, setting of the firmware and fact changed, and COUNT (500) with altered registers; or those of FILE,
 * in the format of the vector files, whose outputs are compared too where they are of the same kernel. --every takes each
 * Nth. Writes KERNEL.jsonl.gz in that format into the scratch folder, and compares with the tables of the kernel, or of
 * the newest before it. Ends with a table of fields. Exit code 1 on a difference, 2 when a kernel cannot be had.
 */

const SCRATCH = join(tmpdir(), "vmxlens-truth");
const RANDOM = 500;

interface Asked {
  readonly cases: readonly VectorCase[];
  readonly kernels: readonly string[];
}

const asked = parse(process.argv.slice(2));
if (asked === undefined) {
  process.stderr.write("usage: npm run truth -- [--cases FILE.jsonl.gz | --random COUNT] [--every N] KERNEL…\n");
  process.exit(2);
}
const columns: (readonly [title: string, counter: FieldCounter])[] = [];
let missing = 0;
for (const kernel of asked.kernels) {
  const found = existsSync(kernel) ? { folder: kernel } : fetchKernel(kernel, SCRATCH);
  if ("folder" in found) await truth(kernel, found.folder, asked.cases);
  else {
    process.stdout.write(`${kernel}: cannot be had here: ${found.problem}\n`);
    missing++;
  }
}
if (columns.length > 0) process.stdout.write(`\n${fieldTable(columns)}\n`);
process.exitCode = missing > 0 ? 2 : columns.some(([, { failed }]) => failed > 0) ? 1 : 0;

function parse(args: readonly string[]): Asked | undefined {
  const options = new Map<string, string>();
  const kernels: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const text = args[i] as string;
    if (!text.startsWith("--")) kernels.push(text);
    else if (!/^--(?:cases|random|every)$/.test(text) || args[i + 1] === undefined) return undefined;
    else options.set(text.slice(2), args[++i] as string);
  }
  const file = options.get("cases");
  const every = Number(options.get("every") ?? 1);
  const random = Number(options.get("random") ?? RANDOM);
  if (kernels.length === 0 || !(every >= 1) || !(random >= 0)) return undefined;
  const all: readonly VectorCase[] =
    file === undefined ? truthCases(random).map((one) => ({ ...one, release: "", out: {} })) : casesOf(file);
  return { cases: all.filter((_one, index) => index % every === 0), kernels };
}

function casesOf(file: string): readonly VectorCase[] {
  const raw = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(raw) : raw)
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): unknown => JSON.parse(line))
    .filter(isVectorCase);
}

/** The first file in a folder whose name begins so. */
function find(folder: string, prefix: string): Buffer | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && entry.name.startsWith(prefix)) return readFileSync(join(entry.parentPath, entry.name));
  return undefined;
}

async function truth(kernel: string, folder: string, cases: readonly VectorCase[]): Promise<void> {
  const [module, kvm, vmlinuz] = ["kvm-intel.ko", "kvm.ko", "vmlinuz"].map((name) => find(folder, name));
  if (module === undefined || vmlinuz === undefined) {
    process.stdout.write(`${kernel}: no kvm-intel.ko or no vmlinuz in ${folder}\n`);
    missing++;
    return;
  }
  const loaded = await loadProver({ module, kvm, kernel: vmlinuz });
  if (loaded.kind === "problem") {
    process.stdout.write(`${kernel}: ${loaded.file}: ${loaded.problem}\n`);
    missing++;
    return;
  }
  runCases(loaded.prover, cases);
}

function runCases(prover: Prover, cases: readonly VectorCase[]): void {
  const { release } = prover.resolved;
  const vectors = fieldCounter();
  const tables = fieldCounter();
  const unlisted = new Map<string, number>();
  const stops = new Map<string, number>();
  const lines: string[] = [];
  for (const vector of cases) {
    const facts = factsOfCase(vector.in);
    const boot = prover.boot(facts);
    const run = prover.run(facts, vector.in.params, boot);
    const { params } = run;
    const stopped = boot?.stopped ?? run.stopped;
    for (const name of run.unlisted.keys()) unlisted.set(name, (unlisted.get(name) ?? 0) + 1);
    if (stopped !== undefined) {
      const text = `${stopped.message}, at ${stopped.where}`;
      stops.set(text, (stops.get(text) ?? 0) + 1);
    }
    const actual = (expected: { readonly kvm?: unknown; readonly boot?: unknown } | undefined) => ({
      ...(boot === undefined ? {} : { boot: bootOutput(boot, expected) }),
      ...(proofOutput(run, expected) as object),
    });
    const compare = (counter: FieldCounter, out: { readonly kvm?: unknown; readonly boot?: unknown }) =>
      counter.compare(vector.id, { boot: expectedBoot(out), ...(expectedOutput(out, params) as object) }, actual(out));
    lines.push(JSON.stringify({ id: vector.id, release: prover.kernel, in: vector.in, out: actual(undefined) }));
    if (release === undefined) continue;
    if (vector.release === release || kernelOf(vector.release) === release) compare(vectors, vector.out as object);
    compare(tables, vectorOutput(replayCase({ ...vector, release }), vector.in.params) as object);
  }
  const file = join(SCRATCH, `${prover.kernel}.jsonl.gz`);
  mkdirSync(SCRATCH, { recursive: true });
  writeFileSync(file, gzipSync(lines.join("\n")));
  process.stdout.write(`Linux ${prover.kernel}: ${lines.length} cases, written to ${file}\n`);
  for (const [text, number] of stops) process.stdout.write(`  ${number} did not run to their end: ${text}\n`);
  for (const [name, number] of unlisted) process.stdout.write(`  ${number} reached ${name}, which has no row\n`);
  report("the vectors", vectors);
  report(`the tables of ${release ?? "no kernel"}`, tables);
  if (vectors.cases > 0) columns.push([`${prover.kernel}, vectors`, vectors]);
  columns.push([`${prover.kernel}, tables`, tables]);
}

function report(what: string, { cases, failed, fields }: FieldCounter): void {
  if (cases === 0) return;
  process.stdout.write(`  against ${what}: ${cases - failed} passed, ${failed} failed\n`);
  for (const [name, { differ, example }] of fields)
    if (differ > 0) process.stdout.write(`    ${name}: ${differ}, as ${example}\n`);
}
