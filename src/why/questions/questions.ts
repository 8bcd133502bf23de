import { type Host, showsVmx, vmxLockedOn } from "../../host/host.js";
import { statedOf } from "../../input/hosts/stated.js";
import { printersOfWhole } from "../../kvm/printers.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { foldName } from "../../registers/edit-distance.js";
import { releaseOf } from "../../rules/held.js";
import { KERNELS } from "../../rules/kernels.js";
import { RELEASES, type Release } from "../../rules/release.js";
import { isHostAndGuest } from "../../situation/disputes/host-and-guest.js";
import { replays } from "../../situation/replays.js";
import { asSituation, type Situation, situation as situationOf } from "../../situation/situation.js";
import { type About, type Answer, aboutOf, type SaidOfMachine } from "./about.js";
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
  const situation = asSituation(subject);
  const found = statementWith(question, situation, undefined);
  const old = found.says === THERE_AND_ON ? underOldest(question, found, situation, undefined) : undefined;
  const evidence = found.evidence.filter((one) => old?.evidence.includes(one) !== false);
  return { ...found, says: `${WORDS[found.answer]}: ${old === undefined ? found.says : FLAG_SINCE}`, evidence };
}

export const THERE_AND_ON = "VT-x is there and on.";
/** The flag is all that says it, and no kernel is named. */
export const FLAG_SINCE = `VT-x is there: Linux shows \`vmx\`. From Linux ${releaseOf(FEAT_CTL_AT_BOOT)} on the flag means that it is on, too; before, it says nothing about the firmware.`;

/**
 * Where no kernel is named: what the oldest one makes of it, which shows the flag before it looks at IA32_FEAT_CTL, if that VT-x
 * is on rests on the flag alone.
 */
export function underOldest(
  question: Question,
  { answer }: QuestionAnswer,
  situation: Situation,
  said: SaidOfMachine | undefined,
): QuestionAnswer | undefined {
  const { kernel, read } = situation;
  // The line `vmx flags` came with that kernel.
  const isNew = (read.observed?.vmxFlags ?? []).length > 0;
  if (kernel.from !== "default" || isNew || answer === "no" || showsVmx(read) !== true) return undefined;
  const isOn = question === "vmx" || answer === "yes" ? answer : statementWith("vmx", situation, said).answer;
  if (isOn !== "yes") return undefined;
  const oldest = situationOf(read, { kernel: RELEASES[0] as Release, assumeByDefault: ["registers=sdm"] });
  return statementWith("vmx", oldest, said).answer === "yes" ? undefined : statementWith(question, oldest, said);
}

const WORDS = { yes: "Yes", no: "No", unknown: "Not known" } as const;

/**
 * As `answerTo`, for a text without a question: `says` has no word before it, and begins with a small letter. `said`: what the
 * prose around the values says about the machine.
 */
export function statementWith(question: Question, named: Situation, said: SaidOfMachine | undefined): QuestionAnswer {
  const situation = ofMessages(named);
  const joined = replays(situation);
  const about = aboutOf(situation, joined, said);
  const two = isHostAndGuest(situation.read);
  const alone = two && situation.read.observed?.modules?.kvm_intel !== true && said?.isOneMachine?.() === true;
  const found = alone
    ? BUILT_IN
    : two
      ? hostAndGuestAnswer(question, situation.read)
      : question === "vmx"
        ? vmxOrRefused(about)
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

/** Where the kernel that is named cannot have printed the refusal in the log, another one did: that one is replayed. */
function ofMessages(situation: Situation): Situation {
  const refusing = (situation.read.observed?.messages ?? [])
    .flatMap((text) => printersOfWhole(text))
    .filter(({ refuses }) => refuses !== undefined);
  const prints = (release: Release) => refusing.some(({ releases }) => releases.includes(release));
  if (refusing.length === 0 || situation.candidates.some(({ release }) => prints(release))) return situation;
  const [{ release: own }] = situation.candidates;
  const at = KERNELS.findIndex(({ id }) => id === own);
  const distance = (release: Release) => Math.abs(KERNELS.findIndex(({ id }) => id === release) - at);
  const [nearest] = RELEASES.filter(prints).sort((a, b) => distance(a) - distance(b));
  if (nearest === undefined) return situation;
  return situationOf({ ...situation.read, kernel: nearest }, { assumeByDefault: ["registers=sdm"] });
}

/** Where no kernel is named and the module was refused, an older one shows the flag, whatever the firmware did. */
function vmxOrRefused(about: About): Answer {
  const found = vmxAnswer(about);
  const { kernel, read } = about.situation;
  const refused =
    kernel.from === "default" && read.observed?.loadError === "EOPNOTSUPP" && !read.cores.every(vmxLockedOn);
  return found.answer === "yes" && refused && about.virtual !== true ? kvmAnswer(about) : found;
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
