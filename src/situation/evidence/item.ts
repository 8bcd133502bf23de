import type { Tri } from "../../bits/tri.js";
import type { WordName } from "../../rules/words.js";

/** What a machine reports about itself that a replay computes, too. */
export const ITEM_KINDS = {
  kernel: "kernel release",
  "feat-ctl": "IA32_FEAT_CTL after boot",
  "cpu-flag": "flags",
  "vmx-flag": "vmx flags",
  message: "kernel messages",
  loads: "kvm_intel loads",
  param: "parameters",
  nested: "nested MSRs",
} as const;
export type ItemKind = keyof typeof ITEM_KINDS;

/** Kinds that show how the CPU looked when Linux booted; the others show how it looked when KVM was loaded. */
export const BOOT_KINDS: readonly ItemKind[] = ["feat-ctl", "cpu-flag", "vmx-flag"];

export type Verdict = "agree" | "differ" | "unknown";

/** One statement of the machine, and what the replay gives for it. */
export interface VerifyItem {
  /** Unique in a verification, and the same for every release and every option. */
  readonly id: string;
  readonly kind: ItemKind;
  readonly layer: "firmware" | "boot" | "kvm" | "param" | "nested";
  readonly what: string;
  /** As the machine says it. */
  readonly reported: string;
  readonly replayed: string;
  /** `unknown` if unknown input decides the replay's result, or the machine's statement leaves it open. */
  readonly verdict: Verdict;
  /** What else the reader should know. */
  readonly note?: string;
  /** The bit of the replay's words behind it, where there is one. */
  readonly at?: { readonly word: WordName; readonly bit: number };
  /** The parameter it is about. */
  readonly param?: { readonly module: "kvm" | "kvm_intel"; readonly name: string };
}

export function verdictOf(reported: Tri, replayed: Tri): Verdict {
  if (reported === "unknown" || replayed === "unknown") return "unknown";
  return reported === replayed ? "agree" : "differ";
}
