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
  if (globalThis.vmxlens?.["second.js"] === undefined) globalThis.vmxlensEarly?.runNext();
  const second = globalThis.vmxlens?.["second.js"];
  if (second === undefined) throw new Error("the second script of the page did not run");
  return second;
};

let loading: Promise<SecondScript> | undefined;

/** Unpacks the second script on first use. */
export function secondScript(): Promise<SecondScript> {
  loading ??= import("./second.js");
  return loading;
}
