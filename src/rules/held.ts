import { type Tri, tri } from "../bits/tri.js";
import { type Change, hasChange, type Position, place, pointsOf } from "./change.js";
import { kernelRow, LINES, type Line, type Release } from "./kernels.js";

/*
 * In which kernels a fact holds. The one form of a range for every table whose rows depend on the kernel.
 */

/**
 * In which kernels a fact holds: in those that have the change `since` and do not have the change `before`. A vendor's
 * kernel has what its base has, unless a point names its line. Without either member the fact holds everywhere.
 */
export interface Held {
  readonly since?: Change;
  readonly before?: Change;
  /** Trees in which the fact was read, where it was not run in every kernel that the table of kernels says was run. */
  readonly read?: readonly string[];
}

/** A row of a table that depends on the kernel. */
export interface Fact {
  readonly held?: Held;
}

/** Does a fact hold in a kernel; undefined: not known. */
export function heldIn(held: Held | undefined, kernel: Position): boolean | undefined {
  if (held === undefined) return true;
  const entered = held.since === undefined ? true : hasChange(held.since, kernel);
  const left = held.before === undefined ? false : hasChange(held.before, kernel);
  if (entered === false || left === true) return false;
  return entered === undefined || left === undefined ? undefined : true;
}

/** Does a fact hold in a modelled kernel; undefined: not known. */
export function holdsIn(release: Release, held: Held | undefined): boolean | undefined {
  return held === undefined || heldIn(held, kernelRow(release));
}

/** `holdsIn` as one of yes, no and unknown. */
export function heldTri(release: Release, held: Held | undefined): Tri {
  return tri(holdsIn(release, held));
}

/** The rows of a table that hold in a kernel, or may. */
export function rowsIn<T extends Fact>(table: readonly T[], release: Release): readonly T[] {
  const kernel = kernelRow(release);
  return table.filter((row) => heldIn(row.held, kernel) !== false);
}

/** The first row of a table that holds in a kernel. Throws `RangeError` when none does. */
export function rowIn<T extends Fact>(table: readonly T[], release: Release): T {
  const kernel = kernelRow(release);
  const row = table.find(({ held }) => heldIn(held, kernel) === true);
  if (row === undefined) throw new RangeError(`no row of the table holds in ${release}`);
  return row;
}

/** A value that changed in the course of time: the one, or what it was in which kernels. */
export type Varying<T> = T | readonly (Fact & { readonly is: T })[];

/** The value in a kernel; undefined where none is given. */
export function valueIn<T extends string | number>(value: Varying<T>, release: Release): T | undefined {
  if (!Array.isArray(value)) return value as T;
  let known = valuesKnown.get(value);
  if (known === undefined) {
    known = new Map();
    valuesKnown.set(value, known);
  }
  if (known.has(release)) return known.get(release) as T | undefined;
  const kernel = kernelRow(release);
  const found = (value as readonly (Fact & { readonly is: T })[]).find(({ held }) => heldIn(held, kernel) === true)?.is;
  known.set(release, found);
  return found;
}

/** All steps of a part share their names, and each asks for its own in every replay. */
const valuesKnown = new WeakMap<object, Map<Release, string | number | undefined>>();

/** Every value that some kernel has, each once. */
export function valuesOf<T extends string | number>(value: Varying<T>): readonly T[] {
  return Array.isArray(value)
    ? [...new Set((value as readonly { readonly is: T }[]).map(({ is }) => is))]
    : [value as T];
}

// ---- Text ----

/** Last minor release of each major one that has ended. */
const LAST_MINOR: { readonly [major: number]: number } = { 3: 19, 4: 20, 5: 19, 6: 19 };

/** The mainline series before one: `6.0` before `6.1`, `5.19` before `6.0`. */
function seriesBefore(series: string): string {
  const { series: number } = place(series);
  const [major, minor] = [Math.floor(number / 1000), number % 1000];
  return minor > 0 ? `${major}.${minor - 1}` : `${major - 1}.${LAST_MINOR[major - 1] ?? 0}`;
}

/** The mainline release of a change, the latest that is possible; undefined for one that never came to mainline. */
function mainlineOf(change: Change): string | undefined {
  for (const point of pointsOf(change)) {
    if (typeof point !== "string") {
      if (point.by !== undefined && place(point.by).patch === undefined) return point.by;
    } else if (/^\d+\.\d+$/.test(point)) return point;
  }
  return undefined;
}

/** First and last mainline series in which a fact holds, both included; a missing end is open. */
export function mainlineRange({ since, before }: Held): { readonly since?: string; readonly until?: string } {
  const first = since === undefined ? undefined : mainlineOf(since);
  const next = before === undefined ? undefined : mainlineOf(before);
  return {
    ...(first === undefined ? {} : { since: first }),
    ...(next === undefined ? {} : { until: seriesBefore(next) }),
  };
}

/** The mainline release with a change: `6.0`. Throws `RangeError` for a change that never came to mainline. */
export function releaseOf(change: Change): string {
  const release = mainlineOf(change);
  if (release === undefined) throw new RangeError("the change has no mainline release");
  return release;
}

/** The stable releases and vendor lines that took a change, too: `5.15.61`, `RHEL 9.3`. */
export function takenBy(change: Change): readonly string[] {
  return elsewhere(change);
}

/** `6.1 and later`, `up to 6.0`, `6.1 to 6.12`, `6.6 only` or `all releases`, and what took it earlier. */
export function formatHeld(held: Held | undefined): string {
  if (held?.since === undefined && held?.before === undefined) return "all releases";
  const { since, until } = mainlineRange(held);
  const taken = held.since === undefined ? [] : elsewhere(held.since);
  const lost = held.before === undefined ? [] : elsewhere(held.before);
  const only = held.since !== undefined && since === undefined;
  const range = only
    ? undefined
    : since === undefined
      ? until === undefined
        ? "all releases"
        : `up to ${until}`
      : until === undefined
        ? `${since} and later`
        : since === until
          ? `${since} only`
          : `${since} to ${until}`;
  const parts = [
    ...(range === undefined ? [] : [range]),
    ...(taken.length > 0 ? [`${only ? "" : "also "}from ${taken.join(", ")} on`] : []),
    ...(lost.length > 0 ? [`not from ${lost.join(", ")} on`] : []),
    ...uncertain(held),
  ];
  return parts.join("; ");
}

/** Stable series and vendor lines that a change names. */
function elsewhere(change: Change): string[] {
  return pointsOf(change).flatMap((point) => {
    if (typeof point !== "string")
      return place(point.after).patch !== undefined && point.by !== undefined ? [point.by] : [];
    if (/^\d+\.\d+$/.test(point) || point.startsWith("!")) return [];
    if (/^\d/.test(point)) return [point];
    const minor = /^el(\d+)(?:\.(\d+))?$/.exec(point);
    return [minor === null ? LINES[point as Line] : `RHEL ${minor[1]}${minor[2] === undefined ? "" : `.${minor[2]}`}`];
  });
}

function uncertain({ since, before }: Held): string[] {
  return [since, before].flatMap((change) =>
    change === undefined
      ? []
      : pointsOf(change).flatMap((point) =>
          typeof point === "string" || point.by === undefined ? [] : [`the border lies somewhere after ${point.after}`],
        ),
  );
}
