import type { ComparedHost, RunResult } from "../compare/hosts/compared-host.js";
import { visible } from "../report/visible.js";
import { complain, ready, showJson } from "./command.js";
import { type FoundHost, missingText } from "./host.js";
import { type HostText, hostText } from "./host-text.js";
import { type RawOptions, readOptions } from "./options.js";
import type { World } from "./world.js";

/** Names for people, by what was typed: a file without its folders, unless others are called the same. */
function shortNames(texts: readonly HostText[]): readonly string[] {
  const short = (host: string) => host.replace(/^.*[/\\]/, "");
  const all = [...new Set(texts.map(({ host }) => host))];
  return texts.map(({ host }) =>
    all.filter((other) => short(other) === short(host)).length === 1 ? short(host) : host,
  );
}

/**
 * The hosts of a command, each HOST or HOST@KERNEL, with labels that differ; a number is the exit code of what went wrong.
 * `kernels` overrides the kernel of single ones.
 */
export async function comparedHosts(
  given: readonly string[],
  raw: RawOptions,
  world: World,
  kernels: readonly (string | undefined)[] = [],
): Promise<ComparedHost[] | number> {
  const compared: ComparedHost[] = [];
  const texts = given.map((text, i) => {
    const parsed = hostText(text, world);
    const kernel = kernels[i] ?? parsed.kernel;
    return { host: parsed.host, ...(kernel === undefined ? {} : { kernel }) };
  });
  const names = shortNames(texts);
  // The same host again, under another kernel, is read once: what is unread is the same, too.
  const read = new Map<string, FoundHost>();
  for (const [i, { host, kernel }] of texts.entries()) {
    const options = kernel === undefined ? raw : { ...raw, kernel };
    const prepared = await ready(host, options, world, read.get(host));
    if (typeof prepared === "number") return prepared;
    const { found, situation } = prepared;
    const { example } = found;
    if (example !== undefined) {
      // An example shown instead of this machine says nothing about it beside others.
      const missing = example.missing.map((fact) => `  ${missingText(fact)}`);
      return complain(world, ["this machine cannot be read", ...missing]);
    }
    // That other CPUs of the atlas are equal to one is nothing to know here.
    read.set(host, found.origin === "atlas" ? { ...found, notes: [] } : found);
    const notes = situation.notes.filter((note) => found.origin !== "atlas" || !found.notes.includes(note));
    const label = kernel === undefined ? (names[i] as string) : `${names[i]}@${kernel}`;
    // The same host twice still needs two names.
    const twins = compared.filter((one) => one.label === label || one.label.startsWith(`${label} (`)).length;
    compared.push({
      label: twins === 0 ? label : `${label} (${twins + 1})`,
      situation: { ...situation, notes },
    });
  }
  return compared;
}

/** Prints what a command of several hosts gives, and returns its exit code. */
export function printRun({ lines, json, exitCode }: RunResult, raw: RawOptions, world: World): number {
  if (raw.json === true) showJson(json, world);
  else if (exitCode === 2) {
    // A place in a text comes first in its line, as compilers print it.
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
