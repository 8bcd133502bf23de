import { isOfLoading } from "../../answers/answer.js";
import { desktopMessages } from "../../messages/desktop-messages.js";
import { explainPieces } from "../../messages/explain.js";
import type { TextRead } from "../../situation/evidence/own-machine.js";
import type { Question, QuestionAnswer } from "../../why/questions/answer.js";
import { givenPieces } from "../given-text.js";
import type { World } from "../world.js";

/**
 * What the messages of a text answer, where it shows no machine, or too little of one. `isBare`: all that it shows is a kernel, or
 * that the machine is a virtual one.
 */
export async function messageAnswer(
  question: Question,
  path: string,
  world: World,
  read: TextRead,
  isBare = false,
): Promise<QuestionAnswer | undefined> {
  const desktop = await desktopMessages();
  const { explanations, verdict } = await explainPieces(givenPieces(path, world), { desktop }, read);
  // What describes a guest, or shows a machine, has other commands.
  const described = explanations.some(({ message, steps }) => message === undefined && steps.length > 0);
  const isMessage = explanations.some(({ message, gravity }) => message !== undefined && gravity !== "harmless");
  if (verdict === undefined || (described && !isMessage && !isBare)) return undefined;
  const { says, steps, evidence } = verdict;
  return { question, answer: "unknown", decidedBy: "message", says, steps, evidence };
}

/**
 * A no in the words of the whole text, which may name what the machine runs in, or what the kernel refused; as it is where the text
 * says nothing about it.
 */
export async function deniedAnswer(
  known: QuestionAnswer,
  path: string,
  world: World,
  read: TextRead,
): Promise<QuestionAnswer> {
  const desktop = await desktopMessages();
  const { explanations, verdict, question } = await explainPieces(givenPieces(path, world), { desktop }, read);
  const blocks = explanations.some((one) => one.gravity === "blocks" && isOfLoading(one));
  const isAbout = blocks || (question !== undefined && known.decidedBy !== "vendor");
  if (verdict === undefined || !isAbout) return known;
  const { says, steps, evidence } = verdict;
  const first = /^(?:The|This|There|An?|It|Registers|Neither) /.test(says)
    ? says.charAt(0).toLowerCase()
    : says.charAt(0);
  return { ...known, says: `No: ${first}${says.slice(1)}`, steps, evidence };
}
