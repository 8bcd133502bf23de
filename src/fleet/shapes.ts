import type { Tri } from "../bits/tri.js";
import { word } from "../bits/word.js";
import type { CapabilitySet } from "../compare/capability-set.js";
import { ABSENT, type Msr } from "../host/msr.js";
import type { Feature } from "../why/features.js";
import { FEATURE_COLUMNS, NESTED_MSRS, wordColumn } from "./columns.js";

/** Hosts that offer nested hypervisors the same. A fleet has a few dozen of these. */
export interface Shape {
  readonly id: string;
  /** Empty where bits of it are not known. */
  readonly l1Id: string;
  readonly verdict: Tri;
  readonly hosts: number;
  readonly firstHost: string;
  /** One of its sets, and the kernels that hosts with it can have. */
  readonly setId: string;
  readonly kernels: readonly string[];
  /** In the order of `NESTED_FEATURES`. */
  readonly features: readonly Tri[];
  readonly registers: ReadonlyMap<number, Msr>;
}

/** A row of an answer, by column. */
export type AnswerRow = { readonly [column: string]: string | number };

const COLUMNS = FEATURE_COLUMNS.filter(({ layer }) => layer === "nested");

/** Features that a nested hypervisor can ask for. */
export const NESTED_FEATURES: readonly Feature[] = COLUMNS.map(({ feature }) => feature);

/** A row of `shapesSql`. */
export function shapeOf(row: AnswerRow): Shape {
  const verdict = triOf(row.verdict);
  return {
    id: String(row.nested_id),
    l1Id: String(row.l1_id),
    verdict,
    hosts: Number(row.n),
    firstHost: String(row.first_host),
    setId: String(row.a_set),
    kernels: String(row.kernels).split(","),
    features: COLUMNS.map(({ name }) => triOf(row[name])),
    registers: new Map(NESTED_MSRS.map((msr) => [msr, registerOf(row, msr, verdict)])),
  };
}

/** A capability set, for the functions that compare hosts. */
export function capabilitiesOf({ firstHost, registers }: Shape): CapabilitySet {
  return { label: firstHost, layer: "nested", registers };
}

function registerOf(row: AnswerRow, msr: number, verdict: Tri): Msr {
  if (verdict === "no") return ABSENT;
  const half = (name: "lo" | "hi") => {
    const ones = Number(row[wordColumn(msr, name, 1)]);
    const zeros = Number(row[wordColumn(msr, name, 0)]);
    return word(ones, ~(ones | zeros));
  };
  return { state: "value", hi: half("hi"), lo: half("lo") };
}

function triOf(value: unknown): Tri {
  return value === "yes" || value === "no" ? value : "unknown";
}
