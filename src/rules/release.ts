import { checkText, kindOf, wrong } from "../bits/misuse.js";
import { isRelease, KERNELS, type KernelRow, kernelRow, LINES, type Release } from "./kernels.js";

export type { Release } from "./kernels.js";

const rows: readonly (KernelRow & { readonly id: Release })[] = KERNELS;

/** The newest known state of every upstream series that is modelled, oldest first. */
export const RELEASES: readonly Release[] = rows
  .filter(({ id, line }) => line === "upstream" && /^\d+\.\d+$/.test(id))
  .map(({ id }) => id);

/** Throws `RangeError` for anything but a modelled kernel. */
export function checkRelease(release: unknown, argument: string): asserts release is Release {
  if (typeof release === "string" && isRelease(release)) return;
  throw wrong(argument, `${kindOf(release)} is not the id of a kernel in KERNELS; resolveRelease finds the nearest`);
}

/**
 * Series that kernel.org maintains for years.
 *
 * @internal
 */
export const LONGTERM: readonly Release[] = rows.filter(({ longterm }) => longterm === true).map(({ id }) => id);

/** The release a command uses when neither the user nor the machine names one: the newest long-term one. */
export const DEFAULT_RELEASE: Release = LONGTERM.at(-1) as Release;

/** The newest kernel that is known. */
export const NEWEST_RELEASE: Release = RELEASES.at(-1) as Release;

/** First and last of neighbouring releases, both included; a missing end is open. For lists that were computed. */
export interface ReleaseRange {
  readonly since?: string;
  readonly until?: string;
}

/** `6.1 and later`, `up to 5.15`, `6.1 to 6.12`, `6.6 only` or `all releases`. */
export function formatRange(range: ReleaseRange | undefined): string {
  if (range?.since === undefined) return range?.until === undefined ? "all releases" : `up to ${range.until}`;
  if (range.until === undefined) return `${range.since} and later`;
  return range.since === range.until ? `${range.since} only` : `${range.since} to ${range.until}`;
}

/** Neighbouring releases of the upstream line as ranges. */
export function rangesOf(releases: readonly Release[]): readonly ReleaseRange[] {
  const ranges: ReleaseRange[] = [];
  let run: Release[] = [];
  const close = () => {
    const [since] = run;
    const until = run.at(-1);
    if (since === undefined || until === undefined) return;
    ranges.push({
      ...(since === RELEASES[0] ? {} : { since }),
      ...(until === RELEASES.at(-1) ? {} : { until }),
    });
    run = [];
  };
  for (const release of RELEASES) {
    if (releases.includes(release)) run.push(release);
    else close();
  }
  close();
  return ranges;
}

/** Some kernels as text: the upstream ones as ranges, and where there is none, the vendors' by name. */
export function formatKernels(kernels: readonly Release[]): string {
  const upstream = RELEASES.filter((release) => kernels.includes(release));
  if (upstream.length > 0) return `Linux ${rangesOf(upstream).map(formatRange).join(" and ")}`;
  return kernels.length === 0 ? "no release known" : kernels.map(kernelName).join(" and ");
}

/** Some kernels as text, upstream and the vendors': `Linux 6.1 and later, RHEL 8.3 to 8.10, Ubuntu 6.8`. */
export function formatEveryKernel(kernels: readonly Release[]): string {
  if (kernels.length === rows.length) return "all kernels";
  const upstream = RELEASES.filter((release) => kernels.includes(release));
  const runs: Release[][] = [];
  let line: string | undefined;
  for (const row of rows.filter((one) => one.line !== "upstream")) {
    if (!kernels.includes(row.id)) line = undefined;
    else if (row.line === line) runs.at(-1)?.push(row.id);
    else {
      runs.push([row.id]);
      line = row.line;
    }
  }
  const texts = runs.map((run) => {
    const [first, last] = [run[0] as Release, run.at(-1) as Release];
    return first === last ? kernelName(first) : `${kernelName(first)} to ${kernelName(last).replace(/^\D+/, "")}`;
  });
  return [...(upstream.length === 0 ? [] : [formatKernels(upstream)]), ...texts].join(", ");
}

/** What a kernel is called in a sentence: `Linux 6.1`, `RHEL 9.4`, `Ubuntu 6.8`. */
export function kernelName(id: Release): string {
  const { line, at } = kernelRow(id) as KernelRow;
  if (line === "upstream") return `Linux ${id}`;
  return line.startsWith("el") ? `${LINES[line]}.${at}` : LINES[line];
}

/**
 * The modelled kernel whose rules are used for a kernel. `exact` is false, and `note` is there, when it is an older one;
 * `error` is a sentence for the user.
 */
export type ResolvedRelease =
  | { readonly release: Release; readonly exact: boolean; readonly note?: string }
  | { readonly release?: undefined; readonly error: string };

/**
 * The upstream state that a patch level of a series belongs to; undefined for a series that is not modelled.
 */
export function upstreamState(series: string, patch: number): Release | undefined {
  return rows.find(
    ({ line, base, patches }) =>
      line === "upstream" &&
      base.startsWith(`${series}.`) &&
      patches !== undefined &&
      patch >= patches[0] &&
      patch <= (patches[1] ?? Number.POSITIVE_INFINITY),
  )?.id;
}

/**
 * Maps what a user types or `uname -r` prints (`6.1`, `v6.12.8`, `el9.4`, `5.14.0-427.el9.x86_64`) to a modelled
 * kernel: itself, or the nearest older upstream one with a note that says so. Text that is not a kernel release, and
 * releases older than the first one, give an error.
 */
export function resolveRelease(text: string): ResolvedRelease {
  checkText(text, "text", "a kernel release, like 6.12");
  const asked = text.trim().replace(/^v(?=\d)/, "");
  const named = rows.find(({ id }) => id === asked.toLowerCase());
  if (named !== undefined) return { release: named.id, exact: true };
  const vendor = vendorState(asked);
  if (vendor !== undefined) return { release: vendor, exact: true };
  const match = /^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?:[.\-+~_].*)?$/.exec(asked);
  if (match === null) return { error: `"${text}" is not a kernel release; write it like 6.12` };
  const [, major, minor, patch] = match;
  const wanted = `${Number(major)}.${Number(minor)}`;
  // Distributions count from .0 and take stable updates on top: 6.1.0-18-amd64 says nothing about the patch level.
  const own = patch !== undefined && !/^\d+\.\d+\.0-/.test(asked);
  const state = own ? upstreamState(wanted, Number(patch)) : undefined;
  if (state !== undefined) return { release: state, exact: true };
  const number = (release: string) => {
    const [m, n] = release.split(".").map(Number) as [number, number];
    return m * 1000 + n;
  };
  const best = RELEASES.filter((release) => number(release) <= number(wanted)).at(-1);
  if (best === undefined) {
    return { error: `kernel ${wanted} is older than ${RELEASES[0]}, the oldest that is modelled` };
  }
  if (best === wanted) return { release: best, exact: true };
  return {
    release: best,
    exact: false,
    note: `${wanted} is not modelled; the rules of ${best}, the nearest older release, are used`,
  };
}

/** The modelled kernel of a vendor that a string of `uname -r` names. */
function vendorState(text: string): Release | undefined {
  // 5.14.0-427.13.1.el9_4.x86_64: the minor release by its name, or by the number of the build.
  const el = /-(\d{1,9})(?:\.\d{1,9}){0,8}\.(el\d{1,3})(?:_(\d{1,3}))?(?!\d)/.exec(text);
  if (el !== null) {
    const [, build, line, minor] = el;
    return rows.find(
      (row) => row.line === line && (minor === undefined ? row.build === Number(build) : row.at === Number(minor)),
    )?.id;
  }
  const series = /^(\d+\.\d+)\./.exec(text)?.[1];
  if (series === undefined) return undefined;
  const line = /-microsoft-standard/i.test(text)
    ? "wsl"
    : /^\d+\.\d+\.0-\d+-generic/.test(text)
      ? "ubuntu"
      : /^\d+\.\d+\.\d+-\d{8}-generic/.test(text)
        ? "pop"
        : undefined;
  return line === undefined ? undefined : rows.find((row) => row.line === `${line}-${series}`)?.id;
}
