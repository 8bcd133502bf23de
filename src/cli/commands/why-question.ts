import { hasSvm } from "../../host/host.js";
import type { ReadResult } from "../../input/read.js";
import { renderLines } from "../../report/ansi.js";
import { answerLines, questionReport } from "../../report/explain/question-report.js";
import { saysOnlyVirtual, type TextRead, takenLines } from "../../situation/evidence/own-machine.js";
import type { Situation } from "../../situation/situation.js";
import type { Question, QuestionAnswer } from "../../why/questions/answer.js";
import { answerTo } from "../../why/questions/questions.js";
import { ready, show } from "../command.js";
import { EXIT } from "../exit-code.js";
import { shortText } from "../given-text.js";
import { type FoundHost, findHosts, missingText } from "../host.js";
import { hostText } from "../host-text.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { readingOnce } from "../read-once.js";
import { complain } from "../shell/problems.js";
import { eachHost } from "../shell/several-hosts.js";
import { textNamed } from "../text-named.js";
import type { World } from "../world.js";

/** A text about one machine, with what was read from it. With several machines, it is unknown which one a message is about. */
interface OneText {
  readonly path: string;
  readonly read: TextRead;
}

/** `vmxlens why vmx|kvm|nested [HOST...]`: exit code 0 for yes, 1 for no and not known. */
export async function answerQuestion(
  question: Question,
  queries: readonly string[],
  raw: RawOptions,
  given: World,
): Promise<number> {
  const world = readingOnce(given);
  const [query, ...others] = queries;
  const path = query === undefined || others.length > 0 ? undefined : textNamed(query, world);
  if (query === undefined) return answerFor(question, query, raw, world, await liveMachine(world));
  if (path !== undefined) {
    const said: string[] = [];
    const { hosts, text } = await textAt(path, { ...world, err: (line) => void said.push(line) });
    if ("kind" in hosts || hosts.length === 1) {
      for (const line of said) world.err(line);
      // A text may hold messages alone, which answer too.
      return "kind" in hosts
        ? answerFromMessages(question, text, raw, world, hosts.problems)
        : answerFor(question, query, raw, world, hosts[0], text);
    }
  }
  return eachHost(
    queries,
    raw,
    world,
    question,
    ({ answer }) => String(answer),
    (...host) => answerFor(question, ...host),
  );
}

/** The hosts of a text, and the text for who asks about its messages. */
async function textAt(
  path: string,
  world: World,
): Promise<{ readonly hosts: Awaited<ReturnType<typeof findHosts>>; readonly text?: OneText }> {
  const { taken, onLine } = takenLines();
  const reads: ReadResult[] = [];
  const hosts = await findHosts(path, world, { onLine, onRead: (read) => reads.push(read) });
  const [read] = reads;
  return { hosts, ...(read === undefined ? {} : { text: { path, read: { read, taken } } }) };
}

/**
 * What the words of a text say, where nothing that was read decides whether KVM loads, or they say more than the reason; the world keeps
 * what was read.
 */
export async function saidByText(
  situation: Situation,
  query: string | undefined,
  raw: RawOptions,
  world: World,
): Promise<string | undefined> {
  const known = answerTo("kvm", situation);
  if (known.answer === "yes" || !isAsItIs(query, raw, world)) return undefined;
  const text = await oneText(query, world);
  if (known.answer === "unknown") return (await fromMessages("kvm", text, world))?.says;
  const found = isDenied(known) ? await inWordsOfText(known, text, world) : known;
  return found === known ? undefined : found.says.replace(/^No: /, "");
}

/** One of several texts that were named, where it is about one machine. */
async function oneText(query: string | undefined, world: World): Promise<OneText | undefined> {
  const path = query === undefined ? undefined : textNamed(query, world);
  if (path === undefined) return undefined;
  const { hosts, text } = await textAt(path, { ...world, err: () => {} });
  return "kind" in hosts || hosts.length === 1 ? text : undefined;
}

async function answerFor(
  question: Question,
  query: string | undefined,
  raw: RawOptions,
  world: World,
  found?: FoundHost,
  text?: OneText,
): Promise<number> {
  const prepared = await ready(query, raw, world, found);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  const known = answerTo(question, situation);
  const said =
    known.answer === "unknown"
      ? await fromMessages(question, text ?? (await oneText(query, world)), world, saysOnlyVirtual(situation))
      : undefined;
  const answer =
    said ??
    (isDenied(known) && isAsItIs(query, raw, world)
      ? await inWordsOfText(known, text ?? (await oneText(query, world)), world)
      : known);
  if (settings.json) showJson({ format: "vmxlens-answer/1", ...answer }, world);
  else await show(questionReport(situation, answer, settings.width), prepared, world);
  // An example answers nothing about this machine.
  return answer.answer === "yes" && prepared.found.example === undefined ? EXIT.ok : EXIT.no;
}

/** What a parameter decides, no other words of the text change. */
const isDenied = ({ answer, decidedBy }: QuestionAnswer): boolean => answer === "no" && decidedBy !== "parameter";

/** The words of a text are about the machine under its own kernel and parameters. */
function isAsItIs(query: string | undefined, { kernel, param, machine }: RawOptions, world: World): boolean {
  return (
    kernel === undefined &&
    (param?.length ?? 0) + (machine?.length ?? 0) === 0 &&
    (query === undefined || hostText(query, world).suffix === "")
  );
}

async function inWordsOfText(known: QuestionAnswer, text: OneText | undefined, world: World): Promise<QuestionAnswer> {
  if (text === undefined || (await shortText(text.path, world)) === undefined) return known;
  const { deniedAnswer } = await import("./why-message.js");
  return deniedAnswer(known, text.path, world, text.read);
}

async function answerFromMessages(
  question: Question,
  text: OneText | undefined,
  raw: RawOptions,
  world: World,
  unread: readonly string[],
): Promise<number> {
  const said = await fromMessages(question, text, world);
  if (said === undefined) return complain(world, unread);
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  if (settings.json) showJson({ format: "vmxlens-answer/1", ...said }, world);
  else world.out(renderLines(answerLines(said, settings.width), settings.color));
  return EXIT.no;
}

async function fromMessages(
  question: Question,
  text: OneText | undefined,
  world: World,
  isBare = false,
): Promise<QuestionAnswer | undefined> {
  if (text === undefined) return undefined;
  const { messageAnswer } = await import("./why-message.js");
  return messageAnswer(question, text.path, world, text.read, isBare);
}

/** This machine, whatever of it can be read: its flags already answer. */
async function liveMachine(world: World): Promise<FoundHost | undefined> {
  const { host: readable, other, missing } = await world.live();
  const host = readable ?? other;
  return host === undefined
    ? undefined
    : {
        kind: "host",
        host,
        origin: "machine",
        source: "this machine",
        notes: hasSvm(host) ? [] : missing.map(missingText),
      };
}
