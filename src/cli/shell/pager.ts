import { spawnSync } from "node:child_process";

/**
 * Shows a text with the program that PAGER names, `less` if it is not set. False where there is none: PAGER is empty or
 * `cat`, the terminal is a dumb one, or the program cannot be started. It may be left early.
 */
export function showPage(text: string, env: NodeJS.ProcessEnv): boolean {
  const pager = env.PAGER ?? "less";
  if (pager.trim() === "" || pager.trim() === "cat" || env.TERM === "dumb") return false;
  const found = spawnSync("sh", ["-c", `command -v "\${1%% *}" >/dev/null`, "sh", pager]);
  if (found.status !== 0) return false;
  // As git does it: leave at once if it fits, show colours, leave the screen as it is.
  const result = spawnSync("sh", ["-c", pager], {
    input: text,
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...env, LESS: env.LESS ?? "FRX" },
  });
  // A folder or a misspelt word inside quotes: the shell found it, or part of it, and could not start it.
  if (result.status === 126 || result.status === 127) return false;
  return result.error === undefined || (result.error as NodeJS.ErrnoException).code === "EPIPE";
}
