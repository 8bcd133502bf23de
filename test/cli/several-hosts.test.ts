import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCli } from "./run.js";

/** Two machines in one text, as a person pastes them. */
const TWO = `vendor_id : GenuineIntel
model name : Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz
flags : fpu vmx

vendor_id : GenuineIntel
model name : Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz
flags : fpu
`;

let folder = "";
let two = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vmxlens-several-"));
  two = join(folder, "two.txt");
  writeFileSync(two, TWO);
});
afterAll(() => rmSync(folder, { recursive: true }));

it("says first which hosts have which answer, and an answer that hosts share once", async () => {
  const { out, code } = await runCli(["why", "ept", "skylake-x", "haswell-e", "skylake-x,ept=0"]);
  expect(code).toBe(1);
  expect(out.split("\n")[0]).toBe("ept reaches nested guests: yes on skylake-x and haswell-e; no on skylake-x,ept=0.");
  expect(out.match(/^Based on$/gm)).toHaveLength(2);
  expect(out).toContain("\nskylake-x and haswell-e:\n");
  expect((await runCli(["layers", "skylake-x@6.12", "skylake-x@6.12.9"])).out).toMatch(
    /^kvm_intel loads: yes on both hosts\.\n\nskylake-x@6\.12 and skylake-x@6\.12\.9:\n/,
  );
  expect((await runCli(["why", "vmx", "skylake-x", "conroe,firmware=off"])).out).toMatch(
    /^vmx: yes on skylake-x; no on conroe,firmware=off\.\n/,
  );
});

it("names the command that shows what differs", async () => {
  const { out } = await runCli(["layers", "skylake-x", "skylake-x,ept=0", "--width", "200"]);
  expect(out).toContain("What differs, feature by feature: vmxlens diff skylake-x skylake-x,ept=0\n");
});

it("sets aside what cannot be read, and the exit code says so", async () => {
  const { out, err, code } = await runCli(["why", "ept", "skylake-x", "no-such-host"]);
  expect(code).toBe(1);
  expect(err).toBe("");
  expect(out).toMatch(/^ept \(extended page tables\) on/);
  expect(out).toContain("Left out, as it could not be read:\n  no-such-host is neither a file nor an atlas CPU");
  const json = JSON.parse((await runCli(["nested", "skylake-x", "no-such-host", "--json"])).out);
  expect(json.aside).toEqual([{ name: "no-such-host", problems: [expect.any(String), expect.any(String)] }]);
  expect((await runCli(["layers", "no-such-host", "nor-this"])).code).toBe(2);
});

it("answers for every host of one text, and accepts their labels", async () => {
  const { out } = await runCli(["why", "ept", two]);
  expect(out).toMatch(/^ept reaches nested guests: .*two\.txt#1.*two\.txt#2/);
  const second = await runCli(["why", "vmx", `${two}#2`]);
  expect(second.out).toContain("Gold 6148");
  expect((await runCli(["layers", `${two}#3`])).err).toContain("two.txt describes 2 hosts");
});

it("asks for one host where a run is shown step by step, with what to type", async () => {
  for (const command of ["replay", "show"]) {
    const { out, err, code } = await runCli([command, two]);
    expect([out, code]).toEqual(["", 2]);
    expect(err).toContain(`describes 2 hosts, and ${command} shows one; choose it:`);
    expect(err).toContain(`vmxlens ${command} '${two}#1'`);
  }
  expect((await runCli(["show", "skylake-x", "haswell-e"])).err).toContain("vmxlens diff skylake-x haswell-e");
});

it("prints rows of all hosts below one another", async () => {
  const { out } = await runCli(["layers", "skylake-x", "haswell-e", "--format", "tsv"]);
  const [head, ...rows] = out.trimEnd().split("\n");
  expect(head).toMatch(/^host\tfeature\t/);
  expect(new Set(rows.map((row) => row.split("\t")[0]))).toEqual(new Set(["skylake-x", "haswell-e"]));
});
