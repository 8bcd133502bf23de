import type { Fact, Varying } from "./held.js";
import type { BitName, MsrName, Stage, WordName } from "./words.js";

/** A word and one or more of its bits, by name; a number names a bit that has no public name. */
export type Bits = { [W in WordName]: readonly [W, ...(BitName<W> | number)[]] }[WordName];

/** One bit of a word. */
export type Bit = { [W in WordName]: readonly [W, BitName<W> | number] }[WordName];

/** Kernel build options that a rule can depend on. */
export const CONFIG_OPTIONS = [
  "CONFIG_X86_64",
  "CONFIG_KVM_INTEL",
  "CONFIG_X86_SGX",
  "CONFIG_X86_SGX_KVM",
  "CONFIG_X86_VMX_FEATURE_NAMES",
  "CONFIG_KVM_INTEL_PROVE_VE",
  "CONFIG_KVM_INTEL_TDX",
  "CONFIG_HYPERV",
  "CONFIG_BROKEN",
  "CONFIG_INTEL_TXT",
  "CONFIG_CPU_SUP_ZHAOXIN",
] as const;

/** A kernel build option, set or not; built in and built as a module count alike. */
export type ConfigOption = (typeof CONFIG_OPTIONS)[number];

/** A condition over the words of a replay, evaluated to yes, no or unknown. */
export type Condition =
  | { readonly bit: Bit }
  | { readonly not: Condition }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  /** Exactly one of the two holds. */
  | { readonly xor: readonly [Condition, Condition] }
  /** Any bit of the word, or of its bits `hi` to `lo`, is 1. */
  | { readonly nonzero: WordName; readonly hi?: number; readonly lo?: number }
  /** Unsigned value of bits `hi` to `lo` of a word. */
  | { readonly field: WordName; readonly hi: number; readonly lo: number; readonly above: number }
  | { readonly field: WordName; readonly hi: number; readonly lo: number; readonly equals: number }
  /** Reading the MSR faults. */
  | { readonly faults: MsrName }
  | { readonly config: ConfigOption }
  /**
   * The VMX-preemption timer, started at the largest count that `limit` allows, would run out more often than once in
   * ten seconds; see `timer.ts`.
   */
  | { readonly timerTooFast: "fixed limit" | "limit of CPUID leaf 15h" };

/** Errors with which the kernel refuses to load kvm or kvm_intel. */
export type Errno = (typeof RULE_ERRORS)[number];

/** What else insmod fails with says nothing about the CPU. */
export const RULE_ERRORS = ["EIO", "EINVAL", "ERANGE", "EOPNOTSUPP", "ENOMEM"] as const;

/** 2 critical, 3 error, 4 warning, 6 information, as in printk. */
export type Level = 2 | 3 | 4 | 6;

/** Controls that KVM adjusts together, in one word. It knows no secondary VM-exit controls. */
export type ControlGroup = "pin" | "primary" | "secondary" | "tertiary" | "exit" | "entry";

/** What a rule does when its condition holds. */
export type Effect =
  /** RDMSR: `plain` reports a fault, `safe` does not. Either way a fault leaves 0. */
  | { readonly read: MsrName; readonly how: "plain" | "safe" }
  | { readonly set: Bits }
  | { readonly clear: Bits }
  /** The word becomes exactly these bits. */
  | { readonly assignBits: Bits }
  /** The word becomes this number; for fields that are not bits, such as a revision. */
  | { readonly assignNumber: WordName; readonly value: number }
  | { readonly copyWord: WordName; readonly from: WordName }
  /** The word becomes the named bits of another word. */
  | { readonly copyOnly: Bits; readonly from: WordName }
  /** `width` bits of `from`, starting at its second element, replace those of `to`. */
  | {
      readonly copyField: readonly [WordName, number];
      readonly from: readonly [WordName, number];
      readonly width: number;
    }
  /** `adjust_vmx_controls` or `adjust_vmx_controls64` for one group of controls; the lists are in kvm/load/wanted-controls.ts. */
  | { readonly adjust: ControlGroup }
  | { readonly call: Stage }
  | { readonly leave: Stage }
  | { readonly refuse: Errno }
  | Say
  | {
      readonly warn: "WARN_ON_ONCE" | "WARN_ONCE";
      readonly func: Varying<string>;
      readonly cond: Varying<string>;
      readonly text?: Varying<string>;
    };

/** Printing a message. Its wording changed more often than the step that prints it. */
export interface Say {
  readonly say: string | readonly Wording[];
  readonly level: Level;
  readonly args?: readonly MessageArg[];
  readonly once?: string;
}

/** A text in the kernels that print it so, with its own level and numbers where those changed, too. */
export interface Wording extends Fact {
  readonly text: string;
  readonly level?: Level;
  readonly args?: readonly MessageArg[];
}

/** A number printed in a message: the named bits of a word with their values, or the mask of the named bits. */
export type MessageArg = { readonly of: Bits } | { readonly wanted: Bits };

/**
 * One step of the kernel: where the fact holds, when the condition holds, this happens. Rules are in the order in which
 * the kernel executes them; a step that moved appears twice, with ranges that do not overlap.
 */
export interface Rule extends Fact {
  readonly id: string;
  /** The part of boot or load that the step belongs to; it runs only while that is reached and not left. */
  readonly stage: Stage;
  /** The function of the kernel that does it, where that is not the name of the stage; several if vendors have their own. */
  readonly fn?: Varying<string>;
  readonly when?: Condition;
  readonly does: readonly Effect[];
  /** One sentence of ours: what happens and why. */
  readonly says: string;
  /** File in the kernel tree. */
  readonly file: Varying<string>;
}
