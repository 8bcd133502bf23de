import type { ComparedHost, RunResult } from "../compare/hosts/compared-host.js";
import { visible } from "../report/visible.js";
import type { Asked } from "../situation/asked.js";
import { type FoundHost, findHost, missingText } from "./host.js";
import { hostText, ownOptions } from "./host-text.js";
import { type RawOptions, readOptions } from "./options.js";
import { showJson } from "./outlet.js";
import { type Aside, findMembers, type Member, type Members } from "./shell/members.js";
import { complain, fitted } from "./shell/problems.js";
import { withFirmware } from "./shell/what-if.js";
import { situationOf } from "./situation.js";
import type { World } from "./world.js";

/** The hosts of a command with labels that differ, and what was named and could not be read. */
export interface Compared {
  readonly subjects: readonly ComparedHost[];
  readonly aside: readonly Aside[];
}

/** Short labels from what was typed: a file without its folders, unless two would be the same. */
export function shortNames(names: readonly string[]): readonly string[] {
  const short = (host: string) => host.replace(/^.*[/\\]/, "");
  const all = [...new Set(names)];
  return names.map((host) => (all.filter((other) => short(other) === short(host)).length === 1 ? short(host) : host));
}

/**
 * The hosts that the arguments of a command name, as `findMembers` finds them; a number is the exit code of what went wrong:
 * with `strict` anything that cannot be read, else that fewer than `least` hosts are left.
 */
export async function comparedHosts(
  given: readonly string[],
  raw: RawOptions & { readonly strict?: boolean },
  world: World,
  least = 1,
): Promise<Compared | number> {
  return comparedMembers(await findMembers(given, world), raw, world, least);
}

/** As `comparedHosts`, of members that were found; `asked` is what is asked of each besides the options. */
export function comparedMembers(
  { members, aside }: Members,
  raw: RawOptions & { readonly strict?: boolean },
  world: World,
  least = 1,
  asked: Asked = {},
): Compared | number {
  if (aside.length > 0 && (raw.strict === true || members.length < least)) {
    return complain(
      world,
      aside.flatMap(({ problems }) => problems),
    );
  }
  return labelled(members, aside, raw, world, asked);
}

/** One host each, the first of a text that describes several; `kernels` overrides the kernel of single ones. */
export async function singleHosts(
  given: readonly string[],
  raw: RawOptions,
  world: World,
  kernels: readonly (string | undefined)[] = [],
): Promise<readonly ComparedHost[] | number> {
  const members: Member[] = [];
  const read = new Map<string, FoundHost>();
  for (const [at, name] of given.entries()) {
    const text = hostText(name, world);
    const found = read.get(text.host) ?? (await findHost(text.host, world));
    if (found.kind === "none") return complain(world, found.problems);
    read.set(text.host, found);
    const kernel = kernels[at];
    const own =
      kernel === undefined ? text : { ...text, kernel, suffix: `@${kernel}${text.suffix.replace(/^@[^,]*/, "")}` };
    members.push({ name: text.host, text: own, found });
  }
  const compared = labelled(members, [], raw, world);
  return typeof compared === "number" ? compared : compared.subjects;
}

function labelled(
  members: readonly Member[],
  aside: readonly Aside[],
  raw: RawOptions,
  world: World,
  asked: Asked = {},
): Compared | number {
  const subjects: ComparedHost[] = [];
  const names = shortNames(members.map(({ name }) => name));
  for (const [i, { text, found: read }] of members.entries()) {
    const { settings, problems } = readOptions(ownOptions(raw, text), world);
    if (problems.length > 0) return complain(world, problems);
    const { example } = read;
    if (example !== undefined) {
      // An example shown instead of this machine says nothing about it beside others.
      const missing = example.missing.map((fact) => `  ${missingText(fact)}`);
      return complain(world, ["this machine cannot be read", ...missing]);
    }
    const found = withFirmware(read, text.firmware);
    const situation = situationOf(found, settings, asked);
    if ("problems" in situation) return complain(world, situation.problems);
    // That other CPUs of the atlas are equal to one is nothing to know here.
    const equal = read.origin === "atlas" ? read.notes : [];
    const label = `${names[i]}${text.suffix}`;
    // The same host twice still needs two names.
    const twins = subjects.filter((one) => one.label === label || one.label.startsWith(`${label} (`)).length;
    subjects.push({
      label: twins === 0 ? label : `${label} (${twins + 1})`,
      situation: { ...situation, notes: situation.notes.filter((note) => !equal.includes(note)) },
    });
  }
  return { subjects, aside };
}

/** What was set aside, for the end of a report and for its JSON. */
export function asideLines(aside: readonly Aside[]): readonly string[] {
  if (aside.length === 0) return [];
  const rows = aside.flatMap(({ problems }) => problems.map((text) => `  ${text}`));
  return [
    "",
    aside.length === 1 ? "Left out, as it could not be read:" : "Left out, as they could not be read:",
    ...rows,
  ];
}

/** Prints what a command of several hosts gives, and returns its exit code. */
export function printRun(result: RunResult, raw: RawOptions, world: World, aside: readonly Aside[] = []): number {
  const { json } = result;
  const lines = [...result.lines, ...asideLines(aside)];
  // An answer about a part of what was asked is not the whole answer.
  const exitCode = result.exitCode === 0 && aside.length > 0 ? 1 : result.exitCode;
  // A problem is a sentence where the answer would have been a grid.
  if (raw.json === true && !(exitCode === 2 && raw.format === "tsv"))
    showJson(aside.length === 0 ? json : { ...(json as object), aside }, world);
  else if (exitCode === 2) {
    // A place in a text comes first in its line, as compilers print it.
    for (const line of lines) if (PLACE.test(line)) world.err(fitted(`${visible(line)}\n`, world));
    complain(
      world,
      lines.filter((line) => !PLACE.test(line)),
    );
  } else {
    const { width } = readOptions(raw, world).settings;
    world.out(
      lines
        .flatMap((line) => wrapped(visible(line), width))
        .map((line) => `${line}\n`)
        .join(""),
    );
  }
  return exitCode;
}

const PLACE = /^(?:\S+:)?\d+:\d+: /;

/** What is there to be copied stays in one piece. */
const COPIED = /^\s*(?:<|-cpu |pub |#|\/\/|\/\*|\*)/;

/** A line cut at blanks; what follows is below the text of the first piece. */
function wrapped(line: string, width: number): string[] {
  if (line.length <= width || COPIED.test(line)) return [line];
  const start = /^\s*(?:\S+(?: \S+)?\s{2,})?/.exec(line)?.[0].length ?? 0;
  const hang = " ".repeat(start < width / 2 ? start + (line.startsWith(" ") ? 0 : 2) : 2);
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const at = rest.lastIndexOf(" ", width);
    if (at <= hang.length) break;
    pieces.push(rest.slice(0, at).trimEnd());
    rest = hang + rest.slice(at + 1).trimStart();
  }
  return [...pieces, rest];
}
