import { ownCopy } from "../input/text/text.js";
import { lineFeed, type TextLine } from "../input/text/text-lines.js";
import type { DesktopMessages } from "./desktop-messages.js";
import { wantedWith } from "./hints.js";
import { type Match, matchLine } from "./match.js";

/** Matches that are explained together, in the order of the text; the first of many. */
export interface MatchGroup {
  readonly matches: readonly [Match, ...Match[]];
  readonly count: number;
}

/** What was found in a text. */
export interface Matches {
  /** In the order of their first match. */
  readonly groups: readonly MatchGroup[];
  /** Lines about virtualization that no row matches; each text once. */
  readonly unknown: readonly TextLine[];
  readonly lines: number;
}

/** Words that make an unknown line worth mentioning. */
const ABOUT =
  /\b(?:vmx\w{0,20}|vmcs|vt-x|vmxon|vmlaunch|vmresume|kvm(?:_intel)?|hypervisor|virtuali[sz]ation|hyper-v|ept|vpid|verr_\w{2,40}|msr)\b/i;
/** Commands as typed, and what modules print when all is well. */
const NO_MESSAGE =
  /^\s*(?:\[?[\w.-]{1,32}@[\w.-]{1,63}[: ][^\n$#]{0,60}[$#] |\S{0,40}[$#%❯>] |sudo |modprobe |qemu-system-|virsh |lsmod|options |grep |cat |HINT:)|\bkvm_amd: (?!SVM)|INFO: (?:\/dev\/kvm exists|Your CPU supports)|Nested (?:Virtualization|Paging) enabled|KVM acceleration can be used|^(?:flags|vmx flags)\s*:/;
const MOST_UNKNOWN = 20;
const MOST_GROUPS = 500;
const MOST_IN_GROUP = 200;
/** Characters of all lines that are kept with their matches. */
const MOST_KEPT = 1_000_000;

/** Finds messages in a text that comes in pieces. */
export interface Matcher {
  readonly push: (text: string) => void;
  /** The number of the last line seen. */
  readonly line: () => number;
  readonly end: () => Matches;
}

/**
 * Finds every message of the tables, and of `desktop`. Linear in the length of the text, in bounded memory; nothing throws.
 */
export function messageMatcher(desktop?: DesktopMessages): Matcher {
  const wanted = wantedWith(desktop);
  const groups = new Map<string, { matches: [Match, ...Match[]]; count: number }>();
  const unknown: TextLine[] = [];
  const seen = new Set<string>();
  const window: TextLine[] = [];
  // Lines that a match over a line break reaches into, and its words there.
  let taken: Match | undefined;
  let lines = 0;
  let kept = 0;

  // A log that says one thing a million times is looked at once.
  let before: readonly TextLine[] = [];
  let last: readonly Match[] = [];
  const matchesOf = (now: readonly TextLine[]): readonly Match[] => {
    const further = (now[0]?.number ?? 0) - (before[0]?.number ?? 0);
    const same = now.length === before.length && now.every((line, at) => isSameLine(line, before[at], further));
    last = same
      ? last.map((match) => ({ ...match, first: match.first + further, last: match.last + further }))
      : matchLine(wanted, now);
    before = [...now];
    return last;
  };

  const step = (): void => {
    const [line] = window;
    if (line === undefined) return;
    lines = line.number;
    const over = taken !== undefined && line.number <= taken.last ? taken : undefined;
    // Generic words over the break say nothing that a known message in the next line does not say better.
    const found = matchesOf(window).filter(
      ({ text: words, row }) => !over?.text.includes(words) || (over.row.generic === true && row.generic !== true),
    );
    for (const match of found) {
      const key = groupOf(match);
      const group = groups.get(key);
      if (group === undefined) {
        if (groups.size < MOST_GROUPS) groups.set(key, { matches: [match], count: 1 });
      } else if (over?.row.generic === true && group.matches.at(-1) === over && over.text.includes(match.text)) {
        group.matches[group.matches.length - 1] = match;
      } else {
        group.count++;
        if (group.matches.length < MOST_IN_GROUP && kept < MOST_KEPT) {
          group.matches.push(match);
          kept += match.line.length;
        }
      }
      if (match.last > (taken?.last ?? 0) && match.last > match.first) taken = match;
    }
    if (
      found.length === 0 &&
      over === undefined &&
      line.rejected !== true &&
      unknown.length < MOST_UNKNOWN &&
      ABOUT.test(line.text) &&
      !NO_MESSAGE.test(line.text)
    ) {
      const key = line.text.trim();
      if (!seen.has(key)) {
        seen.add(key);
        unknown.push({ ...line, text: ownCopy(line.text) });
      }
    }
    window.shift();
  };

  const feed = lineFeed(
    (line) => {
      window.push(line);
      if (window.length === 4) step();
    },
    (raw) => wanted.mayMatch(raw) || ABOUT.test(raw),
  );
  return {
    push: feed.push,
    line: feed.number,
    end() {
      feed.end();
      while (window.length > 0) step();
      return { groups: [...groups.values()], unknown, lines };
    },
  };
}

/** The name of the group, or the message with its numbers: not the CPU, and not an address. */
function groupOf({ row, groups }: Match): string {
  if (row.group !== undefined) return row.group;
  const { cpu: _cpu, cpu2: _cpu2, rip: _rip, ...rest } = groups;
  return `${row.id} ${JSON.stringify(rest)}`;
}

function isSameLine(line: TextLine, other: TextLine | undefined, further: number): boolean {
  return (
    line.text === other?.text &&
    line.number === other.number + further &&
    line.starts === other.starts &&
    line.soft === other.soft
  );
}
