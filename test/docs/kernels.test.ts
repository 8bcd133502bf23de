import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KERNELS } from "../../src/rules/kernels.js";
import { kernelTables } from "../../src/why/kernels/tables.js";
import { KERNELS_DOC, kernelsDoc, SOURCES_DOC, sourcesDoc } from "../../tools/gen-kernels.js";

describe("the documents about kernels", () => {
  it("say what the tables say now (after a change: npx tsx tools/gen-kernels.ts)", () => {
    expect(readFileSync(KERNELS_DOC, "utf8")).toBe(kernelsDoc());
    const sources = readFileSync(SOURCES_DOC, "utf8");
    expect(sources).toBe(sourcesDoc(sources));
  });

  it("name every registered table", () => {
    const text = readFileSync(SOURCES_DOC, "utf8");
    for (const { name, title } of kernelTables()) expect(text).toContain(`| \`${name}\` | ${title} |`);
  });

  it("name every kernel, and what parts a vendor's from the upstream state that it is most like", () => {
    const text = readFileSync(KERNELS_DOC, "utf8");
    for (const { id } of KERNELS) expect(text).toContain(`| ${id} |`);
    expect(text).toMatch(/\| el9\.4 \| RHEL 9\.4 \| 6\.6\.62 \|/);
    expect(text).toMatch(/\| el10\.0 \| RHEL 10\.0 \| 6\.12\.1 \|/);
  });
});
