import { listed } from "../../compare/hosts/compared-host.js";
import { shellOperand } from "../../messages/shell-word.js";
import { renderLines } from "../../report/ansi.js";
import { wrap } from "../../report/layout.js";
import { type Inline, styled } from "../../report/text.js";
import { asideLines, shortNames } from "../compared-hosts.js";
import { EXIT } from "../exit-code.js";
import { type FoundHost, findHosts, missingText } from "../host.js";
import { hostText } from "../host-text.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import type { World } from "../world.js";
import { type Aside, findMembers, type Member } from "./members.js";
import { complain } from "./problems.js";

/** A command of one host, which may have been found already. */
export type OneHost<Raw extends RawOptions> = (
  query: string | undefined,
  raw: Raw,
  world: World,
  found?: FoundHost,
) => Promise<number>;

/** The JSON of a command of one host. */
type Answer = { readonly [member: string]: unknown };

interface Answered {
  readonly labels: string[];
  readonly member: Member;
  readonly result: Answer;
  /** What is asked, in a word: `yes`, `no`, `unknown`. */
  readonly value: string;
}

/** More names than this are counted, in a sentence. */
const MOST_NAMES = 4;
/** More different answers than this are not shown whole. */
const MOST_REPORTS = 4;

/**
 * Answers for each host that the arguments name: as the command does where it is one, else grouped, equal answers
 * once. What cannot be read is set aside, and the exit code says so.
 *
 * @param about the subject of the word that answers, as `kvm_intel loads`
 * @param next what to type where answers differ, given one host for each
 */
export async function eachHost<Raw extends RawOptions>(
  given: readonly (string | undefined)[],
  raw: Raw,
  world: World,
  about: string,
  wordOf: (answer: Answer) => string,
  one: OneHost<Raw>,
  next?: (hosts: readonly string[]) => string,
): Promise<number> {
  const queries = given.filter((query) => query !== undefined);
  const [query] = queries;
  if (query === undefined) return one(undefined, raw, world);
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const { members, aside: unread } = await findMembers(queries, world);
  const [first, ...others] = members;
  const unreadable = unread.flatMap((left) => left.problems);
  if (first === undefined) return complain(world, unreadable);
  if (others.length === 0 && unread.length === 0) return one(textOf(first), raw, world, first.found);
  const { groups, refused, code } = await answers(members, raw, world, wordOf, one);
  const aside = [...unread, ...refused];
  if (groups.length === 0) {
    const wrong = complain(
      world,
      aside.flatMap((left) => left.problems),
    );
    return unread.length === 0 ? code : wrong;
  }
  const exitCode = aside.length > 0 || code !== EXIT.ok ? EXIT.no : EXIT.ok;
  if (settings.json) {
    const hosts = groups.map(({ labels, result }) => ({ labels, result }));
    showJson({ format: "vmxlens-hosts/1", answers: hosts, ...(aside.length === 0 ? {} : { aside }) }, world);
    return exitCode;
  }
  const count = groups.reduce((sum, { labels }) => sum + labels.length, 0);
  const left = [...asideLines(unread), ...refusedLines(refused)].flatMap((line) =>
    wrap(line.trim(), settings.width, /^ */.exec(line)?.[0]),
  );
  const [only, another] = groups;
  if (only !== undefined && count === 1) {
    await one(textOf(only.member), raw, world, only.member.found);
    world.out(renderLines(left, settings.color));
    return exitCode;
  }
  const print = (text: Inline) => world.out(renderLines(wrap(text, settings.width), settings.color));
  print(styled("strong", summary(about, groups, count + aside.length)));
  for (const { labels, member } of groups.slice(0, MOST_REPORTS)) {
    world.out("\n");
    print(styled("heading", `${listed(labels)}:`));
    world.out("\n");
    await one(textOf(member), raw, world, member.found);
  }
  const rest = groups.slice(MOST_REPORTS).flatMap(({ labels }) => labels);
  if (rest.length > 0) {
    world.out("\n");
    print(`For the whole answer on ${listed(rest)}, give one of them alone.`);
  }
  if (next !== undefined && another !== undefined) {
    world.out("\n");
    print(next(groups.slice(0, MOST_REPORTS).map(({ member }) => shellOperand(nameOf(member)))));
  }
  world.out(renderLines(left, settings.color));
  return exitCode;
}

/** As it is accepted for one host of a text that describes several. */
const nameOf = ({ name, text }: Member) => `${name}${text.suffix}`;
const textOf = ({ text }: Member) => `${text.host}${text.suffix}`;

/** `kvm_intel loads: yes on 37 of 40; no on node01 and node24.` */
function summary(about: string, groups: readonly Answered[], count: number): string {
  const values = [...new Set(groups.map(({ value }) => value))];
  const parts = values.map((value) => {
    const labels = groups.filter((group) => group.value === value).flatMap((group) => group.labels);
    if (labels.length === count) return `${value} on ${count === 2 ? "both" : `all ${count}`} hosts`;
    return `${value} on ${labels.length > MOST_NAMES ? `${labels.length} of ${count}` : listed(labels)}`;
  });
  const more = groups.length > values.length ? ` (${groups.length} different answers)` : "";
  return `${about}: ${parts.join("; ")}${more}.`;
}

async function answers<Raw extends RawOptions>(
  members: readonly Member[],
  raw: Raw,
  world: World,
  wordOf: (answer: Answer) => string,
  one: OneHost<Raw>,
): Promise<{ groups: readonly Answered[]; refused: readonly Aside[]; code: number }> {
  const groups = new Map<string, Answered>();
  const refused: Aside[] = [];
  let code: number = EXIT.ok;
  const labels = labelsOf(members);
  for (const [at, member] of members.entries()) {
    const label = labels[at] as string;
    if (member.found.example !== undefined) {
      const missing = member.found.example.missing.map((fact) => `  ${missingText(fact)}`);
      refused.push({ name: label, problems: [`${label}: this machine cannot be read`, ...missing] });
      code = EXIT.usage;
      continue;
    }
    const printed = { out: "", err: "" };
    const inside: World = {
      ...world,
      out(text) {
        printed.out += text;
      },
      err(text) {
        printed.err += text;
      },
    };
    const own = await one(textOf(member), { ...raw, json: true }, inside, member.found);
    code = Math.max(code, own);
    if (printed.out === "") {
      const problems = printed.err.split("\n").filter((line) => line !== "");
      refused.push({ name: label, problems: problems.map((text) => `${label}: ${text.replace(/^vmxlens: /, "")}`) });
      continue;
    }
    const result = JSON.parse(printed.out) as Answer;
    const key = keyOf(result);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels: [label], member, result, value: wordOf(result) });
    else group.labels.push(label);
  }
  return { groups: [...groups.values()].sort((a, b) => b.labels.length - a.labels.length), refused, code };
}

/** As the hosts of a comparison are labelled: the same host twice still needs two names. */
function labelsOf(members: readonly Member[]): readonly string[] {
  const names = shortNames(members.map(({ name }) => name));
  const plain = members.map(({ text }, at) => `${names[at]}${text.suffix}`);
  const seen = new Map<string, number>();
  return plain.map((label) => {
    const count = (seen.get(label) ?? 0) + 1;
    seen.set(label, count);
    return count === 1 ? label : `${label} (${count})`;
  });
}

/** Hosts that were read and for which there is nothing to show, for the end of a report. */
function refusedLines(refused: readonly Aside[]): readonly string[] {
  if (refused.length === 0) return [];
  const rows = refused.flatMap(({ problems }) => problems.map((text) => `  ${text}`));
  return ["", "Nothing to show for:", ...rows];
}

/** What an answer says, without its host and the sources. */
function keyOf(answer: Answer): string {
  return JSON.stringify(Object.entries(answer).filter(([name]) => !BEFORE_ANSWER.includes(name)));
}

const BEFORE_ANSWER: readonly string[] = [
  "host",
  "notes",
  "kernel",
  "params",
  "config",
  "machine",
  "assumptions",
  "evidence",
];

/** HOST of a command that shows one host step by step, or sentences saying that there is none or that one has to be chosen. */
export async function onlyHost(
  query: string | undefined,
  command: string,
  world: World,
): Promise<FoundHost | undefined | readonly string[]> {
  if (query === undefined) return undefined;
  const { host, suffix } = hostText(query, world);
  const found = await findHosts(host, world);
  if ("kind" in found) return found.problems;
  const [first, ...others] = found;
  if (others.length === 0) return first;
  const names = found
    .slice(0, MOST_NAMES)
    .map((_, at) => `  vmxlens ${command} ${shellOperand(`${host}#${at + 1}${suffix}`)}`);
  const choice = host === "-" ? [] : names;
  return [
    `${query} describes ${found.length} hosts; ${command} needs one of them${choice.length > 0 ? ":" : ""}`,
    ...choice,
  ];
}
