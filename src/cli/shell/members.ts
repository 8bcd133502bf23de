import { fileKind, folderNames, inputText, isPlainFile, wholeText, worldSentence } from "../files.js";
import { type FoundHost, findHosts, type HowToRead, nodeOf } from "../host.js";
import { type HostText, hostText } from "../host-text.js";
import type { World } from "../world.js";

/** A host of a command that accepts several, as it was found. */
export interface Member {
  /** Who it is, for people: the file, with a number where the file describes several. */
  readonly name: string;
  readonly text: HostText;
  readonly found: FoundHost;
}

/** What was named and could not be read, and why. */
export interface Aside {
  readonly name: string;
  readonly problems: readonly string[];
}

export interface Members {
  readonly members: readonly Member[];
  readonly aside: readonly Aside[];
}

/**
 * The hosts that the arguments name: each a HOST, a folder for the files in it, a pattern (`'hosts/*.txt'`), or `@FILE` with
 * one of these on a line. Of a text that describes several hosts each is one. What cannot be read is set aside.
 */
export async function findMembers(given: readonly string[], world: World, how: HowToRead = {}): Promise<Members> {
  const members: Member[] = [];
  const aside: Aside[] = [];
  const names: string[] = [];
  for (const text of given) {
    // One by one: a folder can hold more names than a call can have arguments.
    for (const name of await setAside(text, aside, () => namesOf(text, world))) names.push(name);
  }
  // The same host again, under another kernel, is read once: what is unread stays the same, too.
  const read = new Map<string, readonly FoundHost[]>();
  for (const name of names) {
    const text = hostText(name, world);
    const found = await setAside(name, aside, async () => {
      const hosts = read.get(text.host) ?? (await hostsIn(text.host, world, how));
      read.set(text.host, hosts);
      return hosts;
    });
    const named = found.map((host) => nodeOf(host, text.host));
    const nodes = named.map((node) => (named.filter((other) => other === node).length === 1 ? node : undefined));
    for (const [at, host] of found.entries()) {
      members.push({ name: found.length === 1 ? text.host : `${text.host}#${nodes[at] ?? at + 1}`, text, found: host });
    }
  }
  // What to do with a single text is left out for one among others.
  const short = aside.map(({ name, problems: [first = "", ...more] }) => ({
    name,
    problems: [first, ...more.filter((line) => !line.includes(": vmxlens explain "))],
  }));
  return { members, aside: members.length === 0 ? aside : short };
}

/** Why something was set aside. */
class Refused extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems[0]);
    this.problems = problems;
  }
}

async function setAside<T>(name: string, aside: Aside[], find: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await find();
  } catch (error) {
    const sentence = worldSentence(error);
    if (error instanceof Refused) aside.push({ name, problems: error.problems });
    else if (sentence !== undefined) aside.push({ name, problems: [sentence] });
    else throw error;
    return [];
  }
}

async function hostsIn(query: string, world: World, how: HowToRead): Promise<readonly FoundHost[]> {
  const found = await findHosts(query, world, how);
  if ("kind" in found) throw new Refused(found.problems);
  return found;
}

/** The hosts that an argument names; what follows `@` in the argument follows each of them. */
async function namesOf(given: string, world: World): Promise<readonly string[]> {
  if (given.startsWith("@") && given.length > 1 && fileKind(given, world) === undefined)
    return listed(given.slice(1), world);
  const { host, suffix } = hostText(given, world);
  const kind = host === "-" ? "file" : fileKind(host, world);
  if (kind === "directory") {
    const files = folderNames(host, world)
      .map((name) => `${host.replace(/[/\\]$/, "")}/${name}`)
      .filter((path) => isPlainFile(path, world));
    if (files.length === 0) throw new Refused([`${host}: the folder holds no file`]);
    return files.map((path) => path + suffix);
  }
  if (kind === undefined && /[*?[]/.test(host)) {
    const files = matching(host, world);
    if (files.length === 0) throw new Refused([`${host}: no file matches`]);
    return files.map((path) => path + suffix);
  }
  return [given];
}

/** A list of hosts: one on a line, `#` begins a comment. */
async function listed(path: string, world: World): Promise<readonly string[]> {
  const text = await wholeText(inputText(path, world), path);
  const lines = text.split("\n").map((line) => (line.split(/(?:^|\s)#/, 1)[0] as string).trim());
  const names: string[] = [];
  const found = new Map<string, readonly string[]>();
  for (const line of lines.filter((one) => one !== "")) {
    if (line.startsWith("@")) throw new Refused([`@${path}: a list may not name another list (${line})`]);
    const known = found.get(line) ?? (await namesOf(line, world));
    found.set(line, known);
    for (const name of known) names.push(name);
  }
  if (names.length === 0) throw new Refused([`@${path}: there is no host in it`]);
  return names;
}

/** The files that a pattern with `*`, `?` and `[…]` matches, sorted; a name that begins with a dot has to be named so. */
function matching(pattern: string, world: World): readonly string[] {
  const [first = "", ...rest] = pattern.split("/");
  let found = [first === "" && rest.length > 0 ? "/" : ""];
  for (const segment of first === "" ? rest : [first, ...rest]) {
    const places = found.flatMap((folder) => {
      const under = (name: string) =>
        folder === "" || folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
      if (!/[*?[]/.test(segment)) return fileKind(under(segment), world) === undefined ? [] : [under(segment)];
      if (folder !== "" && fileKind(folder, world) !== "directory") return [];
      const matches = segmentPattern(segment);
      return folderNames(folder === "" ? "." : folder, world)
        .filter((name) => matches(name))
        .map(under);
    });
    found = places;
  }
  return found.filter((path) => isPlainFile(path, world));
}

/** Whether a name matches one part of a pattern, in linear time: the last `*` is the only place to come back to. */
function segmentPattern(segment: string): (name: string) => boolean {
  const parts = segment.match(/\[[!^]?[^\]]{1,200}\]|[\s\S]/g) ?? [];
  const fits = (part: string, letter: string): boolean => {
    if (part === "?") return true;
    if (part.length === 1) return part === letter;
    const [, not = "", set = ""] = /^\[([!^]?)([\s\S]+)\]$/.exec(part) ?? [];
    const inside = [...set.matchAll(/([\s\S])-([\s\S])|[\s\S]/g)].some(([one, from, to]) =>
      from === undefined || to === undefined ? one === letter : from <= letter && letter <= to,
    );
    return inside === (not === "");
  };
  return (name) => {
    let [at, part] = [0, 0];
    let back: readonly [at: number, part: number] | undefined;
    while (at < name.length) {
      const wanted = parts[part];
      if (wanted === "*") {
        back = [at, part];
        part++;
      } else if (wanted !== undefined && fits(wanted, name[at] as string)) {
        at++;
        part++;
      } else if (back !== undefined) {
        back = [back[0] + 1, back[1]];
        [at, part] = [back[0], back[1] + 1];
      } else return false;
    }
    return parts.slice(part).every((rest) => rest === "*");
  };
}
