import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axeCore from "axe-core";
import type { Browser, Page } from "playwright-core";
import { buildPage } from "../../tools/build-web.js";
import { startBrowser } from "../../tools/page-browser.js";
import { DEEP } from "../deep.js";

export const RDMSR = ["0x3a: 0x5", "0x480: 0xda040000000004", "0x48b: 0x7ffff00000000"].join("\n");

/** One browser, one built page and one tab for all tests of a file. */
export interface Bench {
  readonly html: string;
  readonly gzip: number;
  readonly url: string;
  readonly page: Page;
  /** What nothing of which may be there at the end: console lines, errors, requests, violations of the policy. */
  readonly complaints: string[];
  /** Loads the page anew, or what is elsewhere; nothing is left of what was there. */
  readonly load: (where?: string) => Promise<Page>;
  /** As a new tab beside the one of the tests. */
  readonly beside: (where: string) => Promise<Page>;
  /** The address of a text as a file. */
  readonly place: (html: string) => string;
  readonly close: () => Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "vmxlens-page-"));
  const [{ html, sizes }, browser] = await Promise.all([buildPage(), startBrowser()] as [
    ReturnType<typeof buildPage>,
    Promise<Browser>,
  ]);
  let places = 0;
  const place = (text: string) => {
    const file = join(folder, `page-${places++}.html`);
    writeFileSync(file, text);
    return pathToFileURL(file).href;
  };
  const url = place(html);
  const context = await browser.newContext({
    locale: "en-US",
    viewport: { width: 1400, height: 900 },
    reducedMotion: "reduce",
    // The policy of the page allows no script but its own.
    bypassCSP: false,
  });
  const complaints: string[] = [];
  const open = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    page.on("console", (message) => complaints.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.isNavigationRequest() && !/^(?:data|blob):/.test(request.url()))
        complaints.push(`request: ${request.url()}`);
    });
    return page;
  };
  const page = await open();
  const go = async (there: Page, where: string) => {
    await there.goto(where);
    await there.locator("#answer").waitFor();
    return there;
  };
  return {
    html,
    gzip: sizes.gzip,
    url,
    page,
    complaints,
    load: async (where = url) => {
      // An address that differs in its end alone would be no new page.
      await page.goto("about:blank");
      complaints.length = 0;
      return await go(page, where);
    },
    beside: async (where) => await go(await open(), where),
    place,
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Puts a text where a paste would put it. */
export async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate(`{
    const data = new DataTransfer();
    data.setData("text/plain", ${JSON.stringify(text)});
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }`);
}

/** Drops files onto an element of the page; contents are expressions of the page. */
export async function drop(page: Page, files: { readonly [name: string]: string }, onto = "body"): Promise<void> {
  await page.evaluate(`{
    const data = new DataTransfer();
    ${Object.entries(files)
      .map(([name, content]) => `data.items.add(new File([${content}], ${JSON.stringify(name)}));`)
      .join("\n")}
    document.querySelector(${JSON.stringify(onto)}).dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }`);
}

/**
 * Rows after the seventh are like the others, and so are kernels but the one that is asked about; a short run looks at the
 * first ones.
 */
const FEWER_ROWS = `{
  const sheet = new CSSStyleSheet();
  const now = [...document.querySelectorAll(".axis .kernel")].findIndex((one) => one.classList.contains("now")) + 2;
  const others = ":nth-child(n + 9):not(:nth-child(" + now + "))";
  sheet.replaceSync(
    "tbody tr:nth-child(n + 8), .field:nth-child(n + 8), .axis thead tr:last-child > " + others +
      ", .axis tbody tr > " + others + " { display: none !important; }");
  document.adoptedStyleSheets = [sheet];
}`;

/** What axe finds in the page as it is, or in a part of it: rule and element. */
export async function axe(page: Page, rules?: readonly string[], part?: string): Promise<readonly string[]> {
  if ((await page.evaluate("typeof axe")) === "undefined") {
    if (!DEEP) await page.evaluate(FEWER_ROWS);
    await page.evaluate(axeCore.source);
  }
  const options = {
    resultTypes: ["violations"],
    ...(rules === undefined ? {} : { runOnly: { type: "rule", values: rules } }),
  };
  return await page.evaluate(
    `axe.run(${part === undefined ? "document" : JSON.stringify(part)}, ${JSON.stringify(options)}).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(" ")))`,
  );
}

/** The answers of every layer, as the cells of the matrix say them. */
export const CELLS = `Object.fromEntries([...document.querySelectorAll(".matrix tr[data-feature]")].map((row) => [
  row.dataset.feature,
  [...row.querySelectorAll("td[data-layer]")].map((cell) => cell.querySelector(".word").textContent),
]))`;

export interface Answer {
  readonly kernel: { readonly candidates: readonly unknown[] };
  readonly verdicts: readonly { readonly text: string }[];
  readonly features: readonly { readonly id: string; readonly layers: Readonly<Record<string, string>> }[];
}

/** The same of what the command line prints. */
export function cellsOf({ features }: Answer): { [id: string]: string[] } {
  return Object.fromEntries(
    features.map(({ id, layers }) => {
      const emulated = layers.nested === "yes" && layers.silicon === "no";
      const words = Object.entries(layers).map(([layer, cell]) => (layer === "nested" && emulated ? "emul" : cell));
      return [id, words];
    }),
  );
}
