import { describe, expect, it } from "vitest";
import { tries } from "../deep.js";
import { CLAIMS, caseOf } from "./feature-claims.js";
import { inShort } from "./in-short.js";

/*
 * Machines whose registers are all known, and what commands print on them: what an answer says about a parameter that is off is held
 * against the replay of the machine.
 */

const OUTPUT_SETS: readonly (readonly string[])[] = [
  ["parameters"],
  ["parameters", "model"],
  ["parameters", "cpuinfo"],
  ["parameters", "cmdline"],
  ["parameters", "modprobe.d"],
  ["cpuinfo", "parameters", "cmdline"],
  ["uname", "cpuinfo", "parameters"],
  ["uname", "parameters", "registers"],
  ["uname", "parameters", "modprobe.d", "registers"],
  ["parameters", "vmxcap", "uname"],
  ["parameters", "vmx flags"],
  ["one parameter", "cpuinfo", "uname"],
  ["one parameter", "model"],
  ["dmesg", "parameters", "uname"],
];
const EACH = tries(30);

describe("the reasons given for parameters that are off hold on the machine that printed the text", () => {
  it.each(OUTPUT_SETS.map((outputs) => [outputs.join(", "), outputs] as const))("%s", async (_, outputs) => {
    let found = 0;
    for (let seed = outputs.join().length * 1000; found < EACH; seed++) {
      const one = caseOf(seed, outputs);
      if (one === undefined) continue;
      found++;
      const { lines } = await inShort(one.text);
      const all = lines(4000);
      const steps = all.filter((line) => /^\s*do\s/.test(line)).join("\n");
      const answer = { says: all[0] ?? "", all: all.join("\n"), steps };
      for (const { what, broken } of CLAIMS)
        expect(broken(one, answer), `${what}\n${one.label}\n${one.text}\n=> ${answer.says}`).toEqual([]);
    }
  });
});
