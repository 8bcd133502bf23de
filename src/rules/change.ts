import { type KernelRow, LINES, type Line } from "./kernels.js";

/*
 * A change of the kernel's source, by the places where it entered, and whether a kernel has it.
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
/** @internal */
export function place(text: string): Place {
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
