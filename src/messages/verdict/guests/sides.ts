/*
 * A host and its guest in one text, each under its own heading or behind its own prompt.
 */

type Side = "host" | "guest";

/** A line that says where the outputs below it come from. */
const HEADING =
  /^\W{0,6}(?:[\w' ]{0,24}\b(?:on|in|inside|from|within) )?(?:the |my |our |a |this )?(?:(?:physical|bare[- ]metal|proxmox|pve|kvm|outer|nested|linux|ubuntu|debian|centos|fedora|windows|virtual) ){0,2}(?:(?<host>host|hypervisor|L0)|(?<guest>guest|VM|virtual machine|L1))(?: (?:machine|system|side|os|VM|output|node|server|\(?L[01]\)?)){0,2}\W{0,4}$/i;
/** `user@name:~$ `, `[user@name ~]# `, `host$ ` and `guest# `. */
const PROMPT =
  /^[ \t]{0,8}(?:\[?[\w.-]{1,32}@(?<name>[\w.-]{1,63})[: ][^\n$#]{0,60}[$#]|\(?(?<side>host|guest|vm|L0|L1)\)?(?::~)? ?[$#>]) (?<command>.*)/i;
const OF_HOST = /^(?:(?:kvm-?)?host|pve|proxmox|hypervisor|l0|node|esxi?)/i;
const OF_GUEST = /^(?:guest|vm(?!ware)|l1|nested)|[-_.]?(?:vm|guest)\d{0,3}$/i;
/** What is typed where guests are run. */
const RUNS_GUESTS = /\bparameters\/nested\b|^(?:sudo )?(?:virsh|qm|virt-install|qemu-system-)\b/;

export interface Sides {
  readonly host: string;
  readonly guest: string;
  /** Parts of the guest's that something of the host's comes between. */
  readonly guestParts: readonly string[];
  /** Numbers of the guest's lines. */
  readonly ofGuest: ReadonlySet<number>;
  /** The names do not say which is which: the one on which guests are run is the host then. */
  readonly isGuessed: boolean;
}

/** The lines of each side, and which lines are the guest's; undefined where the text does not have both. */
export function sidesOf(text: string): Sides | undefined {
  const lines = text.split("\n");
  const byName = sidesOfPrompts(lines);
  const host: string[] = [];
  const guestParts: string[][] = [];
  const ofGuest = new Set<number>();
  let side: Side | undefined;
  const isGuessed = [...byName.keys()].every((name) => sideOfPrompt(name, NO_NAMES) === undefined) && byName.size > 0;
  for (const [at, line] of lines.entries()) {
    const before = side;
    const heading = line.length > 80 ? undefined : HEADING.exec(line)?.groups;
    const prompt = heading === undefined ? PROMPT.exec(line)?.groups : undefined;
    if (heading !== undefined) side = heading.host === undefined ? "guest" : "host";
    if (prompt !== undefined) side = sideOfPrompt(prompt.side ?? prompt.name ?? "", byName) ?? side;
    if (side === "guest" && before !== "guest") guestParts.push([]);
    if (side === undefined || heading !== undefined) continue;
    (side === "host" ? host : (guestParts.at(-1) as string[])).push(line);
    if (side === "guest") ofGuest.add(at + 1);
  }
  if (host.length === 0 || ofGuest.size === 0) return undefined;
  const parts = guestParts.map((part) => part.join("\n"));
  return { host: host.join("\n"), guest: parts.join("\n"), guestParts: parts, ofGuest, isGuessed };
}

/** A longer text is a log. */
const LONGEST = 20_000;

/**
 * The text without the lines of the other side, where all messages are on one: what the other machine shows does not describe the one
 * that printed them. Undefined where the text is not of a host and its guest, or both have messages.
 */
export function ofOneSide(text: string | undefined, messages: readonly number[]): string | undefined {
  if (text === undefined || text.length > LONGEST || messages.length === 0) return undefined;
  const sides = sidesOf(text);
  if (sides === undefined || sides.isGuessed) return undefined;
  const inGuest = messages.every((line) => sides.ofGuest.has(line));
  if (!inGuest && messages.some((line) => sides.ofGuest.has(line))) return undefined;
  return text
    .split("\n")
    .map((line, at) => (sides.ofGuest.has(at + 1) === inGuest ? line : ""))
    .join("\n");
}

const NO_NAMES: ReadonlyMap<string, Side> = new Map();

const sideOfPrompt = (name: string, byName: ReadonlyMap<string, Side>): Side | undefined =>
  byName.get(name) ?? (OF_HOST.test(name) ? "host" : OF_GUEST.test(name) ? "guest" : undefined);

/** Of two names that say nothing, the one on which guests are run is the host. */
function sidesOfPrompts(lines: readonly string[]): ReadonlyMap<string, Side> {
  const names = new Map<string, boolean>();
  for (const line of lines) {
    const { name, command = "" } = PROMPT.exec(line)?.groups ?? {};
    if (name !== undefined) names.set(name, names.get(name) === true || RUNS_GUESTS.test(command));
  }
  if (names.size !== 2) return new Map();
  const [one, other] = [...names.keys()] as [string, string];
  const known = (name: string) => sideOfPrompt(name, NO_NAMES);
  const isHost = (name: string, beside: string) =>
    known(name) === "host" || known(beside) === "guest" || (names.get(name) === true && names.get(beside) !== true);
  if (isHost(one, other) === isHost(other, one)) return new Map();
  return isHost(one, other)
    ? new Map([
        [one, "host"],
        [other, "guest"],
      ])
    : new Map([
        [one, "guest"],
        [other, "host"],
      ]);
}
