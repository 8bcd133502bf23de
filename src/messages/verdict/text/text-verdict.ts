import {
  type AnsweringVerdict,
  type FoundVerdict,
  plainStep,
  type Recognised,
  type TextVerdict,
  uniqueSteps,
} from "../../../answers/answer.js";
import { hostsCompared } from "../../../answers/hosts-compared.js";
import type { Advice } from "../../../answers/message.js";
import { isHostAndGuest } from "../../../situation/disputes/host-and-guest.js";
import type { Circumstances, OwnMachine } from "../../../situation/evidence/own-machine.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import type { DesktopMessages } from "../../desktop-messages.js";
import { changesOf, openSteps } from "../../open-steps.js";
import { saysEither, vendorWords } from "../../vendor-words.js";
import { hostBesideGuest } from "../guests/host-beside-guest.js";
import { sentenceOf } from "../machine-verdict.js";
import { placed } from "../rented-cloud.js";
import { mayBeOfTwo } from "../text-signs.js";
import { lacksKvm } from "../weight.js";
import { answerOf } from "./answers.js";
import { cloudIn, readingOf, shortOf } from "./reading.js";
import { idsOf } from "./row-verdict.js";
import { onSomeCpus, sinceSleep } from "./since-sleep.js";

/** The answer to the whole text, where it holds a message or describes a machine. */
export function verdictOf(
  explanations: readonly Recognised[],
  machine: OwnMachine | undefined,
  log: string | undefined,
  circumstances: Circumstances,
  desktop?: DesktopMessages,
): AnsweringVerdict | undefined {
  const recognised = explanations.filter(({ message }) => message !== undefined);
  const text = shortOf(log);
  const worded = wordedAnswer(recognised, machine, log, circumstances, desktop);
  if (worded === undefined) return undefined;
  const cloud = cloudIn(text, circumstances);
  const { settles, isWhole: _, claim: __, ...answered } = onSomeCpus(sinceSleep(worded, circumstances), circumstances);
  const found = {
    ...answered,
    says: vendorWords(circumstances)(
      recognised.length > 0 || circumstances.has("AMD") ? answered.says : saysEither(answered.says, text),
    ),
    covers: [...worded.covers, ...besides(recognised, answered), ...othersWithoutKvm(recognised, answered)],
    steps: uniqueSteps(openSteps(placed(inCloud(answered.steps, cloud), text, circumstances), circumstances)).map(
      plainStep,
    ),
  };
  // A host and its guest do not contradict each other.
  const isOfTwo = machine !== undefined && isHostAndGuest(machine.situation.read);
  const contradictions = isOfTwo || settles === true ? [] : (machine?.situation.contradictions ?? []);
  return withContradictions(found, worded, contradictions);
}

function wordedAnswer(
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
  log: string | undefined,
  circumstances: Circumstances,
  desktop: DesktopMessages | undefined,
): FoundVerdict | undefined {
  const text = shortOf(log);
  const ofTwo = text !== undefined && mayBeOfTwo(text) ? hostBesideGuest(text, recognised) : undefined;
  if (ofTwo !== undefined) return ofTwo;
  const compared = text !== undefined && recognised.length === 0 ? hostsCompared(text) : undefined;
  if (compared !== undefined) return { ...compared, covers: [], settles: true, isWhole: true };
  const found = answerOf(readingOf(recognised, machine, log, desktop, circumstances));
  if (found === undefined || text === undefined || found.isWhole) return found;
  return desktop?.withWords(found, text, recognised, machine) ?? found;
}

/** An answer with what the text says twice and differently, which is the answer itself where the message is one of the two. */
function withContradictions(
  found: AnsweringVerdict,
  { steps }: FoundVerdict,
  [contradiction, ...more]: readonly string[],
): AnsweringVerdict {
  if (contradiction === undefined) return found;
  if (found.line !== undefined && contradiction.includes(`line ${found.line}: `)) {
    // Which of the two is so decides whether there is something to change.
    const changing = new Set(steps.filter((step) => changesOf(step) !== undefined).map(({ text }) => text));
    return {
      ...found,
      says: `${sentenceOf(contradiction)}.`,
      steps: found.steps.filter(({ text }) => !changing.has(text)),
      evidence: [...more, ...found.evidence],
    };
  }
  // The first one may be the answer.
  const left = found.says.toLowerCase().includes(contradiction.toLowerCase()) ? more : [contradiction, ...more];
  return { ...found, evidence: [...left, ...found.evidence] };
}

/** Messages in generic words, where something else answers: what may be behind them is answered with it. */
function besides(recognised: readonly Recognised[], { line, steps, covers }: TextVerdict): readonly string[] {
  if (steps.length === 0) return [];
  return recognised.flatMap(({ message = "", lines: [first], generic }) =>
    generic === true && first !== line && !covers.includes(message) ? [message] : [],
  );
}

/** Where the answer says why there is no KVM, in other words than those of a message, the messages that find none add nothing. */
function othersWithoutKvm(recognised: readonly Recognised[], { says, steps }: TextVerdict): readonly string[] {
  const lacking = recognised.filter(lacksKvm);
  const isOfMessage = !lacksKvm(recognised[0]) || lacking.some(({ what }) => says.includes(what));
  return isOfMessage || steps.length === 0 ? [] : idsOf(lacking);
}

/** A cloud has no firmware setup that its customers could change: the kind of machine decides. */
function inCloud(steps: readonly Advice[], cloud: string | undefined): readonly Advice[] {
  return cloud === undefined ? steps : steps.map((step) => (changesOf(step) === "firmware" ? outerStep(cloud) : step));
}
