import { describe, expect, it } from "vitest";
import type { Explanation } from "../../../src/answers/answer.js";
import type { CoreGroup, Host } from "../../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../../src/host/msr.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { COMPATIBILITY_MESSAGES } from "../../../src/kvm/guest/compatibility.js";
import { VMCS_CONFIG_LAYOUTS, vmcsConfigLayout } from "../../../src/kvm/guest/layout.js";
import { kernelPrinters, printersOf } from "../../../src/kvm/printers.js";
import { registerOf } from "../../../src/registers/registers.js";
import { formatHeld, holdsIn } from "../../../src/rules/held.js";
import { formatKernels, RELEASES } from "../../../src/rules/release.js";
import { oneIn } from "../../deep.js";
import { explain } from "../explain-on.js";

function only(text: string, options: Parameters<typeof explain>[1] = {}): Explanation {
  const found = explain(text, options);
  expect(found.map(({ message }) => message)).toHaveLength(1);
  return found[0] as Explanation;
}

/** A Skylake-SP with the firmware register as given. */
function skylake(featCtl: Msr, change: (core: CoreGroup) => CoreGroup = (core) => core): Host {
  const host = atlasHost("intel-50654-skylakex-2");
  const [core] = host.cores;
  return { ...host, cores: [change({ ...core, msrs: new Map(core.msrs).set(0x3a, featCtl) })] };
}
const LOCKED_OFF = msrValue({ hi: 0, lo: 1 });
const LOCKED_ON = msrValue({ hi: 0, lo: 5 });

describe("what Linux prints at boot and when KVM loads", () => {
  const templates = [...new Set(kernelPrinters().map(({ template }) => template))];

  it.each(templates)("%s", (template) => {
    const text = template.replaceAll("%x", "8000").replaceAll("%d", "3");
    const answer = explain(text)[0];
    expect(answer?.message).toBeDefined();
    expect(answer?.sources.length).toBeGreaterThan(0);
    // The releases are those of every place that prints just this, or this with a full stop.
    const printing = kernelPrinters().filter((printer) => [template, `${template}.`].includes(printer.template));
    const printed = formatKernels(printing.flatMap(({ releases }) => releases));
    if (answer?.message === "kvm-entry-exit-pair" || answer?.message === "kvm-evmcs-unsupported") return;
    // A text of one obstacle comes with what else the answer says.
    const since = answer?.rule?.since ?? "";
    expect(since.startsWith(printed) || since.includes("the border lies")).toBe(true);
    expect(answer?.rule?.file).toMatch(/^arch\/x86\//);
  });

  it("finds all messages of the per-CPU check", () => {
    expect(COMPATIBILITY_MESSAGES.length).toBeGreaterThan(3);
    for (const { text } of COMPATIBILITY_MESSAGES)
      expect(printersOf(text.replace("%d", "11")).length).toBeGreaterThan(0);
  });

  it("tells messages apart that differ in the prefix only, as the releases do", () => {
    const bare = "EPT CAP should not exist if not support 1-setting enable EPT VM-execution control";
    expect(only(bare).rule?.since).toBe("Linux up to 6.2");
    expect(only(`kvm_intel: ${bare}`).rule?.since).toBe("Linux 6.3 and later");
    expect(only(`[    3.141592] kvm_intel: ${bare}`).rule?.since).toBe("Linux 6.3 and later");
  });

  it("names the function that prints it in that release", () => {
    expect(only("kvm: disabled by bios").rule).toMatchObject({
      fn: "kvm_arch_init",
      file: "arch/x86/kvm/x86.c",
      since: "Linux up to 5.15",
    });
    expect(only("kvm: support for 'kvm_intel' disabled by bios").rule).toMatchObject({ since: "Linux 5.19 to 6.2" });
    expect(only("kvm_intel: VMX not supported by CPU 3").rule).toMatchObject({
      fn: "__kvm_is_vmx_supported",
      file: "arch/x86/kvm/vmx/vmx.c",
      since: "Linux 6.3 and later",
    });
  });

  it("says when the kernel that was given does not print it", () => {
    expect(only("kvm: disabled by bios", { release: "6.12" }).depends.join()).toContain(
      "Linux 6.12 does not print this text, Linux up to 5.15 does",
    );
    expect(only("kvm: disabled by bios", { release: "5.10" }).depends.join()).not.toContain("does not print");
  });

  it("replays the machine that was given", () => {
    const off = only("kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", {
      host: skylake(LOCKED_OFF),
      release: "6.12",
    });
    expect(off.causes[0]).toEqual({
      text: "On the machine that was given, Linux 6.12 prints exactly this. IA32_FEAT_CTL reads 0x1.",
      certainty: "certain",
    });
    expect(off.depends).toEqual([]);
    const on = only("kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", {
      host: skylake(LOCKED_ON),
      release: "6.12",
    });
    expect(on.causes[0]?.text).toContain("does not print this");
    const unknown = only("x86/cpu: VMX (outside TXT) disabled by BIOS", { host: atlasHost("intel-50654-skylakex-2") });
    expect(unknown.causes[0]).toMatchObject({ certainty: "possible" });
    expect(unknown.causes[0]?.text).toContain("IA32_FEAT_CTL was not read");
  });

  it("knows that kvm_intel on an AMD CPU is harmless", () => {
    const text = "kvm: no hardware support\n[    2.0] smpboot: CPU0: AMD EPYC 7742 64-Core Processor (family: 0x17)";
    const [answer] = explain(text);
    expect(answer).toMatchObject({ message: "kvm-no-hardware-support", gravity: "harmless" });
    expect(answer?.causes).toHaveLength(1);
    expect(answer?.causes[0]?.text).toContain("kvm_amd");
  });
});

describe("pairs of entry and exit controls", () => {
  // The six pairs that KVM checks, as bits of VM-entry and VM-exit controls.
  const PAIRS = [
    { entry: 13, exit: 12, name: "load IA32_PERF_GLOBAL_CTRL" },
    { entry: 14, exit: 19, name: "load IA32_PAT" },
    { entry: 15, exit: 21, name: "load IA32_EFER" },
    { entry: 16, exit: 23, name: "IA32_BNDCFGS" },
    { entry: 18, exit: 25, name: "IA32_RTIT_CTL" },
  ] as const;
  const hex = (bit: number) => (2 ** bit).toString(16);

  it.each(PAIRS)("$name, the form of 6.1 to 6.12: only the entry side is there", ({ entry, exit, name }) => {
    const { bits, what, rule } = only(`kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = ${hex(entry)}, exit = 0`);
    expect(bits.map(({ msr, bit, role }) => [msr, bit, role])).toEqual([
      [0x484, entry, "asked"],
      [0x483, exit, "refused"],
    ]);
    expect(what).toContain(name);
    expect(rule?.since).toMatch(/^Linux 6\.0 to 6\.15; the border/);
  });

  it.each(PAIRS)("$name, the form of 6.1 to 6.12: only the exit side is there", ({ entry, exit }) => {
    const { bits } = only(`Inconsistent VM-Entry/VM-Exit pair, entry = 0, exit = ${hex(exit)}`);
    expect(bits.map(({ msr, bit, role }) => [msr, bit, role])).toEqual([
      [0x484, entry, "refused"],
      [0x483, exit, "asked"],
    ]);
  });

  it.each(PAIRS)("$name, the form since 6.18, which names both sides", ({ entry, exit }) => {
    const text = `kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = ${hex(entry)} (${hex(entry)}), exit = 0 (${hex(exit)})`;
    const { bits, rule } = only(text);
    expect(bits.map(({ bit, role }) => [bit, role])).toEqual([
      [entry, "asked"],
      [exit, "refused"],
    ]);
    expect(rule?.since).toMatch(/^Linux 6\.16 and later; the border/);
  });

  it("finds the pair of CET, which only the newest form can show", () => {
    const { bits } = only(
      "kvm_intel: Inconsistent VM-Entry/VM-Exit pair, entry = 100000 (100000), exit = 0 (10000000)",
    );
    expect(bits.map(({ bit, sdm }) => [bit, sdm])).toEqual([
      [20, "load CET state"],
      [28, "load CET state"],
    ]);
  });
});

describe("struct vmcs_config of a CPU that differs", () => {
  // Bits of these words are named as in the register, whose low half is elsewhere.
  const HIGH_HALVES: readonly string[] = ["basic.hi", "nested.basic.hi", "vpid_caps"];
  const rows = RELEASES.flatMap((release) => vmcsConfigLayout(release).map((row) => ({ release, ...row })));

  it.each(VMCS_CONFIG_LAYOUTS.map(({ held }) => formatHeld(held)))("names every field: %s", (range) => {
    const inLayout = rows.filter(({ release }) =>
      VMCS_CONFIG_LAYOUTS.some(({ held }) => formatHeld(held) === range && holdsIn(release, held)),
    );
    // Kernels of one layout have the same fields: in a short run one in seven of them all.
    for (const { release, offset, field, word } of oneIn(7, inLayout)) {
      const text = [
        "kvm_intel: VMCS config on CPU 9 doesn't match reference config:",
        `kvm_intel:   Offset ${offset} REF = 0x5, CPU9 = 0x4, mismatch = 0x1`,
      ].join("\n");
      const { values, bits, count } = only(text, { release });
      expect(count).toBe(2);
      expect(values.map(({ name }) => name)).toEqual([field]);
      expect(bits.map(({ bit, register, role }) => [bit, register, role])).toEqual(
        word === undefined ? [] : [[HIGH_HALVES.includes(word) ? 32 : 0, field, "differs"]],
      );
    }
  });

  it("says which CPU has the bit, by every name", () => {
    const text = [
      "[  5.0] kvm_intel: VMCS config on CPU 12 doesn't match reference config:",
      "[  5.0] kvm_intel:   Offset 76 REF = 0x107fff, CPU12 = 0x307fff, mismatch = 0x200000",
      "[  5.0] kvm_intel:   Offset 84 REF = 0x1f3ff, CPU12 = 0xf3ff, mismatch = 0x10000",
    ].join("\n");
    const { bits, what, depends } = only(text);
    expect(bits).toMatchObject([
      {
        msr: 0x483,
        bit: 21,
        sdm: "load IA32_EFER",
        qemu: "vmx-exit-load-efer",
        reason: "CPU 12 has it, the first CPU does not",
      },
      { msr: 0x484, bit: 16, qemu: "vmx-entry-load-bndcfgs", reason: "the first CPU has it, CPU 12 does not" },
    ]);
    expect(what).toContain("load IA32_EFER (bit 21) of nested.exit_ctls_high");
    expect(depends).toEqual(["the layout of struct vmcs_config: that of Linux 6.12 and later was used"]);
    expect(only(text, { release: "7.2" }).depends).toEqual([]);
  });

  it("says so where the layout has no field", () => {
    const text =
      "kvm_intel: VMCS config on CPU 1 doesn't match reference config:\nkvm_intel: Offset 20 REF = 0x1, CPU1 = 0x0";
    const { values, bits } = only(text, { release: "7.2" });
    expect(values[0]?.name).toBe("offset 20, where this layout has no field");
    expect(bits).toEqual([]);
  });

  it("shows by a replay how the CPUs of a machine differ", () => {
    const host = skylake(LOCKED_ON);
    const [core] = host.cores;
    const msrs = new Map(core.msrs).set(0x491, msrValue({ hi: 0, lo: 1 })).set(0x492, ABSENT);
    const pinBased = msrs.get(0x481);
    if (pinBased?.state !== "value") throw new Error("the atlas has the register");
    const without = new Map(msrs).set(0x481, {
      ...pinBased,
      hi: { value: pinBased.hi.value & ~0x80, unknown: 0 },
    });
    const hybrid: Host = {
      ...host,
      cores: [
        { ...core, msrs, coreTypes: ["P"] },
        { ...core, msrs: without, coreTypes: ["E"] },
      ],
    };
    const { causes } = only("kvm: CPU 4 feature inconsistency!", { host: hybrid, release: "6.1" });
    expect(causes[0]?.text).toContain("E differs from the first CPU under Linux 6.1");
    expect(causes[0]?.text).toContain("process posted interrupts (bit 7) in pin_based_exec_ctrl");
  });

  it("keeps to what each release says when it names no bit", () => {
    expect(only("kvm: CPU 4 feature inconsistency!").rule?.since).toBe("Linux up to 6.2, which names no bit");
    expect(only("kvm_intel: Inconsistent VMCS config on CPU 4").rule?.since).toBe(
      "Linux 6.3 to 7.1, which names no bit",
    );
  });
});

describe("words that the enlightened VMCS lacks", () => {
  it.each([
    ["pin_based_exec_ctrl", "0x40", [6], 0x481],
    ["cpu_based_exec_ctrl", "0x20000", [17], 0x482],
    ["cpu_based_2nd_exec_ctrl", "0x4200", [9, 14], 0x48b],
    ["vmexit_ctrl", "0x400000", [22], 0x483],
    ["vmentry_ctrl", "0x2000", [13], 0x484],
  ] as const)("%s unsupported with eVMCS: %s", (word, value, bits, msr) => {
    const answer = only(`kvm_intel: ${word} unsupported with eVMCS: ${value}`);
    expect(answer.bits.map((row) => [row.msr, row.bit, row.role])).toEqual(bits.map((bit) => [msr, bit, "refused"]));
    for (const { sdm } of answer.bits) expect(answer.what).toContain(sdm);
    expect(answer).toMatchObject({ gravity: "degrades", layer: "another hypervisor" });
  });
});

describe("accesses to MSRs that fault", () => {
  it.each([0x480, 0x481, 0x482, 0x485, 0x48c, 0x48d])("reading %i, which boot or KVM does", (index) => {
    const hex = `0x${index.toString(16)}`;
    const answer = only(
      `unchecked MSR access error: RDMSR from ${hex} at rIP: 0xffffffff81037b26 (native_read_msr+0x6/0x20)`,
    );
    expect(answer.what).toContain(registerOf(index)?.sdm);
    expect(answer.what).toContain("counts as 0");
    expect(answer.layer).toBe("another hypervisor");
  });

  it("names the function of the kernel that reads it", () => {
    const read = (index: string) => only(`unchecked MSR access error: RDMSR from ${index}`).rule?.fn;
    expect(read("0x480")).toContain("setup_vmcs_config");
    expect(read("0x48c")).toContain("detect_vmx_virtcap");
    // Never read: such a line is not KVM's.
    expect(read("0x48d")).toBeUndefined();
  });

  it("writing IA32_FEAT_CTL", () => {
    const answer = only(
      "unchecked MSR access error: WRMSR to 0x3a (tried to write 0x0000000000000005) at rIP: 0xffffffff81a (x+0x1/0x2)",
    );
    expect(answer.rule?.fn).toBe("init_ia32_feat_ctl");
    expect(answer.bits.map(({ bit }) => bit)).toEqual([0, 2]);
    expect(answer.steps.length).toBeGreaterThan(0);
  });

  it("says that other registers have nothing to do with VT-x", () => {
    const answer = only("unchecked MSR access error: RDMSR from 0x1ad at rIP: 0xffff (native_read_msr+0x6/0x20)");
    expect(answer).toMatchObject({ gravity: "harmless" });
    expect(answer.what).toContain("not one of the VMX registers");
  });

  it("tells an absent register from one that is zero", () => {
    expect(only("rdmsr: CPU 2 cannot read MSR 0x00000491").causes[0]?.text).toMatch(/says itself that it has none/);
    expect(only("rdmsr: CPU 2 cannot read MSR 0x00000480").causes[0]?.text).toContain("no VMX");
  });

  it("VMXON that faults, by what IA32_FEAT_CTL holds", () => {
    const text = (value: string) =>
      `VMXON faulted, MSR_IA32_FEAT_CTL (0x3a) = ${value}\nWARNING: CPU: 0 PID: 1 at arch/x86/kvm/vmx/vmx.c:2300`;
    const answer = (value: string) => explain(text(value)).find(({ message }) => message === "kvm-vmxon-faulted");
    expect(answer("0x1")?.layer).toBe("firmware");
    expect(answer("0x5")?.layer).toBe("another hypervisor");
    expect(answer("0xdeadbeef")?.what).toContain("absent");
  });
});

describe("errors of modprobe", () => {
  const EIO = "modprobe: ERROR: could not insert 'kvm_intel': Input/output error";
  const EOPNOTSUPP = "modprobe: ERROR: could not insert 'kvm_intel': Operation not supported";

  it("lists the rules of the kernel that return the error", () => {
    const { values, depends } = only(EIO, { release: "6.12" });
    expect(values.length).toBeGreaterThan(3);
    for (const { name } of values) expect(name).toBe("returns -EIO");
    expect(depends).toEqual(["the machine (--host) and the lines that the kernel printed"]);
  });

  it("replays the machine that was given: the same error", () => {
    const { causes } = only(EOPNOTSUPP, { host: skylake(LOCKED_OFF), release: "6.12" });
    expect(causes[0]).toMatchObject({ certainty: "certain" });
    expect(causes[0]?.text).toContain("refuses with this error (rule not-enabled-in-feat-ctl)");
    expect(causes[0]?.text).toContain("VMX not enabled (by BIOS)");
  });

  it("replays the machine that was given: another error, or none", () => {
    expect(only(EIO, { host: skylake(LOCKED_OFF), release: "6.12" }).causes[0]?.text).toContain(
      "refuses with EOPNOTSUPP",
    );
    const loads = skylake(LOCKED_ON);
    expect(only(EIO, { host: loads, release: "6.12" }).causes[0]?.text).toMatch(/loads kvm_intel|hangs on registers/);
  });

  it("finds the releases that have a parameter, and names like it", () => {
    const unknown = (name: string) => only(`kvm_intel: unknown parameter '${name}' ignored`).causes[0]?.text;
    expect(unknown("vmm_exclusive")).toContain("No release from 5.4");
    expect(unknown("unrestrictd_guest")).toContain("unrestricted_guest");
    expect(unknown("error_on_inconsistent_vmcs_config")).toContain("Linux 6.0 and later");
  });

  it("says that a parameter belongs to the other module", () => {
    expect(only("kvm: unknown parameter 'nested' ignored").causes[0]?.text).toContain(
      "nested is a parameter of kvm_intel, not of kvm",
    );
  });
});
