import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/shell/command-table.js";
import { oneIn } from "../deep.js";
import { runCli } from "./run.js";

/*
 * Whatever is printed fits the terminal, from 40 to 200 columns. What is copied stays whole: commands, and text that is no
 * report (XML, C, a grid, JSON).
 */

interface Case {
  readonly args: readonly string[];
  readonly stdin: string;
}

const folder = join(import.meta.dirname, "cases");
const NO_REPORT = /^--(?:json|format|width|color|emit|qemu|libvirt|tsv)|^(?:collect|completion|migrate|baseline)$/;

/** The calls of the recorded cases that print reports or problems. */
const RECORDED = readdirSync(folder).flatMap((name): Case[] => {
  const text = readFileSync(join(folder, name), "utf8");
  const line = /^\$ vmxlens (.*)$/m.exec(text)?.[1] ?? "";
  const args = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");
  const stdin = /--- stdin\n([\s\S]*?)(?=\n--- )/.exec(text)?.[1] ?? "";
  return line === "" || args.some((word) => NO_REPORT.test(word)) ? [] : [{ args, stdin }];
});
const MORE = [
  "replay skylake-x",
  "layers skylake-x@6.4.0-150600.21-default",
  "diff skylake-x skylake-x,ept=0",
  "nested skylake-x",
  "show skylake-x --names all",
  "kernels 6.1 6.12",
  "vmcs CR0_GUEST_HOST_MASK",
  "runs skylake-x --all",
  "why vmx skylake-x",
  "why adjust_vmx_controls skylake-x",
].map((line): Case => ({ args: line.split(" "), stdin: "" }));
const HELP = ["", ...Object.keys(COMMANDS)].map(
  (name): Case => ({ args: [...(name === "" ? [] : [name]), "--help"], stdin: "" }),
);
const CASES = [...oneIn(4, RECORDED), ...oneIn(2, MORE), ...oneIn(3, HELP)];

/** What is shown as a command is copied; its place is given in the style of commands. */
const withoutCommands = (line: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the style of a command
  line.replace(/\u001b\[36m.*?\u001b\[0m/g, "").replace(/\u001b\[[\d;]*m/g, "");
/** A name that is as long as this has no place to be cut. */
const longest = (line: string) =>
  Math.max(
    ...line
      .trim()
      .split(/\s+/)
      .map((word) => word.length),
  );

describe.each([40, 60, 79, 100, 200])("in %i columns", (width) => {
  it.each(CASES.map((one) => [one.args.join(" "), one] as const))("%s", async (_, { args, stdin }) => {
    const options = { stdin, env: { COLUMNS: String(width), FORCE_COLOR: "1" } };
    const { out, err } = await runCli(args, options);
    const over = `${out}\n${err}`.split("\n").filter((line) => {
      const plain = withoutCommands(line);
      return plain.length > width && longest(plain) <= width - 20;
    });
    expect(over).toEqual([]);
  });
});
