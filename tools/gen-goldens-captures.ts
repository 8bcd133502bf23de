import { readFileSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { KVM_PARAMS } from "../test/oracles/captures/capture-check.js";
import { type Capture, parseCapture } from "../test/oracles/captures/capture-parse.js";

/*
 * npx tsx tools/gen-goldens-captures.ts FILE…: writes the compact form of captures that is committed: what the replay is
 * held against, one capture per line.
 */

const OUT = resolve(import.meta.dirname, "../test/captures/captures.jsonl.gz");

/** Leaves out the parameters of kvm that have nothing to do with VMX. */
export function compact(capture: Capture): Capture {
  const scenarios = capture.scenarios.map((scenario) => {
    const kvm = Object.fromEntries(Object.entries(scenario.params.kvm).filter(([name]) => KVM_PARAMS.includes(name)));
    return { ...scenario, params: { ...scenario.params, kvm } };
  });
  return { ...capture, scenarios };
}

if (process.argv[1] === import.meta.filename) {
  const lines = process.argv.slice(2).map((file) => {
    const name = basename(file).replace(/\.txt(\.gz)?$/, "");
    return JSON.stringify(compact(parseCapture(name, gunzipSync(readFileSync(file)).toString("utf8"))));
  });
  const packed = gzipSync(`${lines.join("\n")}\n`, { level: 9 });
  writeFileSync(OUT, packed);
  console.log(`${lines.length} captures, ${packed.length} bytes`);
}
