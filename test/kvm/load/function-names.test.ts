import { describe, expect, it } from "vitest";
import { MODULE_INIT } from "../../../src/kvm/load/function-names.js";
import { loadRules } from "../../../src/kvm/load/load-order.js";
import { BOOT_RULES } from "../../../src/linux/boot-rules.js";
import { functionOf } from "../../../src/rules/effect.js";
import { rowsIn, valuesOf } from "../../../src/rules/held.js";
import { KERNELS, type Release } from "../../../src/rules/kernels.js";
import type { Rule } from "../../../src/rules/rule.js";
import { findPlace } from "../../../src/why/find-place.js";
import { rulesOfFunctions, runFunctions } from "../../../src/why/run-part.js";
import { runCli } from "../../cli/run.js";

const RELEASES: readonly Release[] = KERNELS.map(({ id }) => id);
const rulesIn = (release: Release) => rowsIn<Rule>([...BOOT_RULES, ...loadRules(release)], release);
const namesIn = (release: Release) => new Set(rulesIn(release).map((rule) => functionOf(rule, release)));

/** Of functions that were renamed, the names that a tree has and those that it does not; read in that tree. */
const READ: readonly (readonly [Release, has: readonly string[], lacks: readonly string[]])[] = [
  [
    "5.6",
    ["hardware_setup", "kvm_arch_init", "nested_vmx_setup_ctls_msrs", "vmx_init"],
    ["vmx_hardware_setup", "kvm_x86_vendor_init", "__kvm_x86_vendor_init", "nested_vmx_setup_pinbased_ctls"],
  ],
  [
    "6.1",
    ["hardware_setup", "kvm_x86_vendor_init", "nested_vmx_setup_ctls_msrs", "vmx_init"],
    ["vmx_hardware_setup", "__kvm_x86_vendor_init", "kvm_is_vmx_supported", "nested_vmx_setup_basic"],
  ],
  [
    "6.12",
    ["vmx_hardware_setup", "kvm_x86_vendor_init", "__kvm_is_vmx_supported", "nested_vmx_setup_secondary_ctls"],
    ["hardware_setup", "__kvm_x86_vendor_init", "kvm_arch_init"],
  ],
  [
    "6.16",
    ["vmx_hardware_setup", "kvm_x86_vendor_init", "__kvm_is_vmx_supported", "nested_vmx_setup_cr_fixed"],
    ["hardware_setup", "__kvm_x86_vendor_init", "kvm_arch_init", "__x86_vmx_init"],
  ],
  ["7.3", ["__x86_vmx_init", "identify_boot_cpu"], ["x86_virt_init", "hardware_setup"]],
];

describe("the functions of a run", () => {
  it.each(READ)("have in %s the names of that tree", (release, has, lacks) => {
    const names = namesIn(release);
    expect(has.filter((name) => !names.has(name))).toEqual([]);
    expect(lacks.filter((name) => names.has(name))).toEqual([]);
  });

  it("are found by the name of any kernel, under any kernel", () => {
    for (const release of RELEASES) {
      for (const rule of rulesIn(release)) {
        for (const names of valuesOf(rule.fn ?? rule.stage)) {
          for (const name of names.split(", ")) {
            expect([rule.id, name, rulesOfFunctions({ functions: [name] }).includes(rule)]).toEqual([
              rule.id,
              name,
              true,
            ]);
          }
        }
      }
    }
  });

  it("are found by why, whichever kernel has the name", () => {
    const names = [...runFunctions(), ...valuesOf(MODULE_INIT)];
    expect(names.filter((name) => findPlace(name) === undefined)).toEqual([]);
  });

  it("have one name at a time", () => {
    for (const name of runFunctions()) expect(name).toMatch(/^\w+$/);
  });

  it.each(["hardware_setup", "vmx_hardware_setup"])(
    "are printed by the name of the kernel asked for: %s",
    async (name) => {
      const under = async (kernel: string) => {
        const { out } = await runCli(["replay", "skylake-x", "--fn", name, "--kernel", kernel, "--json"]);
        const { runs } = JSON.parse(out) as { runs: readonly { steps: readonly { function: string }[] }[] };
        return [...new Set(runs.flatMap(({ steps }) => steps.map((step) => step.function)))];
      };
      expect(await under("6.6")).toEqual(["hardware_setup"]);
      expect(await under("6.12")).toEqual(["vmx_hardware_setup"]);
    },
  );
});
