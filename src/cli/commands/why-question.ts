import { renderLines } from "../../report/ansi.js";
import { answerLines, questionReport } from "../../report/explain/question-report.js";
import type { Question, QuestionAnswer } from "../../why/questions/answer.js";
import { answerTo } from "../../why/questions/questions.js";
import { ready, show } from "../command.js";
import { EXIT } from "../exit-code.js";
import { isFile } from "../files.js";
import { type FoundHost, findHost, missingText } from "../host.js";
import { hostText } from "../host-text.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain } from "../shell/problems.js";
import type { World } from "../world.js";

/** `vmxlens why vmx|kvm|nested [HOST]`: exit code 0 for yes, 1 for no and not known. */
export async function answerQuestion(
  question: Question,
  query: string | undefined,
  raw: RawOptions,
  world: World,
  before?: FoundHost,
): Promise<number> {
  const host = query === undefined ? undefined : hostText(query, world).host;
  const isText = host === "-" || (host !== undefined && isFile(host, world));
  const kept = host === "-" ? keepingStdin(world) : world;
  const read =
    before ?? (host === undefined ? await liveMachine(world) : isText ? await findHost(host, kept) : undefined);
  if (read?.kind === "none") {
    const said = await fromMessages(question, host as string, kept);
    if (said === undefined) return complain(world, read.problems);
    const { settings, problems } = readOptions(raw, world);
    if (problems.length > 0) return complain(world, problems);
    if (settings.json) showJson({ format: "vmxlens-answer/1", ...said }, world);
    else world.out(renderLines(answerLines(said, settings.width), settings.color));
    return EXIT.no;
  }
  const prepared = await ready(query, raw, world, read);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  const found = answerTo(question, situation);
  const said = found.answer === "unknown" && isText ? await fromMessages(question, host as string, kept) : undefined;
  const answer = said ?? found;
  if (settings.json) showJson({ format: "vmxlens-answer/1", ...answer }, world);
  else await show(questionReport(situation, answer, settings.width), prepared, world);
  return answer.answer === "yes" ? EXIT.ok : EXIT.no;
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
