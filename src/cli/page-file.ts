import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Case, caseText } from "../report/page/case.js";
import { inputText, isFile, wholeText } from "./files.js";
import type { World } from "./world.js";

/** Where the pages lie, seen from the bundled command line and from the sources. */
const PLACES = ["../../web", "../../dist/web"];

/** The page, and the one beside it that runs a kernel's own code. */
export const PAGES = { main: "vmxlens.html", prove: "vmxlens-prove.html" } as const;

const EMPTY_CASE = '<script type="application/json" id="case"></script>';

/** A built page; undefined before `npm run build:web`. */
export async function pageText(world: World, page: keyof typeof PAGES = "main"): Promise<string | undefined> {
  const here = dirname(fileURLToPath(import.meta.url));
  const file = PLACES.map((place) => join(here, place, PAGES[page])).find((path) => isFile(path, world));
  return file === undefined ? undefined : wholeText(inputText(file, world), file);
}

/** The page with a case inside. */
export function withCase(page: string, given: Case): string {
  const [before, after, ...more] = page.split(EMPTY_CASE);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error("the page has no place for a case");
  return `${before}${EMPTY_CASE.replace("></", () => `>${caseText(given)}</`)}${after}`;
}
