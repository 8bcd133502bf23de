import { spawn } from "node:child_process";
import { join } from "node:path";
import { hostFile } from "../../fleet/store/host-file.js";
import { COLLECT_END, COLLECT_HEADER } from "../../input/formats/collect.js";
import { collectScript } from "../../input/hosts/collect-script.js";
import { type Line, styled } from "../../report/text.js";
import { EXIT } from "../exit-code.js";
import { inputName, inputText, replaceFile, wholeText } from "../files.js";
import { complain } from "../shell/problems.js";
import { type Action, print } from "./action.js";

import { wholeNumber } from "./options.js";
import { progressBar } from "./progress.js";

interface Outcome {
  readonly host: string;
  readonly text?: string;
  readonly reason?: string;
  readonly tries: number;
}

/** The script prints a few hundred kilobytes for a large machine; whatever prints more is not the script. */
const MOST_OUTPUT = 64 * 1024 * 1024;
const MOST_REASON = 300;

/**
 * `vmxlens fleet collect HOSTS`: reads a list with one host a line, in the form that ssh takes, and fills a folder with a file for each.
 * If some hosts do not answer, they are listed, and it is a success all the same; exit code 1 only if none answers.
 */
export async function collect(action: Action): Promise<number> {
  const { args, raw, world } = action;
  const [list] = args;
  if (list === undefined)
    return complain(world, ["fleet collect: name a file with one host a line, or - for standard input"]);
  if (raw.out === undefined) return complain(world, ["fleet collect: name a folder with --out"]);
  const problems: string[] = [];
  const parallel = wholeNumber("parallel", raw.parallel, 1, 1000, problems) ?? 16;
  const timeout = wholeNumber("timeout", raw.timeout, 1, 86_400, problems) ?? 60;
  const retries = wholeNumber("retries", raw.retries, 0, 10, problems) ?? 1;
  if (problems.length > 0) return complain(world, problems);
  const hosts = hostsOf(await wholeText(inputText(list, world), inputName(list)));
  const odd = hosts.find((host) => !/^[\w@.:%[\]-]{1,300}$/.test(host) || host.startsWith("-"));
  if (odd !== undefined) return complain(world, [`${inputName(list)}: ${odd} is not the name of a host for ssh`]);
  if (hosts.length === 0) return complain(world, [`${inputName(list)}: no host in it`]);

  const command = (raw.ssh ?? "ssh -o BatchMode=yes -o ConnectTimeout=10").split(/\s+/).filter((word) => word !== "");
  const script = collectScript();
  const bar = progressBar(world, () => performance.now());
  const outcomes: Outcome[] = [];
  const waiting = [...hosts];
  const worker = async () => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      let outcome: Outcome = { host, tries: 0 };
      for (let tries = 1; tries <= retries + 1 && outcome.text === undefined; tries++) {
        outcome = { ...(await run(command, host, script, timeout * 1000)), host, tries };
      }
      if (outcome.text !== undefined)
        replaceFile(join(raw.out as string, `${hostFile(host)}.txt`), outcome.text, world);
      outcomes.push(outcome);
      bar.ingested({
        source: host,
        done: outcomes.length,
        size: hosts.length,
        hosts: outcomes.length,
        bad: outcomes.filter(({ text }) => text === undefined).length,
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, hosts.length) }, worker));
  bar.done();
  const failed = outcomes.filter(({ text }) => text === undefined).sort((a, b) => (a.host < b.host ? -1 : 1));
  const answered = hosts.length - failed.length;
  print(
    action,
    [
      [
        styled(
          failed.length === 0 ? "yes" : "warning",
          `${answered} of ${hosts.length} hosts answered; their files are in ${raw.out}.`,
        ),
      ],
      ...failed.map(({ host, reason, tries }): Line => [styled("no", `  ${host}: ${reason} (tried ${tries} times)`)]),
    ],
    { action: "collect", answered, failed: failed.map(({ host, reason, tries }) => ({ host, reason, tries })) },
  );
  return answered === 0 ? EXIT.no : EXIT.ok;
}

/** One host a line; a # begins a comment. */
function hostsOf(text: string): readonly string[] {
  const names = text.split("\n").map((line) => (line.split("#", 1)[0] as string).trim());
  return [...new Set(names.filter((name) => name !== ""))];
}

/** Runs the script on a host. An answer counts only if it is complete. */
function run(
  command: readonly string[],
  host: string,
  script: string,
  timeout: number,
): Promise<Pick<Outcome, "text" | "reason">> {
  return new Promise((resolve) => {
    const [program = "ssh", ...options] = command;
    // sudo cannot ask here: it works without a password, or it fails.
    const child = spawn(
      program,
      [...options, host, "if [ $(id -u) = 0 ]; then sh -s; else sudo -n sh -s || sh -s; fi"],
      {
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    let [out, err] = ["", ""];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeout);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (out.length < MOST_OUTPUT) out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (err.length < MOST_REASON) err += text;
    });
    child.stdin.on("error", () => undefined).end(script);
    const end = (reason: string | undefined) => {
      clearTimeout(timer);
      resolve(reason === undefined ? { text: out } : { reason });
    };
    child.on("error", (error: NodeJS.ErrnoException) =>
      end(`${program} cannot be run: ${error.code ?? error.message}`),
    );
    child.on("close", (code) => {
      const said = err.trim().split("\n")[0]?.slice(0, MOST_REASON) ?? "";
      if (late) end(`no answer in ${timeout / 1000} s`);
      else if (code !== 0) end(said === "" ? `${program} ended with ${code}` : said);
      else if (!out.includes(COLLECT_HEADER)) end("the answer is not the script's output");
      else if (!out.includes(COLLECT_END)) end("the answer was cut off");
      else end(undefined);
    });
  });
}
