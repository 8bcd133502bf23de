import type { Host } from "../../host/host.js";
import { statedOf } from "../../input/hosts/stated.js";
import { foldName } from "../../registers/edit-distance.js";
import { isHostAndGuest } from "../../situation/disputes/host-and-guest.js";
import { replays } from "../../situation/replays.js";
import { asSituation, type Situation } from "../../situation/situation.js";
import { type About, aboutOf, type SaidOfMachine } from "./about.js";
import { QUESTIONS, type Question, type QuestionAnswer } from "./answer.js";
import { evidenceOf } from "./evidence.js";
import { BUILT_IN, hostAndGuestAnswer } from "./host-and-guest.js";
import { kvmAnswer, nestedAnswer } from "./kvm.js";
import { vmxAnswer } from "./vmx.js";

/*
 * The three questions that come before every feature: is VT-x there and on, does KVM load, and do guests get VMX.
 */

/** The question that a word asks, if it does. */
export function questionNamed(text: string): Question | undefined {
  const wanted = foldName(text);
  return (Object.keys(QUESTIONS) as Question[]).find((question) =>
    QUESTIONS[question].some((name) => foldName(name) === wanted),
  );
}

/**
 * Answers a question about a machine, a paste or a CPU: what decides, and the command that decides what is open. Throws
 * `RangeError` for what is neither a situation nor a host.
 */
export function answerTo(question: Question, subject: Situation | Host): QuestionAnswer {
  const found = statementWith(question, asSituation(subject), undefined);
  return { ...found, says: `${WORDS[found.answer]}: ${found.says}` };
}

const WORDS = { yes: "Yes", no: "No", unknown: "Not known" } as const;

/**
 * As `answerTo`, for a text without a question: `says` has no word before it, and begins with a small letter. `said`: what the
 * prose around the values says about the machine.
 */
export function statementWith(
  question: Question,
  situation: Situation,
  said: SaidOfMachine | undefined,
): QuestionAnswer {
  const joined = replays(situation);
  const about = aboutOf(situation, joined, said);
  const two = isHostAndGuest(situation.read);
  const alone = two && situation.read.observed?.modules?.kvm_intel !== true && said?.isOneMachine?.() === true;
  const found = alone
    ? BUILT_IN
    : two
      ? hostAndGuestAnswer(question, situation.read)
      : question === "vmx"
        ? vmxAnswer(about)
        : question === "kvm"
          ? kvmAnswer(about)
          : nestedAnswer(about);
  const contradiction = found.answer === "unknown" ? contradictionOf(question, about) : undefined;
  return {
    question,
    ...found,
    // What was read and says two things was read.
    ...(contradiction === undefined ? {} : { says: `${contradiction}.` }),
    evidence: evidenceOf(about),
  };
}

/** What is contradicted and leaves the question open: two kernels in one text do not leave open whether VT-x is on. */
function contradictionOf(question: Question, about: About): string | undefined {
  const { contradictions, read } = about.situation;
  if (contradictions.length === 0) return undefined;
  const stated = statedOf(read)?.contradictions ?? [];
  const open = vmxAnswer(about).answer === "unknown";
  return contradictions.find(
    (text) => !stated.includes(text) || open || (question === "nested" && text.includes("kvm_intel.nested")),
  );
}
