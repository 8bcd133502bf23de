import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hostText } from "../../src/cli/host-text.js";
import { nodeWorld } from "../../src/cli/world.js";
import { msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { writeSnapshot } from "../../src/input/formats/snapshot.js";
import { runCli } from "./run.js";

/* How hosts are named: one grammar in every command, and many hosts in the commands that compare. */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-hosts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

function write(name: string, id: string, featCtl: number): void {
  const { id: _, ...host } = atlasHost(id);
  const [core] = host.cores;
  const value = msrValue({ hi: 0, lo: featCtl });
  const cores = [{ ...core, msrs: new Map([...core.msrs, [0x3a, value]]) }] as const;
  writeFileSync(at(name), writeSnapshot({ ...host, kernel: "6.12.9-amd64", cores }));
}

mkdirSync(at("fleet"));
for (const name of ["node01", "node02", "node03"]) write(`fleet/${name}.json`, "intel-50654-skylakex", 5);
write("fleet/node18.json", "intel-50654-skylakex", 1);
writeFileSync(at("fleet/node99.txt"), "ssh: connect to host node99 port 22: Permission denied\n");
mkdirSync(at("empty"));
writeFileSync(
  at("list.txt"),
  `# two hosts\n${at("fleet/node01.json")}\n\n${at("fleet/node02.json")}@6.6 # another kernel\n`,
);
writeFileSync(at("one,two=3.json"), "");

describe("HOST@KERNEL,name=value", () => {
  const world = nodeWorld();

  it("is taken apart", () => {
    expect(hostText("skylake-x@6.12,ept=0,firmware=off,pmu=1,CONFIG_X86_SGX=n,cpu=P", world)).toEqual({
      host: "skylake-x",
      suffix: "@6.12,ept=0,firmware=off,pmu=1,CONFIG_X86_SGX=n,cpu=P",
      kernel: "6.12",
      firmware: "disabled",
      param: ["ept=0"],
      machine: ["pmu=1"],
      config: ["CONFIG_X86_SGX=n"],
      assume: [],
      cpu: "P",
    });
    expect(hostText("skylake-x,kvm_intel.ept=0", world)).toMatchObject({
      host: "skylake-x",
      param: ["kvm_intel.ept=0"],
    });
  });

  it("leaves a file of that name alone", () => {
    expect(hostText(at("one,two=3.json"), world)).toMatchObject({ host: at("one,two=3.json"), suffix: "" });
  });

  it.each([
    ["why", "ept", "skylake-x,ept=0"],
    ["layers", "skylake-x,ept=0"],
    ["replay", "skylake-x,ept=0"],
    ["nested", "skylake-x,ept=0"],
    ["show", "skylake-x,ept=0"],
  ])("is understood by %s", async (...args) => {
    const { err, out } = await runCli(args);
    expect(err).toBe("");
    if (args[0] !== "show") expect(out).toContain("ept=0");
  });

  it("answers what a parameter switches off", async () => {
    const { out, code } = await runCli(["diff", "skylake-x", "skylake-x,ept=0"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^skylake-x and skylake-x,ept=0 differ in 8 of 56 features/);
    expect(out).toMatch(/unrestricted-guest: .*\n {4}KVM parameter, nested \(L1\): skylake-x yes, skylake-x,ept=0 no/);
  });

  it("changes the firmware where it was read, and assumes it where it was not", async () => {
    const read = await runCli(["layers", `${at("fleet/node01.json")},firmware=off`]);
    expect(read.out).toMatch(/Linux 6\.12: kvm_intel\s+does\s+not load/);
    const unread = await runCli(["layers", "skylake-x,firmware=off"]);
    expect(unread.out).toMatch(/kvm_intel\s+does\s+not load/);
    const on = await runCli(["layers", `${at("fleet/node18.json")},firmware=on`]);
    expect(on.out).toMatch(/kvm_intel\s+loads/);
  });

  it("wants a value for a parameter", async () => {
    const { code, err } = await runCli(["layers", "i7-3770@6.12,ept"]);
    expect([code, err]).toEqual([2, expect.stringContaining("--param ept: write it as name=value")]);
  });

  it("complains about a setting that there is not", async () => {
    const { err, code } = await runCli(["layers", "skylake-x,etp=0"]);
    expect([code, err]).toEqual([2, expect.stringContaining("did you mean ept")]);
  });
});

describe("a name of the atlas", () => {
  it.each(["c1", "p1", "x1", "r2", "phi", "a", "kylake", "node1"])("is not a piece of one: %s", async (name) => {
    const { err, code } = await runCli(["layers", name]);
    expect([code, err]).toEqual([2, expect.stringContaining(`${name} is neither a file nor an atlas CPU`)]);
  });

  it.each(["5215", "i9-7900X", "skylake-x", "Skylake X", "7900"])("is whole words: %s", async (name) => {
    expect((await runCli(["show", name, "0x480"])).err).not.toContain("neither");
  });

  it("is exact behind atlas:", async () => {
    expect((await runCli(["show", "atlas:skylake-x", "0x480"])).code).toBe(0);
    expect((await runCli(["show", "atlas:7900", "0x480"])).code).toBe(2);
  });
});

describe("many hosts", () => {
  it.each([
    ["a folder", [`${at("fleet")}`]],
    ["a pattern", [at("fleet/node[0-9]?.*")]],
    ["a pattern in the path", [at("f*t/*")]],
  ])("%s", async (_, args) => {
    const { out, code } = await runCli(["baseline", ...args]);
    expect(out).toMatch(/^node01\.json, node02\.json and node03\.json share a VMX set/);
    expect(out).toMatch(/Left out \(--strict keeps it\): node18\.json: kvm_intel does not load/);
    expect(out).toMatch(/Left out, as it could not be read:\n.*node99\.txt/);
    expect(code).toBe(1);
  });

  it("a list, with a kernel of its own", async () => {
    const { out, code } = await runCli(["diff", `@${at("list.txt")}`]);
    expect(out).toMatch(/^node01\.json and node02\.json@6\.6 differ/);
    expect(code).toBe(1);
  });

  it("--strict leaves no host out", async () => {
    const unread = await runCli(["baseline", at("fleet"), "--strict"]);
    expect([unread.code, unread.out]).toEqual([2, ""]);
    const off = await runCli(["baseline", at("fleet/node0*"), at("fleet/node18.json"), "--strict"]);
    expect([off.code, off.out]).toEqual([1, expect.stringContaining("have no VMX set in common")]);
  });

  it("in JSON, what was left out", async () => {
    const { out } = await runCli(["baseline", at("fleet"), "--json"]);
    const { leftOut, aside, sets } = JSON.parse(out);
    expect(sets).toHaveLength(3);
    expect(leftOut).toEqual([{ label: "node18.json", reason: expect.stringContaining("does not load") }]);
    expect(aside).toEqual([{ name: at("fleet/node99.txt"), problems: [expect.any(String)] }]);
  });

  it.each([
    [["baseline", at("empty")], "the folder holds no file"],
    [["baseline", at("empty/*")], "no file matches"],
    [["baseline", `@${at("none.txt")}`], "none.txt"],
    [["diff", "skylake-x", at("fleet/node99.txt")], "node99.txt"],
  ])("%j: nothing to compare", async (args, says) => {
    const { err, code } = await runCli(args);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
  });

  it("groups what they say by value", async () => {
    const { out } = await runCli([
      "diff",
      ...["", "@6.1", "@6.6", "@7.3", "@5.10", "@5.15", "@5.6", "@6.18"].map((k) => `skylake-x${k}`),
    ]);
    expect(out).toMatch(/^All 8 hosts differ/);
    expect(out).toMatch(/KVM controls.*: no on 7; yes on skylake-x@7\.3/);
  });
});

describe("diff says where a difference is", () => {
  it("on the line of flags only", async () => {
    const { out } = await runCli(["diff", "sapphire@6.1", "sapphire@6.12"]);
    expect(out).toContain("On the `vmx flags` line only\n  ept-5level");
    expect(out).not.toContain("not used by KVM");
    expect(out).not.toContain("without:");
  });

  it("in vmcs_config only, without a consequence", async () => {
    const { out } = await runCli(["diff", "haswell-e@5.6", "haswell-e@7.3"]);
    const [, config = ""] = out.split("In vmcs_config only");
    expect(config).toMatch(/mtf: .*\n.*\n {2}io-bitmaps/);
    expect(config).not.toContain("without:");
  });

  it("at one layer", async () => {
    const same = await runCli(["diff", "sapphire@6.1", "sapphire@6.12", "--layer", "nested"]);
    expect([same.code, same.out]).toEqual([0, expect.stringMatching(/differ in none of 56 features at nested \(L1\)/)]);
    const flags = await runCli(["diff", "sapphire@6.1", "sapphire@6.12", "--layer", "vmx flags"]);
    expect(flags.out).toMatch(/differ in 2 of 56 features at vmx flags/);
  });
});
