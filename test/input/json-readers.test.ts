import { describe, expect, it } from "vitest";
import { formatU64 } from "../../src/bits/u64.js";
import type { Host } from "../../src/host/host.js";
import { knownValue } from "../../src/host/msr.js";
import { readHost } from "../../src/input/read.js";
import { type JsonScalar, jsonScanner } from "../../src/input/text/json-scan.js";

function nested(host: Host | undefined): { [index: string]: string } {
  const known: { [index: string]: string } = {};
  for (const [index, msr] of host?.observed?.nestedMsrs ?? []) {
    const value = knownValue(msr);
    if (value !== undefined) known[`0x${index.toString(16)}`] = formatU64(value);
  }
  return known;
}

describe("KVM_GET_MSRS", () => {
  it("in lines is the nested view, and what a vCPU has is the guest's", () => {
    const text = `KVM_GET_API_VERSION = 12
feature msr 0x00000480 = 0x00d8100011e57ed0
feature msr 0x0000010a = 0x4000000008000048
vcpu msr 0x00000480 = 0x00da100011e57ed0
`;
    const { host, formats, evidence } = readHost(text);
    expect(formats).toEqual(["kvm-msrs"]);
    expect(nested(host)).toEqual({ "0x480": "0xd8100011e57ed0" });
    expect(host?.cores[0].msrs.size).toBe(0);
    expect(evidence().map((row) => row.layer)).toEqual(["nested", "guest"]);
  });

  it.each([
    [
      "entries",
      '{"nmsrs": 2, "entries": [{"index": 1152, "reserved": 0, "data": 60816187455798992}, {"index": 1163, "data": 5484359704379392}]}',
    ],
    [
      "entries in hexadecimal",
      '[{"index": "0x480", "data": "0xd8100011e57ed0"},\n {"data": "0x137c0000000000", "index": "0x48b"}]',
    ],
    ["an object with KVM's revision", '{"0x480": "0xd8100011e57ed0", "0x48b": "0x137c0000000000"}'],
    [
      "an object below a name",
      '{"kvm_feature_msrs": {"0x480": "0xd8100011e57ed0", "IA32_VMX_PROCBASED_CTLS2": "0x137c0000000000"}}',
    ],
  ])("in JSON is the nested view, with all 64 bits: %s", (_, text) => {
    const { host } = readHost(`${text}\n`);
    expect(nested(host)["0x480"]).toBe("0xd8100011e57ed0");
    expect(Object.keys(nested(host))).toEqual(["0x480", "0x48b"]);
    expect(host?.cores[0].msrs.size).toBe(0);
  });

  it("is not taken from an object of numbers without KVM's revision", () => {
    const { host, diagnostics } = readHost('{"0x480": "0xda040000000012"}\n');
    expect(host?.observed?.nestedMsrs).toBeUndefined();
    expect(host?.cores[0].msrs.has(0x480)).toBe(true);
    expect(diagnostics).toMatchObject([{ severity: "note" }]);
  });

  it("does not join the index of one entry with the data of another", () => {
    expect(readHost('[{"index": 1152}, {"data": 60816187455798992}]\n').host).toBeUndefined();
  });
});

describe("Firecracker", () => {
  it("has no VMX values, and says so", () => {
    const text = JSON.stringify(
      {
        kernel_version: "5.10.255-253.1008.amzn2.x86_64",
        microcode_version: "0x5003901",
        guest_cpu_config: {
          cpuid_modifiers: [
            { leaf: "0x1", modifiers: [{ register: "eax", bitmap: "0b00000000000001010000011001010111" }] },
          ],
          msr_modifiers: [{ addr: "0x3a", bitmap: `0b${"0".repeat(63)}1` }],
        },
      },
      undefined,
      2,
    );
    const { host, formats, diagnostics, evidence } = readHost(text);
    expect(formats).toEqual(["firecracker"]);
    expect(diagnostics).toMatchObject([
      { severity: "error", message: expect.stringContaining("no VMX values in this format") },
    ]);
    expect(host).toMatchObject({ kernel: "5.10.255-253.1008.amzn2.x86_64" });
    expect(host?.cores[0]).toMatchObject({ microcode: 0x5003901 });
    expect(host?.cores[0].msrs.size).toBe(0);
    expect(evidence().find((row) => row.layer === "guest")?.about).toContain("0x3a");
  });

  it("in a template without a host gives none", () => {
    const { host, diagnostics } = readHost('{"msr_modifiers": [{"addr": "0x10a", "bitmap": "0bx1"}]}\n');
    expect(host).toBeUndefined();
    expect(diagnostics).toHaveLength(1);
  });
});

describe("cpuid -r", () => {
  const TEXT = `CPU 0:
   0x00000000 0x00: eax=0x00000016 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
   0x00000001 0x00: eax=0x00050654 ebx=0x00010800 ecx=0x77faf3bf edx=0xbfebfbff
   0x00000007 0x00: eax=0x00000000 ebx=0xd19f27eb ecx=0x00000000 edx=0x00000000
   0x80000008 0x00: eax=0x0000302e ebx=0x00000000 ecx=0x00000000 edx=0x00000000
`;

  it("gives CPUID of each CPU and no MSR", () => {
    const { host, formats } = readHost(TEXT + TEXT.replace("CPU 0", "CPU 1"));
    expect(formats).toEqual(["cpuid"]);
    expect(host).toMatchObject({ vendor: "GenuineIntel" });
    expect(host?.cores).toHaveLength(1);
    expect(host?.cores[0]).toMatchObject({
      logicalCpus: "0-1",
      signature: 0x50654,
      cpuid: { maxLeaf: 0x16, physAddrBits: 46, features: { vmx: true, smx: false, hypervisor: false, mpx: false } },
    });
    expect(host?.cores[0].msrs.size).toBe(0);
  });

  it("without a heading is of one CPU without a number", () => {
    expect(readHost(TEXT.replace("CPU 0:\n", "")).host?.cores[0].logicalCpus).toBeUndefined();
  });
});

describe("jsonScanner", () => {
  function scan(text: string) {
    const seen: string[] = [];
    const scanner = jsonScanner({
      scalar: (path, value, at) => seen.push(`${path.join(".")}=${show(value)}@${at.line}`),
      close: () => {},
      end: () => seen.push("end"),
    });
    const belongs = text.split("\n").map((line, i) => scanner.line(line, i + 1));
    scanner.end();
    return { seen, belongs };
  }
  const show = (value: JsonScalar): string =>
    value.kind === "number" ? value.text : value.kind === "string" ? JSON.stringify(value.value) : String(value.value);

  it.each([
    [
      "pretty",
      '{\n  "a": [1, {"b": true}],\n  "c": "x\\u0041\\n"\n}',
      ["a.0=1@2", "a.1.b=true@2", 'c="xA\\n"@3', "end"],
    ],
    ["two on a line", '{"a":1}{"b":null}', ["a=1@1", "end", "b=null@1", "end"]],
    ["inside a line", 'reply={"a": 1} ok', ["a=1@1", "end"]],
    ["with 64 bits", '{"a": 18446744073709551615}', ["a=18446744073709551615@1", "end"]],
    ["with a wrapped string", '{"a": "one\n  two"}', ['a="one two"@1', "end"]],
    ["cut in a number", '{"a": 1, "b": 12', ["a=1@1", "end"]],
    ["cut in a literal", '{"a": 1, "b": tru', ["a=1@1", "end"]],
    ["cut in a string", '{"a": 1, "b": "tru', ["a=1@1", "end"]],
    ["broken off by another line", '{"a": 1,\nhello\n{"b": 2}', ["a=1@1", "end", "b=2@3", "end"]],
    ["a trailing comma", '{"a": [1,]}', ["a.0=1@1", "end"]],
  ])("reads %s", (_, text, expected) => {
    expect(scan(text).seen).toEqual(expected);
  });

  it("is not lured by brackets that are no JSON", () => {
    const { seen, belongs } = scan("[*] cpu0: x\nvoid f() {\n  int x;\n}\n[ 12.3] y\n{ not json\n");
    expect(seen.filter((s) => s !== "end")).toEqual([]);
    expect(belongs[0]).toBe(false);
    expect(belongs[2]).toBe(false);
  });

  it("survives any depth", () => {
    expect(scan('{"a":'.repeat(100_000)).seen.at(-1)).toBe("end");
    expect(scan('{"a":1}'.repeat(9000)).seen.filter((s) => s === "a=1@1")).toHaveLength(9000);
  });
});
