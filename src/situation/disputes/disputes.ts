import { once } from "../../bits/once.js";
import type { Host } from "../../host/host.js";
import { configOf } from "../../kvm/kernel-config.js";
import { withParams } from "../../kvm/load/params.js";
import { isLoadedOn, type ReplayOptions, replay } from "../../kvm/replay.js";
import type { Release } from "../../rules/release.js";
import { CONFIG_OPTIONS } from "../../rules/rule.js";
import { askedOnHost } from "../asked-on-host.js";
import { foundParams } from "../asked-params.js";
import type { VerifyItem } from "../evidence/item.js";
import { cpuFlagItems, loadItems, verifyItems } from "../evidence/items.js";
import { messageId, unprintable } from "../evidence/messages.js";
import type { Candidate } from "../situation.js";
import { aboutVmx, worldsOf } from "../worlds.js";
import { factsOf, type ReadFact } from "./facts.js";
import { isHostAndGuest } from "./host-and-guest.js";
import { lineOfStatement, statementText, withoutStatement } from "./statements.js";

/*
 * Contradictions. What a machine reported is held against what was read of it, under every kernel that it can be and in every
 * case of what was not read. Where no kernel and no case can make it report that, one of the two is not so of this machine, and
 * nothing can know which: neither is used. What is doubted is found by hiding one fact after the other, so that no table says what
 * rests on what.
 */

/** The machine without what contradicts itself in it. */
export interface Disputed {
  readonly host: Host;
  /** One sentence for each contradiction, with the lines. */
  readonly texts: readonly string[];
  /** Whether the module loads is disputed, and what was read does not show by which fact. */
  readonly loading: boolean;
  /** What differs under all likely kernels, and proves no contradiction. */
  readonly differing: readonly VerifyItem[];
  /** Of the others, those under which nothing does. */
  readonly fitting: readonly Release[];
}

export interface DisputeOptions {
  /** The kernels that the machine most likely is. */
  readonly likely: readonly Candidate[];
  /** Those that it may be besides. */
  readonly others: readonly Candidate[];
}

/** A text has few contradictions that are not one and the same. */
const MOST = 6;

export function disputesOf(read: Host, kernels: DisputeOptions): Disputed {
  const texts: string[] = [];
  let host = read;
  let loading = false;
  for (let round = 0; round < MOST; round++) {
    const found = nextDispute(host, read, kernels);
    if (found === undefined) break;
    texts.push(found.text);
    host = found.host;
    loading ||= found.loading;
  }
  const { likely, others } = kernels;
  const left = likely.some(({ options }) => isPossible(host, options))
    ? []
    : inEveryCase(host, (likely[0] as Candidate).options);
  const fitting =
    left.length === 0
      ? []
      : others.filter(({ release, options }) => unprintable(host, release).length === 0 && isPossible(host, options));
  return { host, texts, loading, differing: left, fitting: fitting.map(({ release }) => release) };
}

type Options = Omit<ReplayOptions, "trace">;

const compared = new WeakMap<Host, Map<Options, readonly VerifyItem[]>>();

/** What the machine reported and would not have, with the parameters that it must have been given. */
function differing(host: Host, options: Options): readonly VerifyItem[] {
  const known = compared.get(host) ?? new Map<Options, readonly VerifyItem[]>();
  compared.set(host, known);
  const items = known.get(options) ?? compare(host, options);
  known.set(options, items);
  return items;
}

function compare(host: Host, options: Options): readonly VerifyItem[] {
  const own = { ...options, startFromOffered: false };
  const asked = withParams(options.params ?? {}, askedOnHost(host));
  const { params = {}, replayed } = foundParams(host, own);
  const known = replayed !== undefined && Object.keys(params).length + Object.keys(asked).length === 0;
  return verifyItems(host, known ? replayed : replay(host, { ...own, params: withParams(asked, params) })).filter(
    ({ verdict, kind }) => verdict === "differ" && kind !== "kernel" && kind !== "feat-ctl",
  );
}

/** What is known to differ with facts left open differs in every case; where nothing is, each case may still differ in something. */
function isPossible(host: Host, options: Options): boolean {
  return differing(host, options).length === 0 && casesOf(host).some((one) => differing(one, options).length === 0);
}

/** What differs with facts left open, else in the case in which least does. */
function inEveryCase(host: Host, options: Options): readonly VerifyItem[] {
  const known = differing(host, options);
  if (known.length > 0) return known;
  const each = casesOf(host).map((one) => differing(one, options));
  return each.reduce((least, one) => (one.length < least.length ? one : least));
}

const cases = new WeakMap<Host, readonly Host[]>();

function casesOf(host: Host): readonly Host[] {
  const found = cases.get(host) ?? worldsOf(host).map((world) => world.host);
  cases.set(host, found);
  return found.length === 0 ? [host] : found;
}

/** Ids of items that are to fit, and of those that need not. */
interface Wanted {
  readonly ids: ReadonlySet<string>;
  readonly tolerated: ReadonlySet<string>;
}

/** Whether a kernel and a case can make the machine report what is wanted, and nothing else get worse. */
function possible(host: Host, { ids, tolerated }: Wanted, candidates: readonly Candidate[]): boolean {
  const may = (id: string) => !ids.has(id) && tolerated.has(id);
  return candidates.some(
    ({ release, options }) =>
      unprintable(host, release).every((line) => may(messageId(line))) &&
      casesOf(host).some((one) => differing(one, options).every(({ id }) => may(id))),
  );
}

/** Parameters that take something from guests, and that a text need not show. */
const TAKING = ["ept", "eptad", "unrestricted_guest", "vpid", "enable_apicv", "pml", "preemption_timer", "nested"];

/** With each assumed fact about the machine and each build option the other way round, and with each parameter off. */
function otherwise({ release, options }: Candidate, { params }: Host): readonly Candidate[] {
  const { config, machine } = options;
  const built = configOf(release, config);
  return [
    ...TAKING.filter((name) => params?.kvm_intel?.[name] === undefined).map((name) => ({
      release,
      options: { ...options, params: { kvm_intel: { [name]: "0" } } },
    })),
    ...CONFIG_OPTIONS.flatMap((option) =>
      config?.[option] !== undefined
        ? []
        : [{ release, options: { ...options, config: { ...config, [option]: !built[option] } } }],
    ),
    ...(["tboot", "enlightenedVmcs"] as const).flatMap((fact) =>
      machine?.[fact] === undefined
        ? [{ release, options: { ...options, machine: { ...machine, [fact]: true } } }]
        : [],
    ),
  ];
}

interface Dispute {
  readonly host: Host;
  readonly text: string;
  readonly loading: boolean;
}

function nextDispute(host: Host, read: Host, { likely, others }: DisputeOptions): Dispute | undefined {
  const [first] = likely;
  if (first === undefined) return undefined;
  const perCase = casesOf(host).map((one) => differing(one, first.options));
  const [some = [], ...more] = perCase;
  const always = some.filter(({ id }) => more.every((items) => items.some((item) => item.id === id)));
  const tolerated = new Set(always.map(({ id }) => id));
  const unlikely = once(() => otherwise(first, host));
  const fitsNowhere = (ids: ReadonlySet<string>) =>
    !possible(host, { ids, tolerated }, [...likely, ...others]) && !possible(host, { ids, tolerated }, unlikely());
  for (const item of always) {
    if (!fitsNowhere(new Set([item.id]))) continue;
    // All names on one line are one statement.
    const line = always.filter(({ id, kind }) => id === item.id || (kind === item.kind && kind === "vmx-flag"));
    const against = line.slice(0, MOST).flatMap((one) => doubted(host, one, tolerated, first) ?? []);
    // What says the same of VMX, and would be so by the same change, is on the same side.
    const along = aboutVmx(item) && against.length > 0 ? alsoSaid(host, item, always, against, first) : [];
    // Where no value of a fact fits, the kernel is to blame, unless the module is loaded anyway.
    if (against.length === 0 && item.kind !== "loads") continue;
    return {
      host: against.reduce((left, { hide }) => hide(left), [item, ...along].reduce(withoutStatement, host)),
      loading: against.length === 0,
      text: sentence([
        ...[item, ...along]
          .map((one) => ({ line: lineOfStatement(read, one), says: statementText(one) }))
          .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
          .map(({ line: at, says }) => part(at, says)),
        ...against.map((fact) => part(fact.line, fact.says)),
      ]),
    };
  }
  const items = together(perCase, fitsNowhere) ?? loadedAndRefused(host) ?? loadedWithoutVmx(host, first);
  if (items === undefined) return undefined;
  return {
    host: items.reduce(withoutStatement, host),
    loading: false,
    text: sentence(items.map((item) => part(lineOfStatement(read, item), statementText(item)))),
  };
}

/** Other statements about VMX that differ as long as a fact is used, and no longer without it. */
function alsoSaid(
  host: Host,
  item: VerifyItem,
  always: readonly VerifyItem[],
  against: readonly Pick<ReadFact, "hide">[],
  { options }: Candidate,
): readonly VerifyItem[] {
  const others = always.filter((one) => one.id !== item.id && aboutVmx(one));
  if (others.length === 0) return [];
  const without = against.reduce((left, { hide }) => hide(left), host);
  return others.filter(({ id }) =>
    casesOf(without).some((one) => differing(one, options).every((left) => left.id !== id)),
  );
}

/** Statements about VMX that each fit a case, and no case fits all; none of them can be left out. */
function together(
  perCase: readonly (readonly VerifyItem[])[],
  fitsNowhere: (ids: ReadonlySet<string>) => boolean,
): readonly VerifyItem[] | undefined {
  const joint = new Map(perCase.flatMap((items) => items.filter(aboutVmx).map((item) => [item.id, item] as const)));
  if (joint.size < 2 || perCase.some((items) => !items.some(aboutVmx))) return undefined;
  let wanted = [...joint.keys()];
  if (!fitsNowhere(new Set(wanted))) return undefined;
  for (const id of joint.keys()) {
    const fewer = wanted.filter((one) => one !== id);
    if (fewer.length > 1 && fitsNowhere(new Set(fewer))) wanted = fewer;
  }
  return wanted.map((id) => joint.get(id) as VerifyItem);
}

/** A module that is loaded was not refused. */
function loadedAndRefused(host: Host): readonly VerifyItem[] | undefined {
  if (host.observed?.loadError === undefined || !isLoadedOn(host)) return undefined;
  return loadItems(host, { loads: "unknown" });
}

/** Nor is it loaded where Linux found no VMX, or took the flag away. */
function loadedWithoutVmx(host: Host, { options }: Candidate): readonly VerifyItem[] | undefined {
  if (!isHostAndGuest(host)) return undefined;
  const flag = cpuFlagItems(host, replay(host, options)).find(
    ({ id, reported }) => id === "flags vmx" && reported === "no",
  );
  const [loaded] = loadItems(host, { loads: "unknown" });
  return flag === undefined || loaded === undefined ? undefined : [loaded, flag];
}

/** The fact without which the machine could report it; of a register the bits of it that each do. */
function doubted(
  host: Host,
  { id }: VerifyItem,
  tolerated: ReadonlySet<string>,
  kernel: Candidate,
): Pick<ReadFact, "says" | "line" | "hide"> | undefined {
  const fits = ({ hide }: ReadFact) => {
    const without = hide(host);
    // Another contradiction may have been hidden behind this one.
    return casesOf(without).some((one) =>
      differing(one, kernel.options).every((item) => item.id !== id && (!aboutVmx(item) || tolerated.has(item.id))),
    );
  };
  const whole = factsOf(host).find(fits);
  if (whole === undefined) return undefined;
  const hideAll = (parts: readonly ReadFact[]) => ({
    ...whole,
    hide: (from: Host) => parts.reduce((left, { hide }) => hide(left), from),
  });
  // Where hiding several bits together is not enough, none of them is alone: most of a register is ruled out by halves.
  const enough = (parts: readonly ReadFact[]): readonly ReadFact[] => {
    if (parts.length === 0 || !fits(hideAll(parts))) return [];
    const middle = parts.length >> 1;
    return middle === 0 ? parts : [...enough(parts.slice(0, middle)), ...enough(parts.slice(middle))];
  };
  const parts = enough(whole.parts());
  return parts.length === 0 ? whole : hideAll(parts);
}

function part(line: number | undefined, says: string): string {
  return line === undefined ? says : `line ${line}: ${says}`;
}

function sentence(parts: readonly string[]): string {
  const [only, ...others] = [...new Set(parts)];
  return others.length === 0
    ? `this cannot be true of a machine like this, and is not used: ${only}`
    : `these cannot ${others.length === 1 ? "both" : "all"} be true of one machine, and ${others.length === 1 ? "neither" : "none"} is used: ${[only, ...others].join("; ")}`;
}
