import { type Answer, exactly, type Found, newerThanAll } from "./kernel-answer.js";
import { type Axis, compareVersions, idsOf, lineOf, upstreamBetween } from "./kernel-axis.js";
import type { KernelName } from "./kernel-name.js";
import { EL_BASES, EL_ENDED } from "./kernel-vendors.js";
import type { Modelled } from "./modelled.js";

/*
 * RHEL and its rebuilds: a minor release has a kernel of its own, whose builds begin with one number. A minor release or a
 * build that is not modelled is one of those around it, or has code from newer releases.
 */

/** By the number of the build: 427 in 5.14.0-427.el9. */
export function byBuild(axis: Axis, { minor, build, release }: KernelName, line: string): Answer {
  if (minor !== undefined) return byMinor(axis, line, minor);
  const rows = lineOf(axis, line);
  const exact = rows.find((row) => row.build === build);
  if (exact !== undefined) return exactly(exact);
  if (rows.length === 0) return byMinor(axis, line, 0);
  const before = rows.filter((row) => build !== undefined && (row.build ?? 0) < build).at(-1);
  const after = rows.find((row) => build !== undefined && (row.build ?? 0) > build);
  const where =
    after === undefined
      ? "is newer than the builds that are modelled"
      : before === undefined
        ? "is not modelled"
        : "is a build between two minor releases";
  return around(axis, line, before, after, `${release} ${where}`);
}

const NEWEST_EL = Math.max(...Object.keys(EL_BASES).map((line) => Number(line.slice(2))));

/** By the minor release: 4 in RHEL 9.4. */
export function byMinor(axis: Axis, line: string, minor: number): Answer {
  const rows = lineOf(axis, line);
  const exact = rows.find((row) => row.at === minor);
  if (exact !== undefined) return exactly(exact);
  if (rows.length === 0) {
    const base = EL_BASES[line];
    if (base === undefined) return Number(line.slice(2)) > NEWEST_EL ? newerThanAll(axis, line) : olderThanAll(line);
    const ids = idsOf(upstreamBetween(axis, base, "99.0"));
    return { ids, basis: "backports", note: `RHEL takes code from newer releases into ${base}` };
  }
  const before = rows.filter((row) => (row.at ?? 0) < minor).at(-1);
  const after = rows.find((row) => (row.at ?? 0) > minor);
  return around(axis, line, before, after, `RHEL ${line.slice(2)}.${minor} is not modelled`);
}

function around(
  axis: Axis,
  line: string,
  before: Modelled | undefined,
  after: Modelled | undefined,
  says: string,
): Found {
  if (before !== undefined && after !== undefined) {
    return {
      ids: [before.id, after.id],
      basis: "between",
      note: `${says}; ${before.id} and ${after.id} are around it`,
    };
  }
  if (before === undefined) {
    const { id, base } = after as Modelled;
    const from = EL_BASES[line] ?? base;
    return {
      ids: [...idsOf(upstreamBetween(axis, from, base)), id],
      basis: "backports",
      note: `${says}, and older than ${id}, the oldest of ${line} that is: it is ${from} with code from newer releases`,
    };
  }
  // Whatever was upstream when it was made can be in it.
  const newer = axis.upstream.filter((row) => compareVersions(row.base, before.base) > 0);
  return {
    ids: [before.id, ...idsOf(newer)],
    basis: "backports",
    note: `${says}: it is ${before.id} with code from newer releases`,
  };
}

function olderThanAll(line: string): { readonly error: string } {
  return { error: `no kernel of ${line} is modelled: it is older than the oldest one that is` };
}

/** The kernels of a major release, whichever minor one it is. */
export function byMajor(axis: Axis, line: string): Answer {
  const rows = lineOf(axis, line);
  if (rows.length === 0) return byMinor(axis, line, 0);
  const later = EL_ENDED.includes(line) ? [] : around(axis, line, rows.at(-1), undefined, "").ids;
  return { ids: [...idsOf(rows), ...later], basis: "states", note: "the minor release is not named" };
}
