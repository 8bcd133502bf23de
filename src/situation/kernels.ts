import { DEFAULT_RELEASE } from "../rules/release.js";
import { byBuild, byMajor, byMinor } from "./el-kernels.js";
import { type Answer, exactly, type Found, type KernelSet, newerThanAll } from "./kernel-answer.js";
import {
  type Axis,
  axisOf,
  compareVersions,
  holds,
  idsOf,
  lineOf,
  neighbour,
  overlaps,
  patchOf,
  seriesOf,
  statesOf,
} from "./kernel-axis.js";
import { type KernelName, type ReadName, readKernelName } from "./kernel-name.js";
import { KERNEL_VENDORS, type KernelVendor, UNKNOWN_BUILDER } from "./kernel-vendors.js";
import { MODELLED, type Modelled } from "./modelled.js";
import type { SystemKernels } from "./systems.js";

/**
 * The kernels that a text can mean: `6.12`, `uname -r`, the version of a package, a log's `Linux version …`, an id of the
 * tables (`el9.4`), a system (`Ubuntu 24.04`). The true kernel behaves like one of them, as far as kernels are known: a
 * release between two modelled ones like one of both, a vendor's kernel like its base or anything newer. Or a sentence that says
 * why there are none.
 */
export function kernelSet(text: string): KernelSet | { readonly error: string } {
  let found = known.get(text);
  if (found === undefined) {
    found = kernelSetOn(AXIS, text);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(text, found);
  }
  return found;
}

// The hosts of a fleet name the same few kernels over and over.
const known = new Map<string, KernelSet | { readonly error: string }>();
const MOST_KNOWN = 500;

/**
 * `kernelSet` among some of the kernels, as if no other were modelled.
 */
export function kernelSetAmong(rows: readonly Modelled[], text: string): KernelSet | { readonly error: string } {
  return kernelSetOn(axisOf(rows), text);
}

function kernelSetOn(axis: Axis, text: string): KernelSet | { readonly error: string } {
  const read = readKernelName(text, (id) => rowOf(axis, id) !== undefined);
  const asked = text.trim();
  if (read === undefined) return { error: `"${asked.slice(0, 80)}" is not a kernel release; write it like 6.12` };
  if ("name" in read && read.name.elsewhere !== undefined)
    return { error: `${asked.slice(0, 80)} is a kernel for ${read.name.elsewhere}, which has no VMX` };
  if ("system" in read) return ofSystem(axis, asked, read.system);
  const found = "id" in read ? byId(axis, read.id) : byName(axis, read.name);
  if ("error" in found) return found;
  const { ids, ...rest } = found;
  const [first, ...more] = axis.rows.filter(({ id }) => ids.includes(id)).map(({ id }) => id);
  if (first === undefined) return { error: `kernel ${asked} is not modelled` };
  const bits32 = "name" in read && read.name.bits32 === true ? { bits32: true as const } : {};
  const config = "name" in read ? read.name.vendor?.config : undefined;
  return {
    text: asked,
    name: nameOf(axis, read),
    ...rest,
    candidates: [first, ...more],
    ...bits32,
    ...(config === undefined ? {} : { config }),
  };
}

/** The kernels of a system: its only one, or any of those that it has had. */
function ofSystem(axis: Axis, text: string, { name, kernels }: SystemKernels): KernelSet | { readonly error: string } {
  const sets = kernels.map((kernel) => kernelSetOn(axis, kernel));
  const [first, ...others] = sets;
  const wrong = sets.find((set) => "error" in set);
  if (wrong !== undefined || first === undefined || "error" in first) return wrong as { readonly error: string };
  if (others.length === 0) return { ...first, text, name: kernels[0].startsWith("el") ? first.name : name };
  const ids = sets.flatMap((set) => ("error" in set ? [] : set.candidates));
  const candidates = axis.rows.filter(({ id }) => ids.includes(id)).map(({ id }) => id);
  return {
    ...first,
    text,
    name,
    candidates: candidates as unknown as KernelSet["candidates"],
    basis: "states",
    note: `${name} has had kernels of several series`,
  };
}

/** As `kernelSet`, for the kernel that a machine runs whatever it is: there is an answer for every text. */
export function kernelSetOfHost(text: string): KernelSet {
  const found = kernelSet(text);
  if (!("error" in found)) return found;
  const [oldest] = AXIS.upstream as [Modelled];
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

const AXIS = axisOf(MODELLED);

/** `el9_4` is how packages write el9.4. */
const ALIAS = /^(el\d+)_/;

function rowOf({ rows }: Axis, id: string): Modelled | undefined {
  const plain = id.replace(ALIAS, "$1.");
  return rows.find((row) => row.id === plain);
}

// ---- By id ----

function byId(axis: Axis, id: string): Answer {
  const line = /^el\d+$/.exec(id)?.[0];
  if (line !== undefined) return byMajor(axis, line);
  const row = rowOf(axis, id);
  if (row !== undefined)
    return row.line === "upstream" && !/^\d+\.\d+\.\d/.test(row.id) ? bySeries(axis, row) : exactly(row);
  const [, el = "", minor = ""] = /^(el\d+)\.(\d+)$/.exec(id) ?? [];
  return byMinor(axis, el, Number(minor));
}

/** A series as a person types it: its newest known state. */
function bySeries(axis: Axis, row: Modelled): Found {
  const states = statesOf(axis, seriesOf(row.base)).filter(({ id }) => id !== row.id);
  return { ids: [row.id], basis: states.length === 0 ? "exact" : "series", olderStates: idsOf(states) };
}

// ---- By name ----

function byName(axis: Axis, name: KernelName): Answer {
  const { vendor, line } = name;
  if (vendor?.id === "rhel" && line !== undefined) return byBuild(axis, name, line);
  const own = vendor?.line === undefined ? undefined : lineOf(axis, `${vendor.line}${name.series}`)[0];
  if (own !== undefined && vendor !== undefined) return byVendorLine(axis, name, own, vendor);
  if (vendor?.follows === "backports") return withBackports(axis, name, vendor);
  return upstream(axis, name);
}

/** A release of kernel.org, or a distribution's that follows it. */
function upstream(axis: Axis, name: KernelName): Answer {
  const { series, patch, candidate } = name;
  const states = statesOf(axis, series);
  if (states.length === 0) return between(axis, series);
  if (candidate === true) {
    const before = neighbour(axis, series, "older");
    const first = states[0] as Modelled;
    const ids = [...(before === undefined ? [] : idsOf(statesOf(axis, before))), first.id];
    return { ids, basis: "between", note: `a candidate for ${series}: what is new in ${series} need not be in it` };
  }
  const newest = states.at(-1) as Modelled;
  if (patch !== undefined) {
    const state = states.find((row) => holds(row, patch));
    return state === undefined ? aroundPatch(axis, series, `${series}.${patch}`) : exactly(state);
  }
  const [first, last] = patchRange(name);
  const rows = states.filter((row) => overlaps(row, first, last));
  if (name.release === series) return bySeries(axis, newest);
  if (rows.length < 2) return exactly(rows[0] ?? newest);
  return {
    ids: idsOf(rows),
    basis: "states",
    note: `which stable release of ${series} it is does not follow from its name`,
  };
}

/** A stable release in no known state of its series: the states beside it, or the series beside its own. */
function aroundPatch(axis: Axis, series: string, release: string): Found {
  const states = statesOf(axis, series);
  const before = states.filter(({ base }) => compareVersions(base, release) < 0).slice(-1);
  const after = states.filter(({ base }) => compareVersions(base, release) > 0).slice(0, 1);
  const beside = (which: "older" | "newer") => statesOf(axis, neighbour(axis, series, which) ?? "none");
  const ids = idsOf([
    ...(before.length > 0 ? before : beside("older")),
    ...(after.length > 0 ? after : beside("newer")),
  ]);
  // The oldest and the newest of all have neighbours on one side.
  const basis = before.length === 0 && neighbour(axis, series, "older") === undefined ? "older" : "between";
  return { ids, basis, note: `${release} is not modelled; it lies beside ${ids.join(" and ")}` };
}

/** A release that is not modelled: those around it, or the newest. */
function between(axis: Axis, series: string): Answer {
  const [older, newer] = [neighbour(axis, series, "older"), neighbour(axis, series, "newer")];
  if (older === undefined) {
    const oldest = seriesOf((axis.upstream[0] as Modelled).base);
    return { error: `kernel ${series} is older than ${oldest}, the oldest that is modelled` };
  }
  const before = statesOf(axis, older);
  if (newer === undefined) return newerThanAll(axis, series);
  const ids = [...idsOf(before), (statesOf(axis, newer)[0] as Modelled).id];
  return { ids, basis: "between", note: `${series} is not modelled; it lies between ${older} and ${newer}` };
}

/** A vendor's kernel that is not modelled: its base, and everything newer that it may have taken code from. */
function withBackports(axis: Axis, name: KernelName, vendor: KernelVendor): Answer {
  const base = upstream(axis, name);
  if ("error" in base || base.basis === "newer") return base;
  const from = axis.upstream.findIndex(({ id }) => base.ids.includes(id));
  const ids = idsOf(axis.upstream.slice(Math.max(0, from)));
  const note =
    vendor === UNKNOWN_BUILDER
      ? `who built it is not known: it can have code from newer releases than ${name.series}`
      : `${vendor.title} takes code from newer releases into ${name.series}`;
  return { ids, basis: "backports", note };
}

/** A kernel of a vendor's line: the modelled one, and the states of kernel.org that an older build can be. */
function byVendorLine(axis: Axis, name: KernelName, own: Modelled, vendor: KernelVendor): Found {
  const { series, build, patch } = name;
  const same = (vendor.id === "ubuntu" ? vendor : UBUNTU).sameFrom?.[series];
  const [first, last] = patchRange(name);
  const isNew =
    vendor.line !== UBUNTU.line ||
    (vendor.id === "ubuntu" && build !== undefined && build < FLAVOURS && same !== undefined && build >= same) ||
    (patch !== undefined && patch >= patchOf(own.base));
  const rows = isNew
    ? []
    : statesOf(axis, series).filter((row) => overlaps(row, first, Math.min(last, patchOf(own.base) - 1)));
  const older = rows.filter((row) => !holds(row, patchOf(own.base)));
  // The vendor's own behaves like a state of the series: a build before that state is not like it.
  const like = statesOf(axis, series).find((row) => holds(row, patchOf(own.base)));
  const canBeOwn = isNew || like === undefined || last >= (like.patches?.[0] ?? 0) || older.length === 0;
  const ids = [...idsOf(older), ...(canBeOwn ? [own.id] : [])];
  if (ids.length === 1) return { ids, basis: "exact" };
  return { ids, basis: "states", note: `which stable release of ${series} it is does not follow from its name` };
}

// ---- Builds ----

/** Proxmox builds Ubuntu's kernels. */
const UBUNTU: KernelVendor = KERNEL_VENDORS.find(({ id }) => id === "ubuntu") as KernelVendor;

/** Builds for clouds and devices have separate numbers, from here on. */
const FLAVOURS = 1000;

/** The stable releases that a kernel can be, by its own number or by its build. */
function patchRange({ patch, build, series, vendor }: KernelName): readonly [first: number, last: number] {
  if (patch !== undefined) return [patch, patch];
  const builds = vendor?.builds?.[series] ?? [];
  if (build === undefined || build >= FLAVOURS || builds.length === 0) return [0, Number.POSITIVE_INFINITY];
  const before = builds.filter(([one]) => one <= build).at(-1);
  const after = builds.find(([one]) => one >= build);
  return [before?.[1] ?? 0, after?.[1] ?? Number.POSITIVE_INFINITY];
}

// ---- Names ----

function nameOf(axis: Axis, read: Exclude<ReadName, { readonly system: SystemKernels }>): string {
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
    const known = minor ?? lineOf(axis, line).find((row) => row.build === read.name.build)?.at;
    return `RHEL ${line.slice(2)}${known === undefined ? "" : `.${known}`}`;
  }
  if (vendor !== undefined && vendor !== UNKNOWN_BUILDER) return `${vendor.title} ${series}`;
  return /^\d+\.\d+(?:\.\d+)?$/.test(release)
    ? `Linux ${release}`
    : `Linux ${series}${patch === undefined ? "" : `.${patch}`}`;
}
