import { checkOptions } from "../bits/misuse.js";
import { once } from "../bits/once.js";
import { BOOT_RULES } from "../linux/boot-rules.js";
import { compile, type Program } from "../rules/compile.js";
import type { KernelConfig } from "../rules/condition.js";
import { kernelRow } from "../rules/kernels.js";
import { checkRelease, type Release } from "../rules/release.js";
import { CONFIG_OPTIONS } from "../rules/rule.js";
import { configOf } from "./kernel-config.js";
import { loadRules } from "./load/load-order.js";
import { NESTED_RULES } from "./load/nested-setup.js";
import type { ParamRow } from "./load/params.js";
import { SETUP_VMCS_CONFIG_RULES } from "./load/setup-vmcs-config.js";
import { adjustSpecs } from "./load/wanted-controls.js";
import { defaultsOf, type ParamDefaults, paramRows } from "./replay-params.js";

/*
 * The compiled rules of a kernel, each compiled when it is first needed: most hosts have one group of CPUs, and compiling what
 * only further ones need takes as long as ten replays.
 */

export interface Programs {
  readonly boot: Program;
  readonly load: Program;
  /** Boot of a further CPU. */
  readonly bootFurther: () => Program;
  /** setup_vmcs_config and the nested MSRs alone, for the compatibility check of a further CPU. */
  readonly check: () => Program;
  readonly params: readonly ParamRow[];
  readonly defaults: ParamDefaults;
}

/** The virtualization init of 7.2 runs once, on the boot CPU. */
const FURTHER_BOOT_RULES = BOOT_RULES.filter(
  (rule) => rule.stage !== "x86_virt_init" && rule.id !== "call-x86-virt-init",
);

const programs = new Map<string, Programs>();

export function programsFor(release: Release, config: KernelConfig): Programs {
  const options = config === configOf(release) ? "" : CONFIG_OPTIONS.map((option) => (config[option] ? 1 : 0)).join("");
  const key = release + options;
  let found = programs.get(key);
  if (found === undefined) {
    const kernel = kernelRow(release);
    const adjust = adjustSpecs(release, config);
    const params = paramRows(kernel, config);
    found = {
      boot: compile(BOOT_RULES, release, config),
      load: compile(loadRules(release), release, config, adjust),
      bootFurther: once(() => compile(FURTHER_BOOT_RULES, release, config)),
      check: once(() => compile([...SETUP_VMCS_CONFIG_RULES, ...NESTED_RULES], release, config, adjust)),
      params,
      defaults: defaultsOf(params),
    };
    programs.set(key, found);
  }
  return found;
}

/**
 * Parameters that kvm and kvm_intel have in a release and configuration. Throws `RangeError` for a release that is not
 * one of `RELEASES`.
 */
export function paramsOf(release: Release, config?: KernelConfig): readonly ParamRow[] {
  checkRelease(release, "release");
  if (config !== undefined) checkOptions(config, "config");
  return programsFor(release, configOf(release, config)).params;
}
