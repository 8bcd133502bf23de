import { formatHeld, type Held } from "../rules/held.js";
import type { Release } from "../rules/release.js";
import { formatRange, type ReleaseRange } from "../rules/release.js";
import type { Circumstances } from "../situation/evidence/own-machine.js";
import type { Question } from "../why/questions/answer.js";
import type { ExplainedBit } from "./bits.js";
import type { Advice, Gravity, Outcome, Product, RefusingLayer, Step } from "./message.js";

/** How sure a cause is: computed from the values at hand, pointed to by them, or one of several. */
export type Certainty = "certain" | "likely" | "possible";

export interface Cause {
  readonly text: string;
  readonly certainty: Certainty;
}

/** A number or name out of the message with its meaning. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** What refused. */
export interface ExplainedRule {
  /** Function of the kernel or of another program. */
  readonly fn: string;
  readonly file?: string;
  /** What it does, in one sentence. */
  readonly says?: string;
  /** Releases in which it is so, in words. */
  readonly since: string;
}

/** What one message means, and what to do. */
export interface Explanation {
  /** First and last line of the first occurrence, from 1. */
  readonly lines: readonly [first: number, last: number];
  /** How often the message is in the text. */
  readonly count: number;
  /** The words that were recognised, or the whole line when nothing was. */
  readonly matched: string;
  /** Id of the row in the tables; missing for a line that is not recognised. */
  readonly message?: string;
  readonly product?: Product;
  /** Where it was decided. */
  readonly layer?: RefusingLayer;
  readonly gravity?: Gravity;
  /** The kernels under which this is the answer, where the machine can run others with another answer. */
  readonly kernels?: readonly Release[];
  /** What happened, in one to three sentences. */
  readonly what: string;
  readonly values: readonly NamedValue[];
  readonly bits: readonly ExplainedBit[];
  readonly rule?: ExplainedRule;
  /** Likeliest first. */
  readonly causes: readonly Cause[];
  /** Smallest change first. */
  readonly steps: readonly Step[];
  /** What the answer depends on; empty if it is exact. */
  readonly depends: readonly string[];
  /** What was assumed about the kernel, where it was not given or its name means several. */
  readonly kernelNotes?: readonly string[];
  readonly sources: readonly string[];
}

/** A step that was chosen, with what those who put answers together ask about it. */
export type ChosenStep = Step & Pick<Advice, "changes">;

/** An explanation with what the answer to the whole text needs of it. */
export interface Recognised extends Explanation {
  readonly outcome?: Outcome;
  /** Recognised by generic words. */
  readonly generic?: boolean;
  readonly steps: readonly ChosenStep[];
}

/** The answer to a whole text. */
export interface TextVerdict {
  /** One or two sentences. */
  readonly says: string;
  readonly steps: readonly Step[];
  /** What else the text says about it, one fact each. */
  readonly evidence: readonly string[];
  /** The line that it is about, where it is about one. */
  readonly line?: number;
  /** Ids of the messages that it answers whole: their own causes and steps add nothing. */
  readonly covers: readonly string[];
}

/** An answer of a sentence or two and what to do. */
export function answer(says: string, steps: readonly Advice[]): Omit<TextVerdict, "covers"> {
  return { says, steps, evidence: [] };
}

/** An answer with the question about the machine that it answers, if it answers one. */
export interface AnsweringVerdict extends TextVerdict {
  readonly question?: Question;
}

/** What an answer comes to where another part of the text can put it right. */
export type Claim =
  /** The machine's IA32_FEAT_CTL is locked with VMX off, by the firmware. */
  | "locked off"
  /** It is so on some of its CPUs. */
  | "off on some"
  /** The kernel found it off, by its own line. */
  | "found off"
  /** The virtual CPU lacks a feature that was asked about. */
  | "not passed on"
  /** KVM is loaded, and no parameter that people ask about is off. */
  | "nothing off"
  /** The text only holds the configuration of a guest that gets what its host offers. */
  | "a guest as asked for"
  /** The machine is one of ARM, without VMX. */
  | "ARM";

/** An answer while it is put together. */
export interface FoundVerdict extends AnsweringVerdict {
  readonly steps: readonly ChosenStep[];
  /** It says how what seems to contradict each other is true. */
  readonly settles?: true;
  /** The words around it add nothing. */
  readonly isWhole?: true;
  readonly claim?: Claim;
}

/** What a decoder adds to the sentences of a row. Members that are missing leave the row's as they are. */
export interface Decoded {
  readonly what?: string;
  /** Comes with `what`. */
  readonly outcome?: Outcome;
  readonly product?: Product;
  readonly layer?: RefusingLayer;
  readonly gravity?: Gravity;
  readonly values?: readonly NamedValue[];
  readonly bits?: readonly ExplainedBit[];
  readonly rule?: ExplainedRule;
  /** Come before those of the row. */
  readonly causes?: readonly Cause[];
  /** The causes of the row do not apply. */
  readonly onlyCauses?: true;
  /** Come before those of the row. */
  readonly steps?: readonly Advice[];
  readonly onlySteps?: true;
  /** The instruction failed, and no entry: old kernels print no VMCS then. */
  readonly isOfInstruction?: true;
  readonly depends?: readonly string[];
  readonly kernelNotes?: readonly string[];
  readonly sources?: readonly string[];
}

/** The kernels in which a fact holds: `Linux 6.1 and later`. */
export function sinceText(held: Held | undefined): string {
  const text = formatHeld(held);
  return text === "all releases" ? "all Linux releases" : `Linux ${text}`;
}

/** Several ranges as one text: `up to 5.15 and 6.6 and later`. */
export function rangesText(ranges: readonly (ReleaseRange | undefined)[]): string {
  const texts = [...new Set(ranges.map(formatRange))];
  return texts.length === 0 ? "no release known" : `Linux ${texts.join(" and ")}`;
}

/** A step without what is only for those who choose among steps. */
export function plainStep({ text, commands }: Step): Step {
  return commands === undefined ? { text } : { text, commands };
}

/** A step without what was for those who choose among steps. */
export function chosenStep({ text, commands, changes }: Advice): ChosenStep {
  return {
    ...plainStep({ text, ...(commands === undefined ? {} : { commands }) }),
    ...(changes === undefined ? {} : { changes }),
  };
}

/** The steps, without a text, or commands, that came before. */
export function uniqueSteps<T extends Step>(steps: readonly T[]): T[] {
  const isSame = (one: Step, other: Step) =>
    one.text === other.text || (one.commands !== undefined && one.commands.join("\n") === other.commands?.join("\n"));
  return steps.filter((step, at) => steps.findIndex((other) => isSame(step, other)) === at);
}

/** The steps with what there is to do in place of them. */
export function inPlace(steps: readonly Advice[], shown: Circumstances): readonly Advice[] {
  return steps.map((step) => {
    const { instead = [], unless } = step;
    const other = [instead].flat().find(({ is }) => shown.has(is));
    return other === undefined ? step : { ...plainStep(other), ...(unless === undefined ? {} : { unless }) };
  });
}

/** Where it is decided that VT-x is there, on, and used by KVM. */
const LOADING: readonly (RefusingLayer | undefined)[] = ["silicon", "firmware", "Linux boot", "KVM load"];
const OF_LOADING: readonly (Product | undefined)[] = [
  "Linux",
  "KVM",
  "kmod",
  "KVM user space",
  "QEMU",
  "libvirt",
  "tool",
  "Kata Containers",
];

/** Whether a message is about VT-x being there and on, and KVM using it. */
export function isOfLoading({ layer, product }: Explanation): boolean {
  return LOADING.includes(layer) && OF_LOADING.includes(product);
}
