/**
 * Fills the runs shown in documents: a block that begins with `$ npm start -- ARGS` holds what the command line prints
 * for ARGS when its output goes to a file. `tsx tools/gen-readme.ts` writes the documents; test/docs/readme.test.ts fails
 * when they are not what this would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runProgram } from "../src/cli/program.js";

/** Documents that show runs. */
export const DOCUMENTS = ["README.md", "docs/hosts-and-fleets.md"] as const;

/** A block of what a terminal shows: the command, then its output. */
const RUN = /^```console\n\$ npm start -- (.*)\n[\s\S]*?^```$/gm;

/** What the command line prints for arguments. Throws when it calls them wrong, or prints nothing. */
export async function outputOf(args: readonly string[]): Promise<string> {
  const written: string[] = [];
  const errors: string[] = [];
  const code = await runProgram(args, {
    out: (text) => written.push(text),
    err: (text) => errors.push(text),
    env: { NO_COLOR: "1" },
    columns: undefined,
    stdin: async function* () {},
    live: async () => ({ missing: [] }),
  });
  const output = written.join("").trimEnd();
  if (code > 1 || output === "") throw new Error(`${args.join(" ")}: exit code ${code}\n${errors.join("")}`);
  return output;
}

/** The words of a command line, with double quotes around those that have blanks. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

/** The arguments of every run in a text. */
export function runsOf(text: string): string[] {
  return [...text.matchAll(RUN)].map(([, args]) => args as string);
}

/** The text with the output of every run as it is now. */
export async function fillRuns(text: string): Promise<string> {
  const outputs = await Promise.all(runsOf(text).map((args) => outputOf(wordsOf(args))));
  return text.replace(RUN, (_, args: string) => `\`\`\`console\n$ npm start -- ${args}\n${outputs.shift()}\n\`\`\``);
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  for (const document of DOCUMENTS) {
    const path = join(root, document);
    writeFileSync(path, await fillRuns(readFileSync(path, "utf8")));
  }
}
