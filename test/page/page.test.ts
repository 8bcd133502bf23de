import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withCase } from "../../src/cli/page-file.js";
import { servePage } from "../../src/cli/page-server.js";
import { VIEWS } from "../../src/report/page/state.js";
import { runCli } from "../cli/run.js";
import { DEEP } from "../deep.js";
import { type Answer, axe, type Bench, CELLS, cellsOf, drop, openBench, paste, RDMSR } from "./bench.js";
import { DONE, VMCS, view } from "./eight.js";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench?.close();
});

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']";
/** Every stop of the Tab key, in short; what can be seen of it has a size, and an outline says so. */
const WATCH = `{
  globalThis.stops = [];
  document.addEventListener("focusin", ({ target }) => {
    const { width, height } = target.getBoundingClientRect();
    const outline = getComputedStyle(target.closest(".file") ?? target).outlineStyle;
    const seen = width * height > 0 && outline !== "none";
    stops.push((seen ? "" : "not seen: ") + [...document.querySelectorAll(${JSON.stringify(FOCUSABLE)})].indexOf(target) + " " + target.tagName);
  });
}`;
/** Everything that can have the focus, in the order of the page. */
const STOPS = `[...document.querySelectorAll(${JSON.stringify(FOCUSABLE)})]
  .map((one, at) => (one.tabIndex >= 0 && !one.disabled && one.checkVisibility() ? at + " " + one.tagName : ""))
  .filter((one) => one !== "")`;

const verdict = () => bench.page.locator("#answer p[role=status]");

describe("the page", () => {
  it("is painted and keeps what a person does before its scripts have run", async () => {
    const { page } = bench;
    await page.goto("about:blank");
    bench.complaints.length = 0;
    // The scripts wait for two frames; here they wait until they are let go.
    const held = await page.context().newPage();
    await held.addInitScript(`
      globalThis.held = [];
      const later = setTimeout;
      requestAnimationFrame = (what) => held.push(what);
      setTimeout = (what, time, ...given) => (time === 500 ? held.push(what) : later(what, time, ...given));
    `);
    await held.goto(`${bench.url}#1&kernel=6.12`);
    expect(await held.locator("#answer").count()).toBe(0);
    expect(await held.locator("#text").isVisible()).toBe(true);
    await held.locator("#text").fill(RDMSR);
    await held.locator("#cpu").fill("broadwell");
    await drop(held, { "more.txt": JSON.stringify("0x48c: 0xf0106734141\n") });
    await held.evaluate(`document.querySelectorAll("nav button")[2].click()`);
    await held.evaluate("for (const one of held.splice(0)) one(); for (const one of held.splice(0)) one();");
    await held.locator(".sheet").waitFor();
    await held.locator(".marked .used", { hasText: "0x48c" }).waitFor();
    expect(await held.locator(".marked li").count()).toBe(4);
    expect(await held.locator("#cpu").inputValue()).toBe("broadwell");
    expect(await held.locator(".choices button").count()).toBeGreaterThan(0);
    await held.locator("header span", { hasText: "an unnamed CPU" }).waitFor();
    await held.close();
    expect(bench.complaints).toEqual([]);
  });

  it("shows what the command line prints", async () => {
    const { page, complaints } = bench;
    await bench.load();
    for (const [hash, options] of [
      ["1", []],
      ["1&kernel=6.6", ["--kernel", "6.6"]],
      ["1&kernel=el9.4&param=kvm_intel.ept=0", ["--kernel", "el9.4", "--param", "ept=0"]],
      ["1&kernel=7.2&machine=tboot=1", ["--kernel", "7.2", "--machine", "tboot=1"]],
      ["1&kernel=5.15.0-91-generic&firmware=off", ["--kernel", "5.15.0-91-generic", "--assume", "firmware=disabled"]],
      ["1&kernel=6.1&config=CONFIG_HYPERV=n", ["--kernel", "6.1", "--config", "HYPERV=n"]],
    ] as const) {
      const { out } = await runCli(["layers", "intel-50654-skylakex", "--json", ...options]);
      const answer = JSON.parse(out) as Answer;
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await expect.poll(() => page.evaluate(CELLS), { message: hash, timeout: 300_000 }).toEqual(cellsOf(answer));
      if (answer.kernel.candidates.length === 1) {
        await expect.poll(() => verdict().textContent(), { timeout: 300_000 }).toBe(answer.verdicts[0]?.text);
      }
    }
    expect(complaints).toEqual([]);
  });

  it("takes a paste, marks its lines, and answers for the machine in it", async () => {
    const page = await bench.load();
    await paste(page, `Dear all,\n${RDMSR}\n`);
    await page.locator(".marked .used").first().waitFor();
    expect(await page.locator(".marked li").nth(0).getAttribute("class")).toBe("ignored");
    expect(await page.locator(".marked li").nth(1).textContent()).toContain("MSR 0x3a (IA32_FEATURE_CONTROL) = 0x5");
    const { out } = await runCli(["layers", "-", "--json"], { stdin: `Dear all,\n${RDMSR}\n` });
    await page.locator("header span", { hasText: "an unnamed CPU" }).waitFor();
    expect(await page.evaluate(CELLS)).toEqual(cellsOf(JSON.parse(out)));
    // More files, mixed, onto any part of the page.
    await drop(page, { "vmcs.txt": JSON.stringify(VMCS), "log.txt": `"kvm: disabled by bios\\n"` }, ".matrix");
    await page.locator(".read", { hasText: "VMCS dumps: 1" }).waitFor();
    expect(await page.locator(".read").textContent()).toContain("errors: 1");
    const facts = await page.locator(".marked li").allTextContents();
    expect(
      facts
        .filter((fact) => fact.includes("✓"))
        .map((fact) => fact.slice(fact.indexOf("✓") + 2, fact.indexOf("✓") + 30)),
    ).toEqual([
      "MSR 0x3a (IA32_FEATURE_CONTR",
      "MSR 0x480 (IA32_VMX_BASIC) =",
      "MSR 0x48b (IA32_VMX_PROCBASE",
      "GUEST_CR0 = 0x80000031",
      "GUEST_CR4 = 0x2000",
      "GUEST_RFLAGS = 0x0",
      "GUEST_RIP = 0x0",
      "KVM found the CPU's virtuali",
    ]);
    // What is in the text twice, and differs, is not used.
    await page.getByRole("button", { name: "clear", exact: true }).click();
    await paste(page, "0x48b: 0x7ffff00000000\n0x48b: 0x3ffff00000000\n");
    await page.locator(".marked .doubtful, .marked .error").first().waitFor();
    expect(bench.complaints).toEqual([]);
  });

  it("holds a case that hostile text cannot leave", async () => {
    const text = `</script><script>document.title = "taken"</script><img src=x onerror=alert(1)>\u001b[2J\u202e\n${RDMSR}`;
    const html = withCase(bench.html, { text, name: "<b>dump</b>.txt", hash: "1&cpu=text:0&kernel=6.6" });
    const page = await bench.load(bench.place(html));
    await page.locator(".marked .used").first().waitFor();
    expect(await page.title()).toBe("vmxlens");
    expect(await page.locator(".marked li").first().textContent()).toContain("</script><script>");
    expect(await page.locator("header span").textContent()).toContain("Linux 6.6");
    // The other page does not go with a file that is sent.
    expect(await page.locator("nav a[href$='prove.html']").isVisible()).toBe(false);
    expect(bench.complaints).toEqual([]);
  });

  it("takes what is no text, what is long, and what was edited by hand, for what it is", async () => {
    const page = await bench.load();
    await drop(page, { vmlinux: "new Uint8Array(70000)", "empty.txt": "''" });
    await page.locator(".problems", { hasText: "vmlinux is not text" }).waitFor();
    const megabytes = DEEP ? 50 : 1;
    await drop(page, {
      "log.txt": `("[ 12.345678] kvm_intel: message\\n".repeat(31000).slice(0, 1e6) + "\\n").repeat(${megabytes}), ${JSON.stringify(`${RDMSR}\n`)}`,
    });
    // The page lives while it reads.
    await page.locator(".read", { hasText: "reading" }).waitFor();
    await page.keyboard.press("2");
    await page.locator(".run").waitFor();
    await page.locator(".read", { hasText: "machines: 1" }).waitFor({ timeout: 300_000 });
    expect(await page.locator(".marked li").count()).toBeLessThan(100);
    expect(await page.locator("textarea").count()).toBe(0);
    expect(bench.complaints).toEqual([]);

    const edited = (json: string) => bench.html.replace('id="case"></script>', () => `id="case">${json}</script>`);
    for (const [json, says] of [
      ["{ broken", "The case in this file could not be read"],
      ['{"format":"vmxlens-case/9","text":"","name":"","hash":""}', "vmxlens-case/9"],
      ['{"format":"vmxlens-case/1","text":7,"name":"","hash":""}', "text"],
    ] as const) {
      const there = await bench.load(bench.place(edited(json)));
      await there.locator(".problems", { hasText: says }).waitFor();
      expect(await there.locator(".matrix tr").count()).toBeGreaterThan(50);
      expect(bench.complaints).toEqual([]);
    }
    // A script that somebody writes into the file does not run, and the page says nothing wrong.
    const there = await bench.load(
      bench.place(bench.html.replace("<noscript>", '<script>document.title = "taken"</script><noscript>')),
    );
    expect(await there.title()).toBe("vmxlens");
    expect(bench.complaints.filter((one) => !one.includes("Content Security Policy"))).toEqual([]);
    expect(bench.complaints).not.toEqual([]);
  });

  it("speaks Chinese, and moves nothing where that is not wanted", async () => {
    const page = await bench.load(`${bench.url}?lang=zh#1&kernel=6.12`);
    expect(await page.locator("nav button").first().textContent()).toBe("各层");
    expect(await page.locator(".paste .note").textContent()).toMatch(/粘贴/);
    expect(await page.evaluate("document.documentElement.lang")).toBe("zh-CN");
    expect(await page.evaluate("document.getAnimations().length")).toBe(0);
    expect(
      await page.evaluate(
        "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length",
      ),
    ).toBe(0);
    expect(bench.complaints).toEqual([]);
  });

  it("draws the picture that the README shows", async () => {
    const shown = readFileSync(new URL("../../docs/pictures/lanes.svg", import.meta.url), "utf8");
    const page = await bench.load(`${bench.url}#1&kernel=6.12&view=run`);
    const words = (await page.locator("svg.lanes text").allTextContents()).map((text) =>
      text.replace(/\s+/g, " ").trim(),
    );
    const inFile = [...shown.matchAll(/<text[^>]*>(.*?)<\/text>/gs)].map(([, text = ""]) =>
      text
        .replace(/<[^>]*>/g, "")
        .replaceAll("&amp;", "&")
        .replace(/\s+/g, " ")
        .trim(),
    );
    expect(inFile).toEqual(words);
  });

  it.each([
    ["a version to come", "7&cpu=x", "newer vmxlens"],
    ["no version", "<img src=x onerror=alert(1)>", "could not be read"],
    ["values that are none", "1&kernel=banana&param=kvm_intel.x=1&flip=zz.99&__proto__=1", "kernel=banana"],
  ])("says what it cannot read of an address: %s", async (_, hash, says) => {
    const page = await bench.load(`${bench.url}#${hash}`);
    expect(await page.locator(".problems").textContent()).toContain(says);
    expect(bench.complaints).toEqual([]);
  });
});

describe("what a person does with the page", () => {
  it.each(DEEP ? ["from a file", "served"] : ["from a file"])("%s", async (how) => {
    const served = how === "served" ? await servePage(bench.html, 0) : undefined;
    const page = await bench.load(served?.url);
    for (const [what, act] of Object.entries(DONE)) {
      await act(page, bench).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
    }
    expect(bench.complaints).toEqual([]);
    await served?.close();
  });

  it("gives axe nothing to find in any part of it, in both themes", async () => {
    const page = await bench.load(`${bench.url}#1&kernel=6.12&with-kernel=7.2`);
    await paste(page, `kvm: disabled by bios\n${VMCS}`);
    await page.locator(".read", { hasText: "lines used" }).waitFor();
    await page.keyboard.press("?");
    await page.keyboard.press("s");
    for (const [at, name] of VIEWS.entries()) {
      await view(page, name);
      await page.locator("#answer").waitFor();
      await expect.poll(() => page.locator("main").textContent()).not.toContain("searching");
      // What is around a view is the same for all of them; a short run looks at it with the first.
      const part = DEEP || at === 0 ? undefined : "main";
      await page.emulateMedia({ colorScheme: "light" });
      expect([name, await axe(page, undefined, part)]).toEqual([name, []]);
      await page.emulateMedia({ colorScheme: "dark" });
      // What does not depend on colours is the same in both; a short run looks at every other view.
      if (!DEEP && at % 2 === 1) continue;
      expect([name, "dark", await axe(page, ["color-contrast"], part)]).toEqual([name, "dark", []]);
    }
    await page.emulateMedia({ colorScheme: "light" });
  });

  it("is used by keyboard alone, in every part", async () => {
    const page = await bench.load();
    await page.keyboard.press("?");
    await page.locator(".keys dl").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.locator(".keys dl").count()).toBe(0);
    await page.evaluate(WATCH);
    for (const [at, name] of VIEWS.entries()) {
      await page.keyboard.press(String(at + 1));
      await page.locator("nav [aria-current]", { hasText: name }).waitFor();
      await page.locator("#answer").waitFor();
      await expect.poll(() => page.locator("main").textContent()).not.toContain("searching");
      const walk = async () => {
        await page.evaluate(
          "stops.length = 0; document.activeElement.blur(); document.querySelector('.skip').focus();",
        );
        const expected = (await page.evaluate(STOPS)) as string[];
        for (const _ of expected.slice(1)) await page.keyboard.press("Tab");
        return { expected, stops: (await page.evaluate("stops.splice(0)")) as string[] };
      };
      let { expected, stops } = await walk();
      // A part that came meanwhile moved the others: what is there now is walked through.
      for (let again = 0; again < 4 && String(await page.evaluate(STOPS)) !== String(expected); again++)
        ({ expected, stops } = await walk());
      expect([name, stops]).toEqual([name, expected]);
      expect(stops.length).toBeLessThan(120);
    }
    await page.keyboard.press("1");
    await page.locator(".axis button").first().waitFor();
    await page.locator(".matrix tr.chosen button").focus();
    await page.keyboard.press("ArrowDown");
    expect(await page.locator(".matrix tr.chosen th").textContent()).toBe("ept-violation-ve");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("ept-violation-ve");
    await page.keyboard.press("Home");
    expect(await page.locator(".matrix tr.chosen th").textContent()).toBe("ept");
    await page.locator(".axis button[tabindex='0']").focus();
    await page.keyboard.press("End");
    await page.locator("header span", { hasText: "WSL2 6.1" }).waitFor();
    expect(bench.complaints).toEqual([]);
  });

  it("has a key for what is done most", async () => {
    const page = await bench.load();
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
    expect(bench.complaints).toEqual([]);
  });

  it("is no wider than a phone", async () => {
    const page = await bench.load(`${bench.url}#1&kernel=6.12`);
    await page.setViewportSize({ width: 360, height: 700 });
    for (const name of VIEWS) {
      await view(page, name);
      await page.locator("#answer").waitFor();
      expect([name, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([name, 360]);
    }
    await page.setViewportSize({ width: 1400, height: 900 });
  });
});
