import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readVmcs } from "../../../src/vmcs/dumps/read.js";
import type { HeaderFamily } from "../../../src/vmcs/fields/headers.js";
import { HEADERS } from "../../../src/vmcs/fields/headers.js";
import { format64, known64 } from "../../../src/vmcs/value64.js";
import { DEEP, oneIn } from "../../deep.js";
import { parseRun } from "../../oracles/vmcs/vmcs-cases.js";
import { random, validState } from "../../oracles/vmcs/vmcs-states.js";
import { type Fields, headerName, inShape, PREFIXES, SHAPES, withPrefix } from "./shapes.js";

const { core } = parseRun(readFileSync(new URL("../oracle/corei7_skylake_x.txt", import.meta.url), "utf8"));
const rng = random(14);
/** Whole VMCSs, and RFLAGS 0 in one of them. */
const states: readonly Fields[] = Array.from({ length: DEEP ? 3 : 1 }, () => validState(rng, { core }));

const shown = (fields: Fields) =>
  [...fields].map(([encoding, value]) => [encoding.toString(16), format64(known64(value))]).sort();
function read(text: string) {
  const { dumps } = readVmcs(text);
  expect(dumps.length).toBe(1);
  const [dump] = dumps;
  expect(dump?.diagnostics.filter(({ severity }) => severity !== "note")).toEqual([]);
  return [...(dump?.vmcs.fields ?? [])].map(([encoding, value]) => [encoding.toString(16), format64(value)]).sort();
}

describe("one VMCS in any shape", () => {
  it.each(Object.keys(SHAPES))("is the same as %s", (shape) => {
    for (const state of states) expect(read(inShape(shape, state))).toEqual(shown(state));
  });

  it.each(Object.keys(PREFIXES))("is the same behind what a log puts before each line: %s", (prefix) => {
    const state = states[0] as Fields;
    const first = Object.keys(PREFIXES).indexOf(prefix);
    for (const shape of oneIn(40, Object.keys(SHAPES), first))
      expect(read(withPrefix(prefix, inShape(shape, state))), shape).toEqual(shown(state));
  });

  it.each(Object.keys(HEADERS) as HeaderFamily[])("is the same in the names of %s", (family) => {
    for (const shape of ["NAME: 0x", "vmwrite(NAME, 0x);", "rust {:?}", "CSV", "[+] NAME : 0x"]) {
      const state = new Map(
        [...(states[0] as Fields)].filter(([encoding]) => headerName(family, encoding) !== undefined),
      );
      expect(read(inShape(shape, state, family)), shape).toEqual(shown(state));
    }
  });
});
