import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadProver, type Prover } from "../src/prove/prover.js";
import { factsOfCase } from "../test/oracles/vectors/proof-case.js";
import { encodeRun, type WholeRun, wholeBoot, wholeLoad } from "./judge/whole-runs.js";
import { truthCases } from "./truth/cases.js";

/*
 * npm run judge:runs -- [--every N] FOLDER…: whole functions of the kernels in FOLDER (kvm-intel.ko*, kvm.ko*, vmlinuz*), from
 * the first instruction of boot's and the modules' set-up to the last, in the interpreter and in Unicorn, on every Nth (10) CPU
 * of the atlas. PYTHON names a Python that has the package `unicorn`; without it there is a message and nothing is judged.
 * Exit code 1 on a disagreement.
 */

const args = process.argv.slice(2);
const option = args.indexOf("--every");
const every = option < 0 ? 10 : Number(args[option + 1]);
const folders = args.filter((_text, index) => option < 0 || (index !== option && index !== option + 1));
if (folders.length === 0 || !(every >= 1)) {
  process.stderr.write("usage: npm run judge:runs -- [--every N] FOLDER…\n");
  process.exit(2);
}
const script = fileURLToPath(new URL("./judge/other_runs.py", import.meta.url));
const python = spawn(process.env.PYTHON ?? "python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
let verdict = "";
createInterface({ input: python.stdout }).on("line", (line) => {
  verdict = line;
  process.stdout.write(`${line}\n`);
});
const closed = once(python, "close");
python.stdin.on("error", () => {});
const inputs = truthCases(0)
  .filter(({ id }) => id.startsWith("cpu/"))
  .filter((_one, index) => index % every === 0);
let forked = 0;
for (const folder of folders) {
  const prover = await proverOf(folder);
  let runs = 0;
  for (const { in: input } of inputs) {
    // What the vector files leave open, control registers, is zero here.
    const facts = { ...factsOfCase(input), control: () => ({ kind: "value", lo: 0, hi: 0, ulo: 0, uhi: 0 }) as const };
    const boot = prover.boot(facts);
    const booted = boot === undefined ? facts : { ...facts, capabilities: boot.capabilities };
    const found: (WholeRun | undefined)[] = [
      prover.bootImage === undefined ? undefined : wholeBoot(prover.bootImage, facts),
      wholeLoad(prover, booted),
    ];
    for (const run of found) {
      if (run === undefined) forked++;
      else if (await write(encodeRun(run))) runs++;
    }
  }
  process.stdout.write(`${prover.kernel}: ${runs} runs\n`);
}
python.stdin.end();
await closed;
const parsed = JSON.parse(verdict || "{}") as { missing?: string; disagreements?: number };
if (parsed.missing !== undefined)
  process.stdout.write(`skipped: no Python package ${parsed.missing} (set PYTHON to one that has it)\n`);
if (forked > 0) process.stdout.write(`${forked} runs branch on unknown bits, and were left out\n`);
process.exitCode = (parsed.disagreements ?? 0) > 0 ? 1 : 0;

async function write(bytes: Uint8Array): Promise<boolean> {
  if (python.stdin.destroyed) return false;
  if (!python.stdin.write(bytes)) await Promise.race([once(python.stdin, "drain"), closed]);
  return true;
}

async function proverOf(folder: string): Promise<Prover> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const file = (prefix: string) => {
    const entry = entries.find(({ name }) => name.startsWith(prefix));
    return entry === undefined ? undefined : readFileSync(join(entry.parentPath, entry.name));
  };
  const module = file("kvm-intel.ko");
  if (module === undefined) throw new RangeError(`no kvm-intel.ko is in ${folder}`);
  const loaded = await loadProver({ module, kvm: file("kvm.ko"), kernel: file("vmlinuz") });
  if (loaded.kind === "problem") throw new RangeError(`${folder}: ${loaded.file}: ${loaded.problem}`);
  return loaded.prover;
}
