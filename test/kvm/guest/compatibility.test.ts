import { describe, expect, it } from "vitest";
import { word } from "../../../src/bits/word.js";
import type { CoreGroup, Host } from "../../../src/host/host.js";
import { ABSENT, type Msr, msrValue, UNREAD } from "../../../src/host/msr.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { COMPATIBILITY_MESSAGES } from "../../../src/kvm/guest/compatibility.js";
import { VMCS_CONFIG_LAYOUTS, vmcsConfigField, vmcsConfigLayout } from "../../../src/kvm/guest/layout.js";
import { type Replay, type ReplayOptions, replay } from "../../../src/kvm/replay.js";
import { holdsIn } from "../../../src/rules/held.js";
import { RELEASES, type Release } from "../../../src/rules/release.js";
import { representatives } from "../../oracles/vectors/representatives.js";

type Change = (msrs: Map<number, Msr>) => void;

const ENABLED = msrValue({ hi: 0, lo: 5 });
const skylake = atlasHost("intel-50654-skylakex-2");

/** Skylake-X with firmware that enables VMX, and further groups of CPUs that differ by the changes. */
function hostWith(...changes: (Change | undefined)[]): Host {
  const groups = [undefined, ...changes].map((change, position): CoreGroup => {
    const [core] = skylake.cores;
    const msrs = new Map(core.msrs)
      .set(0x3a, ENABLED)
      .set(0x491, msrValue({ hi: 0, lo: 1 }))
      .set(0x492, ABSENT);
    change?.(msrs);
    return { ...core, msrs, logicalCpus: `${4 * position}-${4 * position + 3}` };
  });
  return { ...skylake, cores: groups as unknown as Host["cores"] };
}

function run(release: Release, host: Host, more: ReplayOptions = {}): Replay {
  const machine = { pmu: true, irqPosting: false, mediatedPmu: false };
  return replay(host, { release, machine, ...more });
}

const flip =
  (index: number, bits: readonly number[]): Change =>
  (msrs) => {
    const msr = msrs.get(index);
    if (msr?.state !== "value") throw new Error("only a register with a value can be changed");
    let { lo, hi } = { lo: msr.lo.value, hi: msr.hi.value };
    for (const bit of bits) {
      if (bit < 32) lo ^= 1 << bit;
      else hi ^= 1 << (bit - 32);
    }
    msrs.set(index, { state: "value", lo: word(lo), hi: word(hi) });
  };
const texts = (result: Replay) =>
  result.compatibility.flatMap((check) => check.messages.map((message) => message.text));

describe("the per-CPU check", () => {
  it.each(RELEASES)("passes CPUs that are equal, in %s", (release) => {
    const result = run(release, hostWith(undefined, undefined));
    expect(result.compatibility.map(({ agrees, logicalCpu }) => [agrees, logicalCpu])).toEqual([
      ["yes", 4],
      ["yes", 8],
    ]);
    expect([result.loads, texts(result)]).toEqual(["yes", []]);
    expect(result.compatibility.flatMap(({ differences }) => differences)).toEqual([]);
  });

  it.each(RELEASES)("knows nothing of IA32_VMX_MISC up to 5.15, and compares it since 6.1: %s", (release) => {
    // Bit 30, no use for KVM, so only the stored value differs.
    const { loads, compatibility } = run(release, hostWith(flip(0x485, [30])));
    const [check] = compatibility;
    const stored = holdsIn(release, { since: "6.1" });
    expect([loads, check?.agrees]).toEqual(stored ? ["no", "no"] : ["yes", "yes"]);
    expect(check?.differences.map(({ offset, field }) => [offset, field])).toEqual(
      stored ? [[40, "misc bits 31:0"]] : [],
    );
  });

  it("names the words that differ, by offset, since 7.2", () => {
    // No posted interrupts on the second group: pin-based word, and what L1 would see of it.
    const second = flip(0x481, [39]);
    const { loads, error, compatibility } = run("7.2", hostWith(second));
    expect([loads, error]).toEqual(["no", "EIO"]);
    expect(compatibility[0]?.messages).toEqual([
      { level: 3, certain: true, text: "kvm_intel: VMCS config on CPU 4 doesn't match reference config:" },
      {
        level: 3,
        certain: true,
        text: "  Offset 8 REF = 0x000000ff, CPU4 = 0x0000007f, mismatch = 0x00000080",
      },
      {
        level: 3,
        certain: true,
        text: "  Offset 68 REF = 0x000000ff, CPU4 = 0x0000007f, mismatch = 0x00000080",
      },
    ]);
    expect(texts(run("6.12", hostWith(second)))).toEqual(["kvm_intel: Inconsistent VMCS config on CPU 4"]);
    expect(texts(run("6.1", hostWith(second)))).toEqual(["kvm: CPU 4 feature inconsistency!"]);
    expect(texts(run("5.6", hostWith(second)))).toEqual(["kvm: CPU 4 feature inconsistency!"]);
  });

  it("leaves out the nested part with nested=0", () => {
    // TSC scaling shows in vmcs_config and in the nested words.
    const second = flip(0x48b, [57]);
    const offsets = (params: Record<string, string>) =>
      run("7.3", hostWith(second), { params: { kvm_intel: params } }).compatibility[0]?.differences.map(
        (row) => row.field,
      );
    expect(offsets({})).toEqual([
      "cpu_based_2nd_exec_ctrl",
      "nested.secondary_ctls_high",
      "nested.vmcs_enum bits 31:0",
    ]);
    expect(offsets({ nested: "0" })).toEqual(["cpu_based_2nd_exec_ctrl"]);
  });

  it("says what setup_vmcs_config of the further CPU refuses", () => {
    // NMI exiting is required.
    const second = flip(0x481, [35]);
    const modern = run("6.6", hostWith(second));
    expect([modern.loads, modern.error, texts(modern)]).toEqual([
      "no",
      "EIO",
      ["kvm_intel: Failed to setup VMCS config on CPU 4"],
    ]);
    expect(modern.compatibility[0]?.refusals).toMatchObject([{ fn: "adjust_vmx_controls", missing: { bits: 8 } }]);
    expect(texts(run("6.1", hostWith(second)))).toEqual([]);
    // Its own messages come first.
    const unpaired = run("7.2", hostWith(flip(0x484, [46])));
    expect(texts(unpaired)).toEqual([
      "kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = 0 (4000), exit = 80000 (80000)",
      "kvm_intel: Failed to setup VMCS config on CPU 4",
    ]);
  });

  it("does not print again what is printed once", () => {
    const odd = flip(0x484, [46]);
    const host = hostWith(odd);
    const [first, second] = host.cores as readonly CoreGroup[];
    const both = { ...host, cores: [{ ...first, msrs: second?.msrs }, second] as unknown as Host["cores"] };
    const params = { kvm_intel: { error_on_inconsistent_vmcs_config: "0" } };
    const result = run("6.12", both, { params });
    expect(result.cpu.load.messages).toHaveLength(1);
    expect([result.loads, texts(result)]).toEqual(["yes", []]);
  });

  it.each([
    ["5.15", "no", "EOPNOTSUPP", []],
    ["6.1", "no", "EOPNOTSUPP", []],
    ["6.6", "no", "EIO", ["kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 4"]],
    ["6.18", "no", "EIO", ["kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 4"]],
    ["7.2", "no", "EIO", ["kvm_intel: VMX not fully enabled on CPU 4.  Check kernel logs and/or BIOS"]],
  ] as const)("of %s stops at firmware that locked VMX off on another CPU", (release, loads, error, lines) => {
    const host = hostWith((msrs) => msrs.set(0x3a, msrValue({ hi: 0, lo: 1 })));
    const result = run(release, host);
    expect([result.loads, result.error, texts(result)]).toEqual([loads, error, lines]);
    // Up to 6.1 the flags that all CPUs share are asked for before any CPU is checked.
    const shared = result.cpu.load.messages.map((message) => message.text);
    const expected = { "5.15": ["kvm: disabled by bios"], "6.1": ["kvm: support for 'kvm_intel' disabled by bios"] };
    expect(shared).toEqual(expected[release as "6.1"] ?? []);
  });

  it("tells a missing IA32_FEAT_CTL from a locked one since 7.2", () => {
    const host = hostWith((msrs) => msrs.set(0x3a, ABSENT));
    expect(texts(run("7.3", host))).toEqual(["kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 4"]);
  });

  it("is not certain of a message that a possible refusal may have prevented", () => {
    // NMI exiting may be missing; behind that a control is forced that the enlightened VMCS has no field for.
    const host = hostWith((msrs) => {
      msrs.set(0x481, { state: "value", lo: word(0x16), hi: word(0xff, 8) });
      flip(0x484, [21, 53])(msrs);
    });
    const machine = { pmu: true, irqPosting: false, mediatedPmu: false, enlightenedVmcs: true };
    const messages = run("6.12", host, { machine }).compatibility[0]?.messages ?? [];
    expect(messages.find(({ text }) => text.includes("vmentry_ctrl unsupported"))).toMatchObject({
      certain: "if it loads",
    });
  });

  it.each(RELEASES)("passes two equal CPUs of every generation in %s", (release) => {
    for (const { id } of representatives()) {
      const of = atlasHost(id);
      const [core] = of.cores;
      const msrs = new Map(core.msrs).set(0x3a, ENABLED);
      if (!msrs.has(0x491)) msrs.set(0x491, msrValue({ hi: 0, lo: 1 }));
      for (const index of [0x48b, 0x48c, 0x492]) if (!msrs.has(index)) msrs.set(index, ABSENT);
      const features = { nx: true, mpx: false, umip: true, xsaves: true, ibt: true, ...core.cpuid.features };
      const group = { ...core, msrs, cpuid: { ...core.cpuid, features, cpuid12Eax: 1, tscKhz: 2_000_000 } };
      const result = run(release, { ...of, cores: [group, { ...group, logicalCpus: "1" }] });
      // Also what depends on what KVM offers its guests, such as CET.
      const [check] = result.compatibility;
      expect([id, result.cpu.loads, check?.agrees, check?.differences]).toEqual([id, "yes", "yes", []]);
    }
  });

  it("asks the boot CPU for what the kernel asks the boot CPU for", () => {
    const equal = hostWith(undefined);
    const [first, second] = equal.cores as readonly CoreGroup[];
    const { umip: _umip, ...features } = second?.cpuid.features ?? {};
    const other = (change: Partial<CoreGroup>) =>
      run("6.12", { ...equal, cores: [first, { ...second, ...change }] as unknown as Host["cores"] });
    // The erratum of IA32_PERF_GLOBAL_CTRL goes by the model of the boot CPU, and so does emulation of UMIP by its flag.
    expect(other({ signature: 0x000206c2 }).loads).toBe("yes");
    expect(other({ cpuid: { ...(second as CoreGroup).cpuid, features } }).loads).toBe("yes");
  });

  it("does not print of a fault again, and is not certain of what lies behind a possible refusal", () => {
    const noMisc: Change = (msrs) => msrs.set(0x485, ABSENT);
    const host = hostWith(noMisc);
    const [first, second] = host.cores as readonly CoreGroup[];
    const both = { ...host, cores: [{ ...first, msrs: second?.msrs }, second] as unknown as Host["cores"] };
    expect(texts(run("6.1", both))).toEqual([]);
    // EPT may be missing although its capabilities are there; then nobody gets to the pairs.
    const params = { kvm_intel: { error_on_inconsistent_vmcs_config: "1" } };
    const result = run(
      "6.12",
      hostWith((msrs) => {
        flip(0x484, [46])(msrs);
        const secondary = msrs.get(0x48b);
        if (secondary?.state === "value") {
          msrs.set(0x48b, { ...secondary, hi: word(secondary.hi.value, 2) });
        }
      }),
      { params },
    );
    expect(result.compatibility[0]?.messages.map(({ text, certain }) => [text, certain])).toEqual([
      ["kvm_intel: EPT CAP should not exist if not support 1-setting enable EPT VM-execution control", false],
      ["kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = 0, exit = 80000", false],
      ["kvm_intel: Failed to setup VMCS config on CPU 4", true],
    ]);
  });

  it("is not run for a module that does not load on the boot CPU", () => {
    const host = hostWith(undefined);
    const [first, second] = host.cores as readonly CoreGroup[];
    const locked = new Map(first?.msrs).set(0x3a, msrValue({ hi: 0, lo: 1 }));
    const result = run("6.12", { ...host, cores: [{ ...first, msrs: locked }, second] as unknown as Host["cores"] });
    expect([result.loads, result.error, result.compatibility]).toEqual(["no", "EOPNOTSUPP", []]);
  });

  it("does not know what depends on a register that nobody read", () => {
    const result = run(
      "7.2",
      hostWith((msrs) => msrs.set(0x485, UNREAD)),
    );
    const [check] = result.compatibility;
    expect([result.loads, check?.agrees]).toEqual(["unknown", "unknown"]);
    expect(check?.differences.every((row) => !row.certain)).toBe(true);
    expect(check?.messages.every((message) => !message.certain)).toBe(true);
    expect(check?.messages.map((message) => message.text)).toContain("unchecked MSR access error: RDMSR from 0x485");
    expect(check?.messages.at(2)?.text).toMatch(
      /^ {2}Offset 40 REF = 0x[0-9a-f]{8}, CPU4 = 0x\?{8}, mismatch = 0x\?{8}$/,
    );
  });

  it("calls a CPU without a number ?", () => {
    const host = hostWith(flip(0x485, [30]));
    const [first, second] = host.cores as readonly CoreGroup[];
    const { logicalCpus: _unnamed, ...nameless } = second as CoreGroup;
    const result = run("7.2", { ...host, cores: [first, nameless] as unknown as Host["cores"] });
    expect(texts(result)[1]).toContain(", CPU? = ");
  });

  it("finds different erratum lists and steppings by what each CPU says of itself", () => {
    // The broken preemption timer goes by the CPU's own signature.
    const host = hostWith(undefined);
    const [first, second] = host.cores as readonly CoreGroup[];
    const other = { ...second, signature: 0x000306a8 };
    const result = run("6.12", { ...host, cores: [first, other] as unknown as Host["cores"] });
    expect(result.compatibility[0]?.differences.map(({ field }) => field)).toEqual(["pin_based_exec_ctrl"]);
  });
});

describe("Lakefield, whose cores disagree about bus-lock detection", () => {
  const lakefield = atlasHost("intel-806a1-lakefield");
  const cores = lakefield.cores.map((core) => ({
    ...core,
    msrs: new Map(core.msrs).set(0x3a, ENABLED).set(0x491, msrValue({ hi: 0, lo: 1 })),
  }));
  const host = { ...lakefield, cores: cores as unknown as Host["cores"] };

  it.each(RELEASES)("%s", (release) => {
    const result = run(release, host);
    const uses = holdsIn(release, { since: "5.15" });
    // KVM asks for the control since 5.15; before that the difference never reaches vmcs_config.
    expect([result.loads, result.error]).toEqual(uses ? ["no", "EIO"] : ["yes", undefined]);
    const [check] = result.compatibility;
    expect(check?.agrees).toBe(uses ? "no" : "yes");
    expect(check?.differences.map(({ field, certain }) => [field, certain])).toEqual(
      uses ? [["cpu_based_2nd_exec_ctrl", true]] : [],
    );
  });

  it("prints the word of 7.2", () => {
    expect(texts(run("7.2", host)).slice(1)).toEqual([
      expect.stringMatching(/^ {2}Offset 16 REF = 0x[0-9a-f]{8}, CPU\d = 0x[0-9a-f]{8}, mismatch = 0x40000000$/),
    ]);
  });
});

describe("the layout of struct vmcs_config", () => {
  it("decodes a published log of 7.2", () => {
    // Offset 76 REF = 0x107fffff, CPU0 = 0x007fffff and offset 84 REF = 0x0010f3ff: the CET state controls of L1.
    expect(vmcsConfigField("7.2", 76)).toMatchObject({ field: "nested.exit_ctls_high", word: "exit_ctls_high" });
    expect(vmcsConfigField("7.2", 84)).toMatchObject({ field: "nested.entry_ctls_high", word: "entry_ctls_high" });
    expect(vmcsConfigField("7.2", 20)).toBeUndefined();
    expect(vmcsConfigField("5.10", 4)).toEqual({ offset: 4, field: "order" });
  });

  it.each(RELEASES)("has every word once, aligned and without overlap, in %s", (release) => {
    const rows = vmcsConfigLayout(release);
    const offsets = rows.map((row) => row.offset);
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    expect(offsets.every((offset) => offset % 4 === 0)).toBe(true);
    const held = rows.flatMap(({ word: name, bits }) => (name === undefined ? [] : [`${name} ${bits?.lo ?? ""}`]));
    expect(new Set(held).size).toBe(held.length);
    // A 64-bit field is aligned to 8 bytes on a 64-bit kernel.
    for (const { offset, field } of rows)
      if (field.endsWith("bits 31:0")) expect([field, offset % 8]).toEqual([field, 0]);
    const size = (offsets.at(-1) ?? 0) + 4;
    const sizes = [
      { held: { before: "5.19" }, size: 152 },
      { held: { since: "5.19", before: "6.0" }, size: 144 },
      { held: { since: "6.0", before: "6.1" }, size: 152 },
      { held: { since: "6.1" }, size: 160 },
    ] as const;
    expect(size).toBe(sizes.find(({ held }) => holdsIn(release, held))?.size);
  });

  it("covers every release exactly once", () => {
    for (const release of RELEASES) {
      expect(VMCS_CONFIG_LAYOUTS.filter(({ held }) => holdsIn(release, held))).toHaveLength(1);
    }
  });
});

describe("the messages of the check", () => {
  it.each(RELEASES)("have at most one text for each obstacle in %s", (release) => {
    const rows = COMPATIBILITY_MESSAGES.filter((row) => holdsIn(release, row.held) !== false);
    const obstacles = rows.flatMap((row) => row.obstacles as readonly string[]);
    // Two texts only where the tables do not know when one became the other.
    const sure = rows.filter((row) => holdsIn(release, row.held)).flatMap((row) => row.obstacles as readonly string[]);
    expect(new Set(sure).size).toBe(sure.length);
    expect(obstacles).toContain("mismatch");
    expect(rows.every((row) => row.text.includes("%d"))).toBe(true);
  });
});
