import type { Tri } from "../../bits/tri.js";
import { bitAt } from "../../bits/word.js";
import type { CpuView } from "../cpu.js";
import type { FieldRow } from "../fields/field-row.js";
import { FIELDS } from "../fields/fields.js";
import type { MsrLoadEntry, Vmcs } from "../state.js";
import { UNKNOWN64, type Value64, ZERO64 } from "../value64.js";

/** Everything that an expression can refer to. */
export interface Scene {
  readonly fields: ReadonlyMap<number, Value64>;
  /** The same by `placeOf`, as some hundred rows ask for them. */
  readonly values: readonly Value64[];
  readonly msrLoad?: readonly MsrLoadEntry[] | undefined;
  readonly msrEntry?: Vmcs["msrEntry"] | undefined;
  readonly cpu: CpuView;
  /** The MSR-load entry at hand inside `eachEntry`. */
  readonly entry?: MsrLoadEntry;
}

export function sceneOf(vmcs: Vmcs, cpu: CpuView): Scene {
  const { fields, msrLoad, msrEntry } = vmcs;
  return { fields, values: valuesOf(fields), msrLoad, msrEntry, cpu };
}

/** The scene with other fields. */
export function sceneWith(scene: Scene, fields: ReadonlyMap<number, Value64>): Scene {
  return { ...scene, fields, values: valuesOf(fields) };
}

/** The value of a field: unknown above nothing, zero above its width. */
export function fieldValue(fields: ReadonlyMap<number, Value64>, row: FieldRow): Value64 {
  return fields.get(row.encoding) ?? missingOf(row.encoding);
}

/** What is known of a field that is missing. */
function missingOf(encoding: number): Value64 {
  switch ((encoding >>> 13) & 3) {
    case 0:
      return UNKNOWN16;
    case 2:
      return UNKNOWN32;
    default:
      return UNKNOWN64;
  }
}

const UNKNOWN16: Value64 = Object.freeze({ lo: Object.freeze({ value: 0, unknown: 0xffff }), hi: ZERO64.hi });
export const UNKNOWN32: Value64 = Object.freeze({ lo: UNKNOWN64.lo, hi: ZERO64.hi });

const PLACES = new Map(FIELDS.map(({ encoding }, at) => [encoding, at]));
const MISSING = FIELDS.map(({ encoding }) => missingOf(encoding));

/** Where the value of a field is in `values`. Throws `RangeError` for an encoding that no field has. */
export function placeOf(encoding: number): number {
  const place = PLACES.get(encoding);
  if (place === undefined) throw new RangeError(`no VMCS field has the encoding ${encoding}`);
  return place;
}

function valuesOf(fields: ReadonlyMap<number, Value64>): readonly Value64[] {
  const values = MISSING.slice();
  for (const [encoding, value] of fields) {
    const place = PLACES.get(encoding);
    if (place !== undefined) values[place] = value;
  }
  return values;
}

export function bitOf(value: Value64, n: number): Tri {
  return bitAt(n < 32 ? value.lo : value.hi, n & 31);
}
