import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { auditVmcs } from "../../src/vmcs/audit.js";
import { CHECKS } from "../../src/vmcs/checks/checks.js";
import { type Authority, checksUnder } from "../../src/vmcs/checks/outer.js";
import { known64 } from "../../src/vmcs/value64.js";
import { compareNestedChecks } from "../oracles/nested-checks/compare.js";

const lines = gunzipSync(readFileSync(new URL("./nested-checks.jsonl.gz", import.meta.url)))
  .toString("utf8")
  .trim()
  .split("\n");
const kvm = (base: `${number}.${number}.${number}`): Authority => ({
  name: "kvm",
  kernels: [{ line: "upstream", base }],
});

describe("KVM's own checks of a nested hypervisor", () => {
  // npm run vectors -- DIRECTORY compares the complete files: 12,020 states.
  it("have the outcome that five kernels gave, stage by stage", () => {
    const results = compareNestedChecks(lines);
    expect(results.map(({ kernel }) => kernel)).toEqual(["6.1.192", "6.12.118", "6.18.15", "7.2.13", "7.3.4"]);
    for (const { kernel, passed, differences } of results) {
      expect(differences, kernel).toEqual([]);
      expect(passed, kernel).toBeGreaterThan(80);
    }
  });

  it("are not those of the CPU: the least inputs", () => {
    const failing = (on: Authority, fields: { readonly [encoding: number]: readonly [hi: number, lo: number] }) =>
      auditVmcs(
        { fields: new Map(Object.entries(fields).map(([at, [hi, lo]]) => [Number(at), known64({ lo, hi })])) },
        undefined,
        { on },
      ).findings.map(({ check }) => check.id);
    const rip = { 27670: [0xff454545, 0x4500_0000], 27652: [0, 0x2620], 16396: [0, 0x200] } as const;
    expect(failing(kvm("6.18.15"), rip)).toContain("kvm.host.rip.canonical");
    expect(failing({ name: "cpu" }, rip)).not.toContain("kvm.host.rip.canonical");
    expect(failing(kvm("6.18.15"), { 16404: [0, 0x1001] })).toContain("kvm.entry_msr_load_count.maximum");
    expect(failing(kvm("6.12.118"), { 16404: [0, 0x1001] })).not.toContain("kvm.entry_msr_load_count.maximum");
    expect(failing(kvm("6.18.15"), { 10242: [0, 0x80], 16402: [0, 4] })).toContain("kvm.guest.debugctl");
    expect(failing(kvm("6.18.15"), { 26628: [0, 0x0300_0000] })).toEqual(
      expect.arrayContaining(["kvm.guest.cr4.vcpu_pks", "kvm.guest.cr4.vcpu_uintr"]),
    );
  });

  it("leave to the CPU what KVM does not look at, and say so", () => {
    const vmcs = { fields: new Map([[0x6820, known64({ lo: 0, hi: 0 })]]) };
    const [finding] = auditVmcs(vmcs, undefined, { on: kvm("7.3.4") }).findings;
    expect(finding?.check.id).toBe("guest.rflags.bit1");
    expect(finding?.leftToCpu).toBe(true);
    expect(auditVmcs(vmcs).findings[0]?.leftToCpu).toBeUndefined();
  });

  it("are undecided where the kernels in question differ", () => {
    const on: Authority = {
      name: "kvm",
      kernels: [
        { line: "upstream", base: "6.12.118" },
        { line: "upstream", base: "6.18.15" },
      ],
    };
    const vmcs = { fields: new Map([[0x4014, known64({ lo: 0x1001, hi: 0 })]]) };
    const result = auditVmcs(vmcs, undefined, { on });
    expect(result.findings.map(({ check }) => check.id)).not.toContain("kvm.entry_msr_load_count.maximum");
    const open = result.undecided.find(({ check }) => check.id === "kvm.entry_msr_load_count.maximum");
    expect(open?.missing).toContain("fact:kernelHasCheck");
  });
});

describe("rows of other hypervisors", () => {
  it("count under them only", () => {
    const fields = new Map([
      [0x4002, known64({ lo: 0x8020_0000, hi: 0 })],
      [0x401e, known64({ lo: 1, hi: 0 })],
      [0x2012, known64({ lo: 0x5000, hi: 0 })],
      [0x2014, known64({ lo: 0x5000, hi: 0 })],
    ]);
    const ids = (on?: Authority) =>
      auditVmcs({ fields }, undefined, on === undefined ? {} : { on }).findings.map(({ check }) => check.id);
    expect(ids({ name: "virtualbox" })).toContain("virtualbox.apic_access.not_virtual_apic");
    expect(ids({ name: "hyper-v" })).toContain("hyper-v.evmcs.proc2.VIRT_APIC_ACCESSES");
    expect(ids().filter((id) => /^(?:virtualbox|hyper-v|kvm)/.test(id))).toEqual([]);
    expect(checksUnder(undefined).length).toBe(CHECKS.length);
  });
});
