import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "./run.js";

/*
 * One file in cases/ is one run: the command with the settings before it, then what it prints and its exit code.
 * `UPDATE_CASES=1 npx vitest run test/cli/cases.test.ts` writes the files anew; look at the difference.
 *
 *   $ COLUMNS=60 MACHINE=amd vmxlens layers skylake-x     settings: COLUMNS, MACHINE (run.ts), and environment variables
 *   --- stdin                                             if it reads something
 *   --- stdout
 *   --- stderr                                            if there is any
 *   --- exit 0
 */

const folder = join(import.meta.dirname, "cases");
const ESCAPE = "\u001b";

function parse(text: string) {
  const [command = "", ...rest] = text.split("\n");
  const words: readonly string[] = command.replace(/^\$ /, "").match(/"[^"]*"|\S+/g) ?? [];
  const at = words.indexOf("vmxlens");
  const settings = Object.fromEntries(words.slice(0, at).map((word) => word.split("=") as [string, string]));
  const { COLUMNS, MACHINE, ...env } = settings;
  const stdin = /^--- stdin\n([\s\S]*?)^--- /m.exec(rest.join("\n"))?.[1];
  const args = words.slice(at + 1).map((word) => word.replace(/^"(.*)"$/, "$1"));
  return { command, args, env, stdin, machine: MACHINE, columns: COLUMNS === undefined ? undefined : Number(COLUMNS) };
}

function section(title: string, text: string | undefined): string {
  if (text === undefined || text === "") return "";
  return `--- ${title}\n${text.replaceAll(ESCAPE, "\\e")}${text.endsWith("\n") ? "" : "\n"}`;
}

async function outcome(file: string): Promise<{ readonly now: string; readonly before: string }> {
  const before = readFileSync(join(folder, file), "utf8");
  const { command, args, env, stdin, machine, columns } = parse(before);
  const { code, out, err } = await runCli(args, {
    env,
    ...(stdin === undefined ? {} : { stdin }),
    ...(machine === undefined ? {} : { machine }),
    ...(columns === undefined ? {} : { columns }),
  });
  const now = `${command}\n${section("stdin", stdin)}${section("stdout", out)}${section("stderr", err)}--- exit ${code}\n`;
  return { now, before };
}

describe("the command line", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".txt"));

  it("has its cases", () => {
    expect(files.length).toBeGreaterThan(30);
  });

  it.each(files)("prints what cases/%s says", async (file) => {
    const { now, before } = await outcome(file);
    if (process.env.UPDATE_CASES === "1") writeFileSync(join(folder, file), now);
    else expect(now).toBe(before);
  });
});
