/**
 * Measures the page: its size, the first useful paint beside that of a blank page, what a knob costs, and how long a paste of
 * 5 MB holds up the main thread. Useful is the paint in which the box can be seen: it can be typed into from there on. `npm run bench:web` prints the figures with the limits that the page is held to; a busy machine
 * gives other ones.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { buildPage } from "./build-web.js";
import { startBrowser } from "./page-browser.js";

const ROUNDS = 9;
const KNOBS = 60;
const BLANK = "<!doctype html><html lang=en><title>blank</title><p>blank";

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]) => sorted(values)[values.length >> 1] as number;
const p95 = (values: readonly number[]) => sorted(values)[Math.ceil(values.length * 0.95) - 1] as number;

/** What is waited for in a page: the paint with content, the paint with the box in it, the first answer. */
interface Paints {
  readonly content: number;
  readonly box: number;
  readonly answer: number;
}

/** When a page painted, in milliseconds from the start of the navigation; what never comes in a page is left out. */
async function paints(browser: Browser, url: string, answer: boolean): Promise<Paints> {
  const page = await browser.newPage();
  await page.addInitScript(`
    globalThis.seen = {};
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen[entry.identifier || entry.name] ??= entry.renderTime || entry.startTime;
    }).observe({ type: "element", buffered: true });
    const look = () => {
      if (document.getElementById("answer") === null) requestAnimationFrame(look);
      else requestAnimationFrame(() => setTimeout(() => { seen.answer = performance.now(); }));
    };
    ${answer ? "look();" : ""}
  `);
  await page.goto(url);
  const found = (await page.evaluate(`new Promise((resolve) => {
    const wait = () => {
      const content = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
      if (content === undefined || ${answer} && (seen.answer === undefined || seen.box === undefined)) setTimeout(wait, 5);
      else resolve({ content, ...seen });
    };
    wait();
  })`)) as Paints;
  await page.close();
  return found;
}

/** Script, style and layout of every knob, in milliseconds, by the browser's own counters. */
async function knobs(page: Page): Promise<number[]> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const spent = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
    return 1000 * (of("ScriptDuration") + of("LayoutDuration") + of("RecalcStyleDuration"));
  };
  const found: number[] = [];
  const max = Number(await page.locator("#kernel").getAttribute("max"));
  for (let round = 0; round < KNOBS; round++) {
    const before = await spent();
    await page.evaluate(`{
      const knob = document.getElementById("kernel");
      knob.value = ${(round * 7) % max};
      knob.dispatchEvent(new Event("input", { bubbles: true }));
    }`);
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))");
    found.push((await spent()) - before);
    // What runs after the knob has been painted does not count.
    await page.waitForTimeout(250);
  }
  // The first ones compile the rules of a kernel and are warmed up.
  return found;
}

/** The longest time for which a paste holds up the main thread, in milliseconds. */
async function longestTask(page: Page): Promise<number> {
  return (await page.evaluate(`new Promise(async (resolve) => {
    const lines = [];
    for (let at = 0, length = 0; length < 5e6; at++) {
      const line = at % 3 === 0 ? "[ 12.345678] kvm_intel: message number " + at
        : at % 3 === 1 ? "0x48b: 0x7ffff00000000" : "flags : fpu vme de pse tsc msr pae mce cx8 vmx " + at;
      lines.push(line);
      length += line.length + 1;
    }
    let longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask" });
    const data = new DataTransfer();
    data.setData("text/plain", lines.join("\\n"));
    await new Promise((ready) => setTimeout(ready, 200));
    longest = 0;
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    const wait = () => /\\d/.test(document.querySelector(".read")?.textContent ?? "") ? setTimeout(() => resolve(longest), 300) : setTimeout(wait, 100);
    setTimeout(wait, 300);
  })`)) as number;
}

const folder = mkdtempSync(join(tmpdir(), "vmxlens-bench-"));
const browser = await startBrowser();
try {
  const { html, sizes } = await buildPage();
  const place = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return pathToFileURL(file).href;
  };
  // The sentence in front of the box is what a browser can be asked about; the box is laid out with it.
  const watched = html.replace('<span class="note">', '<span class="note" elementtiming="box">');
  const [url, blank] = [place("page.html", watched), place("blank.html", BLANK)];
  console.log(
    `size: ${sizes.gzip} bytes with gzip (at most 350000); first script ${sizes.first}, second ${sizes.second}`,
  );
  const ours: Paints[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push((await paints(browser, blank, false)).content);
    ours.push(await paints(browser, url, true));
  }
  const of = (name: keyof Paints) => median(ours.map((one) => one[name]));
  const nothing = median(theirs);
  console.log(
    `first useful paint (the box and what is said about it): ${of("box").toFixed(0)} ms, a blank page ${nothing.toFixed(0)} ms, ratio ${(of("box") / nothing).toFixed(1)} (at most 3, and 500 ms); anything: ${of("content").toFixed(0)} ms; the first answer, and the page lives: ${of("answer").toFixed(0)} ms`,
  );
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto(url);
  await page.waitForTimeout(1500);
  const costs = await knobs(page);
  const cold = costs.slice(0, KNOBS / 2);
  const warm = costs.slice(KNOBS / 2);
  console.log(
    `knob, script + style + layout: p50 ${median(warm).toFixed(1)} ms, p95 ${p95(warm).toFixed(1)} ms (at most 16); the first ${cold.length}: p95 ${p95(cold).toFixed(1)} ms`,
  );
  console.log(`paste of 5 MB: longest task ${(await longestTask(page)).toFixed(0)} ms (at most 300)`);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
