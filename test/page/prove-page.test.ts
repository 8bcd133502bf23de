import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { servePage } from "../../src/cli/page-server.js";
import { buildProvePage } from "../../tools/build-prove-page.js";
import { startBrowser } from "../../tools/page-browser.js";
import { tinyFiles } from "../prove/tiny/module.js";
import { axe } from "./bench.js";

/* The page that runs a kernel's own code, from a file, with the module of our own. */

const MOST_BYTES = 3 * 1024 * 1024;

let browser: Browser;
let page: Page;
let html: string;
const folder = mkdtempSync(join(tmpdir(), "vmxlens-prove-page-"));
const complaints: string[] = [];

beforeAll(async () => {
  [{ html }, browser] = await Promise.all([buildProvePage(), startBrowser()]);
  const file = join(folder, "vmxlens-prove.html");
  writeFileSync(file, html);
  page = await (await browser.newContext({ bypassCSP: false })).newPage();
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.isNavigationRequest()) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const { module, btf } = tinyFiles();
const put = (files: readonly { readonly name: string; readonly bytes: Uint8Array }[]) =>
  page
    .locator("#files")
    .setInputFiles(
      files.map(({ name, bytes }) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) })),
    );
const report = () => page.locator("#answer pre").textContent();

it("is served beside the page that links to it, under its secret path alone", async () => {
  const served = await servePage("main", 0, { "vmxlens-prove.html": "other", "absent.html": undefined });
  const get = async (path: string) => {
    const response = await fetch(new URL(path, served.url));
    return response.ok ? await response.text() : response.status;
  };
  expect([await get(""), await get("vmxlens-prove.html"), await get("absent.html"), await get("toString")]).toEqual([
    "main",
    "other",
    404,
    404,
  ]);
  expect(await get("/vmxlens-prove.html")).toBe(404);
  await served.close();
});

describe("the page that runs a kernel's own code", () => {
  it("is one file of at most 3 MB that connects to nothing", () => {
    expect(html.length).toBeLessThanOrEqual(MOST_BYTES);
    expect(html).toContain("connect-src 'none'");
    expect(html).not.toMatch(/\b(?:src|href)="https?:/);
  });

  it("says what is missing, and what a file is that it cannot use", async () => {
    await put([
      { name: "notes.txt", bytes: new TextEncoder().encode("hello") },
      { name: "kvm-intel.ko.gz", bytes: gzipSync(module) },
    ]);
    await page.locator(".problems p", { hasText: "/sys/kernel/btf/vmlinux" }).waitFor();
    expect(await page.locator(".problems p").first().textContent()).toBe("notes.txt: not an ELF file");
    expect(await page.locator("#files-there").textContent()).toBe("kvm-intel.ko: kvm-intel.ko.gz");
  });

  it("shows how much agrees, and each difference with its bits, rule, function and instruction", async () => {
    await put([{ name: "vmlinux", bytes: btf }]);
    await page.locator("#answer pre", { hasText: "results differ" }).waitFor();
    expect(await page.locator("#files-there").textContent()).toContain("types: vmlinux (Linux 6.12.0-tiny)");
    const text = await report();
    expect(text).toMatch(/\d+ of \d+ results differ between the kernel's own code and the tables/);
    expect(text).toMatch(/messages, by level and text +\d+ differ/);
    expect(text).toMatch(/vmcs_config\.pin_based_exec_ctrl\ntables +0x7f\nmodule +0x3f\nbits +\S+ \(bit 6\)/);
    expect(text).toMatch(/decided +setup_vmcs_config\S*\+0x[0-9a-f]+: /);
    expect(await page.locator(".problems p").count()).toBe(0);
  });

  it("runs it over another CPU, and over registers that are pasted", async () => {
    const before = await report();
    await page.locator("#cpu").selectOption("intel-6f6-conroe");
    await expect.poll(report).not.toBe(before);
    await page.locator("#text").fill("0x480: 0xda040000000004\n0x481: 0x7f00000016\n0x482: 0xfff9fffe0401e172");
    await expect.poll(report).toMatch(/vmcs_config\.pin_based_exec_ctrl|depend on what was not read/);
    await page.locator("#text").fill("nothing of this kind");
    await page.locator(".problems p", { hasText: "no registers of a CPU" }).waitFor();
    await page.locator("#text").fill("");
    await page.locator("#cpu").selectOption("intel-306c3-haswell");
    await expect.poll(report).toBe(before);
  });

  it("steps through the run: function, instruction, and the bits that changed", async () => {
    const current = page.locator(".watch tr[aria-current]");
    await expect
      .poll(() => current.textContent())
      .toMatch(/vmcs_config\.pin_based_exec_ctrl 0x0 → 0x3f \(bit 0, 1, 2, 3, 4, 5\)/);
    expect(await current.textContent()).toMatch(/^setup_vmcs_config\S*\+0x[0-9a-f]+mov /);
    const position = () => page.locator(".steps [role=status]").textContent();
    const first = await position();
    await page.getByRole("button", { name: "next result" }).click();
    await expect.poll(position).not.toBe(first);
    await page.getByRole("button", { name: "result before" }).click();
    await expect.poll(position).toBe(first);
    await page.getByRole("button", { name: "step →" }).click();
    await expect.poll(position).not.toBe(first);
    await page.locator("#function").selectOption("kvm_intel init_module");
    await expect.poll(position).toMatch(/^1 of \d+$/);
    await page.locator("#step").focus();
    await page.keyboard.press("End");
    await expect.poll(position).toMatch(/^(\d+) of \1$/);
  });

  it("axe finds nothing, no request was made and nothing was complained about", async () => {
    expect(await axe(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
