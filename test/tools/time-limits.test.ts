import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

/* A limit beside the one in vitest.config.ts only makes a loaded machine red: it is neither shorter for what hangs nor longer. */

const root = resolve(import.meta.dirname, "..");
const OWN_LIMIT = /^.*(?:\{ timeout: [\d_]+ \}, (?:async )?\(|^\s*\{ timeout: [\d_]+ \},$|^\s*\}, [\d_]{4,}\);$).*$/gm;

it("no test has a time limit of its own", () => {
  const files = readdirSync(root, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".test.ts") && !file.endsWith("time-limits.test.ts"));
  expect(files.length).toBeGreaterThan(150);
  expect(files.filter((file) => readFileSync(join(root, file), "utf8").match(OWN_LIMIT) !== null)).toEqual([]);
});

it.each(['it("a", { timeout: 60_000 }, () => {', "  }, 60_000);", "  { timeout: 120_000 },"])(
  "%s would be found",
  (line) => {
    expect(line.match(OWN_LIMIT)).not.toBeNull();
  },
);
