import { type Tri, tri } from "../bits/tri.js";
import { type KernelRow, kernelRow, LINES, type Line, type Release } from "./kernels.js";

/*
 * In which kernels a fact holds. The one form of a range for every table whose rows depend on the kernel.
 */

type Series = `${number}.${number}`;
type Patch = `${number}.${number}.${number}`;
type ElLine = Extract<Line, `el${string}`>;

/**
 * A place on the axis where a change entered. `6.2`: mainline, so every later series has it. `5.15.87`: that stable series
 * from that release on. `el9.3`: that line of a vendor from that minor release on. `el8` or `ubuntu-5.15`: the whole line.
 * `!el9`: never in that line, whatever its base has. `{ after: "5.10", by: "5.15" }`: somewhere after 5.10, at the latest
 * in 5.15; without `by`, perhaps somewhere after.
 */
export type Point =
  | Series
  | Patch
  | `${ElLine}.${number}`
  | Exclude<Line, "upstream">
  | `!${Exclude<Line, "upstream">}`
  | { readonly after: Series | Patch; readonly by?: Series | Patch };

/** Every place where one change entered: mainline, the stable series and the vendor lines that took it. */
export type Change = Point | readonly Change[];

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

interface ParsedPoint {
  readonly line: Line;
  /** Vendor: the position from which on the line has the change; undefined: never. */
  readonly at?: number | undefined;
  readonly never?: boolean;
  /** Upstream: the release from which on the change is there for certain, and the last one without it. */
  readonly by?: Place | undefined;
  readonly after?: Place | undefined;
}

/** A series as a number that orders, and a stable release in it; without one, the mainline release. */
interface Place {
  readonly series: number;
  readonly patch?: number | undefined;
}

const parsedChanges = new Map<Change, readonly ParsedPoint[]>();

function parse(change: Change): readonly ParsedPoint[] {
  let points = parsedChanges.get(change);
  if (points === undefined) {
    points = pointsOf(change).map(parsePoint);
    parsedChanges.set(change, points);
  }
  return points;
}

/**
 * The points of a change, which may be put together from other changes.
 *
 * @internal
 */
export function pointsOf(change: Change): readonly Point[] {
  if (typeof change === "string" || !("length" in change)) return [change];
  return change.flatMap(pointsOf);
}

function parsePoint(point: Point): ParsedPoint {
  if (typeof point !== "string") {
    return { line: "upstream", after: place(point.after), by: point.by === undefined ? undefined : place(point.by) };
  }
  if (point.startsWith("!")) return { line: lineOf(point.slice(1)), never: true };
  const first = point.charCodeAt(0);
  if (first >= 48 && first <= 57) return { line: "upstream", by: place(point) };
  if (point in LINES || !point.startsWith("el")) return { line: lineOf(point), at: 0 };
  const [name, minor] = point.split(".") as [string, string];
  return { line: lineOf(name), at: Number(minor) };
}

function lineOf(name: string): Line {
  if (!(name in LINES) || name === "upstream") throw new RangeError(`no line of kernels is called ${name}`);
  return name as Line;
}

/** `6.2` or `5.15.87` as numbers. No pattern: one that is compiled for a few texts is most of the time they take. */
function place(text: string): Place {
  const [major, minor, patch, ...more] = text.split(".");
  const series = number(major) * 1000 + number(minor);
  const found = { series, patch: patch === undefined ? undefined : number(patch) };
  if (more.length > 0 || Number.isNaN(series) || Number.isNaN(found.patch)) {
    throw new RangeError(`"${text}" is not a kernel version`);
  }
  return found;
}

function number(digits: string | undefined): number {
  return digits === undefined || digits === "" ? Number.NaN : Number(digits);
}

/** Where a kernel is: what of its row decides which facts hold in it. */
export type Position = Pick<KernelRow, "line" | "base" | "at">;

/** What was found out about a kernel: start-up and every replay ask for hundreds of changes. */
interface Known {
  readonly here: Place;
  readonly has: Map<Change, boolean | undefined>;
}

const known = new WeakMap<Position, Known>();

/**
 * Has the change entered there; undefined: not known.
 *
 * @internal
 */
export function hasChange(change: Change, kernel: Position): boolean | undefined {
  let about = known.get(kernel);
  if (about === undefined) {
    about = { here: place(kernel.base), has: new Map() };
    known.set(kernel, about);
  }
  if (about.has.has(change)) return about.has.get(change);
  const result = findChange(change, kernel, about.here);
  about.has.set(change, result);
  return result;
}

function findChange(change: Change, kernel: Position, here: Place): boolean | undefined {
  const points = parse(change);
  if (kernel.line !== "upstream") {
    const own = points.find((point) => point.line === kernel.line);
    if (own !== undefined) return own.never !== true && (kernel.at ?? 0) >= (own.at ?? 0);
  }
  let result: boolean | undefined = false;
  for (const point of points) {
    if (point.line !== "upstream") continue;
    const reached = reaches(point, here);
    if (reached === true) return true;
    if (reached === undefined) result = undefined;
  }
  return result;
}

function reaches({ by, after }: ParsedPoint, here: Place): boolean | undefined {
  if (by !== undefined && isAtOrBehind(here, by)) return true;
  if (after === undefined) return false;
  if (after.patch !== undefined) {
    return here.series === after.series && (here.patch ?? 0) > after.patch ? undefined : false;
  }
  return here.series > after.series && (by === undefined || here.series < by.series) ? undefined : false;
}

/** A mainline release is behind every series of the same or a higher number; a stable one, in its own series only. */
function isAtOrBehind(here: Place, there: Place): boolean {
  if (there.patch === undefined) return here.series >= there.series;
  return here.series === there.series && (here.patch ?? 0) >= there.patch;
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
