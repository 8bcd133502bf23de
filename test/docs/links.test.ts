import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const documents = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const read = (file: string) => readFileSync(join(root, file), "utf8");

const { scripts, files } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  files: readonly string[];
};

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}

function anchorsOf(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    anchorOf(heading as string),
  );
}

/** Links whose target is not there. */
function brokenLinks(file: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => {
      const [path, anchor] = target.split("#") as [string, string?];
      const absolute = path === "" ? join(root, file) : join(root, dirname(file), path);
      if (!existsSync(absolute)) return true;
      if (anchor === undefined) return false;
      return !anchorsOf(path === "" ? text : readFileSync(absolute, "utf8")).includes(anchor);
    });
}

/** Whether what package.json calls so, a file, a folder or the documents of one, has a file in it. */
function holds(name: string, path: string): boolean {
  if (name.endsWith("/*.md")) return dirname(path) === dirname(name) && path.endsWith(".md");
  return path === name || path.startsWith(`${name}/`);
}

/**
 * Documents that a text links to and that the package would not hold; npm adds the README and the licence, and shows
 * pictures from the repository.
 */
function unpacked(file: string, text: string): string[] {
  const packed = [...files, "README.md", "LICENSE"];
  return [...text.matchAll(/(!\[[^\]]*)?\]\(([^)\s#]+)/g)]
    .filter(([, picture]) => picture === undefined)
    .map(([, , target]) => target as string)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => join(dirname(file), target))
    .filter((path) => !packed.some((name) => holds(name, path)));
}

/** Paths of the project that a text mentions, `src/…`, `test/…` and so on, and that are not there. */
function missingPaths(text: string): string[] {
  const names = text.matchAll(/(?<![\w./-])((?:src|test|tools|docs|schema|\.ci)\/[\w./*{},-]*[\w*}/])/g);
  return [...new Set([...names].map(([, name]) => name as string))].flatMap(expand).filter((name) => {
    // In a recipe, NAME stands for a name that the reader chooses.
    if (/\bNAME\b/.test(name)) return false;
    if (!name.includes("*")) return !existsSync(join(root, name));
    const folder = name.slice(0, name.lastIndexOf("/", name.indexOf("*")));
    const shape = name
      .slice(folder.length + 1)
      .replace(/[.+]/g, "\\$&")
      .replaceAll("**", "\u0000")
      .replaceAll("*", "[^/]*")
      .replaceAll("\u0000", ".*");
    const files = existsSync(join(root, folder)) ? readdirSync(join(root, folder), { recursive: true }) : [];
    return !files.some((file) => new RegExp(`^${shape}$`).test(String(file)));
  });
}

/** `a/{b,c}.ts` as `a/b.ts` and `a/c.ts`. */
function expand(name: string): string[] {
  const match = /^([^{]*)\{([^}]*)\}(.*)$/.exec(name);
  if (match === null) return [name];
  const [, before, choices, after] = match as unknown as [string, string, string, string];
  return choices.split(",").flatMap((choice) => expand(before + choice + after));
}

/** npm scripts that a text names and package.json does not have. */
function missingScripts(text: string): string[] {
  const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(([, run, own]) => run ?? own);
  return [...new Set(named)].filter((name) => name !== undefined && !(name in scripts)) as string[];
}

describe.each(documents)("%s", (file) => {
  const text = read(file);

  it("links to what is there", () => {
    expect(brokenLinks(file, text)).toEqual([]);
  });

  it("has no marks of a merge", () => {
    expect(read(file)).not.toMatch(/^(?:<{7}|>{7}) /m);
  });

  it("links to what is in the package", () => {
    expect(unpacked(file, text)).toEqual([]);
  });

  it("mentions files and scripts that are there", () => {
    expect(missingPaths(text)).toEqual([]);
    expect(missingScripts(text)).toEqual([]);
  });
});

describe("the checks", () => {
  it("find a broken link, in a file and to a heading", () => {
    const text = "# A b: c()\n[x](nothing.md) [y](#a-b-c) [z](#other) [w](README.md) [v](https://example.org/)";
    expect(brokenLinks("README.md", text)).toEqual(["nothing.md", "#other"]);
  });

  it("find a link that leads out of the package", () => {
    const text = "[x](../README.md) [y](sources.md#a) [z](../src/index.ts) [w](../SECURITY.md) [v](../dist/index.js)";
    expect(unpacked("docs/hosts-and-fleets.md", text)).toEqual(["src/index.ts"]);
  });

  it("find a path that is not there", () => {
    const text =
      "`src/bits/word.ts`, src/bits/{tri,none}.ts, `src/registers/*-controls.ts`, `src/registers/*-nothing.ts`, tools/x.ts.";
    expect(missingPaths(text)).toEqual(["src/bits/none.ts", "src/registers/*-nothing.ts", "tools/x.ts"]);
  });

  it("find a script that is not there", () => {
    expect(missingScripts("`npm ci && npm start`, `npm test`, npm run lint, npm run nothing")).toEqual(["nothing"]);
  });
});
