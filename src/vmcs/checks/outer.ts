import { anyOf, shared, type Tri, tri } from "../../bits/tri.js";
import type { Position } from "../../rules/change.js";
import { type Held, heldIn } from "../../rules/held.js";
import { type Check, checksOf } from "./check-row.js";
import { CHECKS } from "./checks.js";
import { all, fact } from "./expr.js";
import { HYPER_V_OWN, KVM_LEFT, KVM_OWN, LEFT_GROUPS, type OuterSpec, VIRTUALBOX_OWN } from "./outer-rows.js";

/** Whose checks count: the CPU's, or those of a hypervisor that emulates VMX, before the CPU ever sees the VMCS. */
export type Authority =
  | { readonly name: "cpu" }
  /** Nested KVM, of each of these kernels. */
  | { readonly name: "kvm"; readonly kernels: readonly Position[] }
  | { readonly name: "virtualbox" }
  /** Hyper-V with the enlightened VMCS. */
  | { readonly name: "hyper-v" };

/** A check as an authority makes it. */
export interface Judged {
  readonly check: Check;
  /** The hypervisor does not look at it; the CPU does, after everything that the hypervisor checks. */
  readonly left?: true;
}

const rowOf = ({ group, ...spec }: OuterSpec): Check => checksOf(group, "2", [spec])[0] as Check;

/** Whether a row that holds in any of these ranges holds in all of the kernels, in none, or in some. */
function holds(ranges: readonly Held[] | undefined, kernels: readonly Position[]): Tri {
  if (kernels.length === 0) return "unknown";
  return shared(kernels.map((kernel) => anyOf((ranges ?? [{}]).map((held) => tri(heldIn(held, kernel))))));
}

const SAME: readonly Judged[] = CHECKS.map((check) => ({ check }));

/** Every check that counts under an authority, in the order of the manual, its own rows last. */
export function checksUnder(authority: Authority | undefined): readonly Judged[] {
  switch (authority?.name) {
    case undefined:
    case "cpu":
      return SAME;
    case "virtualbox":
      return [...SAME, ...VIRTUALBOX_OWN.map((spec) => ({ check: rowOf(spec) }))];
    case "hyper-v":
      return [...SAME, ...HYPER_V_OWN.map((spec) => ({ check: rowOf(spec) }))];
    case "kvm": {
      const { kernels } = authority;
      const isLeft = ({ id, group }: Check) =>
        LEFT_GROUPS.includes(group) ||
        KVM_LEFT.some(({ checks, held = {} }) => checks.test(id) && holds([held], kernels) === "yes");
      const own = KVM_OWN.flatMap(({ held, fn: _, ...spec }): Judged[] => {
        const made = holds(held, kernels);
        if (made === "no") return [];
        const check = rowOf(spec);
        // Where the kernels differ, or their source was not read, the row may or may not count.
        return [{ check: made === "yes" ? check : { ...check, when: all(check.when, fact("kernelHasCheck")) } }];
      });
      return [...SAME.map(({ check }) => (isLeft(check) ? { check, left: true as const } : { check })), ...own];
    }
  }
}
