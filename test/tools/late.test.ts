import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { functionsOf, LATE } from "../../tools/late.js";

const root = resolve(import.meta.dirname, "../..");

describe("functions that the command line loads when they are called", () => {
  it.each(Object.entries(LATE))("are there in the chunk %s, each name once", (_chunk, files) => {
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    const names = files.map((file) => functionsOf(join(root, file)));
    expect(names.every((some) => some.length > 0)).toBe(true);
    expect(new Set(names.flat()).size).toBe(names.flat().length);
  });

  it("are in one chunk each", () => {
    const files: readonly string[] = Object.values(LATE).flat();
    expect(new Set(files).size).toBe(files.length);
  });
});
