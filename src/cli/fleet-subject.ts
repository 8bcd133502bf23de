import type { FleetSubject, RunResult } from "../compare/hosts/host-under-kernel.js";
import { visible } from "../report/visible.js";
import { complain, ready, showJson } from "./command.js";
import { missingText } from "./host.js";
import { type RawOptions, readOptions } from "./options.js";
import type { World } from "./world.js";

const AT_RELEASE = /^(.+)@(v?\d+\.\d+\S*)$/;

function hostOf(text: string): string {
  return AT_RELEASE.exec(text)?.[1] ?? text;
}

/** Names for people, by what was typed: a file without its folders, unless others are called the same. */
export function shortNames(texts: readonly string[]): ReadonlyMap<string, string> {
  const short = (text: string) => hostOf(text).replace(/^.*[/\\]/, "");
  const all = [...new Set(texts.map(hostOf))];
  const alone = (text: string) => all.filter((other) => short(other) === short(text)).length === 1;
  return new Map(texts.map((text) => [text, alone(text) ? short(text) : hostOf(text)]));
}

/** Reads HOST, or HOST@RELEASE for the same host under another kernel; a number is the exit code of what went wrong. */
export async function subjectOf(
  text: string,
  raw: RawOptions,
  world: World,
  kernel?: string,
  name: string = hostOf(text),
): Promise<FleetSubject | number> {
  const at = AT_RELEASE.exec(text);
  const release = kernel ?? at?.[2];
  const options = release === undefined ? raw : { ...raw, kernel: release };
  const prepared = await ready(at?.[1] ?? text, options, world);
  if (typeof prepared === "number") return prepared;
  const { example } = prepared.found;
  if (example !== undefined) {
    // An example that stands in for this machine tells nothing about it beside others.
    return complain(world, ["this machine cannot be read", ...example.missing.map((fact) => `  ${missingText(fact)}`)]);
  }
  const { host, options: how, assumed, notes } = prepared.subject;
  const label = release === undefined ? name : `${name}@${how.release}`;
  // That other CPUs of the atlas are equal to one is nothing to know here.
  return { label, host, options: how, assumed, ...(prepared.found.origin === "file" ? { notes } : {}) };
}

/** As `subjectOf`, for each of several; their labels differ. */
export async function subjectsOf(
  texts: readonly string[],
  raw: RawOptions,
  world: World,
): Promise<FleetSubject[] | number> {
  const subjects: FleetSubject[] = [];
  const names = shortNames(texts);
  for (const text of texts) {
    const read = await subjectOf(text, raw, world, undefined, names.get(text));
    if (typeof read === "number") return read;
    // The same host again, under another kernel: what nobody read of it is the same, too.
    const before = subjects.find((_, i) => hostOf(texts[i] as string) === hostOf(text));
    const subject = before === undefined ? read : { ...read, host: before.host };
    // The same host twice still needs two names.
    const twins = subjects.filter(
      ({ label }) => label === subject.label || label.startsWith(`${subject.label} (`),
    ).length;
    subjects.push(twins === 0 ? subject : { ...subject, label: `${subject.label} (${twins + 1})` });
  }
  return subjects;
}

/** Prints what a command of several hosts gives, and tells its exit code. */
export function printRun({ lines, json, exitCode }: RunResult, raw: RawOptions, world: World): number {
  if (raw.json === true) showJson(json, world);
  else if (exitCode === 2) {
    // A place in a text stands first in its line, as compilers have it.
    for (const line of lines) if (PLACE.test(line)) world.err(`${visible(line)}\n`);
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

/** A line cut at blanks; what follows stands below the text of the first piece. */
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
