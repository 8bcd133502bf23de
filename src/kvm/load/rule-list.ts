import { BOOT_RULES } from "../../linux/boot-rules.js";
import { type KernelConfig, simplify } from "../../rules/condition.js";
import { rowsIn } from "../../rules/held.js";
import type { Release } from "../../rules/kernels.js";
import type { Rule } from "../../rules/rule.js";
import { loadRules } from "./load-order.js";

const lists = new WeakMap<KernelConfig, Map<Release, readonly Rule[]>>();

/** Every rule of boot and of loading KVM that a release and configuration has, in the order of execution. */
export function rulesOf(release: Release, config: KernelConfig): readonly Rule[] {
  let byRelease = lists.get(config);
  if (byRelease === undefined) {
    byRelease = new Map();
    lists.set(config, byRelease);
  }
  let rules = byRelease.get(release);
  if (rules === undefined) {
    rules = rowsIn<Rule>([...BOOT_RULES, ...loadRules(release)], release).filter(
      (rule) => rule.when === undefined || simplify(rule.when, config) !== false,
    );
    byRelease.set(release, rules);
  }
  return rules;
}
