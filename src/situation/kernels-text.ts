import type { Release } from "../rules/release.js";
import { axisOf, holds, idsOf, patchOf, seriesOf, statesOf } from "./kernel-axis.js";
import { MODELLED, type Modelled } from "./modelled.js";

const AXIS = axisOf(MODELLED);

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
  return statesOf(AXIS, seriesOf(row.base)).find((state) => holds(state, patchOf(row.base)))?.id;
}
