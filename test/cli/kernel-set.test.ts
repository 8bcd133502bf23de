import { describe, expect, it } from "vitest";
import { NEWEST_RELEASE } from "../../src/rules/release.js";
import { MODELLED } from "../../src/situation/modelled.js";
import { runCli } from "./run.js";

/*
 * Every command under a kernel that is not modelled: each prints what was asked for and every kernel that it can be, in text
 * and in JSON. The answers themselves are tested where they are made.
 */

const KERNEL = "6.4.0-150600.21-default";
const HOST = "skylake-x";
const AT = `${HOST}@${KERNEL}`;

const COMMANDS: readonly (readonly [name: string, args: readonly string[], stdin?: string])[] = [
  ["layers", ["layers", AT]],
  ["why", ["why", "vpid", AT]],
  ["replay", ["replay", AT, "--phase", "boot"]],
  ["nested", ["nested", AT]],
  ["diff", ["diff", AT, `${HOST}@6.12`]],
  ["baseline", ["baseline", AT, "haswell-ep"]],
  ["migrate", ["migrate", AT, "haswell-ep"]],
  ["runs", ["runs", AT]],
  ["controls", ["controls", AT, "--nested", "--want", "ept"]],
  ["cpus", ["cpus", "--has", "mbec", "--layer", "kvm", "--kernel", KERNEL]],
  ["verify", ["verify", "-", "--kernel", KERNEL], "vendor_id : GenuineIntel\nflags : vmx ept\nvmx flags : ept vpid\n"],
  ["show", ["show", AT, "0x480", "--json"]],
];

describe("a kernel that can be several is told by", () => {
  it.each(COMMANDS.map(([name, args, stdin]) => ({ name, args, stdin })))("$name", async ({ name, args, stdin }) => {
    const given = stdin === undefined ? {} : { stdin };
    const { out, err } = await runCli([...args, "--width", "10000"], given);
    const text = `${out}${err}`;
    expect(text, name).toContain(KERNEL);
    if (!args.includes("--json")) expect(text).toMatch(new RegExp(`6\\.(?:1|4|6)\\b.* to ${NEWEST_RELEASE}`));
    const json = JSON.parse((await runCli([...args.filter((arg) => arg !== "--json"), "--json"], given)).out);
    const kernels = JSON.stringify(json);
    expect(kernels).toContain(`"text":"${KERNEL}"`);
    for (const release of ["6.6", "6.12", "7.3"]) expect(kernels).toContain(`"release":"${release}"`);
  });

  it("why, for what each kernel lacks for reasons of its own", async () => {
    const { out } = await runCli(["why", "mbec", AT, "--width", "10000"]);
    expect(out).toContain(KERNEL);
    expect(out).toMatch(new RegExp(`6\\.(?:1|4|6)\\b.* to ${NEWEST_RELEASE}`));
  });

  it.each([
    ["where they agree", "kvm: disabled by bios", "5.14.21-150500.55.88-default"],
    ["of a register that KVM refuses", "failed to set MSR 0x48d to 0x7f00000016", KERNEL],
  ])("explain, in one answer %s", async (_, line, kernel) => {
    const { out } = await runCli(["explain", line, "--kernel", kernel, "--width", "10000"]);
    expect(out).toMatch(
      new RegExp(`depends on +the kernel: ${kernel} → [\\d.]+ to ${NEWEST_RELEASE}; SLES takes code`),
    );
    const { explanations } = JSON.parse((await runCli(["explain", line, "--kernel", kernel, "--json"])).out);
    expect(explanations).toHaveLength(1);
  });

  it("explain, with one answer for each where they do not agree", async () => {
    const line = "kvm_intel: VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. Using workaround";
    const { out } = await runCli(["explain", line, "--kernel", KERNEL, "--host", HOST]);
    expect(out).toMatch(new RegExp(`^ +under .*${NEWEST_RELEASE}`, "m"));
  });

  it("prove, in the host that it is told of", async () => {
    // Without a module there is nothing to prove; the set is no reason to fail.
    const { err, code } = await runCli(["prove", AT, "--module", "/no/such/module.ko"]);
    expect(code).toBe(2);
    expect(err).toContain("/no/such/module.ko");
  });

  it("layers, for one that is newer than all: extrapolated, in the first line", async () => {
    const { out } = await runCli(["layers", `${HOST}@7.9.1-arch1-1`, "--width", "10000"]);
    const newest = MODELLED.filter(({ line }) => line === "upstream").at(-1)?.id;
    expect(out.split("\n")[0]).toContain(`Arch 7.9 as of ${newest}:`);
    expect(out).toContain(`every answer is as of ${newest}`);
  });

  it("the configuration for QEMU, in its notes and its JSON", async () => {
    const { err } = await runCli(["nested", AT, "--qemu", "--width", "10000"]);
    expect(err).toContain(`for KVM of ${KERNEL} → Linux`);
    const { out } = await runCli(["nested", AT, "--qemu", "--json"]);
    expect(JSON.parse(out).kernel.candidates.length).toBeGreaterThan(3);
  });

  it("constants for C, in a comment", async () => {
    const { out } = await runCli([
      "controls",
      AT,
      "--nested",
      "--want",
      "ept, host address-space size, ia-32e mode guest",
      "--emit",
      "c",
    ]);
    expect(out).toMatch(/\/\* Kernel of .*6\.4\.0-150600/);
  });

  it("explain of a host's line, and audit of what its KVM shows a nested hypervisor", async () => {
    const dump = "GUEST_CR0 = 0x30\nGUEST_RFLAGS = 0x2\nVM_ENTRY_CONTROLS = 0xd1ff\nVM_EXIT_REASON = 0x80000021\n";
    const { out } = await runCli(["audit", "-", "--host", AT, "--nested", "--width", "10000"], { stdin: dump });
    expect(out).toContain(KERNEL);
  });
});

describe("HOST@KERNEL", () => {
  it.each(["layers", "why", "show", "nested", "replay"])("is a host of %s", async (name) => {
    const args = name === "why" ? ["why", "ept", `${HOST}@6.1`] : [name, `${HOST}@6.1`];
    const { err, code } = await runCli(args);
    expect(err).toBe("");
    expect(code).toBe(0);
  });

  it("knows kernels by the names of systems", async () => {
    const { out } = await runCli(["layers", `${HOST}@Debian 12`]);
    expect(out).toContain("Debian 12 → Linux 6.1");
  });

  it("is no host where the kernel is none", async () => {
    expect((await runCli(["layers", `${HOST}@4.19`])).err).toContain("older than");
    expect((await runCli(["layers", `${HOST}@home`])).err).toContain("neither a file nor an atlas CPU");
  });
});
