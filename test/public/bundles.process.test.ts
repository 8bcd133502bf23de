import { join, resolve } from "node:path";
import { type OutputChunk, rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import { entryFiles, subpaths } from "../../tools/entries.js";

const root = resolve(import.meta.dirname, "../..");

/** The modules of an entry's bundle, as paths in src: what is loaded with it, and what only when it is asked for. */
async function bundled(
  file: string,
): Promise<{ readonly first: string[]; readonly later: string[]; readonly outside: string[] }> {
  const bundle = await rolldown({ input: join(root, file), cwd: root, platform: "browser" });
  const { output } = await bundle.generate({ format: "esm" });
  await bundle.close();
  const chunks = output.filter((one): one is OutputChunk => one.type === "chunk");
  const names = new Set(chunks.map(({ fileName }) => fileName));
  const open = chunks.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName);
  const atOnce = new Set<string>();
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (atOnce.has(name)) continue;
    atOnce.add(name);
    open.push(...(chunks.find(({ fileName }) => fileName === name)?.imports.filter((one) => names.has(one)) ?? []));
  }
  const inSource = (some: readonly OutputChunk[]) =>
    some.flatMap(({ moduleIds }) => moduleIds).map((id) => id.slice(root.length + 1).replaceAll("\\", "/"));
  return {
    first: inSource(chunks.filter(({ fileName }) => atOnce.has(fileName))),
    later: inSource(chunks.filter(({ fileName }) => !atOnce.has(fileName))),
    outside: chunks
      .flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])
      .filter((one) => !names.has(one)),
  };
}

const entries = entryFiles.map((file, at) => [subpaths[at] as string, file] as const);

describe("an entry in a page", () => {
  it.each(entries)("%s needs nothing of Node", async (_, file) => {
    const { first, outside } = await bundled(file);
    expect(first.length).toBeGreaterThan(0);
    expect(outside).toEqual([]);
    expect(first.filter((id) => id.startsWith("src/cli/"))).toEqual([]);
  });

  it("has the messages of desktop products in a chunk of their own", async () => {
    const desktop = (ids: readonly string[]) =>
      ids.filter((id) => /\/rows\/desktop\/|decoders\/(?:haxm|vbox)/.test(id));
    const { first, later } = await bundled("src/messages/index.ts");
    expect(desktop(first)).toEqual([]);
    expect(desktop(later).length).toBeGreaterThan(6);
    for (const [path, file] of entries) {
      if (path === "./messages") continue;
      const other = await bundled(file);
      expect([path, desktop([...other.first, ...other.later])]).toEqual([path, []]);
    }
  });

  it("has no row of any message where nothing is explained", async () => {
    const { first } = await bundled("src/index.ts");
    expect(first.filter((id) => id.startsWith("src/messages/"))).toEqual([]);
  });
});
