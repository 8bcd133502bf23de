import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { pathOf, stationsOf } from "../../src/report/page/lanes.js";
import { situation } from "../../src/situation/situation.js";
import { tracedReplays } from "../../src/why/traced-replay.js";
import { runCli } from "../cli/run.js";
import { type Bench, paste, RDMSR } from "./bench.js";

export const VMCS = "GUEST_CR0 = 0x80000031\nGUEST_CR4 = 0x2000\nGUEST_RFLAGS = 0x0\nGUEST_RIP = 0x0\n";

export const view = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

/** What a person does, in the order of the page. */
export const DONE: { readonly [what: string]: (page: Page, bench: Bench) => Promise<void> } = {
  async picks(page) {
    await page.locator("#cpu").fill("broadwell");
    await page.locator(".choices button").first().click();
    await page.locator("header span", { hasText: /i\d|Xeon|M-|CPU/ }).waitFor();
    await page.locator("#cpu").fill("feature:mbec");
    await page.locator(".choices code", { hasText: "intel-50654-skylakex" }).first().waitFor();
    await page.locator("#cpu").fill("intel-50654-skylakex");
    await page.locator("header span", { hasText: "i9-7900X" }).waitFor();
  },
  async "sees the layers"(page) {
    await page.locator('tr[data-feature="ple"] td[data-layer="nested"]').click();
    expect(await page.locator(".why h2").textContent()).toContain("ple");
    expect(await page.locator(".chain tr.chosen").textContent()).toContain("no rule of Linux 6.18 sets it");
    await page.locator('tr[data-feature="tsc-scaling"] td[data-layer="nested"]').click();
    const rule = page.locator(".why .rule", { hasText: "nested_vmx" }).first();
    expect(await rule.textContent()).toMatch(/arch\/x86\/kvm.* in .*secondary_ctls_high: 0x[0-9a-f]+ → 0x[0-9a-f]+/);
    expect(await rule.locator(".condition li").count()).toBeGreaterThan(0);
    await page.locator('tr[data-feature="mbec"] button').click();
    await page.locator(".remedies li", { hasText: "boot Linux 7.2 or later" }).waitFor();
  },
  async "turns the knobs"(page) {
    await page.locator("#kernel").focus();
    await page.keyboard.press("End");
    await page.locator(".moved-text", { hasText: "mbec" }).waitFor();
    await page.getByText("parameters, build options").click();
    await page.locator("#param-ept").uncheck();
    await page.locator(".moved-text", { hasText: "unrestricted-guest" }).waitFor();
    await page.locator("#param-ept").check();
    await page.locator("#firmware").selectOption("off");
    await page.locator("#answer p[role=status]", { hasText: "kvm_intel does not load" }).waitFor();
    await page.locator("#firmware").selectOption("");
    await page.locator(".axis .kernel button", { hasText: /^6\.12$/ }).click();
    await page.locator("header span", { hasText: "Linux 6.12" }).waitFor();
    expect(await page.locator(".axis tbody td").count()).toBeGreaterThan(60);
  },
  async "watches a register"(page) {
    await view(page, "run");
    await page.locator("svg.lanes").waitFor();
    const asked = situation(atlasHost("intel-50654-skylakex"), {
      kernel: "6.12",
      assume: ["firmware=enabled", "registers=sdm"],
    });
    const stations = stationsOf(tracedReplays(asked)[0], pathOf("secondary"));
    expect(await page.locator("svg.lanes .station").count()).toBe(stations.length);
    const lost = stations.flatMap(({ ends }) => ends.filter(({ returns }) => !returns));
    expect(await page.locator("svg.lanes .stop").count()).toBe(lost.length);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    expect(await page.locator(".station-text").textContent()).toContain("MODE_BASED_EPT_EXEC");
    const bit = page.getByRole("button", { name: /MODE_BASED_EPT_EXEC/ });
    expect(await bit.textContent()).toBe("1");
    await bit.click();
    expect(await bit.textContent()).toBe("0");
    expect(await page.locator("svg.lanes .stop").count()).toBe(lost.length - 1);
    await bit.click();
  },
  async "looks into registers"(page) {
    await view(page, "registers");
    await page.getByRole("button", { name: "0x48c", exact: true }).click();
    expect(await page.locator(".sheet h2").textContent()).toContain("IA32_VMX_EPT_VPID_CAP");
    expect(await page.locator(".bits tbody tr").count()).toBeGreaterThan(15);
    expect(await page.locator(".bits svg title").first().textContent()).toMatch(/20\d\d: \d+\/\d+/);
  },
  async compares(page) {
    await view(page, "compare");
    await page.locator("#other-kernel").selectOption("7.2");
    expect(await page.locator(".compare tr.differs th").allTextContents()).toContain("mbec, differs");
    const typed = (await page.locator(".command code").first().textContent()) as string;
    expect(typed).toBe("vmxlens diff intel-50654-skylakex@6.12 intel-50654-skylakex@7.2");
    expect((await runCli(typed.split(" ").slice(1))).out).toContain("mbec");
    expect(await page.locator(".compare tr.alike").count()).toBe(0);
    await page.locator("#alike").check();
    expect(await page.locator(".compare tr.alike").count()).toBeGreaterThan(40);
    const { out } = await runCli(["nested", "intel-50654-skylakex", "--kernel", "6.12", "--qemu"]);
    expect(await page.locator(".emitted pre").textContent()).toBe(`-cpu ${out.trim()}`);
    await page.getByRole("button", { name: "Rust", exact: true }).click();
    expect(await page.locator(".emitted pre").textContent()).toContain("pub const ");
  },
  async "explains and audits"(page) {
    await paste(page, "kvm: disabled by bios");
    // A text without registers opens what explains it.
    const { out: explained } = await runCli(["explain", "-", "--json"], { stdin: "kvm: disabled by bios" });
    await page.locator("#answer p[role=status]", { hasText: "switched off" }).waitFor();
    expect(await page.locator("#answer p[role=status]").textContent()).toBe(JSON.parse(explained).verdict.says);
    await page.getByRole("button", { name: "clear", exact: true }).click();
    await paste(page, VMCS);
    const field = page.getByLabel("GUEST_RFLAGS", { exact: true });
    await field.waitFor();
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    const { out: audited } = await runCli(["audit", "-", "--width", "1000"], { stdin: VMCS });
    expect(await page.locator("#answer p[role=status]").textContent()).toBe(audited.split("\n")[0]);
    await field.fill("0x2");
    await page.locator(".field:not(.fails)", { hasText: "GUEST_RFLAGS" }).waitFor();
    await field.fill("banana");
    expect(await page.locator(".field", { hasText: "GUEST_RFLAGS" }).textContent()).toContain("hexadecimal");
    await page.locator("#add-field").selectOption("host.cr0");
    await page.locator(".field.fails", { hasText: "HOST_CR0" }).waitFor();
  },
  async shares(page, bench) {
    await page.getByRole("button", { name: "clear", exact: true }).click();
    await paste(page, RDMSR);
    await page.locator("header span", { hasText: "an unnamed CPU" }).waitFor();
    await view(page, "share");
    const link = page.locator("#share-link");
    expect(await link.inputValue()).not.toContain("own=");
    await page.locator("#share-own").check();
    await page.locator(".share", { hasText: /\d+ characters/ }).waitFor();
    await expect.poll(async () => await link.inputValue()).toContain("own=");
    const address = await link.inputValue();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#share-case").click()]);
    const file = await download.path();
    const html = readFileSync(file, "utf8");
    for (const [where, kind] of [
      [address, "link"],
      [html, "file"],
    ] as const) {
      const again = await bench.beside(kind === "file" ? bench.place(where) : where);
      await again.locator("header span", { hasText: "an unnamed CPU" }).waitFor();
      expect(await again.locator("#answer p[role=status]").textContent()).toBe(
        await page.locator("#answer p[role=status]").textContent(),
      );
      await again.close();
    }
  },
};
