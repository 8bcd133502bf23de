/**
 * The kernel releases whose rules are tabulated, oldest first. A release stands for the newest stable version of its
 * series that was read (docs/sources.md), not for its `.0`.
 */
export const RELEASES = ["5.6", "5.10", "5.15", "6.1", "6.6", "6.12", "6.18", "7.2", "7.3"] as const;

/** A tabulated release; text becomes one by `resolveRelease`. */
export type Release = (typeof RELEASES)[number];

/** Series that kernel.org maintains for years. */
export const LONGTERM: readonly Release[] = ["5.10", "5.15", "6.1", "6.6", "6.12", "6.18"];

/** The release a command uses when neither the user nor the machine names one: the newest long-term one. */
export const DEFAULT_RELEASE: Release = "6.18";

/** First and last release in which something holds, both included; a missing end is open. */
export interface ReleaseRange {
  readonly since?: Release;
  readonly until?: Release;
}

/** Position in `RELEASES`: the higher one of two is the newer release. */
export function releaseIndex(release: Release): number {
  return RELEASES.indexOf(release);
}

/** True when the release lies in the range; without a range always. */
export function inRange(release: Release, range: ReleaseRange | undefined): boolean {
  if (range === undefined) return true;
  const index = releaseIndex(release);
  if (range.since !== undefined && index < releaseIndex(range.since)) return false;
  return range.until === undefined || index <= releaseIndex(range.until);
}

/** `6.1 and later`, `up to 5.15`, `6.1 to 6.12`, `6.6 only` or `all releases`. */
export function formatRange(range: ReleaseRange | undefined): string {
  if (range?.since === undefined) return range?.until === undefined ? "all releases" : `up to ${range.until}`;
  if (range.until === undefined) return `${range.since} and later`;
  return range.since === range.until ? `${range.since} only` : `${range.since} to ${range.until}`;
}

/**
 * The tabulated release whose rules stand for a kernel. `exact` is false, and `note` is there, when an older one stands
 * in; `error` is a sentence for the user.
 */
export type ResolvedRelease =
  | { readonly release: Release; readonly exact: boolean; readonly note?: string }
  | { readonly release?: undefined; readonly error: string };

/**
 * Maps what a user types or `uname -r` prints (`6.1`, `v6.12.8`, `5.14.0-611.el9.x86_64`) to a tabulated release:
 * itself, or the nearest older one with a note that says so. Text that is no kernel release, and releases before
 * 5.6, give an error.
 */
export function resolveRelease(text: string): ResolvedRelease {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:[.\-+~_].*)?$/.exec(text.trim());
  if (match === null) return { error: `"${text}" is not a kernel release; write it like 6.12` };
  const major = Number(match[1]);
  const minor = Number(match[2]);
  let best: Release | undefined;
  for (const release of RELEASES) {
    const [m, n] = release.split(".").map(Number) as [number, number];
    if (m < major || (m === major && n <= minor)) best = release;
  }
  const wanted = `${major}.${minor}`;
  if (best === undefined) {
    return { error: `kernel ${wanted} is older than ${RELEASES[0]}, the first release with the "vmx flags" code` };
  }
  if (best === wanted) return { release: best, exact: true };
  return {
    release: best,
    exact: false,
    note: `${wanted} is not tabulated; the rules of ${best}, the nearest older release, are used`,
  };
}
