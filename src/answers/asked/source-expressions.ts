import { FEAT_CTL_RULES } from "../../linux/feat-ctl.js";
import { VMX_CAPABILITIES_RULES } from "../../linux/vmx-capabilities.js";
import type { TextVerdict } from "../answer.js";

/*
 * Questions about a line of the kernel's code: "why is there WARN_ON_ONCE(supported >> 16)?" The rules of boot answer.
 */

type RuleId = (typeof FEAT_CTL_RULES)[number]["id"] | (typeof VMX_CAPABILITIES_RULES)[number]["id"];

interface Expression {
  readonly words: RegExp;
  /** What a name in it holds. */
  readonly says?: string;
  readonly rules: readonly RuleId[];
}

const LONGEST = 4_000;
const ASKS =
  /\?|[？]|\b(?:what|why|how|explain\w{0,3}|mean\w{0,3}|understand|purpose|confus\w{2,4})\b|是什么|什么意思|为什么|含义|作用|区别/i;

const SUPPORTED = "`supported` is the high half of IA32_VMX_PINBASED_CTLS there: the pin-based controls that may be 1.";
const EXPRESSIONS: readonly Expression[] = [
  {
    words: /\bign,\s{0,2}&?supported\b|\brdmsr(?:_safe)?\([^)\n]{4,60}&?ign\b/,
    says: "A register of controls has two halves: `supported` takes the high one (allowed-1, what may be 1), and `ign` the low one (allowed-0, what must be 1), which the `vmx flags` line does not need. rdmsr_safe leaves 0 where the register does not exist; plain rdmsr warns.",
    rules: [],
  },
  { words: /\bsupported\s{0,2}>>\s{0,2}16/, says: SUPPORTED, rules: ["capability-pin-overflow"] },
  { words: /\bfuncs\s{0,2}>>\s{0,2}4/, rules: ["capability-vmfunc-overflow"] },
  { words: /\bsupported\s{0,2}&\s{0,2}0xf{1,4}\b/, says: SUPPORTED, rules: ["capability-pin"] },
  { words: /\bvpid\s{0,2}&\s{0,2}(?:0x)?1\b/, rules: ["capability-invvpid"] },
  { words: /\bfuncs\s{0,2}&\s{0,2}0xf\b/, rules: ["capability-vmfunc"] },
  { words: /\bVMX_F\(FLEXPRIORITY\)/, rules: ["capability-flexpriority"] },
  { words: /\bVMX_F\(APICV\)/, rules: ["capability-apicv"] },
  {
    words: /\bgoto update_caps\b|\bmsr\s{0,2}&\s{0,2}FEAT_CTL_LOCKED\b/,
    rules: ["build-feat-ctl", "vmx-disabled-by-firmware"],
  },
  { words: /\btboot\s{0,2}(?:&&|\|\|)|\btboot_enabled\(\)/, rules: ["build-outside-smx", "build-inside-smx"] },
];
const RULES = [...FEAT_CTL_RULES, ...VMX_CAPABILITIES_RULES];

/** What the lines of init_ia32_feat_ctl and init_vmx_capabilities do that a text asks about. */
export function expressionsAsked(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || text.length > LONGEST || !ASKS.test(text)) return undefined;
  const found = EXPRESSIONS.filter(({ words }) => words.test(text));
  const says = found.flatMap(({ says: first, rules }) => [
    ...(first === undefined ? [] : [first]),
    ...rules.map((id) => RULES.find((rule) => rule.id === id)?.says ?? ""),
  ]);
  if (says.length === 0) return undefined;
  return {
    says: [...new Set(says)].join(" "),
    steps: [
      { text: "See it run step by step on a CPU.", commands: ["vmxlens replay HOST --fn init_vmx_capabilities"] },
    ],
    evidence: [],
  };
}
