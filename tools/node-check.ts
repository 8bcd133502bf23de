import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { NOT_CHECKED } from "./count-tests.js";
import { NODES, nodeOf, Unreachable } from "./nodes.js";
import { VMCS } from "./short-vmcs.js";

/*
 * npm run check:node: builds dist/ with the Node that runs this, and runs it with every release in `NODES`: each has to
 * print the same bytes and give the same exit code, first beside the bytecode of another Node, then with its own, which
 * `npm start` makes. The releases come from the npm registry. Exit code 1 when one differs, 75 when none differs but a
 * release could not be had.
 */

/** One run of a program: arguments for Node, and its standard input. */
export interface Run {
  readonly args: readonly string[];
  readonly input?: string;
}

const CLI = "dist/cli/main.js";

/** A program that uses the library. */
export const LIBRARY = `
import * as library from "./dist/index.js";
import { replay } from "./dist/kvm/index.js";
const { atlas, atlasHost } = library;
console.log(Object.keys(library).join(" "));
for (const { id } of atlas()) {
  const { loads, cpu } = replay(atlasHost(id));
  console.log(id, loads, JSON.stringify([cpu.boot, cpu.load, cpu.refusals]));
}`;

const RUNS: readonly Run[] = [
  { args: [CLI, "--version"] },
  { args: [CLI, "--help"] },
  { args: [CLI, "layers", "skylake-x"] },
  { args: [CLI, "layers", "lakefield", "--json"] },
  { args: [CLI, "why", "mbec", "skylake-x", "--kernel", "6.12"] },
  { args: [CLI, "replay", "skylake-x", "--json"] },
  { args: [CLI, "show", "-"], input: "0x480: 0xda040000000004\n0x482: 0x7ff9fffe0401e172\n" },
  { args: [CLI, "explain", "kvm: disabled by bios"] },
  { args: [CLI, "audit"], input: VMCS },
  { args: [CLI, "migrate", "skylake-x", "haswell"] },
  { args: [CLI, "nested", "skylake-x", "--qemu"] },
  { args: [CLI, "cpus", "no-such-cpu"] },
  { args: ["--input-type=module", "-e", LIBRARY] },
];

function outcomeOf(node: string, { args, input = "" }: Run, cwd: string) {
  const env = { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "" };
  const { status, signal, stdout, stderr } = spawnSync(node, args, { cwd, env, input, encoding: "utf8" });
  return { status, signal, stdout, stderr };
}

type Outcome = ReturnType<typeof outcomeOf>;

/** What the runs print with a Node, and how they end. */
export function outcomesOf(node: string, runs: readonly Run[], cwd: string): readonly Outcome[] {
  return runs.map((run) => outcomeOf(node, run, cwd));
}

/** How the runs with another Node differ from the same runs with this one, a line for each. */
export function differences(
  runs: readonly Run[],
  here: readonly Outcome[],
  there: readonly Outcome[],
): readonly string[] {
  return runs.flatMap((run, index) => {
    const [ours, theirs] = [here[index] as Outcome, there[index] as Outcome];
    const what = run.args[0] === CLI ? `vmxlens ${run.args.slice(1).join(" ")}` : "the library";
    if (endOf(ours) !== endOf(theirs))
      return [`${what}: ${endOf(theirs)} instead of ${endOf(ours)} ${theirs.stderr}`.trim()];
    return (["stdout", "stderr"] as const)
      .filter((stream) => theirs[stream] !== ours[stream])
      .map((stream) => `${what}: ${stream} differs: ${firstDifference(ours[stream], theirs[stream])}`);
  });
}

function endOf({ status, signal }: Outcome): string {
  return signal ?? `exit code ${status}`;
}

function firstDifference(here: string, there: string): string {
  const [ours, theirs] = [here.split("\n"), there.split("\n")];
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  const line = at < 0 ? ours.length : at;
  return `line ${line + 1} is ${JSON.stringify(theirs[line] ?? "")} instead of ${JSON.stringify(ours[line] ?? "")}`;
}

/** What went wrong with this Node; without that, all could be the same and nothing right. */
function brokenHere(here: readonly Outcome[], root: string): readonly string[] {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  if (here[0]?.stdout !== `${version}\n`) return [`--version printed ${JSON.stringify(here[0]?.stdout)}`];
  return RUNS.flatMap(({ args }, index) => {
    const outcome = here[index] as Outcome;
    // The command ends with 1 or 2 where it says so; a program that uses the library ends with 1 because Node ended it.
    const most = args[0] === CLI ? 2 : 0;
    const ran = (outcome.status ?? 70) <= most && outcome.stdout + outcome.stderr !== "";
    return ran ? [] : [`${args.join(" ")}: ${endOf(outcome)} ${outcome.stderr}`];
  });
}

/** The version of the Node that the bytecode in dist/ is of. */
function bytecodeVersion(root: string): string {
  const file = openSync(join(root, "dist/cli/.bytecode"), "r");
  const start = Buffer.alloc(1024);
  const length = readSync(file, start);
  closeSync(file);
  const [line = ""] = start.toString("utf8", 0, length).split("\n");
  // Without a place for each chunk, V8 made none.
  return length === start.length ? ((JSON.parse(line) as string[])[1] ?? "") : "none";
}

/** Has a Node make its own bytecode. */
function remade(node: string, root: string): readonly string[] {
  const { status, stderr } = spawnSync(node, ["tools/build.js", "--start"], { cwd: root, encoding: "utf8" });
  return status === 0 && stderr === "" ? [] : [`npm start ends with ${status} ${stderr}`];
}

/** How a release differs, beside the bytecode of another and with its own. */
function differencesOf(version: string, here: readonly Outcome[], root: string): readonly string[] {
  const node = nodeOf(version);
  const other = bytecodeVersion(root);
  const beside = differences(RUNS, here, outcomesOf(node, RUNS, root));
  const found = [...beside.map((line) => `beside the bytecode of ${other}: ${line}`), ...remade(node, root)];
  const own = bytecodeVersion(root);
  if (own !== `v${version}`) found.push(`npm start left the bytecode of ${own}`);
  return [...found, ...differences(RUNS, here, outcomesOf(node, RUNS, root))];
}

function main(): void {
  const root = resolve(import.meta.dirname, "..");
  const built = spawnSync(process.execPath, ["tools/build.js"], { cwd: root, stdio: "inherit" });
  const here = built.status === 0 ? outcomesOf(process.execPath, RUNS, root) : [];
  const broken = built.status === 0 ? brokenHere(here, root) : ["dist/ does not build"];
  for (const line of broken) console.log(`Node ${process.versions.node}: ${line}`);
  if (broken.length > 0) {
    process.exitCode = 1;
    return;
  }
  let wrong = 0;
  let missing = 0;
  for (const version of NODES) {
    try {
      const found = differencesOf(version, here, root);
      const same = `the same ${RUNS.length} outputs as Node ${process.versions.node}, with bytecode and without`;
      const result = found.length === 0 ? same : "DIFFERS";
      console.log(`Node ${version}: ${[result, ...found].join("\n  ")}`);
      if (found.length > 0) wrong++;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      console.log(`Node ${version}: NOT CHECKED, the npm registry cannot be reached: ${error.message}`);
      missing++;
    }
  }
  for (const line of remade(process.execPath, root)) console.log(line);
  process.exitCode = wrong > 0 ? 1 : missing > 0 ? NOT_CHECKED : 0;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) main();
