import { visible } from "../visible.js";
import type { Cell, Grid } from "./grid.js";
import {
  baselineGrid,
  controlsGrid,
  diffGrid,
  guestGrid,
  layersGrid,
  manyRunsGrid,
  migrateGrid,
  nestedGrid,
  runsGrid,
  showGrid,
} from "./host-grids.js";
import { cpusGrid, featureKernelsGrid, fieldsGrid, kernelDiffGrid, kernelsGrid } from "./table-grids.js";

/*
 * Answers as grids, for `--format tsv`: one line a row, the same words as in JSON, from which they are taken.
 */

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
