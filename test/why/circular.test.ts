import { expect, it } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { runCli } from "../cli/run.js";

/** A Skylake-X whose kernel shows EPT, with a register that denies it: what it depends on leads in a circle. */
function contradictory(): string {
  const lines = [...atlasHost("intel-50654-skylakex").cores[0].msrs].flatMap(([index, msr]) => {
    if (msr.state !== "value") return [];
    const hi = index === 0x48b ? msr.hi.value & ~2 : msr.hi.value;
    const value = (BigInt(hi >>> 0) << 32n) | BigInt(msr.lo.value >>> 0);
    return `MSR 0x${index.toString(16)} = 0x${value.toString(16)}`;
  });
  const params = ["ept", "unrestricted_guest", "vpid", "flexpriority", "enable_apicv", "pml", "nested"].map(
    (name) => `/sys/module/kvm_intel/parameters/${name}:Y`,
  );
  const cpu = [
    "vendor_id\t: GenuineIntel",
    "cpu family\t: 6",
    "model\t\t: 85",
    "stepping\t: 4",
    "flags\t\t: fpu vme vmx ept vpid",
  ];
  return ["Linux host 6.12.5 #1 SMP x86_64 GNU/Linux", ...cpu, "MSR 0x3a = 0x5", ...lines, ...params, ""].join("\n");
}

it.each([
  ["layers"],
  ["show"],
  ["replay"],
  ["verify"],
  ["runs"],
  ["diff", "atlas:intel-50654-skylakex"],
  ["baseline", "atlas:intel-50654-skylakex"],
  ["why", "ept"],
  ["why", "pml"],
  ["why", "kvm"],
])("a question about it has an end: %s %s", async (...command) => {
  const { out, code } = await runCli([...command, "-"], { stdin: contradictory() });
  expect(out).not.toBe("");
  expect(code).toBeLessThan(2);
});
