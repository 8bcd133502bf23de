import { hostsOfPrompts } from "./own-machine.js";

/*
 * A host and its guest in one text, each under its own heading or behind its own prompt.
 */

type Side = "host" | "guest";

/** A line that says where the outputs below it come from. */
const HEADING =
  /^\W{0,6}(?:[\w' ]{0,24}\b(?:on|in|inside|from|within|of) )?(?:the |my |our |a |this )?(?:(?:physical|bare[- ]metal|proxmox|pve|kvm|outer|nested|linux|ubuntu|debian|centos|fedora|windows|virtual) ){0,2}(?:(?<host>host|hypervisor|L0)|(?<guest>guest|VM|virtual machine|L1))(?: (?:machine|system|side|os|VM|output|node|server|\(?L[01]\)?)){0,2}(?: at boot| \([^()\n]{1,70}\))?\W{0,4}$/i;
/** `user@name:~$ `, `[user@name ~]# `, `host$ ` and `guest# `. */
const PROMPT =
  /^[ \t]{0,8}(?:\[?[\w.-]{1,32}@(?<name>[\w.-]{1,63})[: ][^\n$#]{0,60}[$#]|\(?(?<side>host|guest|vm|L0|L1)\)?(?::~)? ?[$#>]) (?<command>.*)/i;
const OF_HOST = /^(?:(?:kvm-?)?host|pve|proxmox|hypervisor|l0|node|esxi?)/i;
const OF_GUEST = /^(?:guest|vm(?!ware)|l1|nested)|[-_.]?(?:vm|guest)\d{0,3}$/i;
/** What is typed where guests are run. */
const RUNS_GUESTS = /\bparameters\/nested\b|^(?:sudo )?(?:virsh|qm|virt-install|qemu-system-)\b/;

/** What only a host shows: the parameter that gives guests VMX, their definitions, its module in use. */
const OF_ITS_GUESTS =
  /\/parameters\/nested\b|\b(?:virsh (?:dumpxml|edit|capabilities|domcapabilities|list)|qm (?:config|set|start)) |^\s{0,8}kvm_(?:intel|amd)\s{1,24}\d{4,8}\s{1,12}[1-9]|\bhypervisor\b.{0,24}\b(?:node|machine)\b/i;
/** What only a guest shows: the hypervisor below it, and CPUs that are none. */
const OF_ITS_HYPERVISOR =
  /\bHypervisor vendor: {1,24}\w|\bHypervisor detected: \w|^\s{0,8}model name\s{1,12}: {1,24}(?:QEMU|Common)\b|\bModel name: {1,24}(?:QEMU|Common)\b/i;
/** A sentence that says where what follows comes from. */
const SAYS_WHERE =
  /\b(?:(?:in(?:side)?|within|on|from) (?:the|my|that|this|an?) (?:[\w.]{2,12} ){0,2}(?:guest|VM|virtual machine|L1)\b(?! (?:config|setting|manager))|(?:the|my|this) (?:guest|VM|virtual machine) (?:is|has|shows?|sees|says|runs)\b|\bin (?:guest|VM) (?:says|shows|has|there)\b|\binside(?: it)?:$)/i;
const SAYS_HOST =
  /\b(?:on|from) (?:the |my |this )?(?:\w{2,12} )?(?:host|hypervisor|node|L0)\b|\b(?:the|my|this) (?:host|laptop|server|node) (?:is|has|shows?|runs|\()/i;
/** `host: cat ... -> Y`. */
const NAMED_LINE = /^\W{0,4}(?:host|guest|vm|L[01])\b[:=] ?\S/i;
const ANY_PROMPT = /^[ \t]{0,8}(?:[\w.@:~[\]-]{0,60} ?)?[$#] \S/;

/** The module is loaded there: what follows and finds no virtualization is another machine, its guest. */
const LOADED = /\/kvm_(?:intel|amd)\/parameters\/nested\b[^\n]{0,8}[:=\s]{1,4}[YN01]\s*$/m;
const FINDS_NONE =
  /\bgrep [^\n|]{0,30}\b(?:vmx|svm)\b[^\n]{0,40}\/proc\/cpuinfo[^\n]{0,20}\n\s{0,8}0\s*$|\bcould not insert '?kvm[_-](?:intel|amd)'?: Operation not supported|\bCPU does not support KVM extensions/m;

interface Marked {
  readonly sides: readonly (Side | undefined)[];
  /** Which is the guest follows, or is said. */
  readonly isKnown: boolean;
}

/**
 * The sides of a text whose prompts have no names: each output belongs to the side whose marks it has, or else to the one
 * before it.
 */
function sideOfBlocks(lines: readonly string[], hasName: boolean): Marked {
  const sides: (Side | undefined)[] = [];
  let now: Side | undefined;
  let isKnown = false;
  let isLoaded = false;
  let from = 0;
  const close = (to: number) => {
    const block = lines.slice(from, to);
    const text = block.join("\n");
    const has = (mark: RegExp) => block.some((line) => line.length < 200 && mark.test(line));
    // Behind prompts of one name it is one machine, whose kernel has the module built in.
    const follows = isLoaded && !hasName && FINDS_NONE.test(text);
    const host = !follows && (has(OF_ITS_GUESTS) || has(SAYS_HOST));
    const isSaid = has(SAYS_WHERE);
    const guest = follows || isSaid || has(OF_ITS_HYPERVISOR);
    if (host !== guest) now = host ? "host" : "guest";
    if (guest && !host) isKnown ||= follows || isSaid;
    isLoaded ||= LOADED.test(text);
    for (let at = from; at < to; at++) sides.push(host && guest ? undefined : now);
    from = to;
  };
  for (const [at, line] of lines.entries()) {
    const isNew =
      ANY_PROMPT.test(line) ||
      NAMED_LINE.test(line) ||
      NAMED_LINE.test(lines[at - 1] ?? "") ||
      (at > 0 && lines[at - 1]?.trim() === "" && line.trim() !== "");
    if (at > 0 && isNew) close(at);
  }
  close(lines.length);
  return { sides, isKnown };
}

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

/** The sides by what the outputs show, where neither headings nor prompts say which is whose. */
export function sidesOfMarks(text: string): Sides | undefined {
  const lines = text.split("\n");
  const { sides, isKnown } = sideOfBlocks(lines, hostsOfPrompts(text) > 0);
  const of = (side: Side) => lines.filter((_, at) => sides[at] === side).join("\n");
  const ofGuest = new Set(lines.flatMap((_, at) => (sides[at] === "guest" ? [at + 1] : [])));
  const [host, guest] = [of("host"), of("guest")];
  return host === "" || guest === "" ? undefined : { host, guest, guestParts: [guest], ofGuest, isGuessed: !isKnown };
}

/** As a mail quotes. */
const QUOTED = /^(?:> ?){1,6}/;

/** The lines of each side, and which lines are the guest's; undefined where the text does not have both. */
export function sidesOf(text: string): Sides | undefined {
  const lines = text.split("\n").map((line) => line.replace(QUOTED, ""));
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
