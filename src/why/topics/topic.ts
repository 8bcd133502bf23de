/** A subject that has one rule, by the names that a text has to hold. */
export interface Topic {
  readonly id: string;
  /**
   * What has to be named: one of each row. Phrases are in lower case, without punctuation and plurals, as `plainWords` makes
   * them, divided by ` | `; one that ends in `*` is the beginning of a word.
   */
  readonly about: readonly string[];
  /** What weighs besides: of two topics that are named, the one with more. */
  readonly also?: readonly string[];
  /** What rules it out. */
  readonly not?: string;
  /** The same on a CPU or a hypervisor without VMX. */
  readonly anywhere?: true;
  /** Answers that know more of the text come before it. */
  readonly last?: true;
  /** The rule. What a table holds is named in braces: `{proc2.EPT}`, `{ctl.eptp}`, `{IA32_VMX_MISC}`. */
  readonly says: string;
  readonly steps?: readonly TopicStep[];
  readonly source: string;
}

/** What shows it on a machine. */
export interface TopicStep {
  readonly text: string;
  readonly commands?: readonly string[];
}
