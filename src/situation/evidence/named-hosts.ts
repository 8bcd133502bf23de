/*
 * Outputs of several hosts in one text, each behind a prompt or below a heading with its name.
 */

/** The outputs of one host. */
export interface NamedHost {
  readonly name: string;
  readonly text: string;
}

/** `user@name:~$ `, `[user@name ~]# `, and a name that people give hosts: `node1# `, `hv-02 ~ # `. */
const PROMPT =
  /^[ \t>]{0,8}(?:\[?[\w.-]{1,32}@(?<name>[\w.-]{1,63})[: ][^\n$#%]{0,60}[$#%]|(?<bare>[a-z][a-z-]{0,24}\d[\w-]{0,12}|[a-z]{2,12}-[a-z\d]{1,8})(?::~?| ~)?\s?[$#%]) ?/i;
/** A line of its own: `hv1`, `hv1:`, `=== node2 ===`, `==> node2 <==`, `node2 | CHANGED | rc=0 >>`. */
const HEADING = /^[\W_]{0,6}(?<name>[a-z][\w.-]{1,40})(?: \| (?:CHANGED|SUCCESS|FAILED) \| rc=\d{1,3} >>|[\W_]{0,6})$/i;
/** `Host A (works):`, `Node 2`. */
const LETTERED =
  /^\W{0,6}(?<name>(?:host|node|server|machine|system|hypervisor) (?:[A-Z]|\d{1,3}))\b(?: ?\([^()\n]{1,40}\))?\W{0,4}$/i;
/** `hv1: Y`, `node2 | 0x5`. */
const BESIDE = /^[\W_]{0,4}(?<name>[a-z][\w.-]{1,40})(?:: {0,8}| {1,8}\| {0,8}|\t{1,4})(?<value>\S.{0,400})$/i;
/** What was read on all of them, in a loop or by a tool that runs it everywhere. */
const READS =
  /(?:cat |grep [^|;"']{0,24})\/sys\/module\/\w+\/parameters\/\w+|\brdmsr (?:-\w{1,2} ){0,3}(?:0x)?[0-9a-f]{2,4}\b|\b[ef]?grep [^|;]{2,60}\/proc\/cpuinfo|\buname -r|\blscpu(?: ?\| ?grep [^;"']{2,30})?/g;
/** A host and its guest are another matter. */
const IS_SIDE = /^(?:host|guest|vm|l[012]|hypervisor|bare|physical)\d{0,3}$/i;
const MOST_CHARACTERS = 20_000;
const MOST_HOSTS = 32;

/** Names of one series differ in a number or in what is behind the last dash. */
const stemOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\d+/g, "#")
    .replace(/(?<=[- ])[a-z]$/, "#");

/** The hosts of a text that has outputs of two or more; empty where it has not. */
export function namedHosts(text: string): readonly NamedHost[] {
  if (text.length > MOST_CHARACTERS) return [];
  const lines = text.split("\n");
  const found = byPrompts(lines);
  return found.length > 1 ? found : bySeries(lines);
}

/** The heading of a file in what `diff -u` prints; that of a patch has the same name twice. */
const DIFFED = /^[> \t]{0,8}(?:---|\+\+\+) (?:[\w.~-]{1,80}\/){0,12}([\w.~-]{1,80})(?:\s[^\n]{0,60})?$/;

/** The two outputs that `diff -u` compares, as far as it prints them; empty where the text has no such thing. */
export function diffedOutputs(text: string): readonly NamedHost[] {
  if (text.length > MOST_CHARACTERS || !/^[> \t]{0,8}@@ -\d/m.test(text)) return [];
  const lines = text.split("\n");
  const at = lines.findIndex((line, index) => DIFFED.test(line) && DIFFED.test(lines[index + 1] ?? ""));
  const names = [at, at + 1].map((index) => DIFFED.exec(lines[index] ?? "")?.[1] ?? "");
  if (at < 0 || names[0] === names[1]) return [];
  const body = lines.slice(at + 2).map((line) => line.replace(/^> ?/, ""));
  return ["-", "+"].map((sign, side) => ({
    name: names[side] as string,
    text: `${body.flatMap((line) => (line.startsWith(sign) || line.startsWith(" ") ? [line.slice(1)] : [])).join("\n")}\n`,
  }));
}

function byPrompts(lines: readonly string[]): readonly NamedHost[] {
  const hosts = new Map<string, string[]>();
  let now: string[] | undefined;
  for (const line of lines) {
    const { name, bare } = PROMPT.exec(line)?.groups ?? {};
    const host = name ?? bare;
    if (host !== undefined) {
      // What was typed before has printed all that it prints.
      now?.push("$ true");
      now = hosts.get(host) ?? [];
      hosts.set(host, now);
    }
    now?.push(host === undefined ? line : line.replace(PROMPT, "$$ "));
  }
  return ofHosts(hosts);
}

/** Below headings or beside names that are of one series; what was read is in a line before them. */
function bySeries(lines: readonly string[]): readonly NamedHost[] {
  const named = lines.map((line) => {
    const { name } = (LETTERED.exec(line) ?? HEADING.exec(line))?.groups ?? {};
    const beside = name === undefined ? BESIDE.exec(line)?.groups : undefined;
    return { name: name ?? beside?.name, value: beside?.value };
  });
  const names = new Set(named.flatMap(({ name }) => (name === undefined ? [] : [name])));
  const stems = new Map<string, number>();
  for (const name of names) stems.set(stemOf(name), (stems.get(stemOf(name)) ?? 0) + 1);
  const hosts = new Map<string, string[]>();
  let now: string[] | undefined;
  let reads: readonly string[] = [];
  /** How many values each host has given of what was read. */
  let given = new Map<string, number>();
  for (const [at, { name, value }] of named.entries()) {
    const line = lines[at] as string;
    const isHost = name !== undefined && /#/.test(stemOf(name)) && (stems.get(stemOf(name)) as number) > 1;
    if (!isHost) {
      const found = [...line.matchAll(READS)].map(([read]) => read);
      if (found.length > 0) [reads, given] = [found, new Map()];
      now?.push(line.replace(/^(\d{1,5})non-zero return code$/, "$1"));
      continue;
    }
    now = hosts.get(name) ?? [];
    hosts.set(name, now);
    const read = reads[Math.min(given.get(name) ?? 0, reads.length - 1)];
    given.set(name, (given.get(name) ?? 0) + 1);
    now.push(...(read === undefined ? [] : [`$ ${read}`]), ...(value === undefined ? [] : [value]));
  }
  return ofHosts(hosts);
}

function ofHosts(hosts: ReadonlyMap<string, readonly string[]>): readonly NamedHost[] {
  const all = [...hosts].map(([name, lines]) => ({ name, text: `${lines.join("\n")}\n` }));
  return all.length < 2 || all.length > MOST_HOSTS || all.some(({ name }) => IS_SIDE.test(name)) ? [] : all;
}
