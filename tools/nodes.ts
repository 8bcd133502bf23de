import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";

/** The oldest Node that package.json promises, two patch releases of one line, and one release of each later line. */
export const NODES = ["20.0.0", "20.19.6", "20.20.2", "22.23.3", "24.21.0"] as const;

/** What npm says when it cannot talk to its registry, as opposed to a registry that has no such release. */
const UNREACHABLE =
  /\b(?:EAI_AGAIN|ECONN[A-Z]+|EHOSTUNREACH|ENETUNREACH|ENOTCACHED|ENOTFOUND|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/;

/** The registry cannot be reached, and npm's cache has not got the release. */
export class Unreachable extends Error {}

/**
 * The path of the program of a release of Node, from the npm package `node`. npm keeps it in its own cache.
 * Throws `Unreachable` or, if the registry's answer is not such a program, an `Error`.
 */
export function nodeOf(version: string): string {
  const args = ["--yes", "--fetch-retries=0", "--package", `node@${version}`, "node", "-p", "process.execPath"];
  // Somewhere else than here, because npx looks at the project that it is started in.
  const { status, stdout, stderr, error } = spawnSync("npx", args, { cwd: tmpdir(), encoding: "utf8" });
  if (status === 0) return stdout.trim();
  const lines = stderr.split("\n").filter((line) => /^npm error /.test(line));
  const reason = lines.find((line) => UNREACHABLE.test(line));
  if (reason !== undefined) throw new Unreachable(reason.replace("npm error ", ""));
  throw new Error(`no Node ${version}: ${error ?? stderr}`);
}
