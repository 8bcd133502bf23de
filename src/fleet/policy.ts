import { FEATURE_LIST, type Feature, LAYERS, type Layer } from "../why/features.js";
import { type Engine, featureCounts, refusedVcpus, shapes, summary } from "./answer.js";
import { drift, settledDrift } from "./drift.js";
import { readJson } from "./nested-json.js";
import { poolsOf } from "./pools.js";
import { readWhere, type Where } from "./sql/where.js";
import { count, several } from "./text.js";

/*
 * A policy says what must hold for a fleet, for CI: a JSON file with rules, each for the hosts of its `where`.
 *
 *   {"format":"vmxlens-fleet-policy/1","rules":[
 *     {"name":"nested guests everywhere","where":["site=fra"],"require":["ept","vpid"]},
 *     {"name":"one pool","mostPools":1,"require":["ept"]},
 *     {"name":"read everything","mostUnjudged":0}]}
 */

/** One rule; each member that is there is a demand of its own. */
export interface Rule {
  readonly name: string;
  readonly where: readonly Where[];
  readonly layer: Layer;
  /** Features that every host has, for certain. */
  readonly require: readonly Feature[];
  /** Features that no host has, for certain. */
  readonly forbid: readonly Feature[];
  /** Pools that guests with the required features need. */
  readonly mostPools?: number;
  /** Hosts that cannot be judged. */
  readonly mostUnjudged?: number;
  /** Hosts unlike most of their model, kernel and parameters. */
  readonly mostDrifting?: number;
  /** Pairs of hosts between which an added vCPU is refused after a migration. */
  readonly mostRefusedPairs?: number;
  /** How many hosts there must be at least: otherwise a rule that matches no host would hold. */
  readonly leastHosts: number;
}

const FORMAT = "vmxlens-fleet-policy/1";
const LIMITS = ["mostPools", "mostUnjudged", "mostDrifting", "mostRefusedPairs", "leastHosts"] as const;
const MEMBERS = ["name", "where", "layer", "require", "forbid", ...LIMITS] as const;

/** The rules of a policy file, or what is wrong with it, each with the place. */
export function readPolicy(
  text: string,
): { readonly rules: readonly Rule[] } | { readonly problems: readonly string[] } {
  const read = readJson(text);
  if ("problem" in read)
    return { problems: [read.says === undefined ? read.problem : `${read.problem}: ${read.says}`] };
  const { value } = read;
  const problems: string[] = [];
  const given = isRecord(value) ? value : {};
  if (given.format !== FORMAT) problems.push(`"format" has to be "${FORMAT}"`);
  const list = given.rules;
  if (!Array.isArray(list) || list.length === 0) problems.push('"rules" has to be a list of at least one rule');
  const rules = (Array.isArray(list) ? list : []).map((rule, at) => readRule(rule, `rules[${at}]`, problems));
  return problems.length > 0 ? { problems } : { rules };
}

function readRule(value: unknown, place: string, problems: string[]): Rule {
  const rule = isRecord(value) ? value : {};
  if (!isRecord(value)) problems.push(`${place}: an object`);
  for (const member of Object.keys(rule)) {
    if (!(MEMBERS as readonly string[]).includes(member))
      problems.push(`${place}.${member}: the members are ${MEMBERS.join(", ")}`);
  }
  const texts = (member: string): readonly string[] => {
    const list = rule[member] ?? [];
    if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
    problems.push(`${place}.${member}: a list of texts`);
    return [];
  };
  const features = (member: string): readonly Feature[] =>
    texts(member).flatMap((id) => {
      const found = FEATURE_LIST.find((feature) => feature.id === id);
      if (found === undefined)
        problems.push(`${place}.${member}: no feature ${JSON.stringify(id)}; vmxlens layers lists them`);
      return found ?? [];
    });
  const where = texts("where").flatMap((one) => {
    const found = readWhere(one);
    if (found === undefined) problems.push(`${place}.where: ${JSON.stringify(one)} is not written as site=fra`);
    return found ?? [];
  });
  const layer = LAYERS.find((name) => name === (rule.layer ?? "nested"));
  if (layer === undefined) problems.push(`${place}.layer: one of ${LAYERS.join(", ")}`);
  const limits: { [L in (typeof LIMITS)[number]]?: number } = {};
  for (const limit of LIMITS) {
    const number = rule[limit];
    if (number === undefined) continue;
    if (Number.isInteger(number) && (number as number) >= 0) limits[limit] = number as number;
    else problems.push(`${place}.${limit}: a whole number`);
  }
  const demands = ["require", "forbid", ...LIMITS].some((member) => rule[member] !== undefined);
  if (!demands) problems.push(`${place} demands nothing: give one of require, forbid, ${LIMITS.join(", ")}`);
  const { name = place } = rule;
  if (typeof name !== "string") problems.push(`${place}.name: text`);
  return {
    name: String(name),
    where,
    layer: layer ?? "nested",
    require: features("require"),
    forbid: features("forbid"),
    leastHosts: 1,
    ...limits,
  };
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A demand of a rule, and whether it holds. */
export interface Demand {
  readonly rule: string;
  readonly holds: boolean;
  readonly says: string;
}

/** Every demand of every rule, in order. A demand does not hold if that is not known. */
export async function judge(engine: Engine, rules: readonly Rule[]): Promise<readonly Demand[]> {
  const demands: Demand[] = [];
  for (const rule of rules) {
    const say = (holds: boolean, says: string) => demands.push({ rule: rule.name, holds, says });
    const { hosts, verdicts, notDerived } = await summary(engine, rule);
    if (hosts < rule.leastHosts) say(false, `${several(hosts, "host")}, at least ${count(rule.leastHosts)} wanted`);
    if (notDerived > 0) say(false, several(notDerived, "host is not derived yet", "hosts are not derived yet"));
    const most = (one: string, more: string, found: number, limit: number | undefined) => {
      if (limit !== undefined) say(found <= limit, `${several(found, one, more)}, at most ${count(limit)} allowed`);
    };
    most("host cannot be judged", "hosts cannot be judged", verdicts.unknown, rule.mostUnjudged);
    const counts = rule.require.length + rule.forbid.length === 0 ? [] : await featureCounts(engine, rule.layer, rule);
    for (const [list, has] of [
      [rule.require, true],
      [rule.forbid, false],
    ] as const) {
      for (const feature of list) {
        const found = counts.find((row) => row.feature === feature);
        const open = found?.unknown ?? 0;
        // If a layer has nothing to say about a host, that does not mean that the host has the feature.
        const wrong = found === undefined ? hosts : has ? hosts - found.yes - open : found.yes;
        const openText = open === 0 ? "" : `, ${count(open)} may`;
        say(
          wrong + open === 0 && found !== undefined,
          `${feature.id}: ${several(wrong, `host ${has ? "lacks" : "has"} it`, `hosts ${has ? "lack" : "have"} it`)}${openText}`,
        );
      }
    }
    if (rule.mostPools !== undefined) {
      const { pools } = poolsOf(await shapes(engine, rule), { need: rule.require, count: 1 });
      const one = pools.pools.every(({ baseline }) => baseline.possible === "yes");
      say(
        one && pools.pools.length <= rule.mostPools,
        `${several(pools.pools.length, "pool")}${one ? "" : " that may have no common set"}, at most ${rule.mostPools} allowed`,
      );
      const apart = pools.apart.reduce((sum, { shape }) => sum + shape.hosts, 0);
      if (apart > 0) say(false, several(apart, "host is in no pool", "hosts are in no pool"));
    }
    if (rule.mostDrifting !== undefined) {
      const found = await drift(engine, { within: "model", by: "nested" }, rule);
      const { drifting, open } = settledDrift(found, await shapes(engine, rule));
      say(
        drifting + open <= rule.mostDrifting,
        `${several(drifting, "host is unlike most of its", "hosts are unlike most of their")} model, kernel and parameters` +
          `${open === 0 ? "" : `, ${count(open)} may be`}, at most ${count(rule.mostDrifting)} allowed`,
      );
    }
    if (rule.mostRefusedPairs !== undefined) {
      const found = await refusedVcpus(engine, undefined, rule);
      const pairs = found.reduce((sum, row) => sum + row.refusedPairs + row.openPairs, 0);
      const [one, more] = ["pair of hosts refuses", "pairs of hosts refuse"];
      const what = "an added vCPU after a migration, or may";
      most(`${one} ${what}`, `${more} ${what}`, pairs, rule.mostRefusedPairs);
    }
  }
  return demands;
}
