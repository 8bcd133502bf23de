import { describe, expect, it } from "vitest";
import { msrBit } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { nestedBitsOf } from "../truth.js";

const reply = (props: { [name: string]: boolean | number | string }) =>
  JSON.stringify({ return: { model: { name: "base", props } }, id: "libvirt-1" }, undefined, 2);

const PROPS = {
  "phys-bits": 0,
  "vmx-ept": true,
  "vmx-ple": false,
  "vmx-vnmi": true,
  "vmx-cr3-load-noexit": true,
  "vmx-activity-hlt": true,
  "vmx-activity-shutdown": false,
  "vmx-page-walk-4": true,
  "vmx-page-walk-5": false,
  "vmx-entry-load-rtit-ctl": false,
  vmx: true,
  "model-id": "Genuine Intel(R) CPU 0000%@",
  model: 85,
};

describe("query-cpu-model-expansion", () => {
  it("is what KVM offers, not the CPU", () => {
    const { host, formats } = readHost(reply(PROPS));
    expect(formats).toEqual(["qmp"]);
    expect(host?.cores[0].msrs.size).toBe(0);
    expect(host?.name).toBeUndefined();
    expect(nestedBitsOf(host, 0x48b)).toEqual({ ones: ["EPT"], zeros: ["PAUSE_LOOP_EXITING"] });
    expect(nestedBitsOf(host, 0x485)).toEqual({ ones: ["ACTIVITY_HLT"], zeros: ["ACTIVITY_SHUTDOWN"] });
    expect(nestedBitsOf(host, 0x48c)).toEqual({ ones: ["EPT_PAGE_WALK_4"], zeros: ["EPT_PAGE_WALK_5"] });
    expect(nestedBitsOf(host, 0x490).zeros).toEqual(["LOAD_IA32_RTIT_CTL"]);
  });

  it("means the TRUE register, and that what is offered may also be 0", () => {
    const nested = readHost(reply(PROPS)).host?.observed?.nestedMsrs;
    const primary = nested?.get(0x48e) ?? { state: "unknown" };
    expect(nested?.has(0x482)).toBe(false);
    expect([msrBit(primary, 15 + 32), msrBit(primary, 15)]).toEqual(["yes", "no"]);
  });

  it("has one property for two bits: true tells of both, false of none", () => {
    const both = readHost(reply({ "vmx-invept-single-context": true, "vmx-ept": true })).host;
    expect(nestedBitsOf(both, 0x48c).ones).toEqual(["EPT_EXTENT_CONTEXT", "VPID_EXTENT_SINGLE_CONTEXT"]);
    const none = readHost(reply({ "vmx-invept-single-context": false, "vmx-ept": true })).host;
    expect(nestedBitsOf(none, 0x48c)).toEqual({ ones: [], zeros: [] });
  });

  it("proves nothing where a control of the default1 class is not offered", () => {
    const { host } = readHost(reply({ "vmx-cr3-load-noexit": false, "vmx-hlt-exit": false }));
    expect(nestedBitsOf(host, 0x48e)).toEqual({ ones: [], zeros: ["HLT_EXITING"] });
  });

  it("of a host without VMX says so", () => {
    const { host, diagnostics } = readHost(reply({ vmx: false, "vmx-ept": false, "vmx-vpid": false }));
    expect(nestedBitsOf(host, 0x48b)).toEqual({ ones: [], zeros: ["EPT", "VPID"] });
    expect(diagnostics).toMatchObject([{ severity: "note", message: expect.stringContaining("no VMX here at all") }]);
  });

  const full = (name: string, props: { [name: string]: boolean }, nameLast = false) => {
    const model = nameLast ? { props, name } : { name, props };
    return JSON.stringify({ return: { model } });
  };

  it("of a named model is what a guest asks for, wherever the name stands", () => {
    for (const last of [false, true]) {
      const { host, evidence, diagnostics } = readHost(full("Haswell-v4", { vmx: true, "vmx-ept": true }, last));
      expect(host?.observed?.nestedMsrs).toBeUndefined();
      expect(evidence()).toMatchObject([{ layer: "guest", about: "CPU model Haswell-v4 vmx-ept", value: "true" }]);
      expect(diagnostics).toContainEqual(
        expect.objectContaining({ severity: "note", message: expect.stringContaining("what a guest asks for") }),
      );
    }
    // Without vmx=on QEMU says false of each, whatever the host.
    expect(readHost(full("Haswell-v4", { vmx: false, "vmx-ept": false })).host?.observed?.nestedMsrs).toBeUndefined();
    for (const name of ["host", "max"]) {
      const { host, diagnostics } = readHost(full(name, { vmx: true, "vmx-ept": true }));
      expect(nestedBitsOf(host, 0x48b).ones).toEqual(["EPT"]);
      expect(diagnostics).toEqual([]);
    }
  });

  it("of a QEMU that ran without KVM says nothing", () => {
    const props = { kvm: true, kvmclock: false, "kvm-pv-eoi": false, vmx: false, "vmx-ept": false };
    const { host, diagnostics } = readHost(full("max", props));
    expect(host?.observed?.nestedMsrs).toBeUndefined();
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ severity: "note", message: expect.stringContaining("without KVM") }),
    );
    // An AMD host: KVM answers, and offers no VMX.
    expect(nestedBitsOf(readHost(full("max", { ...props, kvmclock: true })).host, 0x48b).zeros).toEqual(["EPT"]);
  });

  it("takes the name of one reply for no other", () => {
    const replies = [
      { model: { name: "Haswell-v4", props: { vmx: true, "vmx-ept": true } } },
      { model: { props: { vmx: true, "vmx-vpid": true } } },
    ];
    expect(nestedBitsOf(readHost(JSON.stringify(replies)).host, 0x48b).ones).toEqual(["VPID"]);
  });

  it("is found in the middle of a log, on one line", () => {
    const line = `2024-03-01 12:00:00.123+0000: 4242: info : reply=${reply(PROPS).replace(/\n\s*/g, " ")} end`;
    const { host, evidence } = readHost(`before\n${line}\nafter\n`, { file: "virt.log" });
    expect(nestedBitsOf(host, 0x48b).ones).toEqual(["EPT"]);
    expect(evidence().find((row) => row.msr?.index === 0x48b)).toMatchObject({
      layer: "nested",
      about: "nested MSR 0x48b (IA32_VMX_PROCBASED_CTLS2)",
      value: "bit 33 set; bit 1 clear",
      format: "qmp",
      file: "virt.log",
      line: 2,
      host: 0,
    });
  });

  it("keeps what a cut reply says, and no more", () => {
    const text = reply(PROPS);
    const { host } = readHost(text.slice(0, text.indexOf("true", text.indexOf("vmx-vnmi")) + 2));
    expect(nestedBitsOf(host, 0x48b).ones).toEqual(["EPT"]);
    expect(host?.observed?.nestedMsrs?.has(0x48d)).toBe(false);
  });

  it("that contradicts itself leaves the bit open and tells", () => {
    const { host, diagnostics } = readHost(`${reply({ "vmx-ept": true })}\n${reply({ "vmx-ept": false })}`);
    expect(nestedBitsOf(host, 0x48b)).toEqual({ ones: [], zeros: [] });
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ severity: "warning", message: expect.stringContaining("bit 33 stays unknown") }),
    );
  });
});

describe("query-cpu-definitions", () => {
  const definitions = (host: string[], other: string[]) =>
    JSON.stringify({
      return: [
        { "unavailable-features": other, name: "Icelake-Server", static: false },
        { name: "host", "unavailable-features": host },
      ],
    });

  it("tells what KVM does not offer", () => {
    const { host } = readHost(definitions([], ["vmx-ple", "avx512f"]));
    expect(nestedBitsOf(host, 0x48b).zeros).toEqual(["PAUSE_LOOP_EXITING"]);
  });

  it("tells nothing without KVM", () => {
    expect(readHost(definitions(["kvm"], ["vmx-ple"])).host).toBeUndefined();
  });
});
