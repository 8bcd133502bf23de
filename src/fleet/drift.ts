import type { Tri } from "../bits/tri.js";
import { formatMsr, type Msr } from "../host/msr.js";
import { hexIndex } from "../registers/registers.js";
import type { Engine } from "./answer.js";
import { NESTED_FEATURES, type Shape, shapeOf } from "./shapes.js";
import { type DriftKind, driftLastSql, driftSql, type Scope, shapesOfIdsSql } from "./sql/questions.js";

/* Hosts that differ from their kind, or from what they were. */

/** In what the offer of some hosts to nested guests differs from that of others. */
export interface Unlike {
  /** Whether nested guests get VMX there; only if that differs. */
  readonly verdict?: Tri;
  /** Ids of features. */
  readonly lacks: readonly string[];
  readonly has: readonly string[];
  readonly unknown: readonly string[];
  /** Registers that differ, as `0x48b`. */
  readonly registers: readonly string[];
}

/** A group of hosts that differs from most of its kind. */
export interface Drifting {
  /** A CPU model, kernel and parameters as one text, or the value of a label. */
  readonly kind: string;
  readonly model: string;
  readonly kernel: string;
  /** As JSON; empty if none is known. */
  readonly params: string;
  readonly value: string;
  readonly hosts: number;
  readonly firstHost: string;
  /** What most of the kind have, how many of them, and how many the kind has in all. */
  readonly most: string;
  readonly mostHosts: number;
  readonly whole: number;
  /** Of hosts compared by what they offer nested guests. */
  readonly unlike?: Unlike;
}

export async function drift(engine: Engine, kind: DriftKind, scope: Scope = {}): Promise<readonly Drifting[]> {
  const rows = await engine.ask(driftSql(kind, scope, engine.dialect));
  const compare =
    kind.by === "nested"
      ? await comparison(
          engine,
          rows.flatMap(({ value, most }) => [value, most]),
          scope,
        )
      : undefined;
  return rows.map((row) => {
    const found = compare?.(row.value, row.most);
    return {
      kind: String(row.kind),
      model: String(row.model ?? ""),
      kernel: String(row.kernel ?? ""),
      params: String(row.params ?? ""),
      value: String(row.value),
      hosts: Number(row.n),
      firstHost: String(row.first_host),
      most: String(row.most),
      mostHosts: Number(row.most_n),
      whole: Number(row.whole),
      ...(found === undefined ? {} : { unlike: found }),
    };
  });
}

/** Hosts that certainly differ from most of their kind, and those that may: not all of what they offer is known. */
export function settledDrift(
  rows: readonly Drifting[],
  all: readonly Shape[],
): { readonly drifting: number; readonly open: number } {
  const unsettled = new Map(all.filter((shape) => !isSettled(shape)).map(({ id, hosts }) => [id, hosts]));
  return {
    drifting: rows.reduce((n, { value, hosts }) => n + (unsettled.has(value) ? 0 : hosts), 0),
    open: [...unsettled.values()].reduce((n, hosts) => n + hosts, 0),
  };
}

/** Whether it is known what guests are offered, bit by bit. */
function isSettled({ verdict, registers }: Shape): boolean {
  if (verdict !== "yes") return verdict === "no";
  return [...registers.values()].every(
    (msr) => msr.state === "absent" || (msr.state === "value" && msr.lo.unknown === 0 && msr.hi.unknown === 0),
  );
}

/** A host that no longer offers what it offered when it was last collected. */
export interface Changed {
  readonly host: string;
  readonly before: { readonly nested_id: string; readonly kernel: string; readonly collected: string };
  readonly now: { readonly nested_id: string; readonly kernel: string; readonly collected: string };
  /** What it is now, compared with before. */
  readonly unlike?: Unlike;
}

export async function driftSinceLast(engine: Engine, limit: number, scope: Scope = {}): Promise<readonly Changed[]> {
  const rows = await engine.ask(driftLastSql(limit, scope, engine.dialect));
  const compare = await comparison(
    engine,
    rows.flatMap(({ before, now }) => [before, now]),
    scope,
  );
  return rows.map((row) => {
    const found = compare(row.now, row.before);
    const at = (time: "before" | "now") => ({
      nested_id: String(row[time]),
      kernel: String(row[`kernel_${time}`]),
      collected: String(row[`collected_${time}`]),
    });
    return {
      host: String(row.host),
      before: at("before"),
      now: at("now"),
      ...(found === undefined ? {} : { unlike: found }),
    };
  });
}

/** Compares what two `nested_id` mean. */
async function comparison({ ask, dialect }: Engine, ids: readonly unknown[], scope: Scope) {
  const wanted = [...new Set(ids.map(String))];
  const rows = wanted.length === 0 ? [] : await ask(shapesOfIdsSql(wanted, scope, dialect));
  const shapes = new Map(rows.map(shapeOf).map((shape) => [shape.id, shape]));
  // Clusters are many, kinds of hosts few.
  const known = new Map<string, Unlike>();
  return (value: unknown, than: unknown): Unlike | undefined => {
    const [one, other] = [shapes.get(String(value)), shapes.get(String(than))];
    if (one === undefined || other === undefined) return undefined;
    const key = `${one.id} ${other.id}`;
    const found = known.get(key) ?? unlike(one, other);
    known.set(key, found);
    return found;
  };
}

function unlike(one: Shape, other: Shape): Unlike {
  const where = (is: Tri) =>
    NESTED_FEATURES.flatMap(({ id }, at) => (one.features[at] === is && other.features[at] !== is ? [id] : []));
  const differ = [...one.registers].filter(([msr, value]) => text(value) !== text(other.registers.get(msr)));
  return {
    ...(one.verdict === other.verdict ? {} : { verdict: one.verdict }),
    lacks: where("no"),
    has: where("yes"),
    unknown: where("unknown"),
    registers: differ.map(([msr]) => hexIndex(msr)),
  };
}

const text = (msr: Msr | undefined): string => (msr === undefined ? "" : formatMsr(msr));
