import { loadRules } from "../../src/kvm/load/load-order.js";
import { BOOT_RULES } from "../../src/linux/boot-rules.js";
import { holdsIn } from "../../src/rules/held.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import type { Rule } from "../../src/rules/rule.js";

/** Kernels whose every step is in the tables; for the others, a known input can give an unknown result. */
export const CERTAIN: readonly Release[] = RELEASES.filter((release) =>
  [...BOOT_RULES, ...loadRules(release)].every(({ held }: Rule) => holdsIn(release, held) !== undefined),
);
