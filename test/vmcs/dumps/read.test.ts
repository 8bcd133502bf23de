import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VmcsDump } from "../../../src/vmcs/dumps/dump.js";
import { readVmcs, vmcsStream } from "../../../src/vmcs/dumps/read.js";
import { type FieldKey, fieldOf } from "../../../src/vmcs/fields/fields.js";
import { format64 } from "../../../src/vmcs/value64.js";
import { tries } from "../../deep.js";

function value(dump: VmcsDump | undefined, key: FieldKey): string {
  const found = dump?.vmcs.fields.get(fieldOf(key).encoding);
  return found === undefined ? "unknown" : format64(found);
}

function messages(dump: VmcsDump | undefined): string[] {
  return (dump?.diagnostics ?? []).map((item) => `${item.line}: ${item.message}`);
}

/** A dump of Linux 6.x, shortened. */
const LINUX = `[    7.0] kvm_intel: VMCS 0000000061b9b7db, last attempted VM-entry on CPU 3
[    7.1] kvm_intel: *** Guest State ***
[    7.1] kvm_intel: CR0: actual=0x0000000000000031, shadow=0x0000000000000011, gh_mask=fffffffffffefff7
[    7.1] kvm_intel: CR3 = 0x0000000000012000
[    7.1] kvm_intel: RSP = 0x0000000000002000  RIP = 0x0000000000001000
[    7.1] kvm_intel: RFLAGS=0x00000002         DR7 = 0x0000000000000400
[    7.1] kvm_intel: Sysenter RSP=0000000000000001 CS:RIP=0002:0000000000000003
[    7.1] kvm_intel: LDTR: sel=0x0000, attr=0x10082, limit=0x0000ffff, base=0x0000000000000000
[    7.1] kvm_intel: TR:   sel=0x0018, attr=0x0008b, limit=0x00000067, base=0x0000000000000000
[    7.1] kvm_intel: EFER= 0x0000000000000d01 (effective)
[    7.1] kvm_intel: InterruptStatus = ec00
[    7.1] kvm_intel: MSR guest autoload:
[    7.1] kvm_intel:    0: msr=0x00000600 value=0x0000000000000007
[    7.1] kvm_intel:    1: msr=0xc0000080 value=0x0000000000000500
[    7.1] kvm_intel: *** Host State ***
[    7.1] kvm_intel: RIP = 0xffffffffc03a43ae  RSP = 0xffffc900005c7bc0
[    7.1] kvm_intel: CS=0010 SS=0018 DS=0000 ES=0000 FS=0000 GS=0000 TR=0040
[    7.1] kvm_intel: CR0=0000000080050033 CR3=000000001ef1c003 CR4=00000000003326b0
[    7.1] kvm_intel: EFER= 0x0000000000000d01
[    7.1] kvm_intel: *** Control State ***
[    7.1] kvm_intel: CPUBased=0xb5986dfa SecondaryExec=0x020034ea TertiaryExec=0x0000000000000010
[    7.1] kvm_intel: PinBased=0x0000003f EntryControls=0000d1ff ExitControls=002befff
[    7.1] kvm_intel: VMEntry: intr_info=80000b0e errcode=00000002 ilen=00000001
[    7.1] kvm_intel:         reason=80000021 qualification=0000000000000004
[    7.1] kvm_intel: SVI|RVI = ec|00 TPR Threshold = 0x00
[    7.1] virt-APIC addr = 0x0000000360524000
[    7.1] kvm_intel: EPT pointer = 0x000000001ec9505e
[    7.1] kvm_intel: Virtual processor ID = 0x0001
`;

describe("dumps of Linux", () => {
  const [dump] = readVmcs(LINUX).dumps;

  it("give their fields", () => {
    expect(dump?.format).toBe("linux");
    expect(dump?.name).toBe("CPU 3");
    const wanted: readonly (readonly [FieldKey, string])[] = [
      ["guest.cr0", "0x31"],
      ["ctl.cr0_shadow", "0x11"],
      ["ctl.cr0_mask", "0xfffffffffffefff7"],
      ["guest.cr3", "0x12000"],
      ["guest.rsp", "0x2000"],
      ["guest.rip", "0x1000"],
      ["guest.sysenter_esp", "0x1"],
      ["guest.sysenter_cs", "0x2"],
      ["guest.sysenter_eip", "0x3"],
      ["guest.ldtr.ar", "0x10082"],
      ["guest.tr.ar", "0x8b"],
      ["host.rip", "0xffffffffc03a43ae"],
      ["host.cs.sel", "0x10"],
      ["host.tr.sel", "0x40"],
      ["host.cr3", "0x1ef1c003"],
      ["host.efer", "0xd01"],
      ["ctl.proc3", "0x10"],
      ["ctl.pin", "0x3f"],
      ["ctl.exit", "0x2befff"],
      ["ctl.ev", "0x80000b0e"],
      ["ctl.ev_errcode", "0x2"],
      ["ctl.eptp", "0x1ec9505e"],
      ["ctl.virtual_apic", "0x360524000"],
      ["guest.intr_status", "0xec00"],
      ["ctl.entry_msr_load_count", "0x2"],
    ];
    for (const [key, text] of wanted) expect(value(dump, key), key).toBe(text);
  });

  it("leave unknown what is not the field's: a software EFER, fields without a line", () => {
    expect(value(dump, "guest.efer")).toBe("unknown");
    expect(value(dump, "guest.link")).toBe("unknown");
    expect(value(dump, "ctl.msr_bitmap")).toBe("unknown");
  });

  it("give the MSR-load list and the report", () => {
    expect(dump?.vmcs.msrLoad).toEqual([
      { index: 0x600, value: { lo: 7, hi: 0 } },
      { index: 0xc000_0080, value: { lo: 0x500, hi: 0 } },
    ]);
    expect(dump?.vmcs.reported).toEqual({ kind: "entry-failure", reason: 33, qualification: { lo: 4, hi: 0 } });
  });

  it("say once for each section which lines are missing", () => {
    const said = (dump?.diagnostics ?? []).map(
      ({ line, message, expected }) => `${line}: ${message} ${expected ?? ""}`,
    );
    const guest = said.filter((text) => text.includes("missing from the section Guest State"));
    expect(guest.length).toBe(1);
    expect(guest[0]).toMatch(/^2: 14 lines are missing from the section Guest State: .*"CS:"/);
    const control = said.filter((text) => text.includes("missing from the section Control State"));
    expect(control.length).toBe(1);
    expect(control[0]).toContain('"PLE"');
    expect(control[0]).not.toContain('"PostedIntrVec"');
  });

  it("read the same through mail quoting, wrapped lines and collapsed blanks", () => {
    const mangled = LINUX.replace(/^\[.*?\] (?:kvm_intel: )?/gm, "> > ")
      .replace(/, (?=shadow|limit)/g, ",\n> > ")
      .replace(/DR7 = /, "DR7 =\n> > ")
      .replace(/ {2,}/g, " ");
    const [again] = readVmcs(mangled).dumps;
    expect(again?.vmcs.fields).toEqual(dump?.vmcs.fields);
  });

  it("read the same as quoted-printable", () => {
    const quoted = LINUX.replace(/=/g, "=3D").replace(/fffffffffffefff7/, "fffffff=\nffffefff7");
    expect(readVmcs(quoted).dumps[0]?.vmcs.fields).toEqual(dump?.vmcs.fields);
  });

  it("take the VM-instruction error from QEMU's line", () => {
    const [failed] = readVmcs(
      `${LINUX.replace("reason=80000021", "reason=00000030")}KVM: entry failed, hardware error 0x7\n`,
    ).dumps;
    expect(failed?.vmcs.reported).toEqual({ kind: "vmfail", error: 7 });
    const [other] = readVmcs(LINUX.replace("reason=80000021", "reason=00000030")).dumps;
    expect(other?.vmcs.reported).toEqual({ kind: "other", reason: 0x30 });
  });

  it("keep two dumps of one paste apart", () => {
    const second = LINUX.replace("CR3 = 0x0000000000012000", "CR3 = 0x0000000000099000");
    const { dumps } = readVmcs(`${LINUX}some other line\n${second}`);
    expect(dumps.map((item) => value(item, "guest.cr3"))).toEqual(["0x12000", "0x99000"]);
    expect(dumps[1]?.lines[0]).toBeGreaterThan(28);
  });

  it("say that a value is cut, too wide, or contradicts another", () => {
    const [cut] = readVmcs(
      LINUX.replace("base=0x0000000000000000\n[    7.1] kvm_intel: TR", "base=0x00000000\n[    7.1] kvm_intel: TR"),
    ).dumps;
    expect(value(cut, "guest.ldtr.base")).toBe("unknown");
    expect(messages(cut)).toContain(
      "8: GUEST_LDTR_BASE has 8 hex digits where the format prints 16: the line is cut, the field stays unknown",
    );
    const [wide] = readVmcs(LINUX.replace("sel=0x0018", "sel=0x10018")).dumps;
    expect(value(wide, "guest.tr.sel")).toBe("unknown");
    expect(messages(wide)).toContain(
      "9: 10018 is too wide for GUEST_TR_SELECTOR, which has 16 bits; the field stays unknown",
    );
    const [twice] = readVmcs(LINUX.replace("*** Host State", "CR3 = 0x0000000000013000\n*** Host State")).dumps;
    expect(value(twice, "guest.cr3")).toBe("unknown");
    expect(messages(twice).some((text) => text.includes("GUEST_CR3 has two different values"))).toBe(true);
  });

  it("read half a dump", () => {
    const { dumps } = readVmcs(LINUX.split("\n").slice(3).join("\n"));
    expect(dumps.length).toBe(1);
    expect(value(dumps[0], "guest.cr3")).toBe("0x12000");
    expect(
      messages(dumps[0]).some((text) => text.includes("the head line of the section Guest State is missing")),
    ).toBe(true);
    const [first] = readVmcs(LINUX.split("\n").slice(0, 9).join("\n")).dumps;
    expect(value(first, "guest.cr0")).toBe("0x31");
    expect(messages(first).some((text) => text.includes("the section Control State is missing"))).toBe(true);
  });
});

describe("lists of fields", () => {
  it("take names of Linux, Xen and the SDM, encodings, and both", () => {
    const [dump] = readVmcs(
      "GUEST_CR0 = 0x80050033\n0x6802: 0x1000\nGUEST_PAT: 0x0007040600070406\n# 0x4016 VM_ENTRY_INTR_INFO = 0x80000b0e\nVMCS_LINK_POINTER (0x2800): 0xffffffffffffffff\nGuest RFLAGS = 2h\n",
    ).dumps;
    expect(dump?.format).toBe("list");
    expect(
      ["guest.cr0", "guest.cr3", "guest.pat", "ctl.ev", "guest.link", "guest.rflags"].map((key) =>
        value(dump, key as FieldKey),
      ),
    ).toEqual(["0x80050033", "0x1000", "0x7040600070406", "0x80000b0e", "0xffffffffffffffff", "0x2"]);
    expect(messages(dump)).toEqual([]);
  });

  it("complain about unknown names, with near ones, and about ambiguous numbers", () => {
    const [dump] = readVmcs(
      "GUEST_CR0 = 0x1\nGUEST_CR3 = 0x1000\nGUEST_CR4 = 0x2000\nGUEST_RFLGS = 0x2\nGUEST_RSP = 4096\nGUEST_CR0 = 0x3\n",
    ).dumps;
    expect(dump?.diagnostics.find((item) => item.line === 4)).toMatchObject({
      message: "no VMCS field is called GUEST_RFLGS",
      expected: expect.stringContaining("GUEST_RFLAGS"),
    });
    expect(messages(dump)).toContain("5: 4096 could be decimal or hexadecimal; GUEST_RSP stays unknown");
    expect(messages(dump)).toContain("6: GUEST_CR0 has another value in line 1; the field stays unknown");
    expect(value(dump, "guest.cr0")).toBe("unknown");
  });

  it("join the halves of a 64-bit field", () => {
    const [dump] = readVmcs("0x2010: 0x44332211\n0x2011: 0x88776655\n0x6820: 0x2\n0x6800: 0x31\n").dumps;
    expect(value(dump, "ctl.tsc_offset")).toBe("0x8877665544332211");
  });

  it("read the list of HAXM", () => {
    const [dump] = readVmcs(
      "haxm_error: 4400 VMX_INSTRUCTION_ERROR: 7\nhaxm_error: 6800 GUEST_CR0: 80000031\nhaxm_error: 4822 GUEST_TR_AR: 8b\nhaxm_error: 2800 GUEST_VMCS_LINK_PTR: ffffffffffffffff\n",
    ).dumps;
    expect(dump?.format).toBe("haxm");
    expect(value(dump, "guest.tr.ar")).toBe("0x8b");
    expect(dump?.vmcs.reported).toEqual({ kind: "vmfail", error: 7 });
  });
});

describe("JSON", () => {
  it("takes names or encodings, with or without a wrapper, one or many", () => {
    const text =
      '{"name": "case 1", "fields": {"GUEST_CR0": "0x31", "0x6802": 4096, "GUEST_RIP": null}, "reported": 7}\n{"guest.rflags": "0x2"}\n';
    const { dumps, diagnostics } = readVmcs(text);
    expect(diagnostics).toEqual([]);
    expect(dumps.map((dump) => dump.name)).toEqual(["case 1", undefined]);
    expect(value(dumps[0], "guest.cr0")).toBe("0x31");
    expect(value(dumps[0], "guest.cr3")).toBe("0x1000");
    expect(value(dumps[0], "guest.rip")).toBe("unknown");
    expect(dumps[0]?.vmcs.reported).toEqual({ kind: "vmfail", error: 7 });
    expect(value(dumps[1], "guest.rflags")).toBe("0x2");
    expect(readVmcs('[{"GUEST_CR0": "0x1"}, {"GUEST_CR0": "0x2"}]').dumps.length).toBe(2);
  });

  it("complains about what it cannot take", () => {
    const [dump] = readVmcs('{"GUEST_TR_SELECTOR": "0x12345",\n "GUEST_CR9": "0x1",\n "GUEST_CR3": "much"}').dumps;
    expect(messages(dump)).toEqual([
      "1: the value is too wide for GUEST_TR_SELECTOR, which has 16 bits; the field stays unknown",
      "2: no VMCS field is called GUEST_CR9",
      "3: GUEST_CR3 is not a value; the field stays unknown",
    ]);
  });
});

describe("registers as the guest sees them", () => {
  const QEMU = `KVM: entry failed, hardware error 0x80000021
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000
RIP=0000000000401000 RFL=00000202 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0
ES =0000 0000000000000000 ffffffff 00c00000
CS =0033 0000000000000000 ffffffff 00a0fb00 DPL=3 CS64 [-RA]
SS =002b 0000000000000000 ffffffff 00c0f300 DPL=3 DS   [-WA]
TR =0040 fffffe0000003000 00004087 00008b00 DPL=0 TSS64-busy
GDT=     fffffe0000001000 0000007f
CR0=80050033 CR2=0000000000000000 CR3=0000000004442000 CR4=000006f0
EFER=0000000000000d01
`;

  it("of QEMU are part of the guest state, with the bits that the hypervisor hides unknown", () => {
    const [dump] = readVmcs(QEMU).dumps;
    expect(dump?.format).toBe("qemu");
    expect(value(dump, "guest.cs.ar")).toBe("0xa0fb");
    expect(value(dump, "guest.es.ar")).toBe("0x1c000");
    expect(value(dump, "guest.tr.base")).toBe("0xfffffe0000003000");
    expect(value(dump, "guest.cr4")).toMatch(/\?/);
    expect(value(dump, "ctl.pin")).toBe("unknown");
    expect(dump?.vmcs.reported).toEqual({ kind: "entry-failure", reason: 33 });
  });

  it("of QEMU are left out beside a kernel's dump", () => {
    expect(readVmcs(QEMU + LINUX).dumps.map((dump) => dump.format)).toEqual(["linux"]);
  });

  it("of VirtualBox are read as well", () => {
    const text = `00:00:10.1 Guest CPUM (VCPU 0) state:
00:00:10.1 rax=0000000000000000 rbx=0000000000000000 rcx=0000000000000000 rdx=0000000000000000
00:00:10.1 rip=0000000000401000 rsp=0000000000002000 rbp=0000000000000000 iopl=0
00:00:10.1 cs={0033 base=0000000000000000 limit=ffffffff flags=0000a0fb}
00:00:10.1 ss={002b base=0000000000000000 limit=ffffffff flags=0000c0f2}
00:00:10.1 cr0=0000000080050033 cr2=0000000000000000 cr3=0000000004442000 cr4=00000000000006f0
00:00:10.1 gdtr=fffffe0000001000:007f  idtr=fffffe0000000000:0fff  eflags=00000202
00:00:10.1 tr  ={0040 base=fffffe0000003000 limit=00000067 flags=0000008b}
`;
    const [dump] = readVmcs(text).dumps;
    expect(dump?.format).toBe("virtualbox");
    expect(value(dump, "guest.ss.ar")).toBe("0xc0f2");
    expect(value(dump, "guest.gdtr.limit")).toBe("0x7f");
    expect(value(dump, "guest.tr.sel")).toBe("0x40");
  });
});

describe("bad input", () => {
  it.each([
    ["nothing", ""],
    ["noise", "hello\nworld = 3\n"],
    ["a list of two fields", "GUEST_CR0 = 0x1\nGUEST_CR3 = 0x2\n"],
    ["an empty list in JSON", " [ ]\n"],
  ])("%s: says that there is no dump", (_, text) => {
    const { dumps, diagnostics } = readVmcs(text);
    expect(dumps).toEqual([]);
    expect(diagnostics[0]?.message).toBe("no VMCS dump found");
  });

  it("never throws on mutated dumps", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(LINUX.length - 1), fc.nat(12), fc.string({ maxLength: 6 })), { maxLength: 12 }),
        (cuts) => {
          let text = LINUX;
          for (const [at, length, insert] of cuts) text = text.slice(0, at) + insert + text.slice(at + length);
          const { dumps } = readVmcs(text);
          for (const dump of dumps)
            for (const field of dump.vmcs.fields.values()) expect(field.lo.value >>> 0).toBe(field.lo.value);
        },
      ),
      { numRuns: tries(200) },
    );
  });

  it("reads a stream in pieces of any size, dump by dump", () => {
    const text = LINUX.repeat(5);
    for (const size of [1, 7, 1000]) {
      const found: VmcsDump[] = [];
      const stream = vmcsStream((dump) => found.push(dump));
      for (let at = 0; at < text.length; at += size) stream.push(text.slice(at, at + size));
      expect(stream.end()).toEqual([]);
      expect(found.length).toBe(5);
      expect(found.every((dump) => value(dump, "ctl.vpid") === "0x1")).toBe(true);
    }
  });
});
