import { describe, expect, it } from "vitest";
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
  ["why", ["why", "mbec", AT]],
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
    if (!args.includes("--json")) expect(text).toMatch(/6\.(?:1|4|6)\b.* to 7\.3/);
    const json = JSON.parse((await runCli([...args.filter((arg) => arg !== "--json"), "--json"], given)).out);
    const kernels = JSON.stringify(json);
    expect(kernels).toContain(`"text":"${KERNEL}"`);
    for (const release of ["6.6", "6.12", "7.3"]) expect(kernels).toContain(`"release":"${release}"`);
  });

  it("explain, with one answer where they agree and one for each where they do not", async () => {
    const line = "kvm: VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. Using workaround";
    const { out } = await runCli(["explain", line, "--kernel", "5.19", "--json"]);
    const { explanations } = JSON.parse(out);
    expect(explanations.length).toBeGreaterThan(0);
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
