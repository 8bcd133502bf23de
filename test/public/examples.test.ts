import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { entryFiles } from "../../tools/entries.js";
import { ENTRIES } from "./entries.js";

const source = resolve(import.meta.dirname, "../../src");

interface Example {
  readonly file: string;
  readonly code: string;
}

/** Every `@example` of the sources: the code up to the next tag or the end of the comment. */
function examplesOf(file: string): Example[] {
  const comments = readFileSync(join(source, file), "utf8").match(/^\/\*\*\n(?: \*.*\n)+? \*\//gm) ?? [];
  return comments.flatMap((comment) => {
    const lines = comment.split("\n").slice(1, -1);
    const [, ...examples] = lines
      .map((line) => line.replace(/^ \* ?/, ""))
      .join("\n")
      .split(/^@(?!throws)/m);
    return examples
      .filter((text) => text.startsWith("example"))
      .map((text) => ({ file, code: text.replace(/^example.*\n/, "") }));
  });
}

const examples = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replaceAll("\\", "/"))
  .flatMap(examplesOf);

/** What a statement gives, as the comment behind it shows it. */
interface Shown {
  readonly expected: string;
  readonly value: unknown;
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (entries: typeof ENTRIES, show: (expected: string, value: unknown) => void) => Promise<void>;

/**
 * The example as a function body: an import takes the names of an entry, and a statement with a comment behind it shows
 * its value.
 */
function bodyOf(code: string): string {
  const named = code.replace(
    /^import \{(.*?)\} from "vmxlens(.*?)";$/gm,
    (_, names: string, path: string) => `const {${names}} = entries[${JSON.stringify(`.${path}`)}];`,
  );
  const shown = named.replace(
    /^(?!const |let |\/\/|throw |if )(.*); \/\/ (.*)$/gm,
    (_, expression: string, expected: string) => `show(${JSON.stringify(expected)}, ${expression});`,
  );
  return ts.transpileModule(shown, { compilerOptions: { target: ts.ScriptTarget.ES2022 } }).outputText;
}

async function runExample(code: string): Promise<Shown[]> {
  const found: Shown[] = [];
  await new AsyncFunction("entries", "show", bodyOf(code))(ENTRIES, (expected, value) => {
    found.push({ expected, value });
  });
  return found;
}

describe("the examples of the reference", () => {
  it.each(examples)("of $file runs and gives what it shows", async ({ code }) => {
    const shown = await runExample(code);
    expect(shown.length).toBeGreaterThan(0);
    for (const { expected, value } of shown) expect(JSON.stringify(value)).toBe(expected);
  });

  it("name what the entries export, by names that a bundler can follow", () => {
    for (const { file, code } of examples) {
      const imports = [...code.matchAll(/^import \{(.*?)\} from "vmxlens(.*?)";$/gm)];
      expect([file, imports.length > 0]).toEqual([file, true]);
      for (const [, names = "", path = ""] of imports) {
        const entry = ENTRIES[`.${path}`] ?? {};
        for (const name of names.split(","))
          expect([file, Object.keys(entry)]).toEqual([file, expect.arrayContaining([name.trim()])]);
      }
    }
  });

  // The ten things that people do, by the function whose example shows it.
  it.each([
    ["replay a dump", "input/read.ts"],
    ["the line of vmx flags", "situation/vmx-flags.ts"],
    ["why a feature is not there", "why/why.ts"],
    ["nested MSRs as hex", "situation/nested.ts"],
    ["audit a VMCS", "vmcs/audit.ts"],
    ["explain a line", "messages/explain.ts"],
    ["compare two hosts", "compare/hosts/feature-diff.ts"],
    ["a baseline", "compare/baseline.ts"],
    ["controls for a hypervisor", "compare/controls/controls.ts"],
    ["in the browser", "index.ts"],
  ])("show how to do it: %s", (_, file) => {
    expect(examples.map((example) => example.file)).toContain(file);
  });

  it("would notice a wrong one", async () => {
    await expect(runExample('import { nothing } from "vmxlens";\nnothing(); // 1')).rejects.toThrow(TypeError);
    expect(await runExample('import { LAYERS } from "vmxlens";\nLAYERS.length; // 7')).toEqual([
      { expected: "7", value: expect.not.objectContaining({ no: "number" }) },
    ]);
  });

  it("stand nowhere but in what is public", () => {
    expect(entryFiles.length).toBeGreaterThan(10);
  });
});
