import { describe, expect, it } from "vitest";
import { type Msr, msrValue } from "../../src/host/msr.js";
import { auditJunit, auditReport, isBad } from "../../src/report/audit-report.js";
import { kernelRow } from "../../src/rules/kernels.js";
import { type AuditOptions, auditVmcs } from "../../src/vmcs/audit.js";
import type { VmcsDump } from "../../src/vmcs/dumps/dump.js";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { type FieldKey, fieldOf } from "../../src/vmcs/fields/fields.js";
import { proposeFix } from "../../src/vmcs/fix.js";
import type { Vmcs } from "../../src/vmcs/state.js";
import { known64 } from "../../src/vmcs/value64.js";
import { runMutations } from "../oracles/vmcs/vmcs-mutations.js";

/** A 64-bit guest under a 64-bit host that passes every check, as far as the manual alone says. */
const GOOD: { readonly [K in FieldKey]?: number | readonly [hi: number, lo: number] } = {
  "ctl.pin": 0x3f,
  "ctl.proc": 0xb5986dfa,
  "ctl.proc2": 0xaa,
  "ctl.exit": 0x36fff,
  "ctl.entry": 0xd3ff,
  "ctl.ev": 0,
  "ctl.eptp": 0x1ec9505e,
  "ctl.vpid": 1,
  "guest.cr0": 0x80050033,
  "guest.cr3": 0x1000,
  "guest.cr4": 0x2020,
  "guest.efer": 0x500,
  "guest.rflags": 2,
  "guest.rip": 0x1000,
  "guest.interruptibility": 0,
  "guest.activity": 0,
  "guest.pending_dbg": 0,
  "guest.debugctl": 0,
  "guest.dr7": 0x400,
  "guest.link": [0xffff_ffff, 0xffff_ffff],
  "guest.ldtr.ar": 0x10000,
  "guest.tr.ar": 0x8b,
  "guest.tr.limit": 0x67,
  "host.cr0": 0x80050033,
  "host.cr4": 0x2020,
  "host.cs.sel": 0x10,
  "host.tr.sel": 0x40,
  "host.rip": [0xffff_ffff, 0x8100_0000],
  "host.efer": 0xd01,
};

/** Segments of virtual-8086 mode. */
const V86_SEGMENTS: typeof GOOD = Object.fromEntries(
  ["es", "cs", "ss", "ds", "fs", "gs"].flatMap((name) => [
    [`guest.${name}.ar`, 0xf3],
    [`guest.${name}.limit`, 0xffff],
  ]),
);

function vmcsOf(changes: typeof GOOD = {}): Vmcs {
  const values: { [key: string]: number | readonly [hi: number, lo: number] } = { ...GOOD };
  for (const segment of ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"]) {
    for (const part of ["sel", "limit", "base"])
      values[`guest.${segment}.${part}`] ??= part === "limit" ? 0xffff_ffff : 0;
    values[`guest.${segment}.ar`] ??= segment === "cs" ? 0xa09b : 0xc093;
  }
  values["guest.tr.sel"] = 0x40;
  Object.assign(values, changes);
  return {
    fields: new Map(
      Object.entries(values).map(([key, value]) => [
        fieldOf(key as FieldKey).encoding,
        known64(
          typeof value === "number" ? { lo: value >>> 0, hi: 0 } : { lo: value[1] as number, hi: value[0] as number },
        ),
      ]),
    ),
  };
}

const audit = (changes: typeof GOOD = {}, options: AuditOptions = {}) => auditVmcs(vmcsOf(changes), undefined, options);
const dumpOf = (vmcs: Vmcs): VmcsDump => ({ vmcs, format: "list", lines: [1, 9], diagnostics: [] });
const guestState = { kind: "entry-failure", reason: 33 } as const;
const qualified = (lo: number) => ({ ...guestState, qualification: { lo, hi: 0 } });

describe("the verdict", () => {
  it("depends on what is known: next to nothing is not enough, and never green", () => {
    const text = '{"GUEST_RFLAGS": "0x2"}';
    const [dump] = readVmcs(text).dumps;
    const result = auditVmcs(dump?.vmcs as Vmcs);
    expect(result.verdict).toBe("not-enough");
    expect(result.headline).toContain("1 of the 50 fields that decide a VM entry is known");
    expect(result.headline).toContain("Print PIN_BASED_VM_EXEC_CONTROL, CPU_BASED_VM_EXEC_CONTROL");
    expect(isBad(result)).toBe(true);
    const junit = auditJunit("x.json", [{ dump: dump as VmcsDump, result }]);
    expect(junit).toContain('errors="1"');
    expect(junit).toContain('<error type="not-enough"');
    const head = audit({}, { reported: { kind: "other", reason: 48 } });
    expect(head.verdict).toBe("valid");
    expect(isBad(head)).toBe(false);
  });

  it("of a whole VMCS in which nothing fails is that nothing was found", () => {
    const result = audit();
    expect(result.findings.map(({ check }) => check.id)).toEqual([]);
    expect(result.coverage.missing).toEqual([]);
    expect(result.verdict).toBe("nothing-found");
  });

  it("speaks of the CPU that makes the difference: an error code of #UD", () => {
    const result = audit({ "ctl.ev": 0x80000b06 });
    expect(result.conditional.map(({ check }) => check.id)).toEqual(["ctl.entry.event.errcode.forbidden_vector"]);
    expect(result.headline).toContain("on a CPU without IA32_VMX_BASIC bit 56");
    expect(result.headline).toContain("VM-instruction error 7");
    expect(isBad(result)).toBe(true);
  });

  it("says what AMD's number and an error without a number mean", () => {
    expect(audit({}, { reported: { kind: "vmrun" } })).toMatchObject({ verdict: "no-vmx" });
    const none = audit({}, { reported: { kind: "no-number" } });
    expect(none.verdict).toBe("unexplained");
    expect(none.headline).toContain("a rule of the outer hypervisor");
  });
});

describe("host RIP on a CPU with 5-level paging", () => {
  const core = {
    coreTypes: [],
    msrs: new Map<number, Msr>([[0x483, msrValue({ hi: 0xffff_ffff, lo: 0 })]]),
    cpuid: { features: { la57: true }, physAddrBits: 46, linAddrBits: 57 },
  };
  const changes = { "host.rip": [0xff45_4545, 0], "host.cr4": 0x2620 } as const;
  const ids = (options: AuditOptions) =>
    auditVmcs(vmcsOf(changes), core, options)
      .findings.map(({ check }) => check.id)
      .filter((id) => id.includes("host.rip"));

  it("is canonical to 57 bits whatever HOST_CR4.LA57 is: the SDM says what the CPU implements", () => {
    expect(ids({})).toEqual([]);
  });

  it("goes by HOST_CR4.LA57 under nested KVM since 6.18", () => {
    expect(ids({ on: { name: "kvm", kernels: [kernelRow("6.18")] } })).toEqual(["kvm.host.rip.canonical"]);
  });
});

describe("elimination", () => {
  it.each([
    ["error 26", { kind: "vmfail", error: 26 }, "basic.movss_blocking"],
    ["error 5", { kind: "vmfail", error: 5 }, "basic.vmresume_not_launched"],
    ["error 4", { kind: "vmfail", error: 4 }, "basic.vmlaunch_not_clear"],
  ] as const)("%s leaves one check, which is the cause", (_, reported, id) => {
    const result = audit({}, { reported });
    expect(result.verdict).toBe("deduced");
    expect(result.suspects.map(({ check }) => check.id)).toEqual([id]);
    expect(result.headline).toContain(id);
    expect(isBad(result)).toBe(true);
  });

  it("qualification 2 under PAE paging without EPT means the entries in memory", () => {
    const result = audit(
      { "ctl.entry": 0xd1ff, "ctl.proc2": 0x8, "guest.efer": 0, "guest.cs.ar": 0xc09b },
      { reported: qualified(2) },
    );
    expect(result.suspects.map(({ check }) => check.id)).toEqual(["guest.pdpte.memory"]);
    expect(result.verdict).toBe("deduced");
    expect(result.collect.filter(({ input }) => input.includes("pdpte")).length).toBe(1);
  });

  it("qualification 4 leaves what the link pointer names", () => {
    const result = audit({ "guest.link": 0x1000 }, { reported: qualified(4) });
    expect(result.verdict).toBe("unexplained");
    expect(result.headline).toMatch(/It is one of guest\.link\.[a-z_]+, guest\.link\./);
  });

  it("names a contradiction where every check of the reported kind passes", () => {
    const result = audit({}, { reported: { kind: "vmfail", error: 26 }, state: { movSsBlocking: false } });
    expect(result.verdict).toBe("unexplained");
    expect(result.headline).toContain("do not belong together");
  });

  it("shows the MSR-load entry that the qualification counts", () => {
    const vmcs: Vmcs = {
      ...vmcsOf(),
      msrLoad: [
        { index: 0x10, reserved: 0, value: { lo: 1, hi: 0 } },
        { index: 0x3f1, reserved: 0, value: { lo: 7, hi: 0 } },
      ],
    };
    const result = auditVmcs(vmcs, undefined, {
      reported: { kind: "entry-failure", reason: 34, qualification: { lo: 2, hi: 0 } },
    });
    expect(result.entry).toMatchObject({ number: 2, index: 0x3f1 });
    expect(result.verdict).toBe("deduced");
    expect(result.suspects.map(({ check }) => check.id)).toEqual(["msrload.wrmsr_fault"]);
  });
});

describe("groups", () => {
  it("name one cause for the checks that follow from it", () => {
    const result = audit({ "guest.rflags": 0x20002 }, { reported: qualified(0) });
    expect(result.findings.length).toBeGreaterThan(10);
    expect(result.groups.length).toBe(1);
    expect(result.groups[0]).toMatchObject({ primary: { id: "guest.rflags.vm" } });
    expect(result.headline).toMatch(/^RFLAGS\.VM is set in a 64-bit guest: /);
    expect(result.failing?.check.id).toBe("guest.rflags.vm");
    const lines = auditReport({ dump: dumpOf(vmcsOf()), result }, "some CPU", 100);
    const all = auditReport({ dump: dumpOf(vmcsOf()), result }, "some CPU", 100, { all: true });
    expect(lines.length).toBeLessThan(45);
    expect(all.length).toBeGreaterThan(3 * lines.length);
  });

  it("say every fact once", () => {
    const result = audit({ "guest.rflags": 0 });
    const text = auditReport({ dump: dumpOf(vmcsOf()), result }, "some CPU", 100)
      .map((line) => line.map((piece) => piece.text).join(""))
      .join("\n");
    expect(text.match(/0x0 becomes 0x2/g)?.length).toBe(1);
  });

  it("prefer what fits the report", () => {
    const result = audit({ "guest.rflags": 0, "ctl.ev": 0x80000120 }, { reported: { kind: "vmfail", error: 7 } });
    expect(result.groups[0]?.primary.id).toMatch(/^ctl\.entry\.event/);
    expect(result.groups.map(({ primary }) => primary.id)).toContain("guest.rflags.bit1");
  });

  it.each([
    [
      "a selector, where the base is one of virtual-8086 mode",
      {
        "ctl.entry": 0xd1ff,
        "guest.efer": 0x100,
        "guest.rflags": 0x20002,
        ...V86_SEGMENTS,
        "guest.ds.sel": 0x1234,
        "guest.ds.base": 0x56780,
      },
      "guest.v86.ds.base",
      "GUEST_DS_SELECTOR",
    ],
    [
      "a selector that asks for less privilege than its segment and the processor have",
      { "guest.ds.sel": 0x13, "ctl.proc2": 0x2a },
      "guest.ds.dpl",
      "GUEST_DS_SELECTOR",
    ],
    [
      "a count that no CPU advises, not the address beside it",
      { "ctl.exit_msr_load_count": 0x8000000, "ctl.exit_msr_load_addr": [0xfe25dc, 0x3f2dbec5] },
      "ctl.exit.msr_load.align",
      "VM_EXIT_MSR_LOAD_COUNT",
    ],
    [
      "a value that no VMCS may hold before those that contradict each other",
      { "guest.rflags": 0, "guest.cs.ar": 0xa0fb },
      "guest.rflags.bit1",
      "GUEST_RFLAGS",
    ],
  ] as const)("name %s", (_, changes, id, field) => {
    const { groups } = audit(changes);
    const group = groups.find(({ checks }) => checks.includes(id));
    expect(group?.change?.fields.map(({ name }) => name)).toEqual([field]);
    if (id === "guest.rflags.bit1") expect(groups[0]).toBe(group);
  });

  it("name the field that was broken, in a stated sample of broken states", () => {
    const { broken, named, spoken } = runMutations(150, 15);
    expect(broken).toBe(150);
    expect(spoken / broken).toBeGreaterThanOrEqual(0.95);
    expect(named / broken).toBeGreaterThanOrEqual(0.95);
  });
});

describe("the first proposal is the published fix", () => {
  it.each([
    [
      "intel/haxm#233, KVM's SMM series: clear the shadow",
      { "guest.interruptibility": 1 },
      ["GUEST_INTERRUPTIBILITY_INFO 0x1 0x0"],
    ],
    [
      "moby/hyperkit#226: leave IA-32e mode with the guest",
      { "guest.cr0": 0x33, "ctl.proc": 0xb5986dfa, "ctl.proc2": 0xaa },
      ["VM_ENTRY_CONTROLS 0xd3ff 0xd1ff", "GUEST_IA32_EFER 0x500 0x100"],
    ],
    [
      "XSA-308: set BS",
      { "guest.rflags": 0x102, "guest.interruptibility": 2 },
      ["GUEST_PENDING_DBG_EXCEPTIONS 0x0 0x4000"],
    ],
    [
      "Xen: deliver the error code of #GP",
      { "ctl.ev": 0x8000030d },
      ["VM_ENTRY_INTR_INFO_FIELD 0x8000030d 0x80000b0d"],
    ],
    [
      "dosemu2: set the accessed bits",
      { "guest.ds.ar": 0xc0f2, "guest.es.ar": 0xc0f2 },
      ["GUEST_DS_AR_BYTES 0xc0f2 0xc0f3", "GUEST_ES_AR_BYTES 0xc0f2 0xc0f3"],
    ],
    ["virtual-8086 flags in a 64-bit guest", { "guest.rflags": 0x20002 }, ["GUEST_RFLAGS 0x20002 0x2"]],
  ] as const)("%s", (_, changes, wanted) => {
    const fix = proposeFix(vmcsOf(changes), undefined, { state: { anyErrorCode: false } });
    expect(fix?.changes.map(({ name, from, to }) => `${name} ${from} ${to}`)).toEqual(wanted);
    expect(fix?.left).toEqual([]);
    const [group] = audit(changes, { state: { anyErrorCode: false } }).groups;
    expect(group?.change?.fields[0]?.to).toBe(fix?.changes[0]?.to);
  });

  it("never among alternatives that another check refuses", () => {
    const result = audit({ "ctl.ev": 0x80000b06 }, { state: { anyErrorCode: false } });
    const texts = result.findings.flatMap(({ changes }) => changes.map(({ text }) => text));
    expect(texts.some((text) => /clear bit [89] of VM_ENTRY_INTR_INFO/.test(text))).toBe(false);
    expect(texts[0]).toContain("clear bit 11 of VM_ENTRY_INTR_INFO_FIELD");
  });
});
