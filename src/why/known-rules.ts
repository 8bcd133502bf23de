import { LOAD_ORDER } from "../kvm/load/load-order.js";
import { BOOT_RULES } from "../linux/boot-rules.js";
import type { Rule } from "../rules/rule.js";

let rules: readonly Rule[] | undefined;

/** Every rule of boot and of loading KVM in any kernel, each once. */
export function knownRules(): readonly Rule[] {
  rules ??= [...new Set([...BOOT_RULES, ...LOAD_ORDER.flatMap(({ parts }) => parts.flat())])];
  return rules;
}
