import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./run.js";

/** Two machines in one text, as a person pastes them. */
const TWO = `vendor_id : GenuineIntel
model name : Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz
flags : fpu vmx

vendor_id : GenuineIntel
model name : Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz
flags : fpu
`;

const ONE = TWO.slice(TWO.lastIndexOf("vendor_id"));

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
  expect(out).toMatch(/^ept reaches nested guests: unknown on both hosts \(2 different answers\)\.\n\ntwo\.txt#1:\n/);
  expect((await runCli(["why", "ept", two, "skylake-x", "--width", "200"])).out).toMatch(
    /^ept reaches nested guests: unknown on two\.txt#1 and two\.txt#2; yes on skylake-x \(3 different answers\)\.\n/,
  );
  expect((await runCli(["why", "vmx", two])).out).toMatch(/^vmx: yes on two\.txt#1; unknown on two\.txt#2\.\n/);
  expect((await runCli(["why", "vmx", "-"], { stdin: TWO })).out).toMatch(/^vmx: yes on -#1; unknown on -#2\.\n/);
  const second = await runCli(["why", "vmx", `${two}#2`]);
  expect(second.out).toContain("Gold 6148");
  expect((await runCli(["layers", `${two}#3`])).err).toContain("two.txt describes 2 hosts");
});

it("asks for one host where a run is shown step by step, with what to type", async () => {
  for (const command of ["replay", "show"]) {
    const { out, err, code } = await runCli([command, two]);
    expect([out, code]).toEqual(["", 2]);
    expect(err).toContain(`describes 2 hosts; ${command} needs one of them:`);
    expect(err).toContain(`vmxlens ${command} '${two}#1'`);
  }
  expect((await runCli(["show", "skylake-x", "haswell-e"])).err).toContain("vmxlens diff skylake-x haswell-e");
});

it("uses a message for the host of its text alone", async () => {
  const log = "[    1.000000] kvm: disabled by bios\n";
  const alone = await runCli(["why", "vmx", "-", "skylake-x"], { stdin: log });
  expect(alone.out).toMatch(/^vmx: no on -; yes on skylake-x\.\n/);
  // A message of another program is not among what is read of a host.
  const box = "VT-x is disabled in the BIOS for all CPU modes (VERR_VMX_MSR_ALL_VMX_DISABLED)\n";
  const says = "the firmware has VT-x\nswitched off";
  expect((await runCli(["why", "vmx", "-", "skylake-x"], { stdin: ONE + box })).out).toContain(says);
  const several = await runCli(["why", "vmx", "-"], { stdin: TWO + box });
  expect(several.out).toMatch(/^vmx: yes on -#1; unknown on -#2\.\n/);
  expect(several.out).not.toContain(says);
});

it("does not call a host unreadable that gets no answer", async () => {
  const { out, code } = await runCli(["nested", "skylake-x", "haswell-e", "skylake-x,nested=0"]);
  expect(code).toBe(1);
  expect(out).toMatch(/^KVM offers a guest VMX: yes on skylake-x and haswell-e \(2 different answers\)\.\n/);
  expect(out).toContain("\nNothing to show for:\n  skylake-x,nested=0: nested=0: KVM offers a guest no VMX\n");
  expect(out).not.toContain("could not be read");
  expect((await runCli(["nested", "skylake-x,nested=0", "haswell-e,nested=0"])).code).toBe(1);
});

it("prints the notes of a configuration for several hosts", async () => {
  const { err } = await runCli(["nested", "skylake-x", "haswell-e", "--qemu"]);
  expect(err).toContain("for KVM of Linux");
});

it("labels the same host twice with two names", async () => {
  const { answers } = JSON.parse((await runCli(["layers", "skylake-x", "skylake-x", "--json"])).out);
  expect(answers[0].labels).toEqual(["skylake-x", "skylake-x (2)"]);
});

it("refuses several hosts where a place in the run is asked for", async () => {
  const { out, err, code } = await runCli(["why", "setup_vmcs_config", "skylake-x", "haswell-e"]);
  expect([out, code]).toEqual(["", 2]);
  expect(err).toContain("setup_vmcs_config is not a feature, so it is shown on one HOST");
});

it("prints rows of all hosts below one another", async () => {
  const { out } = await runCli(["layers", "skylake-x", "haswell-e", "--format", "tsv"]);
  const [head, ...rows] = out.trimEnd().split("\n");
  expect(head).toMatch(/^host\tfeature\t/);
  expect(new Set(rows.map((row) => row.split("\t")[0]))).toEqual(new Set(["skylake-x", "haswell-e"]));
});

it.each(["rack,row=3.txt", "node@6.1", "a@b,c=d"])(
  "finds a host of a text by its number, whatever is in the name: %s",
  async (name) => {
    const path = join(folder, name);
    writeFileSync(path, TWO);
    expect((await runCli(["why", "vmx", `${path}#1`])).out).toMatch(/^Yes: VT-x/);
    expect((await runCli(["why", "vmx", `${path}#1@6.12,ept=0`])).out).toMatch(/^Yes: VT-x/);
    expect((await runCli(["why", "vmx", path])).out).toContain(`${name}#2`);
  },
);

describe("nodes of a cluster", () => {
  const node = (name: string, labels: object) => ({ kind: "Node", metadata: { name, labels } });
  const nodes = JSON.stringify({
    items: [
      node("worker-1", { "cpu-feature.node.kubevirt.io/vmx-ept": "true", "cpu-vendor.node.kubevirt.io/Intel": "true" }),
      node("10", { "cpu-feature.node.kubevirt.io/vmx-ept": "true", "cpu-vendor.node.kubevirt.io/AMD": "true" }),
    ],
  });

  it("have their names, which every command accepts", async () => {
    const path = join(folder, "nodes.json");
    writeFileSync(path, nodes);
    const { out } = await runCli(["why", "vmx", path]);
    expect(out).toMatch(/^vmx: yes on nodes\.json#worker-1; no on nodes\.json#10\.\n/);
    expect((await runCli(["layers", `${path}#worker-1@6.12`])).out).toContain("Linux 6.12: kvm_intel loads");
    expect((await runCli(["layers", `${path}#10`])).out).toContain("SVM");
    expect((await runCli(["layers", `${path}#2`])).out).toContain("SVM");
    expect((await runCli(["layers", `${path}#worker-9`])).err).toContain("describes 2 hosts");
    expect((await runCli(["baseline", path])).out).toMatch(/^The VMX set of nodes\.json#worker-1 \(/);
  });

  it("of one name are numbered", async () => {
    const path = join(folder, "twice.json");
    writeFileSync(path, nodes.replace('"10"', '"worker-1"'));
    expect((await runCli(["why", "vmx", path])).out).toMatch(/^vmx: yes on twice\.json#1; no on twice\.json#2\./);
  });
});

describe("before an answer", () => {
  it("nothing is printed that the answer says, and no conclusion", async () => {
    const stdin = "0x480 0xda0400000000012\n0x3a 0x5\n$ uname -r\n6.1.0-18-amd64\n$ uname -r\n6.12.9-amd64\n";
    const { out, err } = await runCli(["layers", "-"], { stdin });
    expect(err).toBe("");
    expect(out).toContain("conflict");
    expect(out.split("\n").slice(0, 3).join(" ")).not.toContain("release");
  });
});
