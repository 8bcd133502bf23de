/**
 * Builds the page that runs a kernel's own code: one HTML file with everything in it, `dist/web/vmxlens-prove.html`, beside
 * the page that links to it. `node tools/build-prove-page.js [FILE]` writes it elsewhere.
 *
 * The decoder of instructions is 0.8 MB of WebAssembly, which the other page has no room for. It is packed as that page's scripts are,
 * behind the script of this one, and unpacked and compiled when the first kernel is put in; the policy allows WebAssembly, the two
 * scripts, and no connection.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { asciiText, boot, COMMON, hashOf, LEFT_OUT, notices, packedParts, styleText } from "./build-web.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const web = join(root, "src/web");
const require = createRequire(import.meta.url);

/** A replacement that has to find its text: a new version of a package may look otherwise. */
function replaced(/** @type {string} */ code, /** @type {string} */ text, /** @type {string} */ by) {
  if (!code.includes(text)) throw new Error(`the page expects a package to contain ${text}`);
  return code.replace(text, () => by);
}

/** The tables of iced-x86 that our code names; of the others, the codes of all instructions alone are a quarter of the page. */
function usedTables() {
  const folder = join(root, "src/prove");
  const texts = readdirSync(folder, { recursive: true })
    .filter((name) => /\.ts$/.test(String(name)))
    .map((name) => readFileSync(join(folder, String(name)), "utf8"));
  return new Set([...texts.join("\n").matchAll(/\biced\.(\w+)/g)].map(([, name]) => name));
}

/** Packages that take their WebAssembly from a file or an address take it from the page. */
const FROM_PAGE = {
  name: "from-page",
  /** @returns {string | undefined} */
  transform(/** @type {string} */ code, /** @type {string} */ id) {
    if (/[\\/]iced-x86[\\/].*\.js$/.test(id)) {
      const used = usedTables();
      return [
        ["require(`util`)", "globalThis"],
        ["const path = require('path').join(__dirname, 'iced_x86_bg.wasm');", ""],
        ["require('fs').readFileSync(path)", "vmxlensDecoder()"],
      ]
        .reduce((now, [text = "", by = ""]) => replaced(now, text, by), code)
        .replace(/^module\.exports\.(\w+) = Object\.freeze\(.*\);$/gm, (line, name) => (used.has(name) ? line : ""));
    }
    if (/[\\/]zstddec[\\/].*zstddec\.mjs$/.test(id))
      return replaced(
        replaced(code, 'typeof fetch !== "undefined"', "false"),
        'Buffer.from(wasm, "base64")',
        "Uint8Array.from(atob(wasm), (one) => one.charCodeAt(0))",
      );
    return undefined;
  },
};

async function bundled() {
  const bundle = await rolldown({
    ...COMMON,
    input: join(web, "prove/main.tsx"),
    platform: "browser",
    plugins: [FROM_PAGE, LEFT_OUT],
  });
  const { output } = await bundle.generate({
    format: "iife",
    codeSplitting: false,
    minify: true,
    comments: { legal: false },
  });
  await bundle.close();
  const [chunk] = output;
  return { script: asciiText(chunk.code.trim()), modules: chunk.moduleIds };
}

/** The text of the page, and its sizes in bytes. */
export async function buildProvePage() {
  const [{ script, modules }, begin] = await Promise.all([bundled(), boot("prove/boot.ts")]);
  const style = styleText("page.css") + styleText("prove/prove.css");
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(begin.code)} ${hashOf(script)} 'wasm-unsafe-eval'`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const wasm = readFileSync(join(dirname(require.resolve("iced-x86")), "iced_x86_bg.wasm"));
  /** @type {{ readonly [name: string]: string }} */
  const parts = {
    policy,
    style,
    boot: begin.code,
    ...(await packedParts([script], [wasm])),
    notices: notices([...modules, ...begin.modules]),
  };
  const html = readFileSync(join(web, "prove/page.html"), "utf8").replace(
    /%([a-z]+)%/g,
    (whole, name) => parts[name] ?? whole,
  );
  return { html, sizes: { script: script.length, file: html.length, gzip: gzipSync(html, { level: 9 }).length } };
}

/** Writes the page to a file and gives its sizes. */
export async function writeProvePage(/** @type {string} */ file) {
  const { html, sizes } = await buildProvePage();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, html);
  return sizes;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const file = resolve(argv[2] ?? join(root, "dist/web/vmxlens-prove.html"));
  const { file: bytes, gzip } = await writeProvePage(file);
  console.log(`${file}: ${bytes} bytes, ${gzip} with gzip -9`);
}
