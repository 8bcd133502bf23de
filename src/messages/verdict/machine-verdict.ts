import type { FoundVerdict } from "../../answers/answer.js";
import { askedVerdict, asksOnly } from "../../answers/asked/asked-only.js";
import { upperFirst } from "../../bits/first-letter.js";
import { belowOf, belowText } from "../../host/below.js";
import { vmxLockedOff } from "../../host/host.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { releaseOf } from "../../rules/held.js";
import { isHostAndGuest } from "../../situation/disputes/host-and-guest.js";
import type { NotApplied } from "../../situation/evidence/not-applied.js";
import type { OwnMachine } from "../../situation/evidence/own-machine.js";
import type { Situation } from "../../situation/situation.js";
import type { NamedCpu } from "../../why/cpus/named-cpu.js";
import { ASKED_ABOUT, type WhyOff, whyOff } from "../../why/params/why-off.js";
import type { SaidOfMachine } from "../../why/questions/about.js";
import type { Question } from "../../why/questions/answer.js";
import { SEE_WHO_SETS_IT, WHOSE_CPU } from "../../why/questions/next-steps.js";
import { FLAG_SINCE, statementWith, THERE_AND_ON, underOldest } from "../../why/questions/questions.js";

/** What the prose around the values says about the machine. */
export interface SaidInProse extends SaidOfMachine {
  /** The one CPU that it names. */
  readonly cpu?: () => NamedCpu | undefined;
  /** Whether it runs in a virtual machine of any hypervisor. */
  readonly isInside?: () => boolean;
  /** The product in which it says that Linux or KVM runs. */
  readonly inside?: () => string | undefined;
  /** The cloud that it names as the place of the machine. */
  readonly cloud?: () => string | undefined;
  /** Whether it speaks of guests with VMX, and not only shows the parameter among others. */
  readonly isOfNested?: () => boolean;
}

export interface MachineVerdict {
  /** Whether the question has an answer, rather than what would have to be known. */
  readonly isKnown: boolean;
  readonly verdict: Omit<FoundVerdict, "covers">;
}

/** The answer that the registers, flags and messages of a machine give; after a failure, only one that explains it. */
export function machineVerdict(
  { situation, countsEither }: OwnMachine,
  failed: boolean,
  said: SaidInProse = {},
): MachineVerdict | undefined {
  const { host } = situation;
  if (asksOnly(host)) {
    const verdict = askedVerdict(situation);
    return verdict === undefined ? undefined : { isKnown: false, verdict };
  }
  const { observed, params } = host;
  const question: Question =
    failed || params !== undefined || observed?.modules !== undefined || observed?.loadError !== undefined
      ? "kvm"
      : "vmx";
  const answer = statementWith(question, situation, said);
  if (!failed && question === "vmx" && answer.answer === "unknown" && countsEither()) return EITHER_COUNTED;
  const two = isHostAndGuest(situation.read) && answer.answer === "yes";
  if (failed && answer.answer !== "no" && !two) return undefined;
  const off = failed ? NOTHING_OFF : whyOff(situation, { below: hypervisorBelow(host, said), cpu: said.cpu?.() });
  const nested =
    two || (!failed && params?.kvm_intel?.nested !== undefined) ? statementWith("nested", situation, said) : undefined;
  const isOfNested = two || asksNested(params?.kvm_intel ?? {}, said);
  // Of nested, its answer says so; what the CPU lacks, no setting brings.
  const applied = (situation.notApplied ?? []).filter(({ name }) => name !== "nested" && !off.lacking.includes(name));
  const different = failed ? [] : applied.map(({ text }) => `But ${text}.`);
  const isOpen = ({ by }: NotApplied) => by === "not loaded with it" || (by === "not known" && off.steps.length === 0);
  const again = applied.some(isOpen) && !off.steps.includes(SEE_WHO_SETS_IT) ? [SEE_WHO_SETS_IT] : [];
  const old = failed ? undefined : underOldest(question, answer, situation, said);
  const fromFlag = old !== undefined && answer.says === THERE_AND_ON;
  const says = [
    fromFlag
      ? FLAG_SINCE
      : old !== undefined && answer.answer === "unknown"
        ? notLoaded(situation)
        : sentenceOf(answer.says),
    ...(old === undefined || fromFlag ? [] : [FLAG_BEFORE]),
    ...off.says.slice(0, MOST_REASONS),
    ...(nested === undefined || answer.answer !== "yes" ? [] : [sentenceOf(nested.says)]),
    ...different,
    ...(failed || off.says.length > 0 ? [] : paramsOn(situation)),
  ];
  const isAllOn =
    !failed && params !== undefined && off.says.length === 0 && different.length === 0 && nested?.answer !== "no";
  return {
    isKnown: answer.answer !== "unknown",
    verdict: {
      question,
      ...(isHostAndGuest(situation.read) ? { settles: true } : {}),
      ...(answer.answer === "no" && answer.decidedBy === "firmware"
        ? host.cores.every(vmxLockedOff)
          ? { claim: "locked off" }
          : {
              claim:
                host.cores.some(vmxLockedOff) || situation.read.observed?.locks !== undefined
                  ? "off on some"
                  : "found off",
            }
        : isAllOn && answer.answer === "yes"
          ? { claim: "nothing off" }
          : {}),
      says: says.join(" "),
      steps: [
        ...off.steps,
        ...answer.steps,
        ...again,
        // Where the module does not load, the two answers have the same steps.
        ...(isOfNested && (two || (nested?.answer === "no" && answer.answer !== "no")) ? (nested?.steps ?? []) : []),
      ],
      evidence: [
        // What follows under the one and not under the other.
        ...answer.evidence.filter((one) => old?.evidence.includes(one) !== false),
        ...off.says.slice(MOST_REASONS),
      ],
    },
  };
}

/** As many reasons for parameters that are off are in the answer; what else there is, it rests on. */
const MOST_REASONS = 2;
const NOTHING_OFF: WhyOff = { says: [], steps: [], lacking: [] };

export const EITHER_COUNTED: MachineVerdict = {
  isKnown: true,
  verdict: {
    says: `Linux shows \`vmx\` or \`svm\`: hardware virtualization is there (\`vmx\`: VT-x of Intel, \`svm\`: AMD-V), and from Linux ${releaseOf(FEAT_CTL_AT_BOOT)} on \`vmx\` is shown only where the firmware has it on.`,
    steps: [WHOSE_CPU],
    evidence: ["`vmx` and `svm` were counted together"],
  },
};

const FLAG_BEFORE = `Before Linux ${releaseOf(FEAT_CTL_AT_BOOT)} the flag \`vmx\` shows only that the CPU has it, whatever the firmware did.`;

/** KVM's module is not there, and its flag is shown. */
function notLoaded({ host }: Situation): string {
  return host.observed?.modules?.kvm_intel === false
    ? "Linux shows `vmx`, and kvm_intel is not loaded: it was not asked to, or it was refused."
    : "Linux shows `vmx`; whether kvm_intel loads was not read.";
}

/** With a capital, but for the name of a module. */
export function sentenceOf(says: string): string {
  return /^\w+_/.test(says) ? says : upperFirst(says);
}

// ---- Parameters ----

/** The parameters that people ask about and that are on, where none of them is off. */
function paramsOn({ host }: Situation): string[] {
  const shown = host.params?.kvm_intel ?? {};
  const on = ASKED_ABOUT.filter((name) => shown[name] !== undefined && parseBool(shown[name] as string) === true);
  const names = on.length > 4 ? `${on.slice(0, 3).join(", ")} and ${on.length - 3} more` : on.join(", ");
  return on.length === 0 ? [] : [`On: ${names}; KVM shows what is left of a parameter after its checks.`];
}

/** So many parameters are a list of all, in which each is shown unasked. */
const ALL_SHOWN = 4;

/** Whether guests with VMX are asked for: nested is shown, and not as one of a list alone. */
function asksNested(shown: { readonly [name: string]: string | undefined }, said: SaidInProse): boolean {
  return Object.keys(shown).length < ALL_SHOWN || said.isOfNested?.() !== false;
}

/** What the machine runs in, by its values or by the prose around them; undefined where nothing says that it is a virtual one. */
export function hypervisorBelow(host: Situation["host"], said: SaidInProse): string | undefined {
  const { virtual, name } = belowOf(host);
  if (virtual === false) return undefined;
  if (virtual === true) return belowText(name);
  const cloud = said.cloud?.();
  const outer = cloud ?? said.inside?.();
  if (outer !== undefined) return `the hypervisor below (${outer}, by the text)`;
  // A machine whose guests get VMX is the one below them.
  if (parseBool(host.params?.kvm_intel?.nested ?? "") === true) return undefined;
  return said.isInside?.() === true ? "the hypervisor below (by the text)" : undefined;
}
