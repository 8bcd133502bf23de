import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";
import { type Bench, CELLS, cellsOf, openBench, paste, RDMSR } from "./bench.js";

/* Whether the page is built, small enough, and answers a paste. What else a person does with it is in the other files. */

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench?.close();
});

describe("the page", () => {
  it("is one file of at most 350 kB with gzip", () => {
    expect(bench.gzip).toBeLessThan(350_000);
    expect(bench.html).not.toMatch(/(?:src|href)="(?!\?lang|vmxlens-prove\.html")/);
  });

  it("answers for the machine in a paste as the command line does, and complains about nothing", async () => {
    const page = await bench.load();
    const text = `Dear all,\n${RDMSR}\n`;
    await paste(page, text);
    await page.locator(".marked .used").first().waitFor();
    expect(await page.locator(".marked li").nth(0).getAttribute("class")).toBe("ignored");
    await page.locator("header span", { hasText: "an unnamed CPU" }).waitFor();
    const { out } = await runCli(["layers", "-", "--json"], { stdin: text });
    expect(await page.evaluate(CELLS)).toEqual(cellsOf(JSON.parse(out)));
    expect(bench.complaints).toEqual([]);
  });
});
