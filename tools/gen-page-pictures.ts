/**
 * Takes the pictures of the page that README.md and docs/page.md show, from the page itself: `npm run gen:pictures`. The
 * screenshots depend on the fonts of the machine and are looked at; the lanes are the page's own SVG, and
 * test/page/page.test.ts holds their words to what the page draws now.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildPage } from "./build-web.js";
import { startBrowser } from "./page-browser.js";

const pictures = join(resolve(dirname(fileURLToPath(import.meta.url)), ".."), "docs/pictures");
const folder = mkdtempSync(join(tmpdir(), "vmxlens-pictures-"));
const file = join(folder, "page.html");
mkdirSync(pictures, { recursive: true });
writeFileSync(file, (await buildPage()).html);
/** What the page copies is kept where it can be read. */
const KEEP_COPIES = `Object.defineProperty(navigator, "clipboard", {
  value: { writeText: async (text) => { globalThis.copied = text; } },
})`;
const browser = await startBrowser();
try {
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage({
      colorScheme,
      locale: "en-US",
      viewport: { width: 1360, height: 1000 },
      reducedMotion: "reduce",
    });
    await page.addInitScript(KEEP_COPIES);
    await page.goto(`${pathToFileURL(file).href}#1&kernel=6.12`);
    await page.locator(".remedies li").first().waitFor();
    // Its name is in a script for which this machine may have no font.
    await page.evaluate("document.querySelector('nav a').hidden = true");
    await page.screenshot({ path: join(pictures, `page-${colorScheme}.png`) });
    if (colorScheme === "light") {
      await page.goto(`${pathToFileURL(file).href}#1&kernel=6.12&view=run`);
      await page.locator("svg.lanes").waitFor();
      await page.getByRole("button", { name: "copy the picture as SVG" }).click();
      writeFileSync(join(pictures, "lanes.svg"), `${await page.evaluate("copied")}\n`);
    }
    await page.close();
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
