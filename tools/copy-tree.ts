import { spawnSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** Copies what git knows of the project, and what it does not ignore, to another folder. */
export function copyTree(root: string, to: string): void {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (listed.status !== 0) throw new Error(`git ls-files: ${listed.error ?? listed.stderr}`);
  for (const file of listed.stdout.split("\0").filter((name) => name !== "")) {
    // A file that was deleted and not yet committed is still listed.
    if (lstatSync(join(root, file), { throwIfNoEntry: false }) === undefined) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(root, file), join(to, file));
  }
}
