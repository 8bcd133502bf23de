import { decompress } from "lzma1";
import type * as Second from "./second.js";

/** All that reads, explains, audits and compares: `second.ts`. */
export type SecondScript = typeof Second;

declare global {
  /** What each script of the built page gives the other; see tools/build-web.js. */
  var vmxlens: { readonly "second.js"?: SecondScript } | undefined;
  /** In the built page, where `import("./second.js")` was. */
  var vmxlensLoad: () => Promise<SecondScript>;
}

globalThis.vmxlensLoad = async () => {
  if (globalThis.vmxlens?.["second.js"] === undefined) {
    // It comes after the first script, which runs while the rest of the page is still read.
    if (document.readyState === "loading") {
      await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
    }
    const text = document.getElementById("second")?.textContent ?? "";
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const script = document.createElement("script");
    script.className = "ran";
    script.textContent = new TextDecoder().decode(decompress(bytes));
    document.head.append(script);
  }
  const second = globalThis.vmxlens?.["second.js"];
  if (second === undefined) throw new Error("the second script of the page did not run");
  return second;
};

let loading: Promise<SecondScript> | undefined;

/** Inflates the second script on first use. */
export function secondScript(): Promise<SecondScript> {
  loading ??= import("./second.js");
  return loading;
}
