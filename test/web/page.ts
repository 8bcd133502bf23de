import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { buildPage } from "../../tools/build-web.js";
import { startBrowser } from "../../tools/page-browser.js";

/** A page in its own context, with everything that it printed, threw or asked the network for. */
export interface Opened {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What nothing of which may be there at the end: console lines, errors, requests, violations of the policy. */
  readonly complaints: readonly string[];
}

/** One browser and one built page for all tests of a file. */
export interface Bench {
  readonly html: string;
  readonly gzip: number;
  readonly url: string;
  readonly open: (where?: string, options?: BrowserContextOptions) => Promise<Opened>;
  readonly close: () => Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "vmxlens-page-"));
  const { html, sizes } = await buildPage();
  const file = join(folder, "vmxlens.html");
  writeFileSync(file, html);
  const browser: Browser = await startBrowser();
  const url = pathToFileURL(file).href;
  return {
    html,
    gzip: sizes.gzip,
    url,
    open: (where = url, options = {}) => open(browser, where, options),
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function open(browser: Browser, where: string, options: BrowserContextOptions): Promise<Opened> {
  const context = await browser.newContext({
    locale: "en-US",
    viewport: { width: 1400, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  const here = where.split("#")[0] as string;
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(here) && !asked.startsWith("data:") && !asked.startsWith("blob:"))
      complaints.push(`request: ${asked}`);
  });
  await page.goto(where);
  await page.locator("#answer").waitFor();
  return { page, context, complaints };
}

/** Puts a text where a paste would put it. */
export async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate(`{
    const data = new DataTransfer();
    data.setData("text/plain", ${JSON.stringify(text)});
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }`);
}
