import type { CurvePoint, Pools } from "../../fleet/pools.js";
import type { Shape } from "../../fleet/shapes.js";
import { hexIndex } from "../../registers/registers.js";

/** Hosts that offer the same, for JSON. */
export function shapeJson({ id, hosts, firstHost, kernels }: Shape) {
  return { nested_id: id, hosts, firstHost, kernels };
}

export function poolsJson(pools: Pools, curve: readonly CurvePoint[]) {
  return {
    pools: pools.pools.map(({ shapes, hosts, features, baseline }) => ({
      hosts,
      features: features.map(({ id }) => id),
      possible: baseline.possible,
      registers: baseline.registers.map(({ msr, text }) => ({ msr: hexIndex(msr), value: text })),
      shapes: shapes.map(shapeJson),
    })),
    apart: pools.apart.map(({ shape, because }) => ({ ...shapeJson(shape), because })),
    kept: pools.kept,
    of: pools.of,
    atMost: pools.atMost,
    exact: pools.exact,
    algorithm: pools.algorithm,
    curve,
  };
}
