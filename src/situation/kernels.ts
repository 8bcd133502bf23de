import { DEFAULT_RELEASE, type Release } from "../rules/release.js";
import { type KernelName, readKernelName } from "./kernel-name.js";
import { KERNEL_VENDORS, type KernelVendor } from "./kernel-vendors.js";
import { MODELLED, type Modelled } from "./modelled.js";

/** The kernels that a text can mean, of those whose rules are known. */
export interface KernelSet {
  /** As it was written. */
  readonly text: string;
  /** What was understood: `RHEL 9.4`, `Ubuntu 5.15`, `Linux 6.12.9`. */
  readonly name: string;
  /** Oldest first. */
  readonly candidates: readonly [Release, ...Release[]];
  /** How they were found; see `KERNEL_BASES`. */
  readonly basis: KernelBasis;
  /** Where it can be another than the one that was named: why, in one clause. */
  readonly note?: string;
  /** Older states of the series that was named without a stable release. */
  readonly olderStates?: readonly Release[];
  /** Built for 32 bits. */
  readonly bits32?: true;
}

/** How a name leads to modelled kernels. */
export const KERNEL_BASES = {
  exact: "it is modelled",
  series: "the newest known state of the series",
  states: "which stable release it is does not follow from its name",
  between: "not modelled; the releases around it are",
  backports: "a vendor's kernel, with code from newer releases",
  newer: "newer than every kernel that is modelled",
  older: "older than every kernel that is modelled",
} as const;
export type KernelBasis = keyof typeof KERNEL_BASES;

type Found = Pick<KernelSet, "basis" | "note" | "olderStates"> & {
  readonly ids: readonly Release[];
  readonly name?: string;
};

/**
 * The kernels that a text can mean: `6.12`, `uname -r`, the version of a package, a log's `Linux version …`, an id of the
 * tables (`el9.4`), a system (`Ubuntu 24.04`). The true kernel behaves like one of them, as far as kernels are known: a
 * release between two modelled ones like one of both, a vendor's kernel like its base or anything newer. Or a sentence that says
 * why there are none.
 */
export function kernelSet(text: string): KernelSet | { readonly error: string } {
  const read = readKernelName(text, isId);
  const asked = text.trim();
  if (read === undefined) return { error: `"${asked.slice(0, 80)}" is not a kernel release; write it like 6.12` };
  const found = "id" in read ? byId(read.id) : byName(read.name);
  if ("error" in found) return found;
  const { ids, ...rest } = found;
  const [first, ...more] = MODELLED.filter(({ id }) => ids.includes(id)).map(({ id }) => id);
  if (first === undefined) return { error: `kernel ${asked} is not modelled` };
  const bits32 = "name" in read && read.name.bits32 === true ? { bits32: true as const } : {};
  return { text: asked, name: nameOf(read), ...rest, candidates: [first, ...more], ...bits32 };
}

/** As `kernelSet`, for the kernel that a machine runs whatever it is: there is an answer for every text. */
export function kernelSetOfHost(text: string): KernelSet {
  const found = kernelSet(text);
  if (!("error" in found)) return found;
  const [oldest] = UPSTREAM as [Modelled];
  const newest = DEFAULT_RELEASE;
  const isOlder = /older than/.test(found.error);
  return {
    text: text.trim(),
    name: `Linux ${text.trim()}`,
    candidates: [isOlder ? oldest.id : newest],
    basis: "older",
    note: `${found.error}; shown as ${isOlder ? oldest.id : newest}, which may differ`,
  };
}

const UPSTREAM = MODELLED.filter(({ line }) => line === "upstream");
const isId = (id: string) => MODELLED.some((row) => row.id === id || ALIASES(row.id).includes(id));
/** `el9_4` is how packages write el9.4. */
const ALIASES = (id: string) => [id.replace(/^(el\d+)\./, "$1_")];

// ---- By id ----

function byId(id: string): Found | { readonly error: string } {
  const line = /^el\d+$/.exec(id)?.[0];
  if (line !== undefined) {
    const rows = MODELLED.filter((row) => row.line === line);
    if (rows.length > 0) return { ids: idsOf(rows), basis: "states", note: "the minor release is not named" };
    return byMinor(line, 0);
  }
  const row = MODELLED.find((one) => one.id === id || ALIASES(one.id).includes(id));
  if (row !== undefined) return row.line === "upstream" && !/^\d+\.\d+\.\d/.test(row.id) ? bySeries(row) : exactly(row);
  const [, el = "", minor = ""] = /^(el\d+)\.(\d+)$/.exec(id) ?? [];
  return byMinor(el, Number(minor));
}

function elsewhere(line: string): { readonly error: string } {
  return { error: `no kernel of ${line} is modelled: it is older than the oldest one that is` };
}

const exactly = ({ id }: Modelled): Found => ({ ids: [id], basis: "exact" });

/** A series as a person types it: its newest known state. */
function bySeries(row: Modelled): Found {
  const states = statesOf(seriesOf(row.base)).filter(({ id }) => id !== row.id);
  return { ids: [row.id], basis: states.length === 0 ? "exact" : "series", olderStates: idsOf(states) };
}

// ---- By name ----

function byName(name: KernelName): Found | { readonly error: string } {
  const { vendor } = name;
  if (vendor?.id === "rhel" && name.line !== undefined) return byBuild(name, name.line);
  const own =
    vendor?.line === undefined ? undefined : MODELLED.find((row) => row.line === `${vendor.line}${name.series}`);
  if (own !== undefined && vendor !== undefined) return byVendorLine(name, own, vendor);
  if (vendor?.follows === "backports") return withBackports(name, vendor);
  return upstream(name);
}

/** A release of kernel.org, or a distribution's that follows it. */
function upstream(name: KernelName): Found | { readonly error: string } {
  const { series, patch, candidate } = name;
  const states = statesOf(series);
  if (states.length === 0) return between(series);
  if (candidate === true) {
    const before = neighbour(series, "older");
    const first = states[0] as Modelled;
    const ids = [...(before === undefined ? [] : idsOf(statesOf(before))), first.id];
    return { ids, basis: "between", note: `a candidate for ${series}: what is new in ${series} need not be in it` };
  }
  if (patch !== undefined) {
    const state = states.find((row) => holds(row, patch));
    if (state !== undefined) return exactly(state);
  }
  const [first, last] = patchRange(name);
  const rows = states.filter((row) => overlaps(row, first, last));
  const newest = states.at(-1) as Modelled;
  if (name.vendor === undefined && patch === undefined && name.build === undefined) return bySeries(newest);
  if (rows.length < 2) return exactly(rows[0] ?? newest);
  return {
    ids: idsOf(rows),
    basis: "states",
    note: `which stable release of ${series} it is does not follow from its name`,
  };
}

/** A release that is not modelled: those around it, or the newest. */
function between(series: string): Found | { readonly error: string } {
  const [older, newer] = [neighbour(series, "older"), neighbour(series, "newer")];
  if (older === undefined) {
    return {
      error: `kernel ${series} is older than ${seriesOf((UPSTREAM[0] as Modelled).base)}, the oldest that is modelled`,
    };
  }
  const before = statesOf(older);
  if (newer === undefined) {
    const { id } = before.at(-1) as Modelled;
    return {
      ids: [id],
      basis: "newer",
      note: `${series} is newer than every kernel that is modelled: every answer is as of ${id}`,
    };
  }
  const ids = [...idsOf(before), (statesOf(newer)[0] as Modelled).id];
  return { ids, basis: "between", note: `${series} is not modelled; it lies between ${older} and ${newer}` };
}

/** A vendor's kernel that is not modelled: its base, and everything newer that it may have taken code from. */
function withBackports(name: KernelName, vendor: KernelVendor): Found | { readonly error: string } {
  const base = upstream(name);
  if ("error" in base) return base;
  const from = UPSTREAM.findIndex(({ id }) => base.ids.includes(id));
  const ids = idsOf(UPSTREAM.slice(Math.max(0, from)));
  return { ids, basis: "backports", note: `${vendor.title} takes code from newer releases into ${name.series}` };
}

/** A kernel of a vendor's line: the modelled one, and the states of kernel.org that an older build can be. */
function byVendorLine(name: KernelName, own: Modelled, vendor: KernelVendor): Found {
  const { series, build, patch } = name;
  const same = (vendor.id === "ubuntu" ? vendor : UBUNTU).sameFrom?.[series];
  const [first, last] = patchRange(name);
  const isNew =
    vendor.line !== "ubuntu-" ||
    (vendor.id === "ubuntu" && build !== undefined && build < FLAVOURS && same !== undefined && build >= same) ||
    (patch !== undefined && patch >= patchOf(own.base));
  const rows = isNew
    ? []
    : statesOf(series).filter((row) => overlaps(row, first, Math.min(last, patchOf(own.base) - 1)));
  const older = rows.filter((row) => !holds(row, patchOf(own.base)));
  const ids = [...idsOf(older), own.id];
  if (ids.length === 1) return { ids, basis: "exact" };
  return { ids, basis: "states", note: `which stable release of ${series} it is does not follow from its name` };
}

// ---- RHEL and rebuilds ----

function byBuild({ minor, build, release }: KernelName, line: string): Found | { readonly error: string } {
  if (minor !== undefined) return byMinor(line, minor);
  const rows = MODELLED.filter((row) => row.line === line);
  const exact = rows.find((row) => row.build === build);
  if (exact !== undefined) return exactly(exact);
  if (rows.length === 0) return byMinor(line, 0);
  const before = rows.filter((row) => build !== undefined && (row.build ?? 0) < build).at(-1);
  const after = rows.find((row) => build !== undefined && (row.build ?? 0) > build);
  const where =
    after === undefined ? "is newer than the builds that are modelled" : "is a build between two minor releases";
  return around(line, before, after, `${release} ${where}`);
}

function byMinor(line: string, minor: number): Found | { readonly error: string } {
  const rows = MODELLED.filter((row) => row.line === line);
  const exact = rows.find((row) => row.at === minor);
  if (exact !== undefined) return exactly(exact);
  if (rows.length === 0) {
    // A major release without a modelled kernel: older than all of them, or newer.
    const bases: { readonly [line: string]: string } = { el8: "4.18", el9: "5.14", el10: "6.12" };
    const base = bases[line];
    if (base === undefined) return elsewhere(line);
    const from = UPSTREAM.findIndex(({ base: version }) => compare(seriesOf(version), base) >= 0);
    const older = UPSTREAM.slice(0, from).at(-1);
    const ids = [
      ...(older === undefined || seriesOf(UPSTREAM[from]?.base ?? "") === base ? [] : [older.id]),
      ...idsOf(UPSTREAM.slice(from)),
    ];
    return { ids, basis: "backports", note: `RHEL takes code from newer releases into ${base}` };
  }
  const before = rows.filter((row) => (row.at ?? 0) < minor).at(-1);
  const after = rows.find((row) => (row.at ?? 0) > minor);
  return around(line, before, after, `RHEL ${line.slice(2)}.${minor} is not modelled`);
}

function around(line: string, before: Modelled | undefined, after: Modelled | undefined, says: string): Found {
  if (before !== undefined && after !== undefined) {
    return {
      ids: [before.id, after.id],
      basis: "between",
      note: `${says}; ${before.id} and ${after.id} are around it`,
    };
  }
  if (before === undefined) {
    const { id } = after as Modelled;
    return {
      ids: [id],
      basis: "older",
      note: `${says}, and older than ${id}, the oldest of ${line} that is: every answer is as of ${id}`,
    };
  }
  // Whatever was upstream when it was made can be in it.
  const newer = UPSTREAM.filter((row) => compareVersions(row.base, before.base) > 0);
  return {
    ids: [before.id, ...idsOf(newer)],
    basis: "backports",
    note: `${says}: it is ${before.id} with code from newer releases`,
  };
}

// ---- The axis ----

/** Proxmox builds Ubuntu's kernels. */
const UBUNTU: KernelVendor = KERNEL_VENDORS.find(({ id }) => id === "ubuntu") as KernelVendor;

/** Builds for clouds and devices have separate numbers, from here on. */
const FLAVOURS = 1000;

const idsOf = (rows: readonly Modelled[]): readonly Release[] => rows.map(({ id }) => id);
const seriesOf = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;
const patchOf = (version: string): number => Number(version.split(".")[2] ?? 0);
const statesOf = (series: string): readonly Modelled[] => UPSTREAM.filter(({ base }) => seriesOf(base) === series);

function holds({ patches }: Modelled, patch: number): boolean {
  return patches !== undefined && patch >= patches[0] && patch <= (patches[1] ?? Number.POSITIVE_INFINITY);
}

function overlaps({ patches }: Modelled, first: number, last: number): boolean {
  return patches !== undefined && patches[0] <= last && first <= (patches[1] ?? Number.POSITIVE_INFINITY);
}

/** The stable releases that a kernel can be, by its own number or by its build. */
function patchRange({ patch, build, series, vendor }: KernelName): readonly [first: number, last: number] {
  if (patch !== undefined) return [patch, patch];
  const builds = vendor?.builds?.[series] ?? [];
  if (build === undefined || build >= FLAVOURS || builds.length === 0) return [0, Number.POSITIVE_INFINITY];
  const before = builds.filter(([one]) => one <= build).at(-1);
  const after = builds.find(([one]) => one >= build);
  return [before?.[1] ?? 0, after?.[1] ?? Number.POSITIVE_INFINITY];
}

function compare(a: string, b: string): number {
  return compareVersions(`${a}.0`, `${b}.0`);
}

function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < 3; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The nearest modelled series of kernel.org before or behind one. */
function neighbour(series: string, which: "older" | "newer"): string | undefined {
  const all = [...new Set(UPSTREAM.map(({ base }) => seriesOf(base)))];
  return which === "older"
    ? all.filter((one) => compare(one, series) < 0).at(-1)
    : all.find((one) => compare(one, series) > 0);
}

// ---- Names ----

/** Kernels as text, three and more neighbours of one line as a range: `6.1`, `6.6 to 7.3, el9.6`. */
export function kernelsText(kernels: readonly Release[]): string {
  const runs: Modelled[][] = [];
  let last = -2;
  for (const [at, row] of MODELLED.entries()) {
    if (!kernels.includes(row.id)) continue;
    const run = runs.at(-1);
    if (run !== undefined && at === last + 1 && run[0]?.line === row.line) run.push(row);
    else runs.push([row]);
    last = at;
  }
  return runs
    .flatMap((run): readonly string[] => (run.length < 3 ? idsOf(run) : [`${run[0]?.id} to ${run.at(-1)?.id}`]))
    .join(", ");
}

/** The upstream kernel whose rules a vendor's follows; undefined for an upstream one. */
export function behavesLike(id: Release): Release | undefined {
  const row = MODELLED.find((one) => one.id === id);
  if (row === undefined || row.line === "upstream") return undefined;
  return statesOf(seriesOf(row.base)).find((state) => holds(state, patchOf(row.base)))?.id;
}

function nameOf(read: NonNullable<ReturnType<typeof readKernelName>>): string {
  if ("id" in read) {
    const el = /^el(\d{1,2})[._]?(\d{0,2})$/.exec(read.id);
    if (el !== null) return `RHEL ${el[1]}${el[2] === "" ? "" : `.${el[2]}`}`;
    const other = /^([a-z]+)-(.*)$/.exec(read.id);
    if (other === null) return `Linux ${read.id}`;
    const titles: { readonly [id: string]: string } = { ubuntu: "Ubuntu", wsl: "WSL2", pop: "Pop!_OS" };
    return `${titles[other[1] as string] ?? other[1]} ${other[2]}`;
  }
  const { vendor, line, minor, series, patch, release } = read.name;
  if (vendor?.id === "rhel" && line !== undefined) {
    const known = minor ?? MODELLED.find((row) => row.line === line && row.build === read.name.build)?.at;
    return `RHEL ${line.slice(2)}${known === undefined ? "" : `.${known}`}`;
  }
  if (vendor !== undefined) return `${vendor.title} ${series}`;
  return /^\d+\.\d+(?:\.\d+)?$/.test(release)
    ? `Linux ${release}`
    : `Linux ${series}${patch === undefined ? "" : `.${patch}`}`;
}
