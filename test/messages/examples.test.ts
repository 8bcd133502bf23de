import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MessageRow } from "../../src/answers/message.js";
import { DESKTOP } from "../../src/messages/rows/desktop/table.js";
import type { ExamplesOf } from "../../src/messages/rows/shape.examples.js";
import { messageRows } from "../../src/messages/rows/table.js";
import { explain } from "./explain-on.js";

type Examples = ExamplesOf<readonly MessageRow[]>;

const rows = join(import.meta.dirname, "../../src/messages/rows");
const files = readdirSync(rows, { recursive: true, encoding: "utf8" }).filter((name) =>
  /[/\\].*\.examples\.ts$/.test(name),
);
const tables = await Promise.all(
  files.map(async (name) => {
    const exported: Record<string, Examples> = await import(join(rows, name));
    return { name, examples: Object.entries(Object.values(exported)[0] ?? {}) };
  }),
);
const found = (text: string) => explain(text).map(({ message }) => message);

describe.each(tables)("$name", ({ examples }) => {
  it.each(examples)("%s is found in its examples and in no other text", (id, { examples: texts, not }) => {
    for (const text of texts)
      expect({ text, found: found(text) }).toEqual({ text, found: expect.arrayContaining([id]) });
    for (const text of not ?? [])
      expect({ text, found: found(text) }).toEqual({ text, found: expect.not.arrayContaining([id]) });
  });
});

it("has examples for every row, and for no row that is gone", () => {
  const ids = tables.flatMap(({ examples }) => examples.map(([id]) => id));
  const known = messageRows(DESKTOP).map(({ id }) => id);
  expect(ids.toSorted()).toEqual(known.toSorted());
});
