import type { Tri } from "../bits/tri.js";
import type { Feature, Layer } from "../why/features.js";
import { type AnswerRow, type Shape, shapeOf } from "./shapes.js";
import { type Dialect, DUCKDB } from "./sql/dialect.js";
import {
  addedVcpuSql,
  baselineSql,
  factsSql,
  featuresAt,
  generationsSql,
  type Scope,
  shapesSql,
  summarySql,
  type Wanted,
  whoCountSql,
  whoLostSql,
  whoSql,
} from "./sql/questions.js";

/*
 * Answers questions: sends SQL, gets rows back, and turns them into what people ask. Of the engines, only their dialects are
 * known here.
 */

/** Runs a query and gives its rows. */
export type Ask = (sql: string) => Promise<readonly AnswerRow[]>;

/** Where to ask, and in which dialect. */
export interface Engine {
  readonly ask: Ask;
  readonly dialect: Dialect;
}

export const duckdbEngine = (ask: Ask): Engine => ({ ask, dialect: DUCKDB });

export interface Summary {
  readonly hosts: number;
  readonly sets: number;
  readonly kernels: number;
  readonly collected: readonly [first: string, last: string];
  /** Hosts by whether nested guests get VMX. */
  readonly verdicts: Readonly<Record<Tri, number>>;
  /** Hosts whose facts are not derived yet. */
  readonly notDerived: number;
  /** Hosts whose nested guests get no VMX, by what keeps it from them. */
  readonly kept: readonly { readonly by: "kvm" | "nested" | "either"; readonly hosts: number }[];
  /** What was not read on the hosts that cannot be judged; a host can miss several. */
  readonly unread: readonly { readonly what: string; readonly hosts: number }[];
}

export async function summary({ ask, dialect }: Engine, scope: Scope = {}): Promise<Summary> {
  const [facts] = await ask(factsSql(scope, dialect));
  const rows = await ask(summarySql(scope, dialect));
  const sum = (verdict: Tri) =>
    rows.filter((row) => row.verdict === verdict).reduce((n, row) => n + Number(row.hosts), 0);
  const verdicts = { yes: sum("yes"), no: sum("no"), unknown: sum("unknown") };
  const unread = new Map<string, number>();
  for (const row of rows) {
    for (const what of String(row.unread).split(",")) {
      if (what !== "") unread.set(what, (unread.get(what) ?? 0) + Number(row.hosts));
    }
  }
  const hosts = Number(facts?.hosts ?? 0);
  const off = (loads: Tri) =>
    rows.filter((row) => row.verdict === "no" && row.loads === loads).reduce((n, row) => n + Number(row.hosts), 0);
  const kept = [
    { by: "kvm", hosts: off("no") },
    { by: "nested", hosts: off("yes") },
    { by: "either", hosts: off("unknown") },
  ] as const;
  return {
    hosts,
    sets: Number(facts?.sets ?? 0),
    kernels: Number(facts?.kernels ?? 0),
    collected: [String(facts?.collected_first ?? ""), String(facts?.collected_last ?? "")],
    verdicts,
    notDerived: hosts - verdicts.yes - verdicts.no - verdicts.unknown,
    kept: kept.filter((one) => one.hosts > 0),
    unread: [...unread]
      .map(([what, count]) => ({ what, hosts: count }))
      .sort((a, b) => b.hosts - a.hosts || (a.what < b.what ? -1 : 1)),
  };
}

/** A layer that does not pass a feature on; or nested guests get no VMX at all, because it is off or kvm_intel does not load. */
export type LostAt = Layer | "off" | "unloaded";

export interface Who {
  readonly sure: number;
  /** Hosts that may qualify: what decides was not read. */
  readonly unsure: number;
  readonly hosts: number;
  readonly rows: readonly {
    readonly host: string;
    readonly kernel: string;
    readonly model: string;
    readonly sure: boolean;
    /** Where the first feature that hosts were to lack is lost. */
    readonly lostAt?: LostAt;
  }[];
  /** At which layers the certain ones lose it, the most frequent first; empty if hosts were to lack nothing. */
  readonly lost: readonly { readonly at: LostAt; readonly hosts: number }[];
}

export async function who(
  { ask, dialect }: Engine,
  wanted: readonly Wanted[],
  layer: Layer,
  limit: number,
  scope: Scope = {},
): Promise<Who> {
  const [count] = await ask(whoCountSql(wanted, layer, scope, dialect));
  const rows = limit === 0 ? [] : await ask(whoSql(wanted, layer, limit, scope, dialect));
  const lost = wanted.every(({ has }) => has) ? [] : await ask(whoLostSql(wanted, layer, scope, dialect));
  return {
    sure: Number(count?.sure ?? 0),
    unsure: Number(count?.unsure ?? 0),
    hosts: Number(count?.hosts ?? 0),
    rows: rows.map(({ host, kernel, model, sure, lost }) => ({
      host: String(host),
      kernel: String(kernel),
      model: String(model),
      sure: sure === "yes",
      ...(lost === "" ? {} : { lostAt: lost as LostAt }),
    })),
    lost: lost.flatMap((row) => (row.lost === "" ? [] : [{ at: row.lost as LostAt, hosts: Number(row.n) }])),
  };
}

export interface FeatureCount {
  readonly feature: Feature;
  readonly yes: number;
  readonly no: number;
  readonly unknown: number;
}

/** How many hosts have each feature at a layer, lack it, and may have it. */
export async function featureCounts(
  { ask, dialect }: Engine,
  layer: Layer,
  scope: Scope = {},
): Promise<readonly FeatureCount[]> {
  const [row = {}] = await ask(baselineSql(layer, scope, dialect));
  const count = (feature: Feature, state: Tri) => Number(row[`${feature.id.replaceAll("-", "_")}_${state}`] ?? 0);
  return featuresAt(layer).map((feature) => ({
    feature,
    yes: count(feature, "yes"),
    no: count(feature, "no"),
    unknown: count(feature, "unknown"),
  }));
}

export async function shapes({ ask, dialect }: Engine, scope: Scope = {}): Promise<readonly Shape[]> {
  return (await ask(shapesSql(scope, dialect))).map(shapeOf);
}

/** Hosts between which a vCPU added after a migration is refused by the guest's own KVM, or may be. */
export interface RefusedVcpus {
  /** The value of the label, or all hosts. */
  readonly within: string;
  readonly hosts: number;
  /** Hosts by the configuration that a guest's KVM makes there, the largest group first. */
  readonly groups: readonly { readonly l1Id: string; readonly hosts: number; readonly firstHost: string }[];
  /** Pairs of hosts, unordered. */
  readonly refusedPairs: number;
  /** Pairs with a host whose registers are not all known. */
  readonly openPairs: number;
}

export async function refusedVcpus(
  { ask, dialect }: Engine,
  label: string | undefined,
  scope: Scope = {},
): Promise<readonly RefusedVcpus[]> {
  const rows = await ask(addedVcpuSql(label, scope, dialect));
  const within = new Map<string, { l1Id: string; hosts: number; firstHost: string }[]>();
  for (const row of rows) {
    const groups = within.get(String(row.cluster)) ?? [];
    within.set(String(row.cluster), groups);
    groups.push({ l1Id: String(row.l1_id), hosts: Number(row.n), firstHost: String(row.first_host) });
  }
  return [...within].map(([name, groups]) => {
    const known = groups.filter(({ l1Id }) => l1Id !== "");
    const knownHosts = known.reduce((n, { hosts }) => n + hosts, 0);
    const open = groups.reduce((n, { hosts }) => n + hosts, 0) - knownHosts;
    const alike = known.reduce((n, { hosts }) => n + (hosts * (hosts - 1)) / 2, 0);
    return {
      within: name,
      hosts: knownHosts + open,
      groups,
      refusedPairs: (knownHosts * (knownHosts - 1)) / 2 - alike,
      openPairs: (open * (open - 1)) / 2 + open * knownHosts,
    };
  });
}

/** Hosts of one CPU model. */
export interface Generation {
  readonly model: string;
  readonly hosts: number;
  /** Those that give nested guests VMX. */
  readonly able: number;
  /** How many of these have each feature of `featuresAt`. */
  readonly have: readonly number[];
}

export async function generations(
  { ask, dialect }: Engine,
  layer: Layer,
  scope: Scope = {},
): Promise<readonly Generation[]> {
  return (await ask(generationsSql(layer, scope, dialect))).map((row) => ({
    model: String(row.model),
    hosts: Number(row.n),
    able: Number(row.able),
    have: featuresAt(layer).map((feature) => Number(row[feature.id.replaceAll("-", "_")] ?? 0)),
  }));
}
