import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

/*
 * The browser of the tests is the one that npm carries, with the shared libraries and the fonts beside it: a machine
 * without a desktop has none of them.
 */

interface Unpacked {
  readonly executable: string;
  readonly env: { readonly [name: string]: string };
}

/** Unpacks it once for each user and version; other processes may do the same at this moment. */
async function unpacked(): Promise<Unpacked> {
  const { version } = JSON.parse(
    readFileSync(new URL("../node_modules/@sparticuz/chromium/package.json", import.meta.url), "utf8"),
  ) as { version: string };
  const place = join(tmpdir(), `vmxlens-chromium-${version}-1-${process.getuid?.() ?? 0}`);
  if (!existsSync(place)) {
    const folder = mkdtempSync(`${place}-`);
    // The package unpacks to the folder for temporary files, and its libraries only where it thinks itself on Lambda.
    const before = { TMPDIR: process.env.TMPDIR, AWS_LAMBDA_JS_RUNTIME: process.env.AWS_LAMBDA_JS_RUNTIME };
    Object.assign(process.env, { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" });
    try {
      const { default: carried } = await import("@sparticuz/chromium");
      await carried.executablePath();
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    writeFileSync(join(folder, "fonts.conf"), fontsConf(join(place, "fonts", "fonts"), place));
    try {
      renameSync(folder, place);
    } catch (error) {
      if (!existsSync(place)) throw error;
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const libraries = join(place, "al2023", "lib");
  const own = process.env.LD_LIBRARY_PATH;
  return {
    executable: join(place, "chromium"),
    env: {
      FONTCONFIG_FILE: join(place, "fonts.conf"),
      LD_LIBRARY_PATH: own === undefined || own === "" ? libraries : `${own}:${libraries}`,
    },
  };
}

/** The package's own list of fonts names folders of Lambda; without any font the browser dies of a menu. */
function fontsConf(fonts: string, place: string): string {
  const folders = [fonts, "/usr/share/fonts"].map((folder) => `<dir>${folder}</dir>`).join("");
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${folders}<cachedir>${place}/cache</cachedir><config></config></fontconfig>`;
}

/** Where the browser cannot start, the one line says what the machine lacks. */
export async function startBrowser(): Promise<Browser> {
  const { executable, env } = await unpacked();
  try {
    return await chromium.launch({
      executablePath: executable,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
      env: { ...process.env, ...env } as { [name: string]: string },
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const missing = /error while loading shared libraries: (\S+):/.exec(text)?.[1];
    if (missing === undefined) throw error;
    throw new Error(`the browser of the tests needs the shared library ${missing}; install the package that has it`, {
      cause: error,
    });
  }
}
