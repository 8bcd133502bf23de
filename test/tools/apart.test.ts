import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { APART } from "../../tools/apart.js";

/* A test that `npm test` leaves out is run by a job of its own, or nobody runs it. */

const root = resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const FILES = readdirSync(join(root, "test"), { recursive: true })
  .map((name) => `test/${String(name).replaceAll("\\", "/")}`)
  .filter((name) => name.endsWith(".test.ts"));

/** The patterns are a folder or an ending. */
function isOf(file: string, pattern: string): boolean {
  const [start = "", end = ""] = pattern.split("**/*");
  return file.startsWith(start) && file.endsWith(end);
}

describe.each(Object.entries(APART))("the tests of check:%s", (kind, pattern) => {
  it("are there, and are run by .ci/run and by the workflow", () => {
    expect(FILES.filter((file) => isOf(file, pattern)).length).toBeGreaterThan(1);
    expect(JSON.parse(read("package.json")).scripts[`check:${kind}`]).toBe(`vitest run --mode ${kind}`);
    expect(/^for run in (.*); do$/m.exec(read(".ci/run"))?.[1]?.split(" ")).toContain(`check:${kind}`);
    expect(read(".github/workflows/test.yml")).toContain(`npm run check:${kind}`);
    expect(read("CONTRIBUTING.md")).toContain(`npm run check:${kind}`);
  });
});

it("each file is of one kind at most", () => {
  const twice = FILES.filter((file) => Object.values(APART).filter((pattern) => isOf(file, pattern)).length > 1);
  expect(twice).toEqual([]);
});

it("what opens a store or the built page is left out of npm test", () => {
  const dear = FILES.filter((file) => !Object.values(APART).some((pattern) => isOf(file, pattern))).filter((file) =>
    /^import .*\b(?:openStore|emptyStore|storeOf|buildPage|openBench)\b.* from /m.test(read(file)),
  );
  expect(dear).toEqual([]);
});
