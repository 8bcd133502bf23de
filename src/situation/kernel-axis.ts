import type { Release } from "../rules/release.js";
import type { Modelled } from "./modelled.js";

/*
 * How kernels are related: which states a series has, and which series lie around one that has none.
 */

/** Modelled kernels, in the order of the tables: oldest upstream first, then the vendors'. */
export interface Axis {
  readonly rows: readonly Modelled[];
  readonly upstream: readonly Modelled[];
}

export function axisOf(rows: readonly Modelled[]): Axis {
  return { rows, upstream: rows.filter(({ line }) => line === "upstream") };
}

export const idsOf = (rows: readonly Modelled[]): readonly Release[] => rows.map(({ id }) => id);
export const seriesOf = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;
export const patchOf = (version: string): number => Number(version.split(".")[2] ?? 0);

export function statesOf({ upstream }: Axis, series: string): readonly Modelled[] {
  return upstream.filter(({ base }) => seriesOf(base) === series);
}

/** The vendor's kernels of one line, oldest first. */
export function lineOf({ rows }: Axis, line: string): readonly Modelled[] {
  return rows.filter((row) => row.line === line);
}

export function holds({ patches }: Modelled, patch: number): boolean {
  return patches !== undefined && patch >= patches[0] && patch <= (patches[1] ?? Number.POSITIVE_INFINITY);
}

export function overlaps({ patches }: Modelled, first: number, last: number): boolean {
  return patches !== undefined && patches[0] <= last && first <= (patches[1] ?? Number.POSITIVE_INFINITY);
}

/** The nearest modelled series of kernel.org before or behind one. */
export function neighbour({ upstream }: Axis, series: string, which: "older" | "newer"): string | undefined {
  const all = [...new Set(upstream.map(({ base }) => seriesOf(base)))];
  return which === "older"
    ? all.filter((one) => compareVersions(one, series) < 0).at(-1)
    : all.find((one) => compareVersions(one, series) > 0);
}

/** Upstream kernels from one version to another, both included; the oldest can be the states before a series without any. */
export function upstreamBetween(axis: Axis, first: string, last: string): readonly Modelled[] {
  const from =
    statesOf(axis, seriesOf(first)).length > 0 ? first : (neighbour(axis, seriesOf(first), "older") ?? "0.0");
  return axis.upstream.filter(({ base }) => compareVersions(base, from) >= 0 && compareVersions(base, last) <= 0);
}

/** As for sorting; a missing last number is 0. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < 3; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
