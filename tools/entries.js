/**
 * The source files behind the package's export map. The map in package.json is the one list of what is public; the API
 * reference and the check for dead code start from it.
 */
import { readFileSync } from "node:fs";

/** @type {{ exports?: Record<string, string> }} */
const { exports = {} } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The public subpaths that are modules: `.`, `./bits/word`, … */
export const subpaths = Object.keys(exports).filter((subpath) => exports[subpath]?.endsWith(".js"));

/** Their source files, relative to the project: `src/index.ts`, `src/bits/word.ts`, … */
export const entryFiles = subpaths.map((subpath) =>
  /** @type {string} */ (exports[subpath]).replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts"),
);
