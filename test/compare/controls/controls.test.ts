import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { siliconSet } from "../../../src/compare/capability-set.js";
import { ADVICE, CHOICE_CHECKS } from "../../../src/compare/controls/control-checks.js";
import { readWanted, type WantedControl } from "../../../src/compare/controls/control-names.js";
import { type ChosenControls, chooseControls } from "../../../src/compare/controls/controls.js";
import type { Host } from "../../../src/host/host.js";
import { knownValue, type Msr } from "../../../src/host/msr.js";
import { atlas, entryHost } from "../../../src/input/atlas/atlas.js";
import { runControls } from "../../../src/report/compare/controls-report.js";
import { CONTROL_WORDS, type ControlName, type ControlWordName } from "../../../src/vmcs/fields/control-bits.js";
import { exact, format64 } from "../../../src/vmcs/value64.js";
import { tries } from "../../deep.js";
import { byCode, ready, SKYLAKE, subject } from "../hosts/hosts.js";

const choose = (host: Host, text: string, longMode = true): ChosenControls => {
  const { wants, problems } = readWanted([{ text }]);
  expect(problems).toEqual([]);
  return chooseControls([siliconSet("cpu", host.cores[0])], wants, { longMode });
};
const wordOf = (chosen: ChosenControls, name: ControlWordName) => {
  const found = chosen.words.find(({ word }) => word.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const valueIn = (chosen: ChosenControls, name: ControlWordName) => format64(wordOf(chosen, name).value);
const errors = ({ findings }: ChosenControls) => findings.filter((row) => row.kind === "error").map(({ id }) => id);
const BASE = "host address-space size, external-interrupt exiting, NMI exiting, tpr-shadow";
const ALL: readonly ControlName[] = Object.values(CONTROL_WORDS).flatMap(({ name, bits }) =>
  bits.map((row) => `${name}.${row.key}` as ControlName),
);

describe("the checks of a choice", () => {
  it("are those of VM entry that controls alone decide", () => {
    const ids = CHOICE_CHECKS.map(({ id }) => id);
    for (const id of [
      "ctl.ept_required.unrestricted_guest",
      "ctl.posted.requires_vid",
      "ctl.posted.requires_ack_on_exit",
      "ctl.apicv.vid_requires_extint_exiting",
      "ctl.apicv.vid_requires_tpr_shadow",
      "ctl.apicv.x2apic_excludes_apic_access",
      "ctl.nmi.virtual_requires_exiting",
      "ctl.nmi.window_requires_virtual",
      "ctl.ept_required.pml",
      "ctl.ept_required.mbec",
      "ctl.ept_required.spp",
      "ctl.exit.save_preemption_requires_timer",
      "addr.host_size.inside_ia32e",
    ]) {
      expect(ids).toContain(id);
    }
    expect(ids.length).toBe(34);
    const advice = ADVICE.map(({ id }) => id);
    expect(advice).toEqual([...new Set(advice)]);
  });
});

describe("chooseControls", () => {
  it("names the controls that a failed check asks for", () => {
    const { findings } = choose(SKYLAKE, "posted-intr");
    expect(findings.filter(({ kind }) => kind === "error").map(({ add }) => add)).toEqual([
      ["proc2.VIRT_INTR_DELIVERY"],
      ["exit.ACK_INTR_ON_EXIT"],
      ["exit.HOST_ADDR_SPACE_SIZE"],
    ]);
  });

  it("adjusts by the TRUE registers, and activates the words that it needs", () => {
    const chosen = choose(SKYLAKE, `${BASE}, ept, unrestricted guest, VPID?, pml?, vmx-cr3-load-noexit`);
    expect(chosen).toMatchObject({ verdict: "yes", unmet: [], dropped: [] });
    expect(errors(chosen)).toEqual([]);
    // TRUE registers of the i9-7900X: 0x16, 0x4006172, 0x36dfb, 0x11fb.
    expect(valueIn(chosen, "pin")).toBe("0x1f");
    expect(valueIn(chosen, "proc")).toBe("0x84206172");
    expect(valueIn(chosen, "proc2")).toBe("0xa2");
    expect(valueIn(chosen, "exit")).toBe("0x36ffb");
    expect(valueIn(chosen, "entry")).toBe("0x11fb");
    expect(wordOf(chosen, "pin").register.sdm).toBe("IA32_VMX_TRUE_PINBASED_CTLS");
    expect(wordOf(chosen, "proc").bits.find(({ bit }) => bit === 31)?.why).toBe("implied");
    expect(wordOf(chosen, "proc2")).toMatchObject({ inUse: "yes", required: { lo: 0x82 }, optional: { lo: 0x2_0020 } });
    expect(wordOf(chosen, "proc3").inUse).toBe("no");
    // An i9 without page-modification logging.
    expect(chosen.without.map(({ control, certain }) => [control.name, certain])).toEqual([
      ["proc2.PAGE_MOD_LOGGING", true],
    ]);
    expect(
      chosen.fixed.map(({ hostMust1, guestMust1, must0 }) => [hostMust1, guestMust1, must0].map(format64)),
    ).toEqual([
      ["0x80000021", "0x20", "0xffffffff00000000"],
      ["0x2000", "0x2000", "0xffffffffffc8d800"],
    ]);
  });

  it("says what an old CPU forces and lacks", () => {
    // Core 2 of 2006: no TRUE registers, no EPT.
    const old = byCode("Conroe");
    const chosen = choose(old, `${BASE}, CR3-load exiting, -CR3-store exiting, ept?, unrestricted guest?, VPID`);
    expect(chosen.verdict).toBe("no");
    expect(wordOf(chosen, "proc").register.sdm).toBe("IA32_VMX_PROCBASED_CTLS");
    expect(chosen.unmet.map(({ control, wish, certain, text }) => [control.name, wish, certain, text])).toEqual([
      ["proc.CR3_STORE_EXITING", "off", true, "CR3-store exiting has to be 1"],
      ["proc2.VPID", "required", true, "enable VPID cannot be 1"],
    ]);
    expect(chosen.without.map(({ control }) => control.name)).toEqual(["proc2.EPT", "proc2.UNRESTRICTED_GUEST"]);
    expect(valueIn(chosen, "proc2")).toBe("0x0");
    expect(chosen.fixed[0]?.guestMust1).toEqual(chosen.fixed[0]?.hostMust1);
  });

  it("finds the dependencies that VM entry checks", () => {
    const found = (text: string) => errors(choose(SKYLAKE, `${BASE}, ${text}`));
    expect(found("unrestricted guest")).toEqual(["ctl.ept_required.unrestricted_guest"]);
    expect(found("posted-interrupts")).toEqual(["ctl.posted.requires_vid", "ctl.posted.requires_ack_on_exit"]);
    expect(found("vid")).toEqual([]);
    expect(errors(choose(SKYLAKE, "host address-space size, vid"))).toEqual([
      "ctl.apicv.vid_requires_tpr_shadow",
      "ctl.apicv.vid_requires_extint_exiting",
    ]);
    expect(found("x2apic-virt, virtualize APIC accesses")).toEqual(["ctl.apicv.x2apic_excludes_apic_access"]);
    expect(errors(choose(SKYLAKE, "host address-space size, vnmi"))).toEqual(["ctl.nmi.virtual_requires_exiting"]);
    expect(found("NMI-window exiting")).toEqual(["ctl.nmi.window_requires_virtual"]);
    expect(found("mbec")).toEqual(["ctl.ept_required.mbec"]);
    expect(found("save VMX-preemption timer value")).toEqual(["ctl.exit.save_preemption_requires_timer"]);
    expect(errors(choose(SKYLAKE, "INTR_EXITING"))).toEqual(["addr.host_size.inside_ia32e"]);
    expect(errors(choose(SKYLAKE, "INTR_EXITING", false))).toEqual([]);
    expect(errors(choose(SKYLAKE, "host address-space size", false))).toEqual(["addr.host_size.outside_ia32e"]);
  });

  it("advises against what a VM entry accepts and nobody means", () => {
    const advice = (text: string) => choose(SKYLAKE, text).findings.map(({ id }) => id);
    expect(advice(`${BASE}, ept`)).toEqual([]);
    expect(advice(BASE)).toEqual(["advice.shadow_paging.cr3", "advice.shadow_paging.invlpg"]);
    expect(advice(`${BASE}, ept, entry/LOAD_IA32_PAT`)).toEqual(["advice.stays.ia32_pat"]);
    expect(advice(`${BASE}, ept, pat, TSC scaling`.replace("TSC scaling", "tsc-scaling"))).toEqual([
      "advice.tsc_scaling",
    ]);
    expect(advice(`${BASE}, ept, EPT-violation #VE`)).toEqual([]);
  });

  it("drops an optional control whose companion the CPU lacks", () => {
    // Nehalem has EPT and no unrestricted guest; take EPT from it to see what becomes of the rest.
    const host = byCode("Conroe");
    const [core] = host.cores;
    const both = { state: "value", hi: { value: 0x80, unknown: 0 }, lo: { value: 0, unknown: 0 } } as const;
    const proc = core.msrs.get(0x482);
    if (proc?.state !== "value") throw new Error("0x482");
    const odd: Host = {
      ...host,
      cores: [
        {
          ...core,
          msrs: new Map<number, Msr>([
            ...core.msrs,
            [0x482, { ...proc, hi: { value: (proc.hi.value | 0x8000_0000) >>> 0, unknown: 0 } }],
            [0x48b, both],
          ]),
        },
      ],
    };
    const chosen = choose(odd, `${BASE}, CR3-load exiting, unrestricted guest?`);
    expect(chosen.dropped.map(({ control, text }) => [control.name, text])).toEqual([
      ["proc2.UNRESTRICTED_GUEST", "Unrestricted guest needs EPT."],
    ]);
    expect(valueIn(chosen, "proc2")).toBe("0x0");
    expect(errors(chosen)).toEqual([]);
    expect(errors(choose(odd, `${BASE}, CR3-load exiting, unrestricted guest`))).toEqual([
      "ctl.ept_required.unrestricted_guest",
    ]);
  });

  it("knows that it does not know", () => {
    const unread: Host = { cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
    const chosen = choose(unread, `${BASE}, ept?`);
    expect(chosen.verdict).toBe("unknown");
    expect(chosen.unmet.every(({ certain }) => !certain)).toBe(true);
    expect(exact(wordOf(chosen, "pin").value)).toBeUndefined();
    expect(chosen.without).toMatchObject([{ asked: "ept", certain: false }]);
    // The atlas has no IA32_VMX_VMFUNC: what is optional stays out, what is required is doubtful.
    expect(choose(SKYLAKE, `${BASE}, ept, eptp-switching?`)).toMatchObject({ verdict: "yes" });
    expect(choose(SKYLAKE, `${BASE}, ept, eptp-switching`)).toMatchObject({
      verdict: "unknown",
      unmet: [{ certain: false, text: "EPTP switching is not known to be allowed" }],
    });
  });

  it("gives what adjust_vmx_controls gives, on every CPU, for any wishes", () => {
    const hosts = atlas().map((entry) => ready(entryHost(entry)));
    fc.assert(
      fc.property(
        fc.nat(hosts.length - 1),
        fc.uniqueArray(fc.constantFrom(...new Set(ALL)), { maxLength: 25 }),
        fc.infiniteStream(fc.boolean()),
        (index, names, coin) => {
          const host = hosts[index] as Host;
          const wants = names.map((name): WantedControl => {
            const wish = coin.next().value ? "required" : "optional";
            return { name, wish, asked: name };
          });
          const chosen = chooseControls([siliconSet("cpu", host.cores[0])], wants);
          const dropped = new Set(chosen.dropped.map(({ control }) => control.name));
          for (const { word, value, bits, inUse } of chosen.words) {
            const got = exact(value);
            const basic = knownValue(host.cores[0].msrs.get(0x480) ?? { state: "unknown" });
            const hasTrue = basic !== undefined && (basic.hi & 0x80_0000) !== 0;
            const msr = word.trueMsr !== undefined && hasTrue ? word.trueMsr : word.msr;
            const raw = knownValue(host.cores[0].msrs.get(msr) ?? { state: "absent" });
            if (raw === undefined || got === undefined || inUse === "no") {
              if (inUse === "no") expect(got).toEqual({ hi: 0, lo: 0 });
              continue;
            }
            const implied = bits.filter(({ why }) => why === "implied").map(({ bit }) => bit);
            let want = 0;
            for (const bit of implied) want |= 1 << bit;
            for (const name of names) {
              const row = word.bits.find(({ key }) => `${word.name}.${key}` === name);
              if (row !== undefined && !dropped.has(name)) want |= 1 << row.bit;
            }
            const [may, must] = word.shape === "halves" ? [raw.hi, raw.lo] : [raw.lo, 0];
            expect([word.name, got.lo]).toEqual([word.name, ((want & may) | must) >>> 0]);
          }
        },
      ),
      { numRuns: tries(300) },
    );
  });
});

describe("runControls", () => {
  const wanted = `${BASE}, ept, unrestricted guest, VPID?, bus-lock?`;
  const skx = subject("skx", SKYLAKE, { release: "6.12" });

  it("prints the words, as text and as JSON", () => {
    const { lines, exitCode, json } = runControls({ subjects: [skx], wanted: [{ text: wanted }] });
    expect(exitCode).toBe(0);
    expect(lines.slice(0, 8)).toEqual([
      "The CPU allows a VM entry with these controls.",
      "",
      "pin-based VM-execution controls: 0x1f, by IA32_VMX_TRUE_PINBASED_CTLS",
      "   0 external-interrupt exiting: required",
      "   3 NMI exiting: required",
      "     the CPU demands it: bits 1, 2, 4",
      "",
      "primary processor-based VM-execution controls: 0x84206172, by IA32_VMX_TRUE_PROCBASED_CTLS",
    ]);
    expect(lines).toContain("CR0: bits that must be 1 0x80000021 (of a guest 0x20), that must be 0 0xffffffff00000000");
    expect(lines).toContain("  bus-lock (VMM bus-lock detection): this CPU does not have it");
    expect(json).toMatchObject({
      verdict: "yes",
      words: expect.arrayContaining([expect.objectContaining({ value: "0x1f" })]),
    });
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  });

  it("suits every host and every kind of core, or a guest of KVM", () => {
    const hybrid = subject("hybrid", byCode("Lakefield"));
    const both = runControls({ subjects: [skx, hybrid], wanted: [{ text: "INVPCID?, host address-space size" }] });
    expect(both.lines).toContain("  INVPCID (enable INVPCID): this CPU does not have it");
    const nested = runControls({
      subjects: [skx],
      wanted: [{ text: "IPI_VIRT, host address-space size" }],
      layer: "nested",
    });
    expect(nested.exitCode).toBe(1);
    expect(nested.lines).toContain("  IPI_VIRT: IPI virtualization cannot be 1");
  });

  it("reports names that it cannot read", () => {
    expect(runControls({ subjects: [skx], wanted: [{ text: "EPT\nfoo bar", file: "want.txt" }] })).toMatchObject({
      exitCode: 2,
      lines: [
        "want.txt:2:1: no VMX control is called foo bar; expected a name as the SDM, Linux, QEMU or another vocabulary has it",
      ],
    });
  });

  it("writes constants with the same values in C and Rust", () => {
    const constants = (emit: "c" | "rust") =>
      runControls({ subjects: [skx], wanted: [{ text: wanted }], emit }).lines.flatMap((line) => {
        const found = /^(?:#define (\w+) (0x[0-9a-f]+)U(?:LL)?|pub const (\w+): u(?:32|64) = (0x[0-9a-f]+);)$/.exec(
          line,
        );
        return found === null ? [] : [[found[1] ?? found[3], Number(found[2] ?? found[4])]];
      });
    const c = constants("c");
    expect(c).toEqual(constants("rust"));
    expect(c).toHaveLength(30);
    expect(Object.fromEntries(c)).toMatchObject({
      VMX_PIN_BASED_CONTROLS: 0x1f,
      VMX_PRIMARY_PROC_BASED_CONTROLS: 0x84206172,
      VMX_SECONDARY_PROC_BASED_REQUIRED: 0x82,
      VMX_SECONDARY_PROC_BASED_OPTIONAL: 0x4000_0020,
      VMX_GUEST_CR0_MUST_BE_1: 0x20,
    });
  });

  it("writes no value that is not known, and nothing that compiles while something is missing", () => {
    const old = subject("*/ old", byCode("Conroe"));
    const { lines } = runControls({ subjects: [old], wanted: [{ text: "host address-space size, EPT" }], emit: "c" });
    expect(lines).toContain('#error "EPT: enable EPT cannot be 1"');
    expect(lines[0]).toBe("/* VMX controls for * / old. Other CPUs can demand or refuse other bits. */");
    const bare = subject("unread", { cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] });
    const code = runControls({ subjects: [bare], wanted: [{ text: "EPT" }], emit: "rust" }).lines;
    expect(code).toContainEqual(
      expect.stringMatching(/^compile_error!\("VMX_PIN_BASED_CONTROLS: 0x\?+ is not known"\);$/),
    );
  });

  const compiles = (emit: "c" | "rust", command: string, args: readonly string[]) => {
    const folder = mkdtempSync(join(tmpdir(), "vmxlens-"));
    try {
      const file = join(folder, emit === "c" ? "controls.h" : "controls.rs");
      const good = runControls({ subjects: [skx], wanted: [{ text: wanted }], emit });
      writeFileSync(file, `${good.lines.join("\n")}\n`);
      execFileSync(command, [...args, file], { cwd: folder, stdio: "pipe" });
      const bad = runControls({ subjects: [skx], wanted: [{ text: "hlat" }], emit });
      writeFileSync(file, `${bad.lines.join("\n")}\n`);
      expect(() => execFileSync(command, [...args, file], { cwd: folder, stdio: "pipe" })).toThrow(/HLAT cannot be 1/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const has = (command: string) => {
    try {
      execFileSync(command, ["--version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };

  it.skipIf(!has("cc"))("is C that a compiler takes (needs cc)", () => {
    compiles("c", "cc", ["-fsyntax-only", "-Wall", "-Werror", "-x", "c"]);
  });

  it.skipIf(!has("rustc"))("is Rust that a compiler takes (needs rustc)", () => {
    compiles("rust", "rustc", ["--crate-type", "lib", "--emit", "metadata"]);
  });
});
