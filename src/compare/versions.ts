import type { Tri } from "../bits/tri.js";

/*
 * Versions of QEMU and libvirt. Not every version was looked at, so that there are two facts: that a thing came with a
 * version, and that it was first seen in one.
 */

/** QEMU's releases, from the first with VMX properties to the newest that was looked at. */
const QEMU_RELEASES: readonly string[] = [
  ...["4.2", "5.0", "5.1", "5.2", "6.0", "6.1", "6.2", "7.0", "7.1", "7.2", "8.0", "8.1", "8.2"],
  ...["9.0", "9.1", "9.2", "10.0", "10.1", "10.2", "11.0", "11.1"],
];

/** In which versions of a program a thing was seen. */
export interface Seen {
  /** The first version known to have it. */
  readonly first: string;
  /** The newest version before that which was looked at and lacks it; missing where none is older. */
  readonly before?: string;
  /** It came with `first`: the release just before it lacks it, or nothing older is of interest. */
  readonly came: boolean;
  /** The last version known to have it, and the first after that which lacks it; missing where the newest has it. */
  readonly last?: string;
  readonly gone?: string;
}

/**
 * @param first The first of the versions looked at that has it.
 * @param last The last of them, unless the newest has it.
 * @param looked The versions looked at, oldest first.
 * @param earlier A version that has it according to another source.
 */
export function seenIn(first: string, last: string | undefined, looked: readonly string[], earlier?: string): Seen {
  const at = looked.indexOf(first);
  const before = looked[at - 1];
  const known = earlier ?? first;
  const release = QEMU_RELEASES.indexOf(known);
  const came = before === undefined || (release > 0 && QEMU_RELEASES[release - 1] === before);
  const gone = last === undefined ? undefined : looked[looked.indexOf(last) + 1];
  return {
    first: known,
    ...(before === undefined ? {} : { before }),
    came,
    ...(last === undefined || gone === undefined ? {} : { last, gone }),
  };
}

/** Does a version have it; unknown between versions that were looked at. */
export function presence({ first, before, came, last, gone }: Seen, version: string): Tri {
  if (!atLeast(version, first)) return came || (before !== undefined && atLeast(before, version)) ? "no" : "unknown";
  if (last === undefined || gone === undefined || atLeast(last, version)) return "yes";
  return atLeast(version, gone) ? "no" : "unknown";
}

/** `came with 8.0`, `was first seen in 8.2 and is not in 7.2`, `was last seen in 6.2 and is not in 7.2`. */
export function seenText(seen: Seen, version: string): string {
  if (seen.last !== undefined && atLeast(version, seen.first)) {
    return `was last seen in ${seen.last} and is not in ${seen.gone}`;
  }
  return seen.came || seen.before === undefined
    ? `came with ${seen.first}`
    : `was first seen in ${seen.first} and is not in ${seen.before}`;
}

/** `7.2`, `7.2.22` or `10.0.13` as a number that can be compared; undefined for anything else. */
export function versionNumber(text: string): number | undefined {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:[.\-+~].*)?$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * 1000 + Number(match[2]);
}

/** Is `version` at least `since`. Throws `RangeError` if either is not a version. */
export function atLeast(version: string, since: string): boolean {
  const [a, b] = [versionNumber(version), versionNumber(since)];
  if (a === undefined || b === undefined) throw new RangeError(`${version} or ${since} is not a version`);
  return a >= b;
}

/** The release from which on VirtualBox passes VT-x to its machines (its manual, nested virtualization). */
export const VIRTUALBOX_PASSES_VTX = "6.1";
