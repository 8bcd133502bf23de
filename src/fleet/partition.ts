import { ALL, both, type FeatureMask, sizeOf, without } from "./feature-mask.js";

/*
 * Divides hosts into few pools in such a way that guests lose few features: a pool has what all of its members have, and a host loses
 * what it has beyond that. To find the partition that loses least is a clustering problem without a fast general solution. For up to
 * twelve kinds of hosts, all partitions are tried. Beyond that, pools are merged, starting with the two that lose least by it, and
 * single kinds are moved as long as that helps; a bound says how far from the best the result can be.
 */

/** Hosts with the same features. */
export interface Kind {
  readonly hosts: number;
  readonly features: FeatureMask;
}

/** Whether two kinds may be in one pool at all. */
export type MayJoin = (a: number, b: number) => boolean;

export interface Partition {
  /** Indices of kinds, for each pool. */
  readonly pools: readonly (readonly number[])[];
  /** Features times hosts that are lost by it. */
  readonly loss: number;
  /** No partition into as many pools loses less than this; equal to `loss` where it is exact. */
  readonly atLeast: number;
  readonly exact: boolean;
}

/** Every partition is tried of at most so many kinds. */
export const MOST_EXACT = 12;

/**
 * The best partitions found, by their number of pools, from the fewest that kinds that exclude each other allow up to
 * `most`. Exclusion must be the same for all members of what may not join: kinds in one class join freely.
 */
export function partitions(kinds: readonly Kind[], mayJoin: MayJoin, most: number): readonly Partition[] {
  if (kinds.length === 0) return [];
  return kinds.length <= MOST_EXACT ? exactly(kinds, mayJoin, most) : merging(kinds, mayJoin, most);
}

function lossOf(kinds: readonly Kind[], pool: readonly number[]): number {
  const common = pool.reduce((mask, at) => both(mask, (kinds[at] as Kind).features), ALL);
  return pool.reduce((sum, at) => {
    const { hosts, features } = kinds[at] as Kind;
    return sum + hosts * sizeOf(without(features, common));
  }, 0);
}

function exactly(kinds: readonly Kind[], mayJoin: MayJoin, most: number): readonly Partition[] {
  const whole = 2 ** kinds.length - 1;
  const members = (mask: number) => kinds.map((_, at) => at).filter((at) => (mask >>> at) & 1);
  const cost = new Float64Array(whole + 1);
  for (let mask = 1; mask <= whole; mask++) {
    const pool = members(mask);
    const fits = pool.every((a, i) => pool.slice(i + 1).every((b) => mayJoin(a, b)));
    cost[mask] = fits ? lossOf(kinds, pool) : Number.POSITIVE_INFINITY;
  }
  const found: Partition[] = [];
  /** For each number of pools and each set of kinds the least loss, and the pool with its lowest kind. */
  let before = cost.slice();
  const choices: Int32Array[] = [Int32Array.from(cost, (_, mask) => mask)];
  for (let count = 1; count <= Math.min(most, kinds.length); count++) {
    if (count > 1) {
      const now = new Float64Array(whole + 1).fill(Number.POSITIVE_INFINITY);
      const choice = new Int32Array(whole + 1);
      for (let mask = 1; mask <= whole; mask++) {
        const lowest = mask & -mask;
        const rest = mask ^ lowest;
        for (let more = rest; ; more = (more - 1) & rest) {
          const pool = more | lowest;
          const others = mask ^ pool;
          if (others !== 0) {
            const sum = (cost[pool] as number) + (before[others] as number);
            if (sum < (now[mask] as number)) {
              now[mask] = sum;
              choice[mask] = pool;
            }
          }
          if (more === 0) break;
        }
      }
      before = now;
      choices.push(choice);
    }
    const loss = before[whole] as number;
    if (loss === Number.POSITIVE_INFINITY) continue;
    const pools: number[][] = [];
    for (let mask = whole, at = count - 1; mask !== 0; at--) {
      const pool = choices[at]?.[mask] as number;
      pools.push(members(pool));
      mask ^= pool;
    }
    found.push({ pools, loss, atLeast: loss, exact: true });
  }
  return found;
}

interface Group {
  members: number[];
  common: FeatureMask;
  hosts: number;
}

function merging(kinds: readonly Kind[], mayJoin: MayJoin, most: number): readonly Partition[] {
  const bounds = leastLosses(kinds, mayJoin);
  const ofSome = partOnly(kinds, mayJoin, most);
  let groups: Group[] = kinds.map(({ hosts, features }, at) => ({ members: [at], common: features, hosts }));
  const found: Partition[] = [];
  const keep = () => {
    if (groups.length > most) return;
    const pools = improved(
      kinds,
      groups.map(({ members }) => members),
      mayJoin,
    );
    const loss = pools.reduce((sum, pool) => sum + lossOf(kinds, pool), 0);
    const bound = Math.max(bounds[kinds.length - groups.length] ?? 0, ofSome(groups.length));
    // Nothing more can be merged.
    const forced = !groups.some((a, i) => groups.slice(i + 1).some((b) => mayJoin(first(a), first(b))));
    const atLeast = forced ? loss : Math.min(loss, bound);
    found.push({ pools, loss, atLeast, exact: atLeast === loss });
  };
  keep();
  while (groups.length > 1) {
    let best = Number.POSITIVE_INFINITY;
    let pair: readonly [Group, Group] | undefined;
    for (const [i, a] of groups.entries()) {
      for (let j = i + 1; j < groups.length; j++) {
        const b = groups[j] as Group;
        const cost = a.hosts * sizeOf(without(a.common, b.common)) + b.hosts * sizeOf(without(b.common, a.common));
        if (cost >= best || !mayJoin(first(a), first(b))) continue;
        best = cost;
        pair = [a, b];
        if (cost === 0) break;
      }
    }
    if (pair === undefined) break;
    const [a, b] = pair;
    const joined: Group = {
      members: [...a.members, ...b.members],
      common: both(a.common, b.common),
      hosts: a.hosts + b.hosts,
    };
    groups = [...groups.filter((group) => group !== a && group !== b), joined];
    keep();
  }
  return found.reverse();
}

const first = ({ members }: Group): number => members[0] as number;

/**
 * By the number of pools, what the best partition of some kinds alone loses: taking the others away loses no more, and makes no
 * further pools. The kinds are the largest, and those that lose most beside the ones taken before.
 */
function partOnly(kinds: readonly Kind[], mayJoin: MayJoin, most: number): (pools: number) => number {
  const order = kinds.map((_, at) => at);
  const largest = order.toSorted((a, b) => (kinds[b] as Kind).hosts - (kinds[a] as Kind).hosts).slice(0, MOST_IN_BOUND);
  const spread: number[] = [];
  while (spread.length < MOST_IN_BOUND) {
    const left = order.filter((at) => !spread.includes(at));
    const apart = (at: number) =>
      Math.min(...spread.map((other) => lossOf(kinds, [at, other])), Number.POSITIVE_INFINITY);
    const weight = (at: number) => (spread.length === 0 ? (kinds[at] as Kind).hosts : apart(at));
    spread.push(left.reduce((a, b) => (weight(b) > weight(a) ? b : a)));
  }
  const found = [largest, spread].map((part) =>
    exactly(
      part.map((at) => kinds[at] as Kind),
      (a, b) => mayJoin(part[a] as number, part[b] as number),
      most,
    ),
  );
  return (pools) =>
    Math.max(
      0,
      ...found
        .map((one) => Math.min(...one.filter((row) => row.pools.length <= pools).map(({ loss }) => loss)))
        .filter(Number.isFinite),
    );
}

/** To try every partition of so many kinds takes a few hundredths of a second. */
const MOST_IN_BOUND = 10;

/** Moves single kinds to other pools as long as that loses less; no pool becomes empty. */
function improved(kinds: readonly Kind[], start: readonly (readonly number[])[], mayJoin: MayJoin): number[][] {
  const pools = start.map((pool) => [...pool]);
  for (let round = 0; round < 10; round++) {
    let moved = false;
    for (let at = 0; at < kinds.length; at++) {
      const from = pools.find((pool) => pool.includes(at)) as number[];
      if (from.length === 1) continue;
      const rest = from.filter((one) => one !== at);
      const won = lossOf(kinds, from) - lossOf(kinds, rest);
      for (const to of pools) {
        if (to === from || !mayJoin(at, to[0] as number)) continue;
        if (lossOf(kinds, [...to, at]) - lossOf(kinds, to) >= won) continue;
        from.splice(from.indexOf(at), 1);
        to.push(at);
        moved = true;
        break;
      }
    }
    if (!moved) break;
  }
  return pools;
}

/**
 * By the number of merges, a loss that no partition goes below. A pool of s kinds contains a path through them with s-1
 * edges; each kind loses at least what it loses beside one neighbour, and has two of these at most, so the pool loses at least
 * half of the path. All paths together are a forest, and the lightest forest of as many edges is Kruskal's.
 */
function leastLosses(kinds: readonly Kind[], mayJoin: MayJoin): readonly number[] {
  const edges: { readonly a: number; readonly b: number; readonly weight: number }[] = [];
  for (const [a, one] of kinds.entries()) {
    for (let b = a + 1; b < kinds.length; b++) {
      const other = kinds[b] as Kind;
      if (!mayJoin(a, b)) continue;
      const weight =
        one.hosts * sizeOf(without(one.features, other.features)) +
        other.hosts * sizeOf(without(other.features, one.features));
      edges.push({ a, b, weight });
    }
  }
  edges.sort((x, y) => x.weight - y.weight);
  const parent = kinds.map((_, at) => at);
  const root = (at: number): number => {
    let top = at;
    while (parent[top] !== top) top = parent[top] as number;
    parent[at] = top;
    return top;
  };
  const bounds = [0];
  let sum = 0;
  for (const { a, b, weight } of edges) {
    const [x, y] = [root(a), root(b)];
    if (x === y) continue;
    parent[x] = y;
    sum += weight;
    bounds.push(Math.ceil(sum / 2));
  }
  return bounds;
}
