import { renderLines } from "../../report/ansi.js";
import { answerLines, questionReport } from "../../report/explain/question-report.js";
import type { Question, QuestionAnswer } from "../../why/questions/answer.js";
import { answerTo } from "../../why/questions/questions.js";
import { ready, show } from "../command.js";
import { EXIT } from "../exit-code.js";
import { isFile } from "../files.js";
import { type FoundHost, findHosts, missingText } from "../host.js";
import { hostText } from "../host-text.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain } from "../shell/problems.js";
import { eachHost } from "../shell/several-hosts.js";
import type { World } from "../world.js";

/** `vmxlens why vmx|kvm|nested [HOST...]`: exit code 0 for yes, 1 for no and not known. */
export async function answerQuestion(
  question: Question,
  queries: readonly string[],
  raw: RawOptions,
  given: World,
): Promise<number> {
  const world = keepingStdin(given);
  const [query, ...others] = queries;
  const path = query === undefined || others.length > 0 ? undefined : textNamed(query, world);
  if (query === undefined) return answerFor(question, query, raw, world, await liveMachine(world));
  if (path !== undefined) {
    const said: string[] = [];
    const hosts = await findHosts(path, { ...world, err: (text) => void said.push(text) });
    if ("kind" in hosts || hosts.length === 1) {
      for (const text of said) world.err(text);
      // A text may hold messages alone, which answer too.
      return "kind" in hosts
        ? answerFromMessages(question, path, raw, world, hosts.problems)
        : answerFor(question, query, raw, world, hosts[0]);
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

/** The file of HOST, or `-`; undefined where it is something else. */
function textNamed(query: string, world: World): string | undefined {
  const { host } = hostText(query, world);
  return host === "-" || isFile(host, world) ? host : undefined;
}

async function answerFor(
  question: Question,
  query: string | undefined,
  raw: RawOptions,
  world: World,
  read?: FoundHost,
): Promise<number> {
  const prepared = await ready(query, raw, world, read);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  const found = answerTo(question, situation);
  const path = query === undefined || found.answer !== "unknown" ? undefined : textNamed(query, world);
  const said =
    path !== undefined && (await isAlone(path, world)) ? await fromMessages(question, path, world) : undefined;
  const answer = said ?? found;
  if (settings.json) showJson({ format: "vmxlens-answer/1", ...answer }, world);
  else await show(questionReport(situation, answer, settings.width), prepared, world);
  return answer.answer === "yes" ? EXIT.ok : EXIT.no;
}

/** Whether a text is about one host: which of several a message is about is not known. */
async function isAlone(path: string, world: World): Promise<boolean> {
  const hosts = await findHosts(path, { ...world, err: () => {} });
  return "kind" in hosts || hosts.length === 1;
}

async function answerFromMessages(
  question: Question,
  path: string,
  raw: RawOptions,
  world: World,
  unread: readonly string[],
): Promise<number> {
  const said = await fromMessages(question, path, world);
  if (said === undefined) return complain(world, unread);
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  if (settings.json) showJson({ format: "vmxlens-answer/1", ...said }, world);
  else world.out(renderLines(answerLines(said, settings.width), settings.color));
  return EXIT.no;
}

async function fromMessages(question: Question, path: string, world: World): Promise<QuestionAnswer | undefined> {
  const { messageAnswer } = await import("./why-message.js");
  return messageAnswer(question, path, world);
}

/** The most of standard input that is kept; what is longer is a log, for `explain`. */
const MOST_KEPT = 16 * 1024 * 1024;

/** Standard input can be read once: what was read of it is kept, and given again. */
function keepingStdin(world: World): World {
  let kept: Uint8Array[] | undefined;
  return {
    ...world,
    stdin: async function* () {
      if (kept !== undefined) {
        yield* kept;
        return;
      }
      kept = [];
      let length = 0;
      for await (const piece of world.stdin()) {
        length += piece.length;
        if (length <= MOST_KEPT) kept.push(piece);
        else kept = [];
        yield piece;
      }
    },
  };
}

/** This machine, whatever of it can be read: its flags already answer. */
async function liveMachine(world: World): Promise<FoundHost | undefined> {
  const { host, missing } = await world.live();
  return host === undefined
    ? undefined
    : { kind: "host", host, origin: "machine", source: "this machine", notes: missing.map(missingText) };
}
