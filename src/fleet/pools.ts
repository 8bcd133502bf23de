import type { Tri } from "../bits/tri.js";
import { type Baseline, baseline } from "../compare/baseline.js";
import { BIT_POLICIES } from "../compare/policies.js";
import { fieldNumber, type Msr, msrBit } from "../host/msr.js";
import type { Feature } from "../why/features.js";
import { ALL, both, type FeatureMask, has, maskWhere } from "./feature-mask.js";
import { MOST_EXACT, type Partition, partitions } from "./partition.js";
import { capabilitiesOf, NESTED_FEATURES, type Shape } from "./shapes.js";

/*
 * Pools: groups of hosts within which a guest with nested VMX can move freely, because every host of a group can give it what the group
 * has in common.
 */

/** Hosts within which a guest that has no more than `features` and `baseline` can move freely. */
export interface Pool {
  readonly shapes: readonly Shape[];
  readonly hosts: number;
  /** Features that every one of its hosts certainly has. */
  readonly features: readonly Feature[];
  /** What its guests can be given, and whether there is such a set. */
  readonly baseline: Baseline;
}

/** A division of the fleet into pools. */
export interface Pools {
  readonly pools: readonly Pool[];
  /** Hosts in no pool, and why. */
  readonly apart: readonly { readonly shape: Shape; readonly because: string }[];
  /** Features times hosts that guests keep, and that they would keep if every host were a pool of its own. */
  readonly kept: number;
  readonly of: number;
  /** No division into as many pools keeps more. */
  readonly atMost: number;
  readonly exact: boolean;
  readonly algorithm: string;
}

/** What one more pool gains. */
export interface CurvePoint {
  readonly pools: number;
  readonly kept: number;
  readonly atMost: number;
  readonly exact: boolean;
}

export interface PoolsAsked {
  /** Features that guests need; without any, pools keep as many as possible. */
  readonly need?: readonly Feature[];
  /** How many pools; default: as many as keep all but a hundredth of the features, at most ten. */
  readonly count?: number;
}

/** Points of the curve that are computed. */
const MOST_POOLS = 16;

const featuresOf = ({ features }: Shape): FeatureMask =>
  maskWhere(features.length, (index) => features[index] === "yes");

/** Divides the shapes of a fleet into pools, and says what more or fewer of them would keep. */
export function poolsOf(
  shapes: readonly Shape[],
  { need = [], count }: PoolsAsked = {},
): { readonly pools: Pools; readonly curve: readonly CurvePoint[] } {
  const apart: { shape: Shape; because: string }[] = [];
  const inside: Shape[] = [];
  for (const shape of shapes) {
    const because = whyApart(shape, need);
    if (because === undefined) inside.push(shape);
    else apart.push({ shape, because });
  }
  const kinds = kindsOf(inside);
  const masks = kinds.map(({ features }) => (need.length === 0 ? features : both(features, maskOf(need))));
  const weighed = kinds.map(({ hosts }, at) => ({ hosts, features: masks[at] as FeatureMask }));
  const mayJoin = (a: number, b: number) => compatible(kinds[a] as KindOfShapes, kinds[b] as KindOfShapes);
  const found = partitions(weighed, mayJoin, MOST_POOLS);
  const of = weighed.reduce((sum, { hosts, features }) => sum + hosts * bits(features), 0);
  const curve = found.map(({ pools, loss, atLeast, exact }) => ({
    pools: pools.length,
    kept: of - loss,
    atMost: of - atLeast,
    exact,
  }));
  const chosen = choose(found, of, count);
  const pools = (chosen?.pools ?? []).map((members) => poolOf(members.flatMap((at) => kinds[at]?.shapes ?? [])));
  return {
    pools: {
      pools: pools.toSorted((a, b) => b.hosts - a.hosts),
      apart,
      kept: of - (chosen?.loss ?? 0),
      of,
      atMost: of - (chosen?.atLeast ?? 0),
      exact: chosen?.exact ?? true,
      algorithm:
        kinds.length <= MOST_EXACT
          ? `every partition of ${kinds.length} kinds of hosts tried`
          : `${kinds.length} kinds of hosts merged by least loss and moved while that helps; bound by half of the lightest forest`,
    },
    curve,
  };
}

function whyApart({ verdict, features }: Shape, need: readonly Feature[]): string | undefined {
  if (verdict === "no") return "no VMX for nested guests";
  if (verdict === "unknown") return "cannot be judged";
  const stateOf = (feature: Feature): Tri => features[NESTED_FEATURES.indexOf(feature)] ?? "no";
  const lacks = need.filter((feature) => stateOf(feature) === "no");
  if (lacks.length > 0) return `lacks ${lacks.map(({ id }) => id).join(", ")}`;
  const open = need.filter((feature) => stateOf(feature) === "unknown");
  return open.length > 0 ? `${open.map(({ id }) => id).join(", ")}: not known` : undefined;
}

function choose(found: readonly Partition[], of: number, count: number | undefined): Partition | undefined {
  if (count !== undefined) return found.find(({ pools }) => pools.length === count) ?? found.at(count <= 1 ? 0 : -1);
  const limit = of / 100;
  const last = found.at(-1);
  const enough = Math.max(limit, last?.loss ?? 0);
  return found.find(({ loss }) => loss <= enough) ?? last;
}

const maskOf = (features: readonly Feature[]): FeatureMask =>
  maskWhere(NESTED_FEATURES.length, (index) => features.includes(NESTED_FEATURES[index] as Feature));

const bits = (mask: FeatureMask): number => NESTED_FEATURES.filter((_, index) => has(mask, index)).length;

/** A pool of shapes: what they share by the policies of the bits. */
function poolOf(shapes: readonly Shape[]): Pool {
  const common = shapes.reduce((mask, shape) => both(mask, featuresOf(shape)), ALL);
  return {
    shapes,
    hosts: shapes.reduce((sum, { hosts }) => sum + hosts, 0),
    features: NESTED_FEATURES.filter((_, index) => has(common, index)),
    baseline: baseline(shapes.map(capabilitiesOf)),
  };
}

interface KindOfShapes {
  readonly shapes: Shape[];
  readonly features: FeatureMask;
  readonly key: string;
  hosts: number;
}

/** Shapes with equal features that exclude the same others. */
function kindsOf(shapes: readonly Shape[]): readonly KindOfShapes[] {
  const kinds = new Map<string, KindOfShapes>();
  for (const shape of shapes) {
    const features = featuresOf(shape);
    const key = excludes(shape);
    const name = `${features.lo} ${features.hi} ${key}`;
    const kind = kinds.get(name);
    if (kind === undefined) kinds.set(name, { shapes: [shape], features, key, hosts: shape.hosts });
    else {
      kind.shapes.push(shape);
      kind.hosts += shape.hosts;
    }
  }
  return [...kinds.values()];
}

/** Numbers that must be equal in a pool. An unknown number equals no other, so that hosts which may differ are kept apart. */
function excludes({ registers }: Shape): string {
  return EQUAL_FIELDS.map(({ msr, high, low, equalWhile }) => {
    if (equalWhile !== undefined) {
      const [other, bit] = equalWhile;
      // Without a timer its rate means nothing.
      if (msrBit(registers.get(other) as Msr, bit) === "no") return "-";
    }
    return fieldNumber(registers.get(msr) as Msr, { high, low }) ?? "?";
  }).join();
}

const EQUAL_FIELDS = Object.entries(BIT_POLICIES).flatMap(([msr, spans]) =>
  spans
    .filter(({ policy, equalWhile }) => policy === "equal" || equalWhile !== undefined)
    .map((span) => ({ msr: Number(msr), ...span }))
    .filter(({ msr: index }) => index <= 0x491),
);

function compatible(a: KindOfShapes, b: KindOfShapes): boolean {
  return a.key === b.key;
}
