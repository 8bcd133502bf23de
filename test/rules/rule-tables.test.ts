import { describe, expect, it } from "vitest";
import { loadRules } from "../../src/kvm/load/load-order.js";
import { replay } from "../../src/kvm/replay.js";
import { BOOT_RULES } from "../../src/linux/boot-rules.js";
import { functionOf } from "../../src/rules/effect.js";
import { rowsIn, valueIn } from "../../src/rules/held.js";
import { KERNELS, type Release } from "../../src/rules/kernels.js";
import type { Rule } from "../../src/rules/rule.js";
import { STAGES } from "../../src/rules/words.js";
import type { ReferenceInput } from "../oracles/reference/reference-cpu.js";
import { hostOf } from "../oracles/vectors/vector-case.js";
import { selectedCases } from "../vectors/selected.js";

const RELEASES: readonly Release[] = KERNELS.map(({ id }) => id);

/** Every rule of every table, whatever the kernel. */
const everyRule = [...new Set([...BOOT_RULES, ...RELEASES.flatMap((release) => loadRules(release))])];
const rulesOf = (release: Release): readonly Rule[] => rowsIn<Rule>([...BOOT_RULES, ...loadRules(release)], release);

describe("the rule tables", () => {
  it.each(RELEASES)("name each rule of %s once", (release) => {
    const ids = rulesOf(release).map((rule) => rule.id);
    expect(ids.filter((id, position) => ids.indexOf(id) !== position)).toEqual([]);
    expect(ids.length).toBeGreaterThan(90);
  });

  it("give every rule a function, a source in the kernel tree and a sentence of ours", () => {
    for (const rule of everyRule) {
      expect(STAGES).toContain(rule.stage);
      expect(rule.id).toMatch(/^[a-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/);
      expect([rule.id, rule.says]).toEqual([rule.id, expect.stringMatching(/^[`A-Z0-9][\s\S]+[^.]\.$/)]);
      expect(rule.does.length).toBeGreaterThan(0);
    }
  });

  it.each(RELEASES)("name one function and one file for each rule of %s", (release) => {
    for (const rule of rulesOf(release)) {
      expect([rule.id, valueIn(rule.file, release)]).toEqual([
        rule.id,
        expect.stringMatching(/^arch\/x86\/\S+\.[ch]\b/),
      ]);
      const fn = functionOf(rule, release);
      // A stage is no function of the kernel where it only gathers what runs around the others.
      expect([rule.id, fn]).toEqual([rule.id, expect.not.stringMatching(/^kvm_load$/)]);
      if (rule.fn !== undefined) expect([rule.id, valueIn(rule.fn, release)]).toEqual([rule.id, fn]);
    }
  });

  it("leave no rule without a kernel", () => {
    for (const rule of everyRule) {
      expect([rule.id, RELEASES.some((release) => rulesOf(release).includes(rule))]).toEqual([rule.id, true]);
    }
  });

  it("have no two rules that differ in texts only: a text with its own range is a wording of one rule", () => {
    // A step that moved, a register that two functions read, and a number that came back.
    const right = ["virt-read-basic", "allow-smaller-maxphyaddr", "cpu-caps-no-cet-xss", "nested-vmcs-enum-old"];
    const behaviour = ({ when, does }: Rule) =>
      JSON.stringify([when, does.map((effect) => ("say" in effect ? "say" : "warn" in effect ? "warn" : effect))]);
    const byBehaviour = new Map<string, string[]>();
    for (const rule of everyRule) {
      byBehaviour.set(behaviour(rule), [...(byBehaviour.get(behaviour(rule)) ?? []), rule.id]);
    }
    const siblings = [...byBehaviour.values()].filter((ids) => ids.length > 1);
    expect(siblings.filter((ids) => !ids.some((id) => right.includes(id)))).toEqual([]);
    expect(siblings).toHaveLength(right.length);
  });

  it("enter every function that is not entered by another rule", () => {
    const entered = ["early_identify_cpu", "kvm_load", "setup_vmcs_config", "hardware_setup"];
    for (const release of RELEASES) {
      const rules = rulesOf(release);
      const called = new Set(
        rules.flatMap(({ does }) => does.flatMap((effect) => ("call" in effect ? [effect.call] : []))),
      );
      for (const fn of new Set(rules.map((rule) => rule.stage))) {
        if (!entered.includes(fn)) expect([release, [...called]]).toEqual([release, expect.arrayContaining([fn])]);
      }
    }
  });
});

/** Inputs of the committed vectors, which are the same for every release. */
const inputs = selectedCases()
  .filter((vector) => vector.release === "7.2")
  .map((vector) => vector.in as ReferenceInput);
const real = inputs.filter((input) => (input as unknown as { cpu: string }).cpu.startsWith("intel-"));
const base = selectedCases().find(({ id }) => id === "cpu/intel-50654-skylaked")?.in as ReferenceInput;

/** Changes of one register of a real CPU, as `allowed-0` (bits 31:0) or `allowed-1` (63:32) bits. */
function with1(input: ReferenceInput, index: string, bits: readonly number[]): ReferenceInput {
  const mask = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  return {
    ...input,
    msrs: { ...input.msrs, [index]: `0x${(BigInt(input.msrs[index] ?? "0x0") | mask).toString(16)}` },
  };
}

function without1(input: ReferenceInput, index: string, bits: readonly number[]): ReferenceInput {
  const mask = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  return {
    ...input,
    msrs: { ...input.msrs, [index]: `0x${(BigInt(input.msrs[index] ?? "0x0") & ~mask).toString(16)}` },
  };
}

function given(input: ReferenceInput, kvm_intel: Record<string, string>): ReferenceInput {
  return { ...input, params: { ...input.params, kvm_intel } };
}

/**
 * Cases that no vector has: build options, Hyper-V, and values that no CPU has. With the vectors they reach every rule;
 * the reference interpreter checks the same kinds of cases.
 */
const SPECIAL: readonly { readonly why: string; readonly inputs: readonly ReferenceInput[] }[] = [
  { why: "on Hyper-V with the enlightened VMCS", inputs: real.map((input) => ({ ...input, enlightenedVmcs: true })) },
  {
    why: "an entry control that the enlightened VMCS has no field for, which only a CPU that forces it gets before 6.18",
    inputs: [{ ...with1(base, "0x484", [21, 53]), enlightenedVmcs: true }],
  },
  {
    why: "a 32-bit kernel on a CPU that forces 64-bit controls",
    inputs: real.map((input) => ({
      ...with1(with1(with1(input, "0x483", [9]), "0x484", [9]), "0x482", [19, 20]),
      config: { CONFIG_X86_64: false },
    })),
  },
  {
    why: "a 32-bit kernel without APIC-access virtualization",
    inputs: real.map((input) => ({ ...without1(input, "0x48b", [32]), config: { CONFIG_X86_64: false } })),
  },
  {
    why: "a kernel that keeps the controls for EPT-violation #VE",
    inputs: real.map((input) => ({ ...input, config: { CONFIG_KVM_INTEL_PROVE_VE: true } })),
  },
  {
    why: "a kernel without KVM, whose boot does not look at the size of the VMCS region",
    inputs: [{ ...with1(base, "0x480", [32, 44]), config: { CONFIG_KVM_INTEL: false } }],
  },
  {
    why: "a VMCS region of 0 bytes",
    inputs: [
      without1(
        base,
        "0x480",
        Array.from({ length: 13 }, (_, bit) => 32 + bit),
      ),
    ],
  },
  {
    why: "pt_mode where the parameter is hidden: not in the range, or on a CPU without Intel PT in VMX",
    inputs: ["1", "2"].map((mode) => ({ ...given(base, { pt_mode: mode }), config: { CONFIG_BROKEN: true } })),
  },
  {
    why: "VMX inside SMX only, without a measured launch",
    inputs: [{ ...base, msrs: { ...base.msrs, "0x3a": "0x3" } }],
  },
  {
    why: "SGX where the kernel is usually built without it",
    inputs: [
      ...inputs,
      { ...base, features: ["vmx", "nx", "sgx", "sgx_lc"], msrs: { ...base.msrs, "0x3a": "0x40001" } },
    ].map((input) => ({ ...input, config: { CONFIG_X86_SGX: true, CONFIG_X86_SGX_KVM: true } })),
  },
  {
    why: "CPUs of Zhaoxin and measured launches where the kernel is usually built without the code",
    inputs: inputs.map((input) => ({
      ...input,
      vendor: "  Shanghai  ",
      tboot: true,
      config: { CONFIG_INTEL_TXT: true, CONFIG_CPU_SUP_ZHAOXIN: true },
    })),
  },
  {
    why: "a mediated PMU asked for where there is none",
    inputs: [given(base, { enable_mediated_pmu: "1" })],
  },
  {
    why: "every unequal pair of entry and exit controls, tolerated",
    inputs: [12, 19, 21, 23, 25, 28].map((bit) =>
      given(without1(base, "0x483", [32 + bit]), { error_on_inconsistent_vmcs_config: "0" }),
    ),
  },
  {
    why: "SGX for the driver alone, with launch control locked by the firmware",
    inputs: [
      {
        ...base,
        features: ["vmx", "nx", "sgx", "sgx_lc"],
        msrs: { ...base.msrs, "0x3a": "0x40001" },
      },
    ],
  },
];

/** Rules whose effect cannot be seen because the words are 0 before: the kernel writes them all the same. */
const NO_EFFECT = ["nested-secondary-low", "nested-caps-zero"];

/** Every input with its host, those first that reached a rule in the release before. */
let order = [...SPECIAL.flatMap((special) => special.inputs), ...inputs].map((input) => ({
  input,
  host: hostOf(input),
}));

/** The rules that no input reaches; it stops at the input with which all are reached. */
function missedIn(release: Release): readonly string[] {
  const missed = new Set(
    rulesOf(release)
      .map(({ id }) => id)
      .filter((id) => !NO_EFFECT.includes(id)),
  );
  const stages = new Set<string>();
  // Entering a function is no event of its own: the steps of the function are.
  const entering = rulesOf(release).filter(({ does }) => does.every((effect) => "call" in effect));
  const useful = new Set<(typeof order)[number]>();
  for (const each of order) {
    if (missed.size === 0) break;
    const before = missed.size;
    const { input, host } = each;
    const { tboot, pmu, irqPosting, params, config, enlightenedVmcs = false } = input;
    replay(host, {
      release,
      params,
      ...(config === undefined ? {} : { config }),
      machine: { tboot, pmu, irqPosting, mediatedPmu: false, enlightenedVmcs },
      trace: ({ rule }) => {
        missed.delete(rule.id);
        stages.add(rule.stage);
      },
    });
    for (const { id, does } of entering) {
      if (does.every((effect) => "call" in effect && stages.has(effect.call))) missed.delete(id);
    }
    if (missed.size < before) useful.add(each);
  }
  order = [...useful, ...order.filter((each) => !useful.has(each))];
  return [...missed];
}

describe("every rule is reached", () => {
  it.each(RELEASES)("in %s, by a committed vector or a case above", (release) => {
    expect(missedIn(release)).toEqual([]);
  });
});
