import { once } from "../bits/once.js";
import { shared, type Tri } from "../bits/tri.js";
import { sharedBits, type Word, word } from "../bits/word.js";
import { type CoreGroup, type Host, isSvmVendor, msrOf, showsVmx } from "../host/host.js";
import { ABSENT, isAbsent, type Msr } from "../host/msr.js";
import { hasNoVmx } from "../host/without-vmx.js";
import { printersOfWhole } from "../kvm/printers.js";
import { type Replay, type ReplayOptions, replay } from "../kvm/replay.js";
import type { Refusal } from "../rules/machine.js";
import type { Errno } from "../rules/rule.js";
import type { VerifyItem } from "./evidence/item.js";
import { cpuFlagItems, loadItems, vmxFlagItems } from "./evidence/items.js";
import { machineOfMessages } from "./evidence/machine-of-messages.js";
import { messageId, messageItems, unprintable } from "./evidence/messages.js";
import type { Refused } from "./own-reports.js";
import type { Candidate } from "./situation.js";

/*
 * Cases. Whether VMX is there and on depends on three facts that a pasted text seldom holds all of: CPUID, IA32_FEAT_CTL and
 * whose CPU it is. Where one of them was not read, a replay of the rest cannot know what every case of it agrees on. So each
 * case is replayed; those in which the machine would not have printed what it printed go; and what the others share is known.
 */

/** A host with every one of these facts known. */
export interface World {
  readonly host: Host;
  readonly vmx: boolean;
  readonly featCtl: FeatCtlCase;
}

const LOCKED = 1 << 0;
const INSIDE_SMX = 1 << 1;
const OUTSIDE_SMX = 1 << 2;

/** What IA32_FEAT_CTL can be, as far as it decides whether VMX is on; between them they are every value. */
const casesBy = (needed: number) =>
  ({
    absent: ABSENT,
    unlocked: { state: "value", hi: word(0, -1), lo: word(0, ~LOCKED) },
    off: { state: "value", hi: word(0, -1), lo: word(LOCKED, ~(LOCKED | needed)) },
    on: { state: "value", hi: word(0, -1), lo: word(LOCKED | needed, ~(LOCKED | needed)) },
  }) as const satisfies { readonly [name: string]: Msr };
type FeatCtlCases = ReturnType<typeof casesBy>;
export type FeatCtlCase = keyof FeatCtlCases;

/** Linux looks at one bit only, by how the machine was booted. */
const BY_BIT = { inside: casesBy(INSIDE_SMX), outside: casesBy(OUTSIDE_SMX) };

function featCtlCases(host: Host): FeatCtlCases {
  return machineOfMessages(host).tboot === true ? BY_BIT.inside : BY_BIT.outside;
}

/** Whose CPU it can be: of a vendor whose code looks at IA32_FEAT_CTL, or of another. */
const VENDOR_CASES = ["GenuineIntel", "another vendor"] as const;

/** The cases of a host; none where nothing is open. */
export function worldsOf(host: Host): readonly World[] {
  const [boot] = host.cores;
  if (isSvmVendor(host.vendor)) return [];
  const { vmx: known } = boot.cpuid.features;
  const open = known === undefined;
  const vmxCases = !open ? [known] : hasNoVmx(host.name ?? "") ? [false] : [true, false];
  const vendors = host.vendor === undefined ? VENDOR_CASES : [host.vendor];
  const possible = featCtlCases(host);
  const featCtl = (Object.keys(possible) as FeatCtlCase[]).flatMap((name) => {
    const msr = meet(msrOf(boot, 0x3a), possible[name]);
    return msr === undefined ? [] : [{ name, msr }];
  });
  if (!open && vendors.length * featCtl.length <= 1) return [];
  return vmxCases.flatMap((vmx) =>
    vendors.flatMap((vendor) =>
      featCtl
        // A CPU that is known to have VMX is of a vendor whose code looks at IA32_FEAT_CTL.
        .filter(() => !vmx || vendor !== VENDOR_CASES[1])
        // Firmware must set the bit only where CPUID shows VMX (SDM volume 4, table 2-2, IA32_FEATURE_CONTROL). Linux without the
        // flag, on a CPU with the bit, runs where something hides the one and not the other.
        .filter(({ name }) => !(open && !vmx && name === "on" && showsVmx(host) !== false))
        .map(({ name }): World => ({ vmx, featCtl: name, host: withCase(host, vendor, vmx, name) })),
    ),
  );
}

function withCase(host: Host, vendor: string, vmx: boolean, featCtl: FeatCtlCase): Host {
  const one = featCtlCases(host)[featCtl];
  const cores = host.cores.map((core): CoreGroup => {
    const msr = meet(msrOf(core, 0x3a), one) ?? msrOf(core, 0x3a);
    const features = { ...core.cpuid.features, vmx: core.cpuid.features.vmx ?? vmx };
    return { ...core, msrs: new Map(core.msrs).set(0x3a, msr), cpuid: { ...core.cpuid, features } };
  });
  return { ...host, vendor, cores: cores as unknown as Host["cores"] };
}

/** What both say; `undefined` where they contradict each other. */
function meet(read: Msr, one: Msr): Msr | undefined {
  if (read.state === "unknown") return one;
  if (one.state === "absent") return isAbsent(read) === "no" ? undefined : one;
  if (read.state === "absent" || one.state !== "value") return undefined;
  const [hi, lo] = [meetWords(read.hi, one.hi), meetWords(read.lo, one.lo)];
  return hi === undefined || lo === undefined ? undefined : { state: "value", hi, lo };
}

function meetWords(a: Word, b: Word): Word | undefined {
  if (((a.value ^ b.value) & ~a.unknown & ~b.unknown) !== 0) return undefined;
  return word((a.value & ~a.unknown) | (b.value & ~b.unknown), a.unknown & b.unknown);
}

/** What the machine reported and every case contradicts. */
export interface Weighed {
  /** The cases that are left under some kernel. */
  readonly left: readonly World[];
  /** Those left under one, by its place among the candidates. */
  readonly under: (at: number) => readonly World[];
  /** No case is left under any kernel: what was read and reported contradicts itself. */
  readonly impossible: boolean;
}

/**
 * Leaves the cases in which the machine reports what it reported. Where none is left, nothing is taken from any statement. A
 * case is replayed under no more kernels than decide it: an unnamed kernel is one of many.
 */
export function weigh(host: Host, worlds: readonly World[], candidates: readonly Candidate[]): Weighed {
  const admits = candidates.map(({ options }) => {
    const alone = { ...options, startFromOffered: false };
    const before = once(() => new Set(statementsAgainst(host, replay(host, alone)).map(({ id }) => id)));
    const known = new Map<World, boolean>();
    return (world: World): boolean => {
      const kept = known.get(world);
      if (kept !== undefined) return kept;
      const against = statementsAgainst(world.host, replay(world.host, alone));
      const fits = against.every(({ id }) => before().has(id));
      known.set(world, fits);
      return fits;
    };
  });
  const left = worlds.filter((world) => admits.some((fits) => fits(world)));
  if (left.length === 0) return { left: worlds, under: () => worlds, impossible: true };
  return { left, under: (at) => worlds.filter((world) => admits[at]?.(world) === true), impossible: false };
}

/** Whether one of the kernels can report what the machine reported, in some case. */
export function fitsAny(host: Host, candidates: readonly Candidate[]): boolean {
  return candidates.some(
    ({ release, options }) =>
      unprintable(host, release).length === 0 &&
      statementsAgainst(host, replay(host, { ...options, startFromOffered: false })).length === 0,
  );
}

/** Whether a statement has to do with VMX being on. */
export function aboutVmx({ id, kind }: VerifyItem): boolean {
  return id === "flags vmx" || id === "vmx flags" || kind === "message" || kind === "loads";
}

/** The check of further CPUs comes after the first one was accepted. */
function othersChecked({ observed }: Host): VerifyItem[] {
  const checked = (observed?.messages ?? []).filter((text) => {
    const [first, ...more] = printersOfWhole(text);
    return first !== undefined && [first, ...more].every(({ rule }) => rule === undefined);
  });
  return checked.map((what) => ({
    id: messageId(what),
    kind: "message",
    layer: "kvm",
    what,
    reported: "logged",
    replayed: "not printed",
    verdict: "differ",
  }));
}

const LOADED = { kvm_intel: true };

/** What KVM offers guests is compared bit by bit elsewhere; here it shows that the module is loaded. */
function offersGuests({ observed }: Host): boolean {
  return (observed?.nestedMsrs?.size ?? 0) > 0;
}

/** What a machine reported that a replay would not have made it report, as far as VMX being on has to do with it. */
function statementsAgainst(host: Host, replayed: Replay): VerifyItem[] {
  return [
    ...cpuFlagItems(host, replayed).filter(({ id }) => id === "flags vmx"),
    ...vmxFlagItems(host, replayed).filter(({ id }) => id === "vmx flags"),
    ...messageItems(host, replayed),
    ...(replayed.cpu.loads === "no" ? othersChecked(host) : []),
    ...loadItems(offersGuests(host) ? { ...host, observed: { ...host.observed, modules: LOADED } } : host, replayed),
  ].filter(({ verdict }) => verdict === "differ");
}

/** The host with the facts that all remaining cases share. */
export function withShared(host: Host, left: readonly World[]): Host {
  const [first, ...others] = left;
  if (first === undefined) return host;
  const vmx = others.every((world) => world.vmx === first.vmx) ? first.vmx : undefined;
  const vendor = others.every((world) => world.host.vendor === first.host.vendor) ? first.host.vendor : undefined;
  const names = new Set(left.map(({ featCtl }) => featCtl));
  // Linux locks what the firmware left open, and a register is read on a Linux that runs.
  if (names.has("on") && names.has("unlocked") && ranLinux(host)) names.delete("unlocked");
  const featCtl = sharedMsr([...names].map((name) => featCtlCases(host)[name]));
  const cores = host.cores.map((core): CoreGroup => {
    const read = msrOf(core, 0x3a);
    const msr = featCtl === undefined ? read : (meet(read, featCtl) ?? read);
    const features =
      vmx === undefined ? core.cpuid.features : { ...core.cpuid.features, vmx: core.cpuid.features.vmx ?? vmx };
    const msrs = msr.state === "unknown" ? core.msrs : new Map(core.msrs).set(0x3a, msr);
    return { ...core, msrs, cpuid: { ...core.cpuid, features } };
  });
  const known = host.vendor ?? (vendor === VENDOR_CASES[1] ? undefined : vendor);
  return { ...host, ...(known === undefined ? {} : { vendor: known }), cores: cores as unknown as Host["cores"] };
}

function ranLinux({ observed, params }: Host): boolean {
  return observed !== undefined || params !== undefined;
}

function sharedMsr(all: readonly Msr[]): Msr | undefined {
  if (all.every(({ state }) => state === "absent")) return ABSENT;
  const values = all.flatMap((msr) => (msr.state === "value" ? [msr] : []));
  const [first, ...others] = values;
  if (first === undefined || values.length < all.length) return undefined;
  return others.reduce<Msr & { state: "value" }>(
    (sum, { hi, lo }) => ({ state: "value", hi: sharedBits(sum.hi, hi), lo: sharedBits(sum.lo, lo) }),
    first,
  );
}

/** The replay with its verdict, where it leaves open whether kvm_intel loads and all cases agree. */
export function settledByCases(replayed: Replay, left: readonly World[], options: ReplayOptions): Replay {
  if (replayed.loads !== "unknown" || left.length === 0) return replayed;
  const each = left.map(({ host }) => replay(host, options));
  const loads: Tri = shared(each.map((one) => one.loads));
  if (loads === "unknown") return replayed;
  const errors = new Set<Errno | undefined>(each.map(({ error }) => error));
  const [error] = errors;
  // What stops each case, instead of all that may have stopped some.
  const stopping = each.flatMap(({ cpu }) => cpu.refusals.at(-1) ?? []);
  const distinct = stopping.filter(({ rule }, at) => stopping.findIndex((other) => other.rule === rule) === at);
  const refusals = distinct.map((one): Refusal => ({ ...one, certain: distinct.length === 1 }));
  return {
    ...replayed,
    loads,
    cpu: { ...replayed.cpu, loads, ...(loads === "no" ? { refusals } : {}) },
    ...(loads === "no" && errors.size === 1 && error !== undefined ? { error } : {}),
  };
}

/** The replay of a machine whose kernel refused the module, where the replay leaves that open. */
export function refusedWith(replayed: Replay, { error, message }: Refused): Replay {
  // A message is of one rule; what another CPU lacks is the matter of none.
  const possible = replayed.cpu.refusals.filter(({ errno, rule }) =>
    message === undefined ? errno === error : rule === message.rule,
  );
  const refusals = possible.map((one): Refusal => ({ ...one, certain: false }));
  const { error: _, ...rest } = replayed;
  return {
    ...rest,
    loads: "no",
    ...(error === undefined ? {} : { error }),
    cpu: { ...replayed.cpu, loads: "no", refusals },
  };
}

/** The replay of a machine that shows the module loaded although what was read rules that out. */
export function openLoading(replayed: Replay): Replay {
  const refusals = replayed.cpu.refusals.map((one): Refusal => ({ ...one, certain: false }));
  const { error: _, ...rest } = replayed;
  return { ...rest, loads: "unknown", cpu: { ...replayed.cpu, loads: "unknown", refusals } };
}
