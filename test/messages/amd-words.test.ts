import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { MessageRow } from "../../src/answers/message.js";
import type { ExamplesOf } from "../../src/messages/rows/shape.examples.js";
import { inShort } from "./in-short.js";

/* Messages that every vendor's CPU brings about, on one of AMD's: VT-x and kvm_intel are not what is asked for there. */

const ROWS = join(import.meta.dirname, "../../src/messages/rows");
const tables = await Promise.all(
  readdirSync(ROWS, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".examples.ts") && !name.startsWith("shape"))
    .map(async (name) => {
      const exported: { readonly [name: string]: ExamplesOf<readonly MessageRow[]> } = await import(join(ROWS, name));
      return Object.entries(Object.values(exported)[0] ?? {});
    }),
);
/** The message itself speaks of Intel's CPUs. */
const OF_INTEL = /\bVT-?x\b|vmx|VMX|intel|IA32|EPT|\b0x48[0-9a-f]\b|VMCS/i;
const EXAMPLES = tables.flat().flatMap(([id, { examples }]) => {
  const [first = ""] = examples;
  return OF_INTEL.test(first) ? [] : [[id, first] as const];
});

const INTELS = /\bVT-x\b|\bkvm_intel\b(?!\/parameters)/;
/** It says whose CPUs it means, or what holds on either. */
const SAID = /\bAMD|\bSVM\b|_amd\b|\bIntel\b|IA32_|\bVMX\b|\bVMCS\b|VirtualBox\/EPT|VT-x\/EPT/;

it.each(EXAMPLES)("%s", async (_, example) => {
  const { lines } = await inShort(`CPU: AMD Ryzen 7 5800X, ${example}`);
  const [verdict = "", ...more] = lines(3000);
  const answer = [verdict, ...more.filter((line) => /^do /.test(line))];
  expect(answer.filter((line) => INTELS.test(line) && !SAID.test(line))).toEqual([]);
});
