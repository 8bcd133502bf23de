import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { auditTestRun } from "./audit-example.js";

it("is in the document as it is tested", () => {
  const document = readFileSync(new URL("../../docs/auditing-a-vmcs.md", import.meta.url), "utf8");
  const shown = /<!-- example: test\/docs\/audit-example\.ts -->\n```ts\n([\s\S]*?)\n```/.exec(document)?.[1];
  const tested = readFileSync(new URL("./audit-example.ts", import.meta.url), "utf8");
  expect(shown).toBe(tested.replaceAll(/"\.\.\/\.\.\/src((?:\/\w+)?)\/index\.js"/g, '"vmxlens$1"').trim());
});

it("finds the bad VMCS of a test run and nothing in the good one", () => {
  const run = `{"name": "good", "fields": {"GUEST_RFLAGS": "0x2", "PIN_BASED_VM_EXEC_CONTROL": "0x16"}}
{"name": "bad", "fields": {"GUEST_RFLAGS": "0x0", "PIN_BASED_VM_EXEC_CONTROL": "0x116"}}`;
  const problems = auditTestRun(run, { "0x480": "0xda040000000004", "0x48d": "0xff00000016" });
  expect(problems.map((text) => text.split(": ").slice(0, 2).join(" "))).toEqual([
    "bad ctl.pin.reserved.allowed1",
    "bad guest.rflags.bit1",
  ]);
});
