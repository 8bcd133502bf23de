import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withCase } from "../../src/cli/page-file.js";
import { servePage } from "../../src/cli/page-server.js";
import { runCli } from "../cli/run.js";
import { DEEP } from "../deep.js";
import { DONE, RDMSR, VMCS, view } from "./eight.js";
import { type Bench, openBench, paste } from "./page.js";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
}, 120_000);
afterAll(async () => {
  await bench?.close();
});

/** The answers of every layer, as the cells of the matrix say them. */
const CELLS = `Object.fromEntries([...document.querySelectorAll(".matrix tr[data-feature]")].map((row) => [
  row.dataset.feature,
  [...row.querySelectorAll("td[data-layer]")].map((cell) => cell.querySelector(".word").textContent),
]))`;

interface Answer {
  readonly kernel: { readonly candidates: readonly unknown[] };
  readonly verdicts: readonly { readonly text: string }[];
  readonly features: readonly { readonly id: string; readonly layers: Readonly<Record<string, string>> }[];
}

/** The same of what the command line prints. */
function cellsOf({ features }: Answer): { [id: string]: string[] } {
  return Object.fromEntries(
    features.map(({ id, layers }) => {
      const emulated = layers.nested === "yes" && layers.silicon === "no";
      const words = Object.entries(layers).map(([layer, cell]) => (layer === "nested" && emulated ? "emul" : cell));
      return [id, words];
    }),
  );
}

describe("the page", () => {
  it("is one file of at most 350 kB with gzip", () => {
    expect(bench.gzip).toBeLessThan(350_000);
    expect(bench.html).not.toMatch(/(?:src|href)="(?!\?lang)/);
  });

  it.each([
    ["", []],
    ["#1&kernel=6.6", ["--kernel", "6.6"]],
    ["#1&kernel=el9.4&param=kvm_intel.ept=0", ["--kernel", "el9.4", "--param", "ept=0"]],
    ["#1&kernel=7.2&machine=tboot=1", ["--kernel", "7.2", "--machine", "tboot=1"]],
    ["#1&kernel=5.15.0-91-generic&firmware=off", ["--kernel", "5.15.0-91-generic", "--assume", "firmware=disabled"]],
    ["#1&kernel=6.1&config=CONFIG_HYPERV=n", ["--kernel", "6.1", "--config", "HYPERV=n"]],
  ])("shows what the command line prints: %s", async (hash, options) => {
    const { page, context, complaints } = await bench.open(bench.url + hash);
    const { out } = await runCli(["layers", "intel-50654-skylakex", "--json", ...options]);
    const answer = JSON.parse(out) as Answer;
    expect(await page.evaluate(CELLS)).toEqual(cellsOf(answer));
    if (answer.kernel.candidates.length === 1) {
      expect(await page.locator("#answer > p").textContent()).toBe(answer.verdicts[0]?.text);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("takes a paste, marks its lines, and answers for the machine in it", async () => {
    const { page, context, complaints } = await bench.open();
    await paste(page, `Dear all,\n${RDMSR}\n`);
    await page.locator(".marked .used").first().waitFor();
    expect(await page.locator(".marked li").nth(0).getAttribute("class")).toBe("ignored");
    expect(await page.locator(".marked li").nth(1).textContent()).toContain("MSR 0x3a (IA32_FEATURE_CONTROL) = 0x5");
    const { out } = await runCli(["layers", "-", "--json"], { stdin: `Dear all,\n${RDMSR}\n` });
    await page.locator("header span", { hasText: "an unnamed CPU" }).waitFor();
    expect(await page.evaluate(CELLS)).toEqual(cellsOf(JSON.parse(out)));
    expect(complaints).toEqual([]);
    await context.close();
  });

  it.each(DEEP ? (["light", "dark"] as const) : (["light"] as const))(
    "gives axe nothing to find in the %s theme",
    async (colorScheme) => {
      const { page, context, complaints } = await bench.open(bench.url, { colorScheme });
      await page.locator(".remedies li, .remedies.note").first().waitFor();
      const axe = new AxeBuilder({ page });
      // What does not depend on colours is the same in both.
      const { violations } = await (colorScheme === "dark" ? axe.withRules("color-contrast") : axe).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    },
  );

  it("is used by keyboard alone", async () => {
    const { page, context, complaints } = await bench.open();
    await page.keyboard.press("?");
    await page.locator(".keys dl").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("]");
    await page.locator(".moved-text", { hasText: "moved" }).waitFor();
    await page.keyboard.press("j");
    expect(await page.locator(".matrix tr.chosen th").textContent()).toBe("ept-violation-ve");
    await page.keyboard.press("ArrowRight");
    expect(await page.locator(".chain tr.chosen th").textContent()).toBe("CPU");
    await page.keyboard.press("/");
    await page.keyboard.type("skylake-x");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("cpu");
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("holds a case that hostile text cannot leave", async () => {
    const text = `</script><script>document.title = "taken"</script><img src=x onerror=alert(1)>\u001b[2J\u202e\n${RDMSR}`;
    const html = withCase(bench.html, { text, name: "<b>dump</b>.txt", hash: "1&cpu=text:0&kernel=6.6" });
    const served = await servePage(html, 0);
    const { page, context, complaints } = await bench.open(served.url);
    await page.locator(".marked .used").first().waitFor();
    expect(await page.title()).toBe("vmxlens");
    expect(await page.locator(".marked li").first().textContent()).toContain("</script><script>");
    expect(await page.locator("header span").textContent()).toContain("Linux 6.6");
    expect(complaints).toEqual([]);
    await context.close();
    await served.close();
  });

  it.each([
    ["a version to come", "#7&cpu=x", "newer vmxlens"],
    ["no version", "#<img src=x onerror=alert(1)>", "could not be read"],
    ["values that are none", "#1&kernel=banana&param=kvm_intel.x=1&flip=zz.99&__proto__=1", "kernel=banana"],
  ])("says what it cannot read of an address: %s", async (_, hash, says) => {
    const { page, context, complaints } = await bench.open(bench.url + hash);
    expect(await page.locator(".problems").textContent()).toContain(says);
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("what a person does with the page", () => {
  it.each(DEEP ? ["from a file", "served"] : ["from a file"])("%s", async (how) => {
    const served = how === "served" ? await servePage(bench.html, 0) : undefined;
    const { page, context, complaints } = await bench.open(served?.url);
    for (const [what, act] of Object.entries(DONE)) {
      await act(page, bench).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
    }
    expect(complaints).toEqual([]);
    await context.close();
    await served?.close();
  });

  it("gives axe nothing to find in any part of it, colours aside", async () => {
    const { page, context } = await bench.open(`${bench.url}#1&kernel=6.12&with-kernel=7.2`);
    await paste(page, VMCS);
    await page.locator(".read", { hasText: "lines used" }).waitFor();
    await page.keyboard.press("?");
    const parts = {
      run: ".run",
      registers: ".sheet",
      compare: ".emitted",
      explain: "main",
      audit: ".audit",
      share: ".share",
    };
    for (const [name, part] of Object.entries(parts)) {
      await view(page, name);
      await page.waitForTimeout(100);
      const { violations } = await new AxeBuilder({ page }).include(part).disableRules(["color-contrast"]).analyze();
      expect(violations.map(({ id, nodes }) => `${name} ${id}: ${nodes[0]?.html}`)).toEqual([]);
    }
    await context.close();
  });

  it("is no wider than a phone", async () => {
    const { page, context } = await bench.open(`${bench.url}#1&kernel=6.12`, { viewport: { width: 360, height: 700 } });
    for (const name of ["layers", "run", "registers", "compare", "audit"]) {
      await view(page, name);
      await page.waitForTimeout(50);
      expect([name, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([name, 360]);
    }
    await context.close();
  });
});
