import { describe, expect, it } from "vitest";
import { layerOption } from "../../src/cli/shell/layer-option.js";
import { readWanted } from "../../src/compare/controls/control-names.js";
import { PARAMS } from "../../src/kvm/load/params.js";
import { PREDICATES } from "../../src/kvm/load/predicates.js";
import { SOURCE_NAMES, type SourceName } from "../../src/kvm/source-names.js";
import { VMX_FLAGS } from "../../src/linux/vmx-features.js";
import { bitLabel, labelText } from "../../src/registers/bit-label.js";
import { placedBit, registerNamed } from "../../src/registers/bit-place.js";
import { namesOf } from "../../src/registers/lookup.js";
import { hexIndex, REGISTERS } from "../../src/registers/registers.js";
import { WORD_NAMES } from "../../src/rules/words.js";
import { CONTROL_WORDS } from "../../src/vmcs/fields/control-bits.js";
import { findFields } from "../../src/vmcs/fields/field-names.js";
import { FIELDS, fieldName } from "../../src/vmcs/fields/fields.js";
import { FEATURE_LIST, LAYER_TITLES, LAYERS } from "../../src/why/features.js";
import { findFeature } from "../../src/why/find-feature.js";
import { findPlace } from "../../src/why/find-place.js";
import { knownRules } from "../../src/why/known-rules.js";
import { runFunctions } from "../../src/why/run-part.js";
import { runCli } from "./run.js";

/** Every name that some report prints, by where it stands. */
const BITS = REGISTERS.flatMap((register) =>
  register.bits.flatMap((row) => {
    const msrBit = register.layout === "controls" ? row.bit + 32 : row.bit;
    return [
      ...[...namesOf(row)].map(([, name]) => name),
      labelText(bitLabel(register.index, msrBit)),
      `${hexIndex(register.index)}[${row.bit}]`,
      `${hexIndex(register.index)} bit ${msrBit}`,
      `${register.sdm} (${hexIndex(register.index)}) bit ${msrBit}`,
      `${row.sdm} (${register.sdm} bit ${row.bit})`,
    ];
  }),
);
const REGISTER_NAMES = REGISTERS.flatMap(({ index, sdm, linux, aliases }) => [
  sdm,
  ...(linux === undefined ? [] : [linux]),
  ...aliases,
  hexIndex(index),
  `${sdm} (${hexIndex(index)})`,
  `${hexIndex(index)} ${sdm}`,
]);
const PARAM_NAMES = PARAMS.flatMap(({ module, name }) => [name, `${module}.${name}`, `${module}.${name}=N`]);
const FEATURES = FEATURE_LIST.flatMap(({ id, name, aliases = [], flag }) => [
  id,
  name,
  ...aliases,
  ...(flag === undefined ? [] : [flag]),
]);
const SOURCES = (SOURCE_NAMES as readonly SourceName[]).flatMap(({ name, form }) => [
  name,
  ...(form === undefined ? [] : [form, ...form.split(", ").filter((part) => !/[()]/.test(form) && part !== "")]),
]);

/** The bits that `control` and `why` count in a control word are in one half of the MSR or the other. */
const CONTROLS = Object.values(CONTROL_WORDS).flatMap((word) =>
  word.bits.flatMap((row) => [
    `${hexIndex(word.msr)}[${row.bit}]`,
    `${hexIndex(word.msr)} bit ${word.shape === "halves" ? row.bit + 32 : row.bit}`,
  ]),
);

describe("every name that is printed is accepted", () => {
  it("by why", () => {
    const names = [
      ...BITS,
      ...REGISTER_NAMES,
      ...PARAM_NAMES,
      ...FEATURES,
      ...SOURCES,
      ...Object.keys(PREDICATES),
      ...VMX_FLAGS.map(({ flag }) => flag),
      ...runFunctions(),
      ...WORD_NAMES.filter((word) => !["machine", "reached", "want", "caps", "given", "inconsistent"].includes(word)),
      ...knownRules().map(({ id }) => id),
    ];
    expect(names.length).toBeGreaterThan(4000);
    const refused = [...new Set(names)].filter(
      (name) => findFeature(name).kind === "none" && findPlace(name) === undefined,
    );
    expect(refused).toEqual([]);
  });

  it("by show, for what is in a register", () => {
    expect(REGISTER_NAMES.filter((name) => registerNamed(name) === undefined)).toEqual([]);
    const placed = BITS.filter((name) => /\[\d+\]$|bit \d+\)?$/.test(name));
    expect(placed.filter((name) => placedBit(name) === undefined)).toEqual([]);
  });

  it("by controls --want, for what is a control", () => {
    const wrong = CONTROLS.filter((name) => readWanted([{ text: name }]).wants.length !== 1);
    expect(wrong).toEqual([]);
  });

  it("by vmcs, for what is a field, a dump's names among them", () => {
    const names = FIELDS.flatMap((row) => [
      fieldName(row),
      row.key,
      row.sdm,
      ...(row.xen === undefined ? [] : [row.xen]),
      ...(row.linuxDump === undefined ? [] : [row.linuxDump]),
      ...(row.xenDump === undefined ? [] : [row.xenDump]),
      `0x${row.encoding.toString(16).padStart(4, "0")}`,
    ]);
    expect(names.filter((name) => findFields(name).length === 0)).toEqual([]);
    for (const name of ["RFLAGS", "rflags", "cs", "CR0: gh_mask"]) expect(findFields(name), name).not.toEqual([]);
  });

  it("by --layer, for what is a layer", () => {
    for (const layer of LAYERS) expect(layerOption(LAYER_TITLES[layer])).toEqual({ layer });
  });
});

describe("a place names one bit", () => {
  it.each([
    ["0x48b[22]", 0x48b, 22],
    ["0x48b bit 54", 0x48b, 22],
    ["0x48e[31]", 0x482, 31],
    ["secondary 22", 0x48b, 22],
    ["bit 21 of 0x48c", 0x48c, 21],
    ["IA32_VMX_MISC (0x485) bit 8", 0x485, 8],
    ["0x486 bit 5", 0x487, 5],
  ])("%s", (text, index, bit) => {
    const place = placedBit(text);
    expect([place?.register.index, place?.bit]).toEqual([index, bit]);
  });

  it.each(["0x48b[64]", "0x123[1]", "bit", "", "0x48b[x]", "(0x48b", "IA32_VMX_MISC (0x48b) bit 3"])(
    "and %s names none",
    (text) => {
      expect(placedBit(text)).toBeUndefined();
    },
  );
});

describe("names lead somewhere", () => {
  it.each([
    ["0x48b[22]", /^mbec /],
    ["mode-based execute control", /^mbec /],
    ["vmx-mbec", /^mbec /],
    ["kvm_intel.ept=N", /^ept /],
    ["adjust_vmx_controls", /ctl_min 0x[\s\S]*vmx_msr_low 0x/],
    ["NVMXINTS", /^vmx_capability\[NVMXINTS\].*\n[\s\S]*SECONDARY_CTLS/],
    ["MISC_FEATURES", /vmx_capability\[0\] MISC_FEATURES/],
    ["rdmsr_safe", /rdmsr_safe IA32_VMX_EPT_VPID_CAP/],
    ["setup_vmcs_config", /setup_vmcs_config {1,2}arch/],
    ["0x48b", /^IA32_VMX_PROCBASED_CTLS2 \(0x48b\) on .*the CPU\s+has 20 of/],
    ["CR4.SMXE", /^SMXE \(IA32_VMX_CR4_FIXED1, 0x489 bit 14\)/],
  ])("why %s", async (name, says) => {
    const { out, err } = await runCli(["why", name, "skylake-x"]);
    expect(err).toBe("");
    expect(out).toMatch(says);
  });

  it("an ambiguous name lists what is accepted", async () => {
    const { err, code } = await runCli(["why", "LOAD_CET_STATE", "skylake-x"]);
    expect(code).toBe(2);
    const choices = [...err.matchAll(/^ {2}(?:"([^"]*)"|(\S+)) {2}/gm)].map(
      ([, quoted, plain]) => quoted ?? plain ?? "",
    );
    expect(choices.length).toBeGreaterThan(1);
    for (const choice of choices) expect(findFeature(choice).kind, choice).toBe("one");
  });
});

describe("replay shows the part that is asked for", () => {
  it("one function and one bit", async () => {
    const { out } = await runCli(["replay", "skylake-x", "--fn", "setup_vmcs_config", "--bit", "PREEMPTION_TIMER"]);
    expect(out).toMatch(/its bit 6, PREEMPTION_TIMER: ctl_min 0, ctl_opt 1, vmx_msr_low 0, vmx_msr_high 1/);
    expect(out).not.toContain("Outcome");
    expect(out.match(/^ {2}\S.*controls/gm)).toHaveLength(1);
  });

  it("in JSON, too", async () => {
    const { out } = await runCli(["replay", "skylake-x", "--fn", "init_ia32_feat_ctl", "--json"]);
    const [{ steps }] = JSON.parse(out).runs;
    expect(new Set(steps.map((step: { function: string }) => step.function))).toEqual(new Set(["init_ia32_feat_ctl"]));
  });

  it("and refuses a function that there is not", async () => {
    const { err, code } = await runCli(["replay", "skylake-x", "--fn", "setup_vmcs_confg"]);
    expect(code).toBe(2);
    expect(err).toContain("did you mean setup_vmcs_config");
  });
});
