import { describe, expect, it } from "vitest";
import type { Host } from "../../../src/host/host.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { runBaseline } from "../../../src/report/compare/baseline-report.js";
import { runDiff } from "../../../src/report/compare/diff-report.js";
import { runMigrate } from "../../../src/report/compare/migrate-report.js";
import { runRuns } from "../../../src/report/compare/runs-report.js";
import { assume, assumptions } from "../../../src/situation/assume.js";
import { byCode, HASWELL, SKYLAKE, subject } from "../../compare/hosts/hosts.js";

const skx = subject("skx", SKYLAKE, { release: "6.12" });
const hsw = subject("hsw", HASWELL, { release: "6.1" });
const hybrid = subject("hybrid", byCode("Lakefield"), { release: "6.12" });

describe("runDiff", () => {
  it("prints features by whom they reach, and bits when asked", () => {
    const { lines, exitCode, json } = runDiff({ subjects: [skx, hsw] });
    expect(exitCode).toBe(1);
    expect(lines.slice(0, 5)).toEqual([
      "skx and hsw differ in 12 of 56 features: 8 for guests of KVM, 1 at L1 only, 1 in vmcs_config only, 2 not used by KVM; 1 unknown.",
      "  skx: Intel(R) Core(TM) i9-7900X CPU @ 3.30GHz, Linux 6.12",
      "  hsw: Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz, Linux 6.1",
      "",
      "For guests of KVM",
    ]);
    const apicv = lines.findIndex((line) => line.startsWith("  apicv"));
    expect(lines.slice(apicv + 1, apicv + 3)).toEqual([
      "    CPU, vmx flags, KVM controls, KVM parameter, nested (L1): skx yes, hsw no",
      "    without: Interrupts and most APIC accesses exit: more exits in guests with much I/O.",
    ]);
    expect(lines).toContain("Not known, may differ: eptp-switching");
    expect(lines.join("\n")).not.toContain("0x48b");
    expect(runDiff({ subjects: [skx, hsw], bits: true }).lines).toContain(
      "    process posted interrupts (pin 7) may be 1: skx yes, hsw no",
    );
    expect(json).toMatchObject({
      format: "vmxlens-diff/1",
      subjects: [{ label: "skx", kernel: { candidates: [{ release: "6.12" }] }, loads: "yes" }, { label: "hsw" }],
      bits: { nested: expect.arrayContaining([expect.objectContaining({ msr: "0x48b" })]) },
    });
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  });

  it("takes one hybrid host apart, and says when there is nothing to compare", () => {
    const { lines } = runDiff({ subjects: [hybrid] });
    expect(lines).toContain("    CPU, KVM controls: hybrid E-cores (CPU 0-3) no, hybrid P-cores (CPU 4) yes");
    expect(runDiff({ subjects: [skx] })).toMatchObject({ exitCode: 2 });
    const { lines: none, exitCode } = runDiff({ subjects: [skx, { ...skx, label: "twin" }] });
    expect([none[0], exitCode]).toEqual(["skx and twin differ in none of 56 features.", 0]);
  });

  it("tells what was taken for granted, and of whom", () => {
    const { situation } = subject("skx", atlasHost("intel-50654-skylakex"));
    const assumed = assumptions(situation.host, ["firmware=enabled"]);
    const taken = { label: "skx", situation: { ...situation, host: assumed.host, assumed: assumed.made } };
    expect(runDiff({ subjects: [taken, hsw] }).lines.at(-1)).toBe(
      "Assumed, because it was not read: firmware=enabled of skx",
    );
  });
});

describe("runBaseline", () => {
  it("levels what KVM offers, with who took it, and the configuration for it", () => {
    const { lines, exitCode, json } = runBaseline({ subjects: [skx, hsw], qemuVersion: "7.2", libvirtVersion: "11.3" });
    expect(exitCode).toBe(0);
    expect(lines[0]).toBe("skx and hsw share a VMX set (what KVM offers a nested hypervisor).");
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}not on hsw: .*process posted interrupts \(pin 7\)/));
    expect(lines).toContain("  not on skx: CR4.SMXE (0x489 bit 14)");
    // What to type comes before what is missing, and that before the registers.
    const [cpu, missing, set] = ["-cpu ", "What they do not share:", "The set:"].map((text) =>
      lines.findIndex((line) => line.startsWith(text)),
    );
    expect(cpu).toBeLessThan(missing as number);
    expect(missing).toBeLessThan(set as number);
    // A model of the older CPU: the newer ones have CPUID features that Haswell lacks.
    expect(lines.find((line) => line.startsWith("-cpu "))).toMatch(/^-cpu Haswell-v\d,vmx=on,.*vmx-posted-intr=off/);
    expect(json).toMatchObject({ possible: "yes", libvirt: expect.stringContaining("Haswell") });
    expect(runBaseline({ subjects: [skx], qemuVersion: "seven" })).toMatchObject({ exitCode: 2 });
  });

  it("levels CPUs with each kind of core", () => {
    const { lines, exitCode } = runBaseline({ subjects: [skx, hybrid], layer: "silicon" });
    expect(exitCode).toBe(0);
    expect(lines[0]).toBe(
      "skx, hybrid E-cores (CPU 0-3) and hybrid P-cores (CPU 4) share a VMX set (what the CPUs have).",
    );
    expect(lines).toContain("  VMCS revision identifier: differs");
    expect(lines).toContain(
      "  VMXON/VMCS region size in bytes: 1280, by hybrid E-cores (CPU 0-3) and hybrid P-cores (CPU 4)",
    );
  });

  it("says at which layer a host loses a capability", () => {
    const old = subject("old", SKYLAKE, { release: "5.10" });
    const none = subject("none", SKYLAKE, { release: "6.12", params: { kvm_intel: { enable_apicv: "0" } } });
    const { lines, json } = runBaseline({ subjects: [skx, old, none, hsw] });
    // The Haswell has no such control; KVM of the Skylake was told not to use it.
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}not on none \(KVM does not pass it to L1\); hsw: .*posted/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}not on old \(KVM does not pass it to L1\); hsw: .*TSC scaling/),
    );
    const { registers } = json as { registers: { losses: { name: string; by: string[]; at: unknown[] }[] }[] };
    const losses = registers.flatMap((row) => row.losses);
    expect(losses.find(({ name }) => name === "use TSC scaling")).toMatchObject({
      by: ["old", "hsw"],
      at: ["nested", "silicon"],
    });
  });

  it("says when KVM of a release does not use what the CPU has", () => {
    const [now, then] = [subject("now", SKYLAKE, { release: "7.3" }), subject("then", SKYLAKE, { release: "6.12" })];
    expect(runBaseline({ subjects: [now, then] }).lines).toContain(
      "  not on then (KVM does not use it): mode-based execute control for EPT (secondary 22)",
    );
  });

  it("asks for nothing that is not certainly common", () => {
    const unread = subject("unread", assume(atlasHost("intel-50654-skylakex"), "firmware=enabled").host);
    const { json } = runBaseline({ subjects: [unread, skx] });
    expect((json as { qemu: string }).qemu).not.toContain("encls-exit=on");
  });

  it("says where KVM offers nothing or may not", () => {
    const off = subject("off", SKYLAKE, { release: "6.12", params: { kvm_intel: { nested: "0" } } });
    const none = runBaseline({ subjects: [skx, off] });
    expect(none.lines.slice(0, 2)).toEqual([
      "The VMX set of skx (what KVM offers a nested hypervisor).",
      "Left out (--strict keeps it): off: nested=0.",
    ]);
    expect(none.exitCode).toBe(1);
    expect(none.json).toMatchObject({ possible: "yes", leftOut: [{ label: "off", reason: "nested=0" }] });
    const strict = runBaseline({ subjects: [skx, off], strict: true });
    expect(strict.lines).toContain("off: KVM with nested=1 does not run here");
    expect(strict.json).toMatchObject({ leftOut: [] });
    // Where none of them takes part, nothing is common.
    expect(runBaseline({ subjects: [off] })).toMatchObject({ exitCode: 1, json: { leftOut: [] } });
    const unread = subject("unread", atlasHost("intel-50654-skylakex"));
    expect(runBaseline({ subjects: [unread], layer: "kvm" })).toMatchObject({
      exitCode: 1,
      lines: expect.arrayContaining(["unread: KVM may not run here"]),
    });
  });
});

describe("runMigrate", () => {
  it("says what the destination refuses and what works", () => {
    const { lines, exitCode, json } = runMigrate({ source: skx, destination: hsw });
    expect(exitCode).toBe(1);
    expect(lines[0]).toBe("A guest with nested VMX cannot move from skx (Linux 6.12) to hsw (Linux 6.1).");
    // What to type comes before the reasons.
    const at = lines.indexOf("KVM of hsw (Linux 6.1) refuses:");
    expect(lines.findIndex((line) => line.startsWith("-cpu "))).toBeLessThan(at);
    const refusals = lines.slice(at, lines.indexOf("", at));
    expect(refusals.slice(0, 2)).toEqual([
      "KVM of hsw (Linux 6.1) refuses:",
      "  A control may be 1 only if this KVM lets it be 1.",
    ]);
    expect(refusals).toContainEqual(expect.stringMatching(/^ {4}0x48d {2}process posted interrupts +vmx-posted-intr$/));
    expect(lines).toContain("Started on either host with one of these, a guest can move, and back:");
    expect(lines.find((line) => line.startsWith("QEMU does not carry"))).toBeDefined();
    expect(json).toMatchObject({ verdict: "no", fix: { works: "yes", libvirt: expect.stringContaining("<cpu") } });
  });

  it("names a later kernel that takes the guest as it is", () => {
    const now = subject("now", SKYLAKE, { release: "7.3" });
    const then = subject("then", SKYLAKE, { release: "6.6" });
    const { lines, json } = runMigrate({ source: now, destination: then });
    expect(lines).toContain("Or run Linux 7.2 instead on then (Linux 6.6): it accepts the guest as it is.");
    expect(json).toMatchObject({ fix: { destinationKernel: "7.2" } });
    // The CPU is the reason here, and a kernel does not help.
    expect(runMigrate({ source: skx, destination: hsw }).json).toMatchObject({ fix: { destinationKernel: null } });
  });

  it("is silent about the VMX that fits, and asks back about a model it does not know", () => {
    expect(runMigrate({ source: hsw, destination: skx })).toMatchObject({
      exitCode: 0,
      lines: [
        "A guest with nested VMX can move from hsw (Linux 6.1) to skx (Linux 6.12).",
        "",
        expect.stringMatching(/^This is about VMX\. In CPUID skx .* has .*avx512f.* besides: -cpu host gives/),
      ],
    });
    expect(runMigrate({ source: hsw, destination: skx, model: "Haswel" })).toMatchObject({
      exitCode: 2,
      lines: [expect.stringMatching(/no CPU model Haswel with VMX features; did you mean .*Haswell/)],
    });
  });
});

describe("runRuns", () => {
  it("gives a line for each product, and what is missing", () => {
    const { lines, exitCode } = runRuns({ subject: subject("old", byCode("Conroe"), { release: "6.1" }) });
    // Some run; of a machine of which nothing is known, none is known to.
    expect(exitCode).toBe(0);
    const unread: Host = { cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
    expect(runRuns({ subject: subject("unread", unread) }).exitCode).toBe(1);
    expect(lines[0]).not.toContain("Linux");
    expect(lines).toContain("yes      KVM (kvm), Linux 6.1");
    expect(lines).toContain("unknown  VMware Workstation and ESXi (vmware)");
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}VMware decides by lists .* What is published is met\.$/));
    expect(lines).toContain("    not met  TRUE control registers");
    expect(runRuns({ subject: skx, product: "acrn" })).toMatchObject({ exitCode: 0 });
  });

  it("gives every requirement of one product with its source", () => {
    const skxWithVtd = subject("skx", SKYLAKE, { release: "6.12", machine: { vtd: true } });
    const { lines } = runRuns({ subject: skxWithVtd, product: "Jailhouse", all: true });
    expect(lines[0]).toBe("Jailhouse runs on skx: 30 of 30 requirements are met.");
    expect(lines.slice(1, 4)).toEqual([
      "",
      "By Jailhouse hypervisor/arch/x86/vmx.c, vmx_check_features, e57d1eff6d55:",
      "  met      CPUID has VMX",
    ]);
    expect(runRuns({ subject: skx, product: "jailhous" })).toMatchObject({
      exitCode: 2,
      lines: ["no product is called jailhous; did you mean jailhouse?"],
    });
    expect(runRuns({ subject: skx, product: "xen" })).toMatchObject({
      exitCode: 2,
      lines: ["xen is several products: xen-hvm, xen-pvh"],
    });
  });
});
