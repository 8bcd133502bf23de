import { BOOT_RULES } from "../../linux/boot-rules.js";
import { type KernelConfig, simplify } from "../../rules/compile.js";
import { inRange, type Release } from "../../rules/release.js";
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
    rules = [...BOOT_RULES, ...loadRules(release)].filter(
      (rule) => inRange(release, rule.releases) && (rule.when === undefined || simplify(rule.when, config) !== false),
    );
    byRelease.set(release, rules);
  }
  return rules;
}
