import { type CoreGroup, type Host, msrOf, withMsr } from "../../host/host.js";
import { knownValue, type Msr, msrBit, msrValue } from "../../host/msr.js";
import { type MachineFacts, machineKey } from "../../kvm/fill-machine.js";
import { givenParam, WRITABLE_PARAMS } from "../../kvm/load/params.js";
import { DEBIAN_CONFIG, type ReplayOptions, replay } from "../../kvm/replay.js";
import { registerOf } from "../../registers/registers.js";
import { holdsIn } from "../../rules/held.js";
import { DEFAULT_RELEASE, kernelName, type Release } from "../../rules/release.js";
import { CONFIG_OPTIONS } from "../../rules/rule.js";
import { type MsrName, REPLAY_MSRS } from "../../rules/words.js";
import { BOOT_KINDS, type ItemKind, type VerifyItem } from "../../situation/evidence/item.js";
import { verifyItems } from "../../situation/evidence/items.js";
import { kernelSetOfHost } from "../../situation/kernels.js";
import { endsOf } from "../../why/layer-step.js";
import { type BitReason, reasonFor } from "../../why/reason.js";
import { tracedReplay } from "../../why/traced-replay.js";
import { listed } from "../hosts/compared-host.js";
import { differingIds, type Settled } from "./settle.js";

/*
 * Why a machine says something else than a replay of it. A row of `LIKELY_REASONS` proposes worlds (another release,
 * build option, value of a register at boot …); a world is a reason for the differences that are gone when it is replayed,
 * and only if nothing differs in it that agreed before. So nothing is said that was not tried, and a row that fits
 * nothing says nothing.
 */

/** Another release under which fewer items differ. */
export interface Fit {
  readonly release: Release;
  readonly differing: ReadonlySet<string>;
  /** How many differ under the release that was asked about. */
  readonly count: number;
}

/** A reason that was tested on the difference at hand. */
export interface LikelyReason {
  readonly id: LikelyReasonId;
  /** A sentence without the full stop. */
  readonly text: string;
  /** How many differences it explains, this one included. */
  readonly explains: number;
}

/** What the rows know of the case. */
export interface Comparison {
  readonly host: Host;
  /** With the parameters that were found to be set. */
  readonly options: Omit<ReplayOptions, "trace">;
  readonly settled: Settled;
  readonly fits: readonly Fit[];
}

/** A case that would explain something, to be replayed. */
interface Scenario {
  readonly host: Host;
  readonly options: Omit<ReplayOptions, "trace">;
  readonly says: string;
}

interface ReasonRow {
  readonly id: string;
  /** Kinds of items that the row may explain, and that must not get worse; all of them if not given. */
  readonly about?: readonly ItemKind[];
  /** Items of other kinds have to stay as they are as well, unless the row speaks of another time than they do. */
  readonly worlds?: (ground: Comparison, differing: readonly VerifyItem[]) => readonly Scenario[];
  /** For what a replay cannot try: the items that the evidence explains, and the sentence. */
  readonly seen?: (ground: Comparison, differing: readonly VerifyItem[]) => readonly (readonly [string, string])[];
  /** Not asked when one of these rows explains the item. */
  readonly unless?: string;
}

/** In the order in which they are named when they explain as much. */
export const LIKELY_REASONS = [
  { id: "parameter-set", seen: parametersSet },
  { id: "parameter-asked", seen: parametersAsked },
  { id: "kernel-asked", seen: kernelAsked },
  { id: "other-release", seen: otherRelease },
  { id: "build-option", worlds: buildOptions },
  { id: "machine-fact", worlds: machineFacts },
  { id: "firmware-at-boot", worlds: firmwareAtBoot, about: ["cpu-flag", "vmx-flag", "message", "loads"] },
  { id: "other-core", worlds: otherCores, about: ["cpu-flag", "vmx-flag"] },
  { id: "register-differed", worlds: registersDiffered },
  {
    id: "register-differed-at-boot",
    worlds: registersDifferedAtBoot,
    about: BOOT_KINDS,
    unless: "register-differed",
  },
  { id: "flag-cleared", seen: flagsCleared },
] as const satisfies readonly ReasonRow[];

export type LikelyReasonId = (typeof LIKELY_REASONS)[number]["id"];

/** Of one kind of reason the best for each difference, by the id of the item; the one that explains most first. */
export function reasonsFor(ground: Comparison): ReadonlyMap<string, readonly LikelyReason[]> {
  const differing = ground.settled.items.filter(({ verdict }) => verdict === "differ");
  const found = new Map<string, LikelyReason[]>();
  if (differing.length === 0) return found;
  const add = (item: string, reason: LikelyReason) => found.set(item, [...(found.get(item) ?? []), reason]);
  for (const row of LIKELY_REASONS as readonly (ReasonRow & { readonly id: LikelyReasonId })[]) {
    const best = new Map<string, LikelyReason>();
    const take = (items: readonly string[], text: string) => {
      for (const item of items) {
        if (items.length > (best.get(item)?.explains ?? 0))
          best.set(item, { id: row.id, text, explains: items.length });
      }
    };
    for (const [text, items] of seenBy(row, ground, differing)) take(items, text);
    for (const world of row.worlds?.(ground, differing) ?? []) take(explainedBy(world, row, ground), world.says);
    for (const [item, reason] of best) {
      if (row.unless === undefined || !found.get(item)?.some(({ id }) => id === row.unless)) add(item, reason);
    }
  }
  for (const reasons of found.values()) reasons.sort((a, b) => b.explains - a.explains);
  return found;
}

function seenBy(row: ReasonRow, ground: Comparison, differing: readonly VerifyItem[]): ReadonlyMap<string, string[]> {
  const byText = new Map<string, string[]>();
  for (const [item, text] of row.seen?.(ground, differing) ?? []) {
    byText.set(text, [...(byText.get(text) ?? []), item]);
  }
  return byText;
}

/** Items that differ no more in a world, if none differs that did not. */
function explainedBy(world: Scenario, { about }: ReasonRow, { settled }: Comparison): readonly string[] {
  const concerns = (item: VerifyItem) => about === undefined || about.includes(item.kind);
  const set = new Set(settled.set.map(({ item }) => item));
  const items = verifyItems(world.host, replay(world.host, world.options)).filter(concerns);
  const agreed = new Set(items.filter(({ verdict }) => verdict === "agree").map(({ id }) => id));
  const before = differingIds(settled.items);
  if ([...differingIds(items)].some((id) => !before.has(id))) return [];
  return [...before].filter((id) => agreed.has(id) && !set.has(id));
}

// ---- Parameters ----

function parametersSet({ settled, options }: Comparison): (readonly [string, string])[] {
  return settled.set.map(({ module, name, value, item }) => {
    const row = WRITABLE_PARAMS.find((one) => one.name === name);
    const writable = row !== undefined && options.release !== undefined && holdsIn(options.release, row.held) === true;
    const when = writable
      ? "was given when the module was loaded, or written to /sys/module since"
      : "was given when the module was loaded (modprobe.d or the kernel command line)";
    return [item, `${module} ${name}=${value} ${when}: with it the replay shows the same`] as const;
  });
}

function parametersAsked(
  { options, settled }: Comparison,
  differing: readonly VerifyItem[],
): (readonly [string, string])[] {
  return differing.flatMap(({ id, param }) => {
    if (param === undefined || settled.set.some(({ name }) => name === param.name)) return [];
    const asked = givenParam(options.params, param.module, param.name);
    return asked === undefined
      ? []
      : [[id, `--param asked for ${param.name}=${asked}, which this machine does not have`]];
  });
}

// ---- Releases and builds ----

function kernelAsked({ host, options }: Comparison, differing: readonly VerifyItem[]): (readonly [string, string])[] {
  const own = host.kernel === undefined ? undefined : kernelSetOfHost(host.kernel).candidates;
  if (own === undefined || options.release === undefined || own.includes(options.release)) return [];
  return differing
    .filter(({ kind }) => kind === "kernel")
    .map(({ id }) => [
      id,
      `${kernelName(options.release ?? DEFAULT_RELEASE)} was asked for, and the machine runs ${host.kernel}`,
    ]);
}

function otherRelease(
  { host, fits, options }: Comparison,
  differing: readonly VerifyItem[],
): (readonly [string, string])[] {
  const [best] = fits;
  if (best === undefined) return [];
  const alike = fits.filter(({ differing: rest }) => rest.size === best.differing.size).map(({ release }) => release);
  const exact =
    host.kernel !== undefined &&
    options.release !== undefined &&
    kernelSetOfHost(host.kernel).candidates.includes(options.release);
  const why = exact ? `; ${host.kernel} may carry code of other releases, as distribution kernels do` : "";
  const differ = best.differing.size === 1 ? "1 difference" : `${best.differing.size} differences`;
  const text = `Linux ${listed(alike, "or")} fits better: ${differ} instead of ${best.count}${why}`;
  return differing.filter(({ id, kind }) => kind !== "kernel" && !best.differing.has(id)).map(({ id }) => [id, text]);
}

function buildOptions({ host, options }: Comparison): Scenario[] {
  const config = { ...DEBIAN_CONFIG, ...options.config };
  return CONFIG_OPTIONS.map((option) => ({
    host,
    options: { ...options, config: { ...options.config, [option]: !config[option] } },
    says: `the kernel was built ${config[option] ? "without" : "with"} ${option} (--config ${option}=${config[option] ? "n" : "y"})`,
  }));
}

// ---- The machine ----

const FACTS = [
  { fact: "tboot", yes: "it was booted through tboot", no: "it was not booted through tboot" },
  { fact: "pmu", yes: "perf offers a PMU", no: "perf offers no PMU" },
  {
    fact: "irqPosting",
    yes: "interrupt remapping can post interrupts",
    no: "interrupt remapping cannot post interrupts",
  },
  {
    fact: "mediatedPmu",
    yes: "perf can hand the PMU to guests",
    no: "perf cannot hand the PMU to guests",
  },
  {
    fact: "enlightenedVmcs",
    yes: "it runs on a Hyper-V with the enlightened VMCS",
    no: "it does not run on a Hyper-V with the enlightened VMCS",
  },
] as const satisfies readonly { fact: keyof MachineFacts; yes: string; no: string }[];

function machineFacts({ host, options }: Comparison): Scenario[] {
  const { machine } = options;
  return FACTS.flatMap(({ fact, yes, no }) =>
    [true, false].flatMap((value): Scenario[] =>
      machine?.[fact] === value
        ? []
        : [
            {
              host,
              options: { ...options, machine: { ...machine, [fact]: value } },
              says: `${value ? yes : no} (--machine ${machineKey(fact)}=${Number(value)})`,
            },
          ],
    ),
  );
}

/**
 * For items that depend on a fact about the machine that was not given: what the fact must be for the machine to be
 * right, by the id of the item. Tried by replaying it both ways.
 */
export function factTexts({ host, options, settled }: Comparison): ReadonlyMap<string, string> {
  const open = settled.items.filter(({ verdict, note }) => verdict === "unknown" && note === undefined);
  const texts = new Map<string, string>();
  if (open.length === 0) return texts;
  for (const { fact, yes, no } of FACTS) {
    // Those that are assumed are known.
    if (fact === "tboot" || fact === "enlightenedVmcs" || options.machine?.[fact] !== undefined) continue;
    const [on, off] = [true, false].map((value) => {
      const world = { ...options, machine: { ...options.machine, [fact]: value } };
      return new Map(verifyItems(host, replay(host, world)).map(({ id, verdict }) => [id, verdict]));
    }) as [Map<string, string>, Map<string, string>];
    for (const { id } of open) {
      const [ifOn, ifOff] = [on.get(id), off.get(id)];
      if (ifOn === "agree" && ifOff === "differ") texts.set(id, `agrees if ${yes} (--machine ${machineKey(fact)}=1)`);
      if (ifOff === "agree" && ifOn === "differ") texts.set(id, `agrees if ${no} (--machine ${machineKey(fact)}=0)`);
    }
  }
  return texts;
}

const FIRMWARE = [
  { lo: 0x1, says: "VMX was off in IA32_FEAT_CTL when Linux booted, and is on now" },
  { lo: 0x5, says: "VMX was on in IA32_FEAT_CTL when Linux booted, and is off now" },
] as const;

function firmwareAtBoot({ host, options }: Comparison): Scenario[] {
  return FIRMWARE.map(({ lo, says }) => ({
    host: mapCores(host, (core) => withMsr(core, 0x3a, msrValue({ hi: 0, lo }))),
    options,
    says,
  }));
}

function otherCores({ host, options }: Comparison): Scenario[] {
  return host.cores.slice(1).map((core) => {
    const types = core.coreTypes.length > 0 ? `${core.coreTypes.join(" and ")}-cores` : "another kind of cores";
    const where = core.logicalCpus === undefined ? "" : ` (CPU ${core.logicalCpus})`;
    return { host: { ...host, cores: [core] }, options, says: `these are the flags of the ${types}${where}` };
  });
}

// ---- Registers that were something else ----

interface SiliconBit {
  readonly msr: MsrName;
  /** 0 to 63. */
  readonly bit: number;
}

function registersDiffered(ground: Comparison, differing: readonly VerifyItem[]): Scenario[] {
  const vm = ground.host.cores[0].cpuid.features.hypervisor === true;
  const because = vm
    ? "this is a virtual machine, whose hypervisor answers such reads and can answer differently later"
    : "the registers were read at another time (another microcode, another firmware setting) or on another CPU";
  return flipped(ground, differing, (name, was) => `${name} was ${was} for the kernel: ${because}`);
}

function registersDifferedAtBoot(ground: Comparison, differing: readonly VerifyItem[]): Scenario[] {
  return flipped(
    ground,
    differing.filter(({ kind }) => BOOT_KINDS.includes(kind)),
    (name, was) =>
      `${name} was ${was} when Linux booted, and KVM later read what it is now: microcode that was loaded after boot does that`,
  );
}

function flipped(
  { host, options }: Comparison,
  differing: readonly VerifyItem[],
  says: (name: string, was: 0 | 1) => string,
): Scenario[] {
  if (differing.every(({ at }) => at === undefined)) return [];
  const traced = tracedReplay(host, options);
  const bits = new Map<string, SiliconBit>();
  for (const { at } of differing) {
    if (at === undefined) continue;
    for (const found of siliconBits(reasonFor(traced, at.word, at.bit))) bits.set(`${found.msr} ${found.bit}`, found);
  }
  return [...bits.values()].flatMap(({ msr, bit }): Scenario[] => {
    const index = REPLAY_MSRS[msr];
    const before = msrOf(host.cores[0], index);
    const changed = flip(before, bit);
    if (changed === undefined) return [];
    const row = registerOf(index);
    const named = row?.bits.find((one) => one.bit === (row.layout === "controls" ? bit & 31 : bit));
    const name = `bit ${bit}${named === undefined ? "" : ` (${named.sdm})`} of ${row?.sdm ?? msr} (0x${index.toString(16)})`;
    return [
      {
        host: mapCores(host, (core) => withMsr(core, index, changed)),
        options,
        says: says(name, msrBit(before, bit) === "yes" ? 0 : 1),
      },
    ];
  });
}

function siliconBits(found: BitReason): SiliconBit[] {
  return endsOf(found).flatMap(({ reason }) =>
    reason.kind === "silicon" ? [{ msr: reason.msr, bit: reason.half === "hi" ? reason.bit + 32 : reason.bit }] : [],
  );
}

/** The register with one bit the other way round; an absent one reads as 0. */
function flip(msr: Msr, bit: number): Msr | undefined {
  const value = msr.state === "absent" ? { hi: 0, lo: 0 } : knownValue(msr);
  if (value === undefined) return undefined;
  const mask = 1 << (bit & 31);
  return msrValue(bit < 32 ? { ...value, lo: (value.lo ^ mask) >>> 0 } : { ...value, hi: (value.hi ^ mask) >>> 0 });
}

function mapCores(host: Host, change: (core: CoreGroup) => CoreGroup): Host {
  const [first, ...others] = host.cores;
  return { ...host, cores: [change(first), ...others.map(change)] };
}

// ---- Flags ----

function flagsCleared({ settled }: Comparison, differing: readonly VerifyItem[]): (readonly [string, string])[] {
  // Registers that changed would show on the other line as well, and without VMX there is no other line.
  const others = settled.items.filter(({ kind }) => kind === "vmx-flag");
  if (others.length === 0 || others.some(({ verdict }) => verdict === "differ")) return [];
  return differing
    .filter(({ kind, id, reported: said }) => kind === "cpu-flag" && said === "no" && id !== "flags vmx")
    .map(({ id }) => [
      id,
      "the flags line lacks it and the vmx flags line agrees with the registers: something cleared the flag after boot looked at them, as clearcpuid= on the kernel command line does",
    ]);
}
