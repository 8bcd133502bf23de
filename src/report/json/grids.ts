import { findRegister } from "../../registers/lookup.js";
import { hexIndex } from "../../registers/registers.js";
import { LAYERS } from "../../why/features.js";
import { visible } from "../visible.js";

/*
 * Answers as grids, for `--format tsv`: one line a row, the same words as in JSON, from which they are taken.
 */

/** What a cell shows: null is empty, and what is true or false is yes or no. */
type Cell = string | number | boolean | null | undefined;

/** A grid with the names of its columns. */
interface Grid {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

interface Labelled {
  readonly label: string;
}

interface Layers {
  readonly features: readonly {
    readonly id: string;
    readonly layers: { readonly [layer: string]: string };
    readonly lostAt: string | null;
    readonly unknownAt: string | null;
  }[];
}

function layersGrid({ features }: Layers): Grid {
  return {
    head: ["feature", ...LAYERS, "lost_at", "unknown_at"],
    rows: features.map(({ id, layers, lostAt, unknownAt }) => [
      id,
      ...LAYERS.map((layer) => layers[layer]),
      lostAt,
      unknownAt,
    ]),
  };
}

interface Show {
  readonly cores: readonly {
    readonly coreTypes: readonly string[];
    readonly registers: readonly {
      readonly index: string;
      readonly name: string;
      readonly value: string | null;
      readonly bits: readonly {
        readonly bit: number;
        readonly setting: string;
        readonly names: { readonly [vocabulary: string]: string | undefined };
      }[];
    }[];
  }[];
}

function showGrid({ cores }: Show): Grid {
  const names = ["sdm", "key", "linux", "qemu", "libvirt", "xen"] as const;
  return {
    head: ["cores", "msr", "register", "value", "bit", "setting", ...names],
    rows: cores.flatMap(({ coreTypes, registers }) =>
      registers.flatMap(({ index, name, value, bits }) => {
        const register = [coreTypes.join(","), index, name, value];
        if (bits.length === 0) return [[...register, null, null, ...names.map(() => null)]];
        return bits.map((one) => [...register, one.bit, one.setting, ...names.map((key) => one.names[key])]);
      }),
    ),
  };
}

interface Nested {
  readonly msrs?: { readonly [index: string]: string };
}

function nestedGrid({ msrs }: Nested): Grid | undefined {
  if (msrs === undefined) return undefined;
  return {
    head: ["msr", "register", "value"],
    rows: Object.entries(msrs).map(([index, value]) => [index, findRegister(Number(index))?.sdm, value]),
  };
}

interface Diff {
  readonly subjects: readonly Labelled[];
  readonly features: readonly {
    readonly id: string;
    readonly layers: readonly {
      readonly layer: string;
      readonly cells: readonly string[];
      readonly certain: boolean;
    }[];
  }[];
  readonly bits?: {
    readonly [layer: string]: readonly {
      readonly msr: string;
      readonly bits: readonly {
        readonly bit: number;
        readonly name: string;
        readonly values: readonly Cell[];
        readonly certain: boolean;
      }[];
      readonly fields: readonly {
        readonly high: number;
        readonly low: number;
        readonly name: string;
        readonly values: readonly Cell[];
        readonly certain: boolean;
      }[];
    }[];
  };
}

function diffGrid({ subjects, features, bits = {} }: Diff): Grid {
  return {
    head: ["what", "layer", "name", "certain", ...labels(subjects)],
    rows: [
      ...features.flatMap(({ id, layers }) =>
        layers.map(({ layer, cells, certain }) => ["feature", layer, id, certain, ...cells]),
      ),
      ...Object.entries(bits).flatMap(([layer, registers]) =>
        registers.flatMap(({ msr, bits: single, fields }) => [
          ...single.map(({ bit, name, values, certain }) => [`${msr}[${bit}]`, layer, name, certain, ...values]),
          ...fields.map(({ high, low, name, values, certain }) => [
            `${msr}[${high}:${low}]`,
            layer,
            name,
            certain,
            ...values,
          ]),
        ]),
      ),
    ],
  };
}

interface Baseline {
  readonly sets: readonly string[];
  readonly registers: readonly {
    readonly msr: string;
    readonly register: string;
    readonly value: string | null;
    readonly losses: readonly {
      readonly bit: number;
      readonly name: string;
      readonly kind: string;
      readonly by: readonly string[];
    }[];
  }[];
}

/** The common value of each register, then a row for each bit that is missing, with who lacks it. */
function baselineGrid({ sets, registers }: Baseline): Grid {
  return {
    head: ["msr", "register", "value", "bit", "name", "kind", ...unique(sets)],
    rows: registers.flatMap(({ msr, register, value, losses }) => [
      [msr, register, value, null, null, "common", ...sets.map(() => null)],
      ...losses.map(({ bit, name, kind, by }) => [
        msr,
        register,
        null,
        bit,
        name,
        kind,
        ...sets.map((host) => (by.includes(host) ? "forces it" : null)),
      ]),
    ]),
  };
}

interface Runs {
  readonly subject: Labelled;
  readonly products: readonly { readonly id: string; readonly name: string; readonly verdict: string }[];
}

const runsGrid = (run: Runs): Grid => manyRunsGrid({ hosts: [run] });

function manyRunsGrid({ hosts }: { readonly hosts: readonly Runs[] }): Grid {
  const [first] = hosts;
  return {
    head: ["product", "name", ...labels(hosts.map(({ subject }) => subject))],
    rows: (first?.products ?? []).map(({ id, name }) => [
      id,
      name,
      ...hosts.map(({ products }) => products.find((product) => product.id === id)?.verdict),
    ]),
  };
}

interface Guest {
  readonly hosts: readonly {
    readonly subject: Labelled;
    readonly starts: string;
    readonly loads: string;
    readonly features: readonly { readonly name: string; readonly given: string; readonly required: boolean }[];
  }[];
}

function guestGrid({ hosts }: Guest): Grid {
  const names = [...new Set(hosts.flatMap(({ features }) => features.map(({ name }) => name)))];
  return {
    head: ["host", "starts", "loads", ...names],
    rows: hosts.map(({ subject, starts, loads, features }) => [
      subject.label,
      starts,
      loads,
      ...names.map((name) => features.find((feature) => feature.name === name)?.given),
    ]),
  };
}

/** A value, or what is known of it with the bits that are not. */
type Masked = Cell | { readonly value: string; readonly unknown: string };

interface Controls {
  readonly words: readonly { readonly [column: string]: Masked }[];
}

/** Bits that are not known are behind the others: `0x16 ?0x8`. */
function maskedCell(value: Masked): Cell {
  return typeof value === "object" && value !== null ? `${value.value} ?${value.unknown}` : value;
}

function controlsGrid({ words }: Controls): Grid {
  const columns = ["name", "encoding", "register", "inUse", "value", "required", "optional", "must1", "may1"] as const;
  return {
    head: columns.map((name) => (name === "name" ? "word" : name === "inUse" ? "in_use" : name)),
    rows: words.map((word) => columns.map((column) => maskedCell(word[column]))),
  };
}

interface Migrate {
  readonly offenders: readonly { readonly [column: string]: Cell }[];
}

function migrateGrid({ offenders }: Migrate): Grid {
  const columns = ["msr", "register", "bit", "name", "qemu", "libvirt", "certain", "text"];
  return { head: columns, rows: offenders.map((row) => columns.map((column) => row[column])) };
}

interface Kernels {
  readonly releases: readonly ({ readonly params: readonly unknown[] } & { readonly [column: string]: unknown })[];
}

function kernelsGrid({ releases }: Kernels): Grid {
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

function kernelDiffGrid({ tables, moved }: KernelDiffJson): Grid {
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
function featureKernelsGrid({ layers }: FeatureKernels): Grid {
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

function cpusGrid({ cpus, unknown }: Cpus): Grid {
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

function fieldsGrid({ fields }: Fields): Grid {
  const columns = ["key", "sdm", "linux", "xen"];
  return {
    head: ["encoding", ...columns],
    rows: fields.map((row) => [hexIndex(row.encoding), ...columns.map((column) => row[column])]),
  };
}

const labels = (subjects: readonly Labelled[]) => unique(subjects.map(({ label }) => label));

/** Heads of columns are names of columns: the second `a.txt` is `a.txt 2`. */
function unique(names: readonly string[]): readonly string[] {
  return names.map((name, at) => {
    const before = names.slice(0, at).filter((other) => other === name).length;
    return before === 0 ? name : `${name} ${before + 1}`;
  });
}

/** By the format of the JSON; each reads what the schema of that format promises. */
const GRIDS: { readonly [format: string]: (answer: never) => Grid | undefined } = {
  "vmxlens-layers/1": layersGrid,
  "vmxlens-show/1": showGrid,
  "vmxlens-nested/1": nestedGrid,
  "vmxlens-diff/1": diffGrid,
  "vmxlens-baseline/1": baselineGrid,
  "vmxlens-runs/1": runsGrid,
  "vmxlens-runs/2": manyRunsGrid,
  "vmxlens-guest/1": guestGrid,
  "vmxlens-controls/1": controlsGrid,
  "vmxlens-migrate/1": migrateGrid,
  "vmxlens-kernels/2": kernelsGrid,
  "vmxlens-kernel-diff/2": kernelDiffGrid,
  "vmxlens-feature-kernels/1": featureKernelsGrid,
  "vmxlens-cpus/1": cpusGrid,
  "vmxlens-vmcs/1": fieldsGrid,
  "vmxlens-hosts/1": hostsGrid,
};

interface Answers {
  readonly answers: readonly { readonly labels: readonly string[]; readonly result: { readonly format: string } }[];
}

/** The rows of every host below one another, behind its name. */
function hostsGrid({ answers }: Answers): Grid | undefined {
  const grids = answers.map(({ labels, result }) => ({ labels, grid: GRIDS[result.format]?.(result as never) }));
  const head = grids[0]?.grid?.head;
  if (head === undefined) return undefined;
  const rows = grids.flatMap(({ labels: hosts, grid }) =>
    hosts.flatMap((host) => (grid?.rows ?? []).map((row) => [host, ...row])),
  );
  return { head: ["host", ...head], rows };
}

/** An answer as `--json` prints it, as lines of tab-separated cells; undefined for one that is not a grid. */
export function tsvOf(answer: { readonly format: string }): string | undefined {
  const grid = GRIDS[answer.format]?.(answer as never);
  if (grid === undefined) return undefined;
  return [grid.head, ...grid.rows].map((row) => `${row.map((cell) => visible(cellText(cell))).join("\t")}\n`).join("");
}

interface Asides {
  readonly aside?: readonly { readonly problems: readonly string[] }[];
  readonly leftOut?: readonly { readonly label: string; readonly reason: string }[];
}

/** What was asked about and has no row or column in the grid of an answer: a sentence each. */
export function withoutARow({ aside = [], leftOut = [] }: Asides): readonly string[] {
  return [
    ...aside.flatMap(({ problems }) => problems.map((text) => `left out: ${text}`)),
    ...leftOut.map(({ label, reason }) => `left out: ${label}: ${reason}`),
  ];
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  return typeof cell === "boolean" ? (cell ? "yes" : "no") : String(cell);
}
