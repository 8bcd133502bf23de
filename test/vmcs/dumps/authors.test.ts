import { describe, expect, it } from "vitest";
import { auditVmcs } from "../../../src/vmcs/audit.js";
import type { VmcsDump } from "../../../src/vmcs/dumps/dump.js";
import { readVmcs, vmcsStream } from "../../../src/vmcs/dumps/read.js";
import { fieldByEncoding } from "../../../src/vmcs/fields/fields.js";
import { format64 } from "../../../src/vmcs/value64.js";

const keys = (dump: VmcsDump | undefined) =>
  Object.fromEntries([...(dump?.vmcs.fields ?? [])].map(([at, value]) => [fieldByEncoding(at)?.key, format64(value)]));
const only = (text: string): VmcsDump => {
  const { dumps } = readVmcs(text);
  expect(dumps.length, text).toBe(1);
  return dumps[0] as VmcsDump;
};
const messages = (dump: VmcsDump) => dump.diagnostics.map(({ line, message }) => `${line}: ${message}`);

describe("the base of a list", () => {
  it("is decimal for all values where one of them makes no sense in hexadecimal", () => {
    const dump = only("guest_cr0 = 2147549235\nguest_cr4 = 8224\nguest_rflags = 2\nvm_entry_controls = 37883\n");
    expect(keys(dump)).toEqual({
      "guest.cr0": "0x80010033",
      "guest.cr4": "0x2020",
      "guest.rflags": "0x2",
      "ctl.entry": "0x93fb",
    });
    expect(messages(dump)).toEqual([
      "1: values without 0x are read as decimal: 2147549235 in line 1 makes no sense for GUEST_CR0 in hexadecimal",
    ]);
    expect(auditVmcs(dump.vmcs).findings).toEqual([]);
  });

  it.each([
    ["a letter", "GUEST_CR0 = 80050033\nGUEST_CR4 = 2020\nGUEST_RIP = ffff\n", "0x2020"],
    ["a leading 0", "GUEST_CR0 = 80050033\nGUEST_CR4 = 2020\nGUEST_RIP = 0012\n", "0x2020"],
    ["a value too wide for its field", "GUEST_CR3 = 4096\nGUEST_CR4 = 8224\nGUEST_CS_SELECTOR = 51200\n", "0x2020"],
    ["sense", "GUEST_CR0 = 80050033\nGUEST_CR4 = 2020\nGUEST_RFLAGS = 2\n", "0x2020"],
  ])("is decided by %s", (_, text, cr4) => {
    expect(keys(only(text))["guest.cr4"]).toBe(cr4);
  });

  it("stays open for all values where nothing decides", () => {
    const dump = only("GUEST_RIP = 4096\nGUEST_RSP = 8192\nGUEST_CR3 = 12288\nGUEST_RFLAGS = 2\n");
    expect(keys(dump)).toEqual({ "guest.rflags": "0x2" });
    expect(messages(dump).filter((text) => text.includes("decimal or hexadecimal")).length).toBe(3);
  });
});

describe("numbers of JSON", () => {
  it("are read from their digits", () => {
    expect(keys(only('{"GUEST_CR3": 18446744073709551615, "GUEST_RIP": 9007199254740993}'))).toEqual({
      "guest.cr3": "0xffffffffffffffff",
      "guest.rip": "0x20000000000001",
    });
  });

  it("may be nested objects, records and pairs", () => {
    const same = { "guest.cr0": "0x31", "host.cr4": "0x2020" };
    for (const text of [
      '{"guest": {"cr0": 49}, "host": {"cr4": "0x2020"}}',
      '[{"field": "GUEST_CR0", "value": 49}, {"field": "HOST_CR4", "value": 8224}]',
      '{"fields": [["GUEST_CR0", "0x31"], ["0x6c04", "0x2020"]]}',
    ])
      expect(keys(only(text)), text).toEqual(same);
  });

  it("can state what is not a field", () => {
    const dump = only(
      '{"fields": {"GUEST_RFLAGS": "0x2"}, "facts": {"movSsBlocking": true, "launchState": "launched", "instruction": "VMRESUME", "vtpr": 32, "pdptes": [1, 2, 3, 4], "linkRevision": "0x12", "tmeKeyBits": 4}}',
    );
    expect(messages(dump)).toEqual([]);
    const failing = auditVmcs(dump.vmcs).findings.map(({ check }) => check.id);
    expect(failing).toEqual(["basic.movss_blocking"]);
    expect(dump.vmcs.known?.memory?.pdpte3).toEqual({ lo: 4, hi: 0 });
    const wrong = only('{"fields": {}, "facts": {"movSsBlocking": 1, "launchState": "new", "weather": true}}');
    expect(messages(wrong)).toEqual([
      "1: movSsBlocking cannot be that",
      "1: launchState cannot be that",
      "1: no fact is called weather",
    ]);
  });
});

describe("a list", () => {
  it("begins at its first line, not at the first known name", () => {
    const dump = only(
      "VMCS_PIN_BASED_CTLS: 0x3f\nVMCS_SHINY_CTLS: 0x1\nVMCS_ENTRY_CTLS: 0x93ff\nVMCS_GUEST_CR0: 0x31\nVMCS_GUEST_CR4: 0x2020\n",
    );
    expect(keys(dump)["ctl.pin"]).toBe("0x3f");
    expect(messages(dump)).toEqual(["2: no VMCS field is called VMCS_SHINY_CTLS"]);
    const late = only("VMCS_SHINY_CTLS: 0x1\nVMCS_ENTRY_CTLS: 0x93ff\nVMCS_GUEST_CR0: 0x31\nVMCS_GUEST_CR4: 0x2020\n");
    expect(messages(late)).toEqual(["1: no VMCS field is called VMCS_SHINY_CTLS"]);
  });

  it("names in one note what is not a field", () => {
    const dump = only("RAX = 0x1\nRBX = 0x2\nGUEST_CR0 = 0x31\nGUEST_CR4 = 0x2020\nGUEST_RFLAGS = 0x2\nR8 = 0x3\n");
    expect(messages(dump)).toEqual(["1: of the list 3 names are not a field of a VMCS: RAX, RBX, R8"]);
  });

  it("of each vCPU is a VMCS of its own", () => {
    const text = (n: number) => `vCPU ${n}:\n  GUEST_CR0 = 0x3${n}\n  GUEST_CR4 = 0x2020\n  GUEST_RFLAGS = 0x2\n`;
    expect(readVmcs(text(1) + text(3)).dumps.map((dump) => keys(dump)["guest.cr0"])).toEqual(["0x31", "0x33"]);
  });

  it("may come from a page", () => {
    const text =
      "GUEST_CR0&nbsp;=&nbsp;0x80050033<br>\n<tr><td>GUEST_CR4</td><td>0x2020</td></tr>\nGUEST_RFLAGS&#32;=&#x20;0x2\n";
    expect(keys(only(text))).toEqual({ "guest.cr0": "0x80050033", "guest.cr4": "0x2020", "guest.rflags": "0x2" });
  });
});

describe("how the entry ended", () => {
  const LIST = "VMCS_GUEST_CR0: 0x31\nVMCS_GUEST_CR4: 0x2020\nVMCS_ENTRY_CTLS: 0x93ff\n";
  it.each([
    [
      "the block of bhyve",
      `vm exit[0]\n\treason\t\tVMX\n\texit_reason\t33\n\tqualification\t0x0000000000000004\n\tinst_error\t\t0\n${LIST}`,
      { kind: "entry-failure", reason: 33, qualification: { lo: 4, hi: 0 } },
    ],
    ["HAXM's function", `haxm_error: exit_invalid_guest_state()\n${LIST}`, { kind: "entry-failure", reason: 33 }],
    ["HAXM's reason", `exit_reason.raw 80000021, cpu 0 0\n${LIST}`, { kind: "entry-failure", reason: 33 }],
    ["an error number", `VMLAUNCH failed with error 7\n${LIST}`, { kind: "vmfail", error: 7 }],
    ["a line behind the list", `${LIST}VM-instruction error: 8\n`, { kind: "vmfail", error: 8 }],
    ["QEMU's 0", `KVM: entry failed, hardware error 0x0\n${LIST}`, { kind: "no-number" }],
    ["AMD's -1", `KVM: entry failed, hardware error 0xffffffff\n${LIST}`, { kind: "vmrun" }],
    ["a field", `${LIST}VMCS_INSTRUCTION_ERROR: 0x5\n`, { kind: "vmfail", error: 5 }],
  ])("is read from %s", (_, text, reported) => {
    expect(only(text).vmcs.reported).toEqual(reported);
  });

  it("is read with the entry that Xen prints", () => {
    const dump = only(
      "(XEN) d2v1 vmentry failure (reason 0x80000022): MSR loading (entry 1)\n(XEN)   msr 00000682 val 3fff900000201000 (mbz 0)\n(XEN) *** Guest State ***\n(XEN) CR3 = 0x0000000000012000\n(XEN) *** Host State ***\n(XEN) *** Control State ***\n(XEN) PinBased=0000003f\n",
    );
    expect(dump.vmcs.reported).toEqual({ kind: "entry-failure", reason: 34, qualification: { lo: 2, hi: 0 } });
    expect(dump.vmcs.msrEntry).toEqual({
      index: 0x682,
      number: 2,
      reserved: 0,
      value: { lo: 0x20_1000, hi: 0x3fff_9000 },
    });
    const { findings } = auditVmcs(dump.vmcs, undefined, { state: { rtm: false } });
    expect(findings.map(({ check, entry }) => [check.id, entry])).toEqual([["msrload.wrmsr_fault", 2]]);
    expect(findings[0]?.evidence[0]?.value).toBe("MSR 0x682 (LASTBRANCH_2_FROM_IP) = 0x3fff900000201000");
    expect(findings[0]?.paragraph).toContain("HSM182");
  });
});

describe("dumps of two tasks", () => {
  const lines = (cr3: string) =>
    `*** Guest State ***\nCR3 = 0x00000000000${cr3}\n*** Host State ***\nRIP = 0xffffffff81000000  RSP = 0xffffc90000000000\n*** Control State ***\nPinBased=0000003f CPUBased=b5986dfa SecondaryExec=000000aa\nVirtual processor ID = 0x0001`.split(
      "\n",
    );
  it("are told apart by the callers that printk names", () => {
    const second = lines("22000");
    const text = lines("11000")
      .flatMap((line, n) => [`[    7.00000${n}][  T101] ${line}`, `[    7.00000${n}][  T102] ${second[n]}`])
      .join("\n");
    const { dumps } = readVmcs(text);
    expect(dumps.map((dump) => keys(dump)["guest.cr3"])).toEqual(["0x11000", "0x22000"]);
    for (const dump of dumps) expect(keys(dump)).toMatchObject({ "ctl.pin": "0x3f", "ctl.vpid": "0x1" });
    const found: VmcsDump[] = [];
    const stream = vmcsStream((dump) => found.push(dump));
    for (const piece of text.match(/[\s\S]{1,50}/g) ?? []) stream.push(piece);
    stream.end();
    expect(found.length).toBe(2);
  });
});
