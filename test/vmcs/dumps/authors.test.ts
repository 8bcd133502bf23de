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
    [
      "the manual's words",
      `- vm_instruction_error: VM entry with invalid host-state field(s)\n${LIST}`,
      { kind: "vmfail", error: 8 },
    ],
    ["a name in Zig", `VMLAUNCH failed: error.Valid: entry_invalid_control (7)\n${LIST}`, { kind: "vmfail", error: 7 }],
    ["a monitor's fail entry", `KVM: fail entry 0x80000021\n${LIST}`, { kind: "entry-failure", reason: 33 }],
    [
      "Jailhouse, with its qualification",
      `FATAL: Unhandled VM-Exit, reason 33 (VM entry failure), qualification 0x4\n${LIST}`,
      { kind: "entry-failure", reason: 33, qualification: { lo: 4, hi: 0 } },
    ],
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

describe("registers under their plain names", () => {
  const SEGMENTS = ["SS", "DS", "ES", "FS", "GS"];
  it("are the guest's, with the parts of each segment", () => {
    const dump = only(
      `VMLAUNCH failed, error 0x80000021
CR0=0x80050033 CR3=0x1000 CR4=0x2020 RFLAGS=0x20002 RIP=0x1000 RSP=0x2000
CS: sel=0x0008 base=0x0 limit=0xffffffff ar=0xa09b
${SEGMENTS.map((name) => `${name}: sel=0x0010 base=0x0 limit=0xffffffff ar=0xc093`).join("\n")}
TR: sel=0x0040 base=0x0 limit=0x67 ar=0x8b
GDTR: base=0x1000 limit=0x7f
VM_ENTRY_CONTROLS = 0xd3ff
`,
    );
    expect(keys(dump)).toMatchObject({
      "guest.cr4": "0x2020",
      "guest.rflags": "0x20002",
      "guest.cs.ar": "0xa09b",
      "guest.gs.limit": "0xffffffff",
      "guest.tr.sel": "0x40",
      "guest.gdtr.limit": "0x7f",
      "ctl.entry": "0xd3ff",
    });
    expect(messages(dump)).toEqual([]);
    expect(auditVmcs(dump.vmcs).groups[0]?.primary.id).toBe("guest.rflags.vm");
  });

  it("may be a table with a row for each segment", () => {
    const dump = only(
      "=== Guest state ===\nRIP 0xfff0  RSP 0x0  RFLAGS 0x2\nseg  selector  base        limit       access rights\nCS   0xf000    0xffff0000  0x0000ffff  0x009b\nTR   0x0000    0x00000000  0x0000ffff  0x008b\nGDTR           0x00001000  0x0000007f\n",
    );
    expect(keys(dump)).toEqual({
      "guest.rip": "0xfff0",
      "guest.rsp": "0x0",
      "guest.rflags": "0x2",
      "guest.cs.sel": "0xf000",
      "guest.cs.base": "0xffff0000",
      "guest.cs.limit": "0xffff",
      "guest.cs.ar": "0x9b",
      "guest.tr.sel": "0x0",
      "guest.tr.base": "0x0",
      "guest.tr.limit": "0xffff",
      "guest.tr.ar": "0x8b",
      "guest.gdtr.base": "0x1000",
      "guest.gdtr.limit": "0x7f",
    });
  });

  it("are no VMCS where nothing is a field of one: the registers of an oops", () => {
    const text =
      "RIP: 0010:0xffffffff81000000\nRSP: 0018:ffffc90000000000 EFLAGS: 00010246\nCR2: 0000000000000000 CR3: 0000000001c0d000 CR4: 00000000000426f0\nCR0: 0000000080050033\n";
    expect(readVmcs(text).dumps).toEqual([]);
  });
});

describe("what KVM_GET_SREGS gives", () => {
  const part = (name: string, type: number, s: number, l: number) =>
    `${name}: kvm_segment { base: 0, limit: 65535, selector: 8, type_: ${type}, present: 1, dpl: 0, db: 0, s: ${s}, l: ${l}, g: 1, avl: 0, unusable: 0, padding: 0 }`;
  const go = (name: string, type: number, s: number, l: number) =>
    `${name}:{Base:0 Limit:65535 Selector:8 Typ:${type} Present:1 DPL:0 DB:0 S:${s} L:${l} G:1 AVL:0 Unusable:0 _:0}`;
  const expected = {
    "guest.cs.ar": "0xa09b",
    "guest.cs.limit": "0xffff",
    "guest.ss.ar": "0x8093",
    "guest.tr.ar": "0x808b",
    "guest.gdtr.limit": "0x1f",
    "guest.efer": "0x500",
  };
  it.each([
    [
      "Rust",
      `kvm_sregs { ${part("cs", 11, 1, 1)}, ${part("ss", 3, 1, 0)}, ${part("tr", 11, 0, 0)}, gdt: kvm_dtable { base: 1280, limit: 31, padding: [0, 0, 0] }, cr0: 2147483697, cr4: 32, efer: 1280, interrupt_bitmap: [0, 0, 0, 0] }`,
    ],
    [
      "Go",
      `{${go("CS", 11, 1, 1)} ${go("SS", 3, 1, 0)} ${go("TR", 11, 0, 0)} GDT:{Base:1280 Limit:31 _:[0 0 0]} CR0:2147483697 CR4:32 EFER:1280 InterruptBitmap:[0 0 0 0]}`,
    ],
    [
      "a monitor in C",
      `== KVM_GET_SREGS ==\n${["CS|0xb|1|1", "SS|0x3|1|0", "TR|0xb|0|0"]
        .map((text) => text.split("|"))
        .map(
          ([name, type, s, l]) =>
            `${name}  base: 0x0   limit:0xffff selector: 0x8 type: ${type} present: 0x1\n    dpl:0x0 db:0x0 s:0x${s} l:0x${l} g:0x1 avl:0x0 unusable:0x0`,
        )
        .join("\n")}\nGDT base: 0x500 limit: 0x1f\nCR0: 0x80000031 CR4: 0x20\nEFER: 0x500\n`,
    ],
    [
      "kvmtool",
      " cr0: 0000000080000031   cr4: 0000000000000020\n register  selector  base              limit     type  p dpl db s l g avl\n cs        0008      0000000000000000  0000ffff  0b    1 0   0  1 1 1 0\n ss        0008      0000000000000000  0000ffff  03    1 0   0  1 0 1 0\n tr        0008      0000000000000000  0000ffff  0b    1 0   0  0 0 1 0\n gdt                 0000000000000500  0000001f\n efer: 0000000000000500  apic base: 00000000fee00900\n",
    ],
    [
      "JSON",
      `{"cs":{"base":0,"limit":65535,"selector":8,"type":11,"present":1,"dpl":0,"db":0,"s":1,"l":1,"g":1,"avl":0,"unusable":0},"ss":{"base":0,"limit":65535,"selector":8,"type":3,"present":1,"dpl":0,"db":0,"s":1,"l":0,"g":1},"tr":{"base":0,"limit":65535,"selector":8,"type":11,"present":1,"dpl":0,"db":0,"s":0,"l":0,"g":1},"gdt":{"base":1280,"limit":31},"cr0":2147483697,"cr4":32,"efer":1280}`,
    ],
  ])("is read as %s prints it", (_, text) => {
    const dump = only(`FailEntry(2147483681, 0)\n${text}`.replace(/^FailEntry.*\n(?=\{")/, ""));
    expect(dump.format).toBe("kvm");
    expect(keys(dump)).toMatchObject(expected);
    if (!text.startsWith('{"')) expect(dump.vmcs.reported).toEqual({ kind: "entry-failure", reason: 33 });
  });

  it("has no field for a segment that is not present but an unusable one", () => {
    const dump = only(
      `kvm_sregs { ${part("cs", 11, 1, 1)}, ldt: kvm_segment { base: 0, limit: 0, selector: 0, type_: 2, present: 0, dpl: 0, db: 0, s: 0, l: 0, g: 0, avl: 0, unusable: 1, padding: 0 } }`,
    );
    expect(keys(dump)["guest.ldtr.ar"]).toBe("0x10002");
  });
});

describe("lines of several processors", () => {
  it("are kept apart", () => {
    const text = ["80050033", "31"]
      .map((cr0, n) => [
        `[vcpu${n}] GUEST_CR0 = 0x${cr0}`,
        `[vcpu${n}] GUEST_CR4 = 0x20${n}0`,
        `[vcpu${n}] GUEST_RFLAGS = 0x2`,
      ])
      .reduce((first, second) => first.flatMap((line, n) => [line, second[n] as string]))
      .join("\n");
    const { dumps } = readVmcs(text);
    expect(dumps.map((dump) => [keys(dump)["guest.cr0"], keys(dump)["guest.cr4"]])).toEqual([
      ["0x80050033", "0x2000"],
      ["0x31", "0x2010"],
    ]);
    expect(dumps.flatMap(messages)).toEqual([]);
  });
});

describe("other programs' lines", () => {
  it("with a register's plain name give way to those with the field's", () => {
    const dump = only("VPID = 0x1\n RFLAGS: 0x242\nGUEST_CR0 = 0x31\nGUEST_RFLAGS = 0x2\n");
    expect(keys(dump)).toEqual({ "ctl.vpid": "0x1", "guest.cr0": "0x31", "guest.rflags": "0x2" });
    expect(messages(dump)).toEqual(["2: of the list one name is not a field of a VMCS: RFLAGS"]);
  });

  it("of a message are not taken for fields", () => {
    const dump = only(
      "KVM: fail entry 0x80000021\nUnhandled vmx vmexit reason:33\nVMCS_GUEST_CR0: 31\nVMCS_GUEST_CR4: 2020\nVMCS_GUEST_RIP: fff0\n",
    );
    expect(keys(dump)).toEqual({ "guest.cr0": "0x31", "guest.cr4": "0x2020", "guest.rip": "0xfff0" });
    expect(keys(only("guest rip 0x10 rsp 0x0\nguest cr0 0x31 cr4 0x20\nexit reason 0x80000021\n"))).toEqual({
      "guest.rip": "0x10",
      "guest.rsp": "0x0",
      "guest.cr0": "0x31",
      "guest.cr4": "0x20",
      "info.exit_reason": "0x80000021",
    });
  });

  it.each([
    [
      "bhyvectl's segments",
      "entry_ctls[0]\t0x11ff\ncs desc[0]\t0x00000000ffff0000/0x0000ffff/0x0000009b\ncs[0]\t\t0xf000\ngdtr[0]\t\t0x1000/0x27\n",
      {
        "ctl.entry": "0x11ff",
        "guest.cs.base": "0xffff0000",
        "guest.cs.limit": "0xffff",
        "guest.cs.ar": "0x9b",
        "guest.cs.sel": "0xf000",
        "guest.gdtr.base": "0x1000",
        "guest.gdtr.limit": "0x27",
      },
    ],
    [
      "ACRN's registers",
      "=  VM ID 1 ==== CPU ID 0=====\n=\tRIP=0x100000  RSP=0x0 RFLAGS=0x2\n=\tCR0=0x30  CR2=0x0 CR3=0x0 CR4=0x2040\n",
      {
        "guest.rip": "0x100000",
        "guest.rsp": "0x0",
        "guest.rflags": "0x2",
        "guest.cr0": "0x30",
        "guest.cr3": "0x0",
        "guest.cr4": "0x2040",
      },
    ],
    [
      "Jailhouse's FLAGS",
      "RIP: 0xffffffff81000000 RSP: 0xffff880000000000 FLAGS: 10246\nCS: 10 BASE: 0x0 AR-BYTES: a09b EFER.LMA 1\n",
      {
        "guest.rip": "0xffffffff81000000",
        "guest.rsp": "0xffff880000000000",
        "guest.rflags": "0x10246",
        "guest.cs.sel": "0x10",
        "guest.cs.base": "0x0",
        "guest.cs.ar": "0xa09b",
      },
    ],
    [
      "VirtualBox's control words",
      "HM: CPU[0] PinCtls          0x3f\nHM: CPU[0] ProcCtls2        0x10a2\nHM: CPU[0] HCPhysMsrBitmap  000000010a2b3000\nHM: CPU[0] HCPhysGuestMsrLoad   000000010a2b4000\n",
      {
        "ctl.pin": "0x3f",
        "ctl.proc2": "0x10a2",
        "ctl.msr_bitmap": "0x10a2b3000",
        "ctl.entry_msr_load_addr": "0x10a2b4000",
      },
    ],
    [
      "types of segments in letters",
      " rip = 0x300006 rflags = 0x2 []\n cs  = 0x0008 base = 0x0 limit = 0x000fffff s=1 type=R-Xa dpl=0 db=0 g=1 l=1 present\n ds  = 0x0010 base = 0x0 limit = 0x000fffff s=1 type=RW-a dpl=0 db=1 g=1 l=0 present\n",
      { "guest.cs.ar": "0xa09b", "guest.ds.ar": "0xc093", "guest.rflags": "0x2" },
    ],
    [
      "controls in a word each, on one line",
      "pin-based: 0x16, primary: 0xb5a07dfa, secondary: 0xaa, exit: 0x36fff entry: 0x13ff\n",
      {
        "ctl.pin": "0x16",
        "ctl.proc": "0xb5a07dfa",
        "ctl.proc2": "0xaa",
        "ctl.exit": "0x36fff",
        "ctl.entry": "0x13ff",
      },
    ],
    [
      "controls in a word each, one to a line",
      "pin = 0x3f\nproc = 0x401e172\nproc2 = 0x82\nexit = 0x36dff\nentry = 0x11ff\n",
      { "ctl.pin": "0x3f", "ctl.proc": "0x401e172", "ctl.proc2": "0x82", "ctl.exit": "0x36dff", "ctl.entry": "0x11ff" },
    ],
    [
      "controls as the manual's registers call them",
      "pinbased ctls: 16\nprocbased ctls: 8401e172\nsecondary procbased ctls: 82\nentry ctls: 11ff\n",
      { "ctl.pin": "0x16", "ctl.proc": "0x8401e172", "ctl.proc2": "0x82", "ctl.entry": "0x11ff" },
    ],
    [
      "controls, and not the registers that limit them",
      "Pin-based controls: 0x16\nPrimary controls: 0x401e172\nVM-exit controls: 0x36dff\nIA32_VMX_PINBASED_CTLS: 0x16\nMSR_IA32_VMX_EXIT_CTLS: 0xffffff\n",
      { "ctl.pin": "0x16", "ctl.proc": "0x401e172", "ctl.exit": "0x36dff" },
    ],
    [
      "encodings in decimal as keys of JSON",
      '{"fields": {"26624": "0x80010033", "2050": "0x10", "16402": "0x93ff"}}',
      { "guest.cr0": "0x80010033", "guest.cs.sel": "0x10", "ctl.entry": "0x93ff" },
    ],
  ])("are read: %s", (_, text, expected) => {
    expect(keys(only(text))).toMatchObject(expected);
  });
});

describe("a text without a dump", () => {
  it("that says how an entry ended is answered by another command", () => {
    const { dumps, diagnostics } = readVmcs("kvm: unhandled exit 80000021\nkvm_run returned -22\n");
    expect(dumps).toEqual([]);
    expect(diagnostics[0]?.message).toBe(
      "no VMCS dump found. The text says how an entry ended, which `vmxlens explain` answers: VM entry failed with exit reason 33 (VM-entry failure: invalid guest state).",
    );
  });
});
