/**
 * Builds the page that runs a kernel's own code: one HTML file with everything in it, `dist/web/vmxlens-prove.html`, beside
 * the page that links to it. `node tools/build-prove-page.js [FILE]` writes it elsewhere.
 *
 * The decoder of instructions is 0.8 MB of WebAssembly, which the other page has no room for. It lies in the file packed,
 * and is unpacked and compiled when the first kernel is put in; the policy allows WebAssembly, the one script, and no connection.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { asciiText, COMMON, hashOf, notices, styleText } from "./build-web.js";
import { lzmaPacked } from "./pack.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const web = join(root, "src/web");
const require = createRequire(import.meta.url);

/** A replacement that has to find its text: a new version of a package may look otherwise. */
function replaced(/** @type {string} */ code, /** @type {string} */ text, /** @type {string} */ by) {
  if (!code.includes(text)) throw new Error(`the page expects a package to contain ${text}`);
  return code.replace(text, () => by);
}

/** Packages that take their WebAssembly from a file or an address take it from the page. */
const FROM_PAGE = {
  name: "from-page",
  /** @returns {string | undefined} */
  transform(/** @type {string} */ code, /** @type {string} */ id) {
    if (/[\\/]iced-x86[\\/].*\.js$/.test(id)) {
      const packed =
        'Uint8Array.from(atob(document.getElementById("decoder").textContent), (one) => one.charCodeAt(0))';
      const bytes = `require("lzma1").decompress(${packed})`;
      return replaced(
        replaced(
          replaced(code, "require(`util`)", "globalThis"),
          "const path = require('path').join(__dirname, 'iced_x86_bg.wasm');",
          "",
        ),
        "require('fs').readFileSync(path)",
        bytes,
      );
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

/** The page only unpacks. */
const WITHOUT_ENCODER = {
  name: "without-encoder",
  resolveId: (/** @type {string} */ id, /** @type {string | undefined} */ importer) =>
    id === "./encoder.js" && /[\\/]lzma1[\\/]/.test(importer ?? "") ? "\0encoder" : undefined,
  load: (/** @type {string} */ id) => (id === "\0encoder" ? "export class Encoder {}" : undefined),
};

async function bundled() {
  const bundle = await rolldown({
    ...COMMON,
    input: join(web, "prove/main.tsx"),
    platform: "browser",
    plugins: [FROM_PAGE, WITHOUT_ENCODER],
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
  const { script, modules } = await bundled();
  const safe = script.replace(/<(?=!--|\/?script)/gi, "\\x3c");
  const style = styleText("page.css") + styleText("prove/prove.css");
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(safe)} 'wasm-unsafe-eval'`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const wasm = readFileSync(join(dirname(require.resolve("iced-x86")), "iced_x86_bg.wasm"));
  const decoder = Buffer.from(await lzmaPacked(wasm)).toString("base64");
  /** @type {{ readonly [name: string]: string }} */
  const parts = { policy, style, script: safe, decoder, notices: notices(modules) };
  const html = readFileSync(join(web, "prove/page.html"), "utf8").replace(
    /%([a-z]+)%/g,
    (whole, name) => parts[name] ?? whole,
  );
  return { html, sizes: { script: safe.length, file: html.length, gzip: gzipSync(html, { level: 9 }).length } };
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
