import { hexIndex } from "../../registers/registers.js";
import type { Cell, Grid } from "./grid.js";

/* Answers about the tables as grids: kernels, CPUs, fields of a VMCS. Each reads what the schema of its format promises. */

interface Kernels {
  readonly releases: readonly ({ readonly params: readonly unknown[] } & { readonly [column: string]: unknown })[];
}

export function kernelsGrid({ releases }: Kernels): Grid {
  const columns = ["release", "name", "line", "base", "known", "longterm", "words", "tree"];
  return {
    head: [...columns, "params"],
    rows: releases.map((row) => [...columns.map((column) => row[column] as Cell), row.params.length]),
  };
}

interface FactJson {
  readonly key: string;
  readonly text: string;
  readonly certain: boolean;
  readonly source: string;
  readonly function: string;
}

interface KernelDiffJson {
  readonly tables: readonly {
    readonly table: string;
    readonly added: readonly FactJson[];
    readonly removed: readonly FactJson[];
    readonly changed: readonly (Omit<FactJson, "text"> & { readonly before: string; readonly after: string })[];
  }[];
  readonly moved: readonly { readonly key: string; readonly function: string }[];
}

export function kernelDiffGrid({ tables, moved }: KernelDiffJson): Grid {
  return {
    head: ["table", "change", "key", "before", "after", "certain", "source", "function"],
    rows: [
      ...tables.flatMap(({ table, added, removed, changed }) => [
        ...added.map((fact) => [table, "added", fact.key, null, fact.text, fact.certain, fact.source, fact.function]),
        ...removed.map((fact) => [
          table,
          "removed",
          fact.key,
          fact.text,
          null,
          fact.certain,
          fact.source,
          fact.function,
        ]),
        ...changed.map((fact) => [
          table,
          "changed",
          fact.key,
          fact.before,
          fact.after,
          fact.certain,
          fact.source,
          fact.function,
        ]),
      ]),
      ...moved.map(({ key, function: fn }) => ["load-rules", "moved", key, null, null, true, null, fn]),
    ],
  };
}

interface FeatureKernels {
  readonly layers: readonly ({ readonly layer: string } & { readonly [answer: string]: readonly string[] | string })[];
}

/** The releases in the order of the first layer that lists them all. */
export function featureKernelsGrid({ layers }: FeatureKernels): Grid {
  const answers = layers.map((row) => {
    const of = new Map<string, string>();
    for (const [answer, releases] of Object.entries(row))
      if (answer !== "layer") for (const release of releases) of.set(release, answer);
    return { layer: row.layer, of };
  });
  const releases = [...new Set(answers.flatMap(({ of }) => [...of.keys()]))];
  return {
    head: ["release", ...answers.map(({ layer }) => layer)],
    rows: releases.map((release) => [release, ...answers.map(({ of }) => of.get(release))]),
  };
}

interface Cpus {
  readonly cpus: readonly { readonly [column: string]: unknown }[];
  readonly unknown: readonly string[];
}

export function cpusGrid({ cpus, unknown }: Cpus): Grid {
  const columns = ["id", "name", "vendor", "codename", "generation", "launchYear", "signature"];
  return {
    head: [...columns.map((column) => (column === "launchYear" ? "launch_year" : column)), "fits"],
    rows: [
      ...cpus.map((cpu) => [...columns.map((column) => cpu[column] as Cell), "yes"]),
      ...unknown.map((id) => [id, ...columns.slice(1).map(() => null), "unknown"]),
    ],
  };
}

interface Fields {
  readonly fields: readonly ({ readonly encoding: number } & { readonly [column: string]: Cell })[];
  readonly decoded?: unknown;
}

export function fieldsGrid({ fields }: Fields): Grid {
  const columns = ["key", "sdm", "linux", "xen"];
  return {
    head: ["encoding", ...columns],
    rows: fields.map((row) => [hexIndex(row.encoding), ...columns.map((column) => row[column])]),
  };
}
