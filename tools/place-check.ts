import { spawnSync } from "node:child_process";
import { chownSync, cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { copyTree } from "./copy-tree.js";

/*
 * npm run check:place: copies the project and node_modules to a folder whose name has blanks and umlauts, and there
 * starts, builds and tests it, as a user without rights (root changes to one) and without a network (where `unshare`
 * can take it away). Nothing lies beside the copy. Exit code 1 when something fails.
 */

/** Quick tests of every kind: processes, files, a build, documents, what the command line prints. */
const TESTS = ["test/tools", "test/docs", "test/architecture.test.ts", "test/cli/cases.test.ts", "test/input/atlas"];
const PROCESS_TESTS = ["test/tools"];

/** The user called nobody. */
const NOBODY = 65534;

const root = resolve(import.meta.dirname, "..");
const isRoot = process.getuid?.() === 0;
const place = join(mkdtempSync(join(tmpdir(), "vmxlens-place-")), "vm x ü");

/** What a command is put behind, so that it has no network and no rights. */
const [confined, isConfined] = (() => {
  const alone = isRoot ? ["unshare", "--net"] : ["unshare", "--map-current-user", "--net"];
  const lower = isRoot ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
  const works = (words: readonly string[]) =>
    spawnSync(words[0] ?? "", [...words.slice(1), process.execPath, "-v"]).status === 0;
  const all = [...alone, ...lower];
  if (works(all)) return [all, { network: false, rights: false }] as const;
  if (isRoot && works(lower)) return [lower, { network: true, rights: false }] as const;
  return [[], { network: true, rights: isRoot }] as const;
})();

function copy(): void {
  mkdirSync(place);
  copyTree(root, place);
  cpSync(join(root, "node_modules"), join(place, "node_modules"), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(place, "home"));
  if (isRoot) giveAway(dirname(place));
}

function giveAway(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chownSync(path, NOBODY, NOBODY);
  if (stat.isDirectory()) for (const name of readdirSync(path)) giveAway(join(path, name));
}

function run(...words: readonly string[]): string {
  const home = join(place, "home");
  const env = { ...process.env, HOME: home, TMPDIR: home, npm_config_cache: home, NO_COLOR: "1" };
  const [command, ...args] = [...confined, ...words] as [string, ...string[]];
  const { status, signal, stdout, stderr } = spawnSync(command, args, { cwd: place, env, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${words.join(" ")}: ${signal ?? `exit code ${status}`}\n${stdout}${stderr}`);
}

try {
  copy();
  const user = isConfined.rights ? "root, because setpriv does not work here" : isRoot ? "nobody" : "this user";
  const network = isConfined.network ? "with the network, because unshare does not work here" : "without network";
  console.log(`in ${place}, as ${user}, ${network}:`);
  const layers = run("npm", "start", "--silent", "--", "layers", "skylake-x");
  if (layers.split("\n").length < 20) throw new Error(`npm start printed only ${layers}`);
  const built = () => statSync(join(place, "dist/cli/main.js")).ino;
  const before = built();
  run("npm", "start", "--silent", "--", "--version");
  if (built() !== before) throw new Error("npm start built anew what was fresh");
  run("npm", "run", "build");
  console.log("it starts and builds");
  const tests = [TESTS, ["--mode", "process", ...PROCESS_TESTS]].map((words) => run("npx", "vitest", "run", ...words));
  console.log(
    tests
      .join("\n")
      .split("\n")
      .filter((line) => /^\s*(Test Files|Tests) /.test(line))
      .join("\n"),
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(dirname(place), { recursive: true, force: true });
}
