import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseHexU64, type U64 } from "../../src/bits/u64.js";
import type { CoreGroup } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../src/host/msr.js";
import { auditVmcs } from "../../src/vmcs/audit.js";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { fieldOf } from "../../src/vmcs/fields/fields.js";
import { auditWith, proposeFix, withFields } from "../../src/vmcs/fix.js";
import type { Vmcs } from "../../src/vmcs/state.js";
import { known64, small64 } from "../../src/vmcs/value64.js";
import { CAPTURES, captureFiles, coreOf, haveShared, partsOf, SAMPLES } from "./captures-at-hand.js";

const captured = JSON.parse(readFileSync(new URL("./captures.json", import.meta.url), "utf8")) as {
  readonly msrs: { readonly [index: string]: string };
  readonly physAddrBits: number;
  readonly linAddrBits: number;
  readonly dumps: readonly Captured[];
};

const hex = (text: string): U64 => parseHexU64(text) as U64;

const core: CoreGroup = {
  coreTypes: [],
  msrs: new Map<number, Msr>(
    Object.entries(captured.msrs).map(([index, value]) => [
      Number(index),
      value === "absent" ? ABSENT : msrValue(hex(value)),
    ]),
  ),
  cpuid: {
    features: { nx: true, sgx: false, la57: false },
    physAddrBits: captured.physAddrBits,
    linAddrBits: captured.linAddrBits,
  },
};

interface Captured {
  readonly name: string;
  readonly reported: number | string;
  readonly fails: readonly string[];
  readonly fields: { readonly [encoding: string]: string };
}

function vmcsOf(dump: Captured): Vmcs {
  const fields = new Map(
    Object.entries(dump.fields).map(([encoding, value]) => [Number.parseInt(encoding, 16), known64(hex(value))]),
  );
  const reported =
    typeof dump.reported === "number"
      ? ({ kind: "vmfail", error: dump.reported } as const)
      : ({ kind: "entry-failure", reason: 33, qualification: { lo: 0, hi: 0 } } as const);
  return { fields, reported };
}

const { dumps } = captured;
const capturedAs = (name: string): Vmcs => vmcsOf(dumps.find((dump) => dump.name === name) as Captured);

describe("dumps of states that were broken on purpose", () => {
  it.each(dumps.map((dump) => [dump.name, dump] as const))("%s: names what was broken and nothing else", (_, dump) => {
    const audit = auditVmcs(vmcsOf(dump), core);
    expect(audit.findings.map((finding) => finding.check.id)).toEqual(dump.fails);
    expect(audit.verdict).toBe("invalid");
    expect(audit.findings.every((finding) => finding.fitsReport === "yes")).toBe(true);
    expect(audit.failing?.check.id).toBe(dump.fails[0]);
  });

  it.each(dumps.map((dump) => [dump.name, dump] as const))(
    "%s: the proposed fix passes, and changes one field",
    (_, dump) => {
      const fix = proposeFix(vmcsOf(dump), core);
      expect(fix?.left).toEqual([]);
      expect(fix?.changes.length).toBe(1);
      expect(fix?.changes[0]?.because.length).toBeGreaterThan(0);
      expect(auditVmcs(fix?.vmcs as Vmcs, core).findings).toEqual([]);
    },
  );

  it.each(dumps.map((dump) => [dump.name, dump] as const))(
    "%s: does not fail when the fix is applied and the report is of something else",
    (_, dump) => {
      const fixed = (proposeFix(vmcsOf(dump), core) as { vmcs: Vmcs }).vmcs;
      const audit = auditVmcs(fixed, core, { reported: { kind: "other", reason: 48 } });
      expect(["valid", "nothing-found"]).toContain(audit.verdict);
    },
  );

  it("asks for what is missing without a CPU, and finds the same where no CPU is needed", () => {
    const audit = auditVmcs(capturedAs("noug cs_type"));
    expect(audit.findings.map((finding) => finding.check.id)).toEqual(["guest.cs.type"]);
    expect(audit.collect.map((item) => item.input)).toContain("msr:487");
    const fixed0 = audit.undecided.find((item) => item.check.id === "guest.cr0.fixed0");
    expect(fixed0?.missing).toEqual(["msr:486"]);
  });

  it("uses agreed capabilities where the CPU is not known, and says so", () => {
    const audit = auditVmcs(capturedAs("noug cs_type"), undefined, { agreedCaps: core });
    expect(audit.agreed).toContain("guest.cr0.fixed0");
    expect(audit.undecided.map((item) => item.check.id)).not.toContain("guest.cr0.fixed0");
  });
});

describe("what if", () => {
  it("re-runs with other values", () => {
    const vmcs = capturedAs("ug cs_type");
    expect(auditWith(vmcs, [[fieldOf("guest.cs.ar"), small64(0xc09b)]], core).findings).toEqual([]);
    expect(() => withFields(vmcs, [[fieldOf("guest.cs.sel"), small64(0x1_0000)]])).toThrow(RangeError);
  });

  it("moves control words into what the capability MSRs allow", () => {
    const vmcs = withFields(capturedAs("ug cs_type"), [
      [fieldOf("guest.cs.ar"), small64(0xc09b)],
      [fieldOf("ctl.pin"), small64(0x8000_0000)],
    ]);
    const fix = proposeFix(vmcs, core);
    const pin = fix?.changes.find((change) => change.name === "PIN_BASED_VM_EXEC_CONTROL");
    expect(pin?.to).toBe("0x16");
    expect(pin?.because).toEqual(["ctl.pin.reserved.allowed0", "ctl.pin.reserved.allowed1"]);
  });

  it("has nothing to propose for a valid state", () => {
    const fixed = proposeFix(capturedAs("ug cs_type"), core);
    expect(proposeFix(fixed?.vmcs as Vmcs, core)).toBeUndefined();
  });
});

/** Decisive lines of public dumps, typed again; the numbers are theirs. */
const EXCERPTS: readonly { readonly name: string; readonly fails: readonly string[]; readonly text: string }[] = [
  {
    name: "accessed bit clear in DS and ES",
    fails: ["guest.ds.type.accessed", "guest.es.type.accessed"],
    text: `[70.1] *** Guest State ***
[70.2] CR0: actual=0x0000000080000031,
shadow=0x00000000e0000031, gh_mask=fffffffffffffff7
[70.3] RFLAGS=0x00080202         DR7 = 0x0000000000000400
[70.4] CS:   sel=0x0097, attr=0x040fb, limit=0x000001a0,
base=0x0000000002110000
[70.5] DS:   sel=0x00f7, attr=0x0c0f2, limit=0xffffffff,
base=0x0000000000000000
[70.6] SS:   sel=0x009f, attr=0x040f3, limit=0x0000efff, base=0x0000000002111000
[70.7] ES:   sel=0x00f7, attr=0x0c0f2, limit=0xffffffff, base=0x0000000000000000
[70.8] FS:   sel=0x0000, attr=0x10000, limit=0x00000000, base=0x0000000000000000
[70.9] *** Control State ***
[71.0] PinBased=0000007f CPUBased=b5986dfa SecondaryExec=00002c6a
[71.1] EntryControls=0000d1ff ExitControls=002befff
[71.2]         reason=80000021 qualification=0000000000000000`,
  },
  {
    name: "blocking by STI without IF on an entry to SMM",
    fails: ["guest.interruptibility.sti_requires_if"],
    text: `Jun 24 17:25:51 host kernel: *** Guest State ***
Jun 24 17:25:51 host kernel: CR0: actual=0x0000000000050032, shadow=0x0000000000050032, gh_mask=fffffffffffffff7
Jun 24 17:25:51 host kernel: CR4: actual=0x0000000000002040, shadow=0x0000000000000000, gh_mask=fffffffffffef871
Jun 24 17:25:51 host kernel: PDPTR0 = 0x0000003300050011  PDPTR1 = 0x0000000000000000
Jun 24 17:25:51 host kernel: RFLAGS=0x00000002         DR7 = 0x0000000000000400
Jun 24 17:25:51 host kernel: Interruptibility = 00000009  ActivityState = 00000000
Jun 24 17:25:51 host kernel: *** Control State ***
Jun 24 17:25:51 host kernel: PinBased=000000ff CPUBased=b5a06dfa SecondaryExec=000007eb
Jun 24 17:25:51 host kernel: EntryControls=0000d1ff ExitControls=002befff
Jun 24 17:25:51 host kernel:         reason=80000021 qualification=0000000000000000
Jun 24 17:25:51 host QEMU[2997]: KVM: entry failed, hardware error 0x80000021
Jun 24 17:25:51 host QEMU[2997]: EIP=00008000 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=1 HLT=0`,
  },
  {
    name: "a shadow-stack pointer above 4 GiB in real mode",
    fails: ["guest.ssp.hi32"],
    text: `*** Guest State ***
CS:   sel=0xf000, attr=0x0009b, limit=0x0000ffff, base=0x00000000ffff0000
S_CET = 0x0000000000000000
SSP = 0x00007fc1727fdfd0
SSP TABLE = 0x0000000000000000
*** Control State ***
EntryControls=0010d1ff ExitControls=102befff
        reason=80000021 qualification=0000000000000000
Virtual processor ID = 0x0001
S_CET = 0x0000000000000000
SSP = 0x0000000000000000
SSP TABLE = 0x0000000000000000`,
  },
  {
    name: "Xen: a pending single step under blocking by MOV SS",
    fails: ["guest.pending_dbg.bs_required"],
    text: `(XEN) [2019-11-02 14:09:46] d2v0 vmentry failure (reason 0x80000021):
Invalid guest state (0)
(XEN) [2019-11-02 14:09:46] *** Guest State ***
(XEN) [2019-11-02 14:09:46] RFLAGS=0x00000187 (0x00000187)  DR7 =
0x0000000000000400
(XEN) [2019-11-02 14:09:46] DebugCtl = 0x0000000000000000
DebugExceptions = 0x0000000000000000
(XEN) [2019-11-02 14:09:46] Interruptibility = 00000002  ActivityState
= 00000000
(XEN) [2019-11-02 14:09:46] *** Control State ***
(XEN) [2019-11-02 14:09:46] VMEntry: intr_info=80000501
errcode=00000000 ilen=00000001
(XEN) [2019-11-02 14:09:46]         reason=80000021
qualification=0000000000000000`,
  },
  {
    name: "Xen: #GP without its error code",
    fails: ["ctl.entry.event.errcode.required"],
    text: `(XEN) d2v0 VMLAUNCH error: 0x7
(XEN) *** Guest State ***
(XEN) CR0: actual=0x0000000080050033, shadow=0x0000000060000010, gh_mask=ffffffffffffffff
(XEN) CR4: actual=0x0000000000002050, shadow=0x0000000000000000, gh_mask=fffffffffffff871
(XEN) *** Host State ***
(XEN) CR0=0000000080050033 CR3=000000201bc45000 CR4=00000000003526e0
(XEN) *** Control State ***
(XEN) PinBased=0000003f CPUBased=b6a1edfa SecondaryExec=000214eb
(XEN) EntryControls=000011ff ExitControls=002fefff
(XEN) VMEntry: intr_info=8000030d errcode=00000000 ilen=00000000
(XEN)         reason=00000030 qualification=0000000000000181`,
  },
];

describe("public dumps", () => {
  it.each(EXCERPTS.map((excerpt) => [excerpt.name, excerpt] as const))("%s", (_, { text, fails }) => {
    const [dump] = readVmcs(text).dumps;
    const audit = auditVmcs(dump?.vmcs as Vmcs);
    expect(audit.findings.map((finding) => finding.check.id)).toEqual(fails);
    expect(audit.failing?.fitsReport).toBe("yes");
    expect(audit.failing?.paragraph).toContain("To change: ");
  });

  const expected: { readonly [file: string]: readonly string[] } = {
    "kvm-dosemu2-ds-accessed-2021.txt": ["guest.ds.type.accessed", "guest.es.type.accessed"],
    "kvm-proxmox-smm-sti-2022.txt": ["guest.interruptibility.sti_requires_if"],
    "kvm-cet-stale-ssp-2021.txt": ["guest.ssp.hi32"],
    "xen-nested-vmlaunch7-2019.txt": ["ctl.entry.event.errcode.required"],
    "xen-icebp-movss-2019.txt": ["guest.pending_dbg.bs_required"],
    "kvm-hwerr0-kcsan-2020.txt": [],
    "kvm-ve-test-2024.txt": [],
    "kvm-valid-6x-martins3.txt": [],
    "kvm-syzbot-2017.txt": [],
  };

  it.skipIf(!haveShared)("whole (needs ../shared)", () => {
    for (const file of readdirSync(SAMPLES).filter((name) => name.endsWith(".txt"))) {
      const { dumps: found, diagnostics } = readVmcs(readFileSync(path.join(SAMPLES, file), "utf8"), file);
      expect(found.length, file).toBe(1);
      expect(
        [...diagnostics, ...(found[0]?.diagnostics ?? [])].map((item) => item.message),
        file,
      ).toEqual([]);
      const audit = auditVmcs(found[0]?.vmcs as Vmcs);
      expect(
        audit.findings.map((finding) => finding.check.id),
        file,
      ).toEqual(expected[file]);
    }
  });

  it.skipIf(!haveShared)("captures (needs ../shared)", () => {
    expect(CAPTURES).not.toBe("");
    let seen = 0;
    for (const file of captureFiles()) {
      const parts = partsOf(file);
      for (const [name, text] of parts) {
        const match = /^dmesg-kvmbad (\w+ \w+)$/.exec(name);
        if (match === null) continue;
        const { dumps: found } = readVmcs(text + (parts.get(name.slice(6)) ?? ""));
        const wanted = dumps.find((dump) => dump.name === match[1]);
        expect(found.length, name).toBe(wanted === undefined ? 0 : 1);
        if (wanted === undefined || found[0] === undefined) continue;
        seen++;
        expect(found[0].diagnostics, name).toEqual([]);
        expect(
          auditVmcs(found[0].vmcs, coreOf(parts)).findings.map((finding) => finding.check.id),
          name,
        ).toEqual(wanted.fails);
      }
    }
    expect(seen).toBe(dumps.length);
  });
});

describe("a report", () => {
  const vmcs = capturedAs("ug cs_type");

  it("that does not fit the failing check is said not to", () => {
    const audit = auditVmcs(vmcs, core, { reported: { kind: "vmfail", error: 7 } });
    expect(audit.failing).toBeUndefined();
    expect(audit.findings[0]?.fitsReport).toBe("no");
    expect(audit.headline).toContain("does not explain it");
  });

  it("of a qualification other than the check's does not fit either", () => {
    const audit = auditVmcs(vmcs, core, {
      reported: { kind: "entry-failure", reason: 33, qualification: { lo: 4, hi: 0 } },
    });
    expect(audit.findings[0]?.fitsReport).toBe("no");
  });

  it("without a failing check leaves the failure unexplained", () => {
    const good = proposeFix(vmcs, core)?.vmcs as Vmcs;
    expect(auditVmcs(good, core, { reported: { kind: "entry-failure", reason: 33 } }).verdict).toBe("unexplained");
  });
});

describe("fields that the CPU does not check", () => {
  it("never give a finding", () => {
    const good = proposeFix(capturedAs("ug cs_type"), core)?.vmcs as Vmcs;
    const garbage = { lo: 0xdead_beef, hi: 0xdead_beef };
    for (const key of [
      "guest.pdpte0",
      "guest.pdpte3",
      "guest.rsp",
      "host.rsp",
      "ctl.apic_access",
      "ctl.virtual_apic",
      "ctl.pml",
      "ctl.io_bitmap_a",
      "ctl.cr3_target0",
      "ctl.cr0_shadow",
      "info.exit_ev",
      "host.perf_global_ctrl",
      "guest.s_cet",
      "guest.bndcfgs",
    ] as const) {
      const row = fieldOf(key);
      const wide = row.encoding >> 13 === 2 ? { lo: garbage.lo, hi: 0 } : garbage;
      expect(
        auditWith(good, [[row, known64(wide)]], core).findings.map((finding) => finding.check.id),
        key,
      ).toEqual([]);
    }
    // An unusable segment may hold anything but the bases of FS and GS.
    const unusable = auditWith(
      good,
      [
        [fieldOf("guest.ds.ar"), small64(0x1_ffff)],
        [fieldOf("guest.ds.limit"), small64(0x1234_5678)],
        [fieldOf("guest.ds.base"), known64(garbage)],
      ],
      core,
    );
    expect(unusable.findings).toEqual([]);
    expect(
      auditWith(
        good,
        [
          [fieldOf("guest.fs.ar"), small64(0x1_0000)],
          [fieldOf("guest.fs.base"), known64(garbage)],
        ],
        core,
      ).findings.map((finding) => finding.check.id),
    ).toEqual(["guest.fs.base.canonical"]);
  });
});
