import { checkHas, checkNumber } from "../bits/misuse.js";
import { VMX_FLAGS, VMX_FLAGS_LINE, type VmxFlag } from "../linux/vmx-features.js";
import { functionOf } from "../rules/effect.js";
import { holdsIn, rowsIn } from "../rules/held.js";
import { KERNELS, type KernelRow } from "../rules/kernels.js";
import { DEFAULT_RELEASE, formatEveryKernel, kernelName, type Release } from "../rules/release.js";
import { LAYER_TITLES } from "../why/features.js";
import type { FeatureKernels } from "../why/kernels/feature-kernels.js";
import type { FactChange, KernelDiff, TableDiff } from "../why/kernels/kernel-diff.js";
import { likeKernel } from "../why/kernels/like-kernel.js";
import { table, wrap } from "./layout.js";
import { BLANK, type Inline, joined, type Line, styled } from "./text.js";

type Row = KernelRow & { readonly id: Release };

/** The axis: the upstream line with its states, and the vendors' lines beside it. */
export function kernelsReport(width: number): Line[] {
  const rows: readonly Row[] = KERNELS;
  const upstream = rows.filter(({ line }) => line === "upstream");
  const vendors = rows.filter(({ line }) => line !== "upstream");
  const head = (names: readonly string[]): Inline[] => names.map((text) => styled("label", text));
  return [
    [styled("heading", "Upstream")],
    ...table(
      [
        head(["kernel", "patch levels", "vmx flags", "known", "tree"]),
        ...upstream.map((row) => [
          styled("strong", row.id),
          patchText(row),
          flagsIn(row.id),
          row.sure,
          `${row.tree}${remark(row)}`,
        ]),
      ],
      { width, right: [2] },
    ),
    BLANK,
    [styled("heading", "Vendors")],
    ...table(
      [
        head(["kernel", "name", "like", "vmx flags", "known", "tree"]),
        ...vendors.map((row) => [
          styled("strong", row.id),
          kernelName(row.id),
          likeText(row.id),
          flagsIn(row.id),
          row.sure,
          row.tree,
        ]),
      ],
      { width, right: [3] },
    ),
    BLANK,
    ...wrap(
      "run: its functions were run over all inputs. same: run, and equal to a neighbour but for what `kernels A B` lists. derived: between two states that were run, parted by stable releases on record.",
      width,
    ),
    ...wrap(
      "like: the upstream state that shares most facts with it, and the number of facts that part them; `kernels el9.4 6.6` lists them.",
      width,
    ),
  ];
}

function patchText({ patches, base }: Row): string {
  if (patches === undefined) return base;
  const [first, last] = patches;
  const series = base.replace(/\.\d+$/, "");
  return last === undefined
    ? first === 0
      ? `${series}.y, seen ${base}`
      : `from ${series}.${first}, seen ${base}`
    : `${series}.${first} to .${last}`;
}

/** The upstream state that a vendor's kernel is most like, and how many facts part them. */
function likeText(id: Release): string {
  const { release, differ } = likeKernel(id);
  return differ === 0 ? release : `${release} but ${differ}`;
}

function flagsIn(release: Release): string {
  if (holdsIn(release, VMX_FLAGS_LINE.held) === false) return "no line";
  return String(rowsIn<VmxFlag>(VMX_FLAGS, release).length);
}

function remark({ id, longterm }: Row): string {
  const parts = longterm === true ? ["long-term"] : [];
  if (id === DEFAULT_RELEASE) parts.push("used where no kernel is named");
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** How far a feature gets in each kernel, layer by layer. */
export function featureKernelsReport({ feature, cpus, layers }: FeatureKernels, width: number): Line[] {
  const rows = layers
    .filter(({ yes, no }) => yes.length + no.length > 0)
    .map(({ layer, yes, no, none }): Inline[] => [
      styled("label", LAYER_TITLES[layer]),
      joined(
        [
          ...(yes.length === 0 ? [] : [joined([styled("yes", "yes"), ` ${formatEveryKernel(yes)}`], "")]),
          ...(no.length === 0 ? [] : [joined([styled("no", "no"), ` ${formatEveryKernel(no)}`], "")]),
          ...(none.length === 0 || none.length === KERNELS.length
            ? []
            : [`nothing to say: ${formatEveryKernel(none)}`]),
        ],
        "; ",
      ),
    ]);
  return [
    [styled("title", feature.name)],
    ...wrap(
      cpus === 0
        ? "No CPU of the atlas has it."
        : `By replay of every modelled kernel on the ${cpus} CPUs of the atlas that have it; yes: on at least one of them.`,
      width,
    ),
    BLANK,
    ...table(rows, { width }),
  ];
}

/** What changed from one kernel to the next that was asked for. */
export function kernelDiffReport(diff: KernelDiff, width: number): Line[] {
  checkHas(diff, "tables", "diff", "what diffKernels(from, to) returns");
  checkNumber(width, "width", "a number of columns");
  const lines: Line[] = [[styled("title", `From ${kernelName(diff.from)} to ${kernelName(diff.to)}`)]];
  for (const found of diff.tables) {
    lines.push(BLANK, ...wrap(styled("heading", found.table.title), width), ...tableLines(found, width));
  }
  if (diff.moved.length > 0) {
    const rows = diff.moved.map((rule) => [
      styled("dim", functionOf(rule, diff.to)),
      styled("unknown", rule.id),
      rule.says,
    ]);
    lines.push(BLANK, [styled("heading", "Steps that moved")], ...table(rows, { width, indent: 2 }));
  }
  if (lines.length === 1) lines.push(BLANK, ...wrap("Nothing that the tables know of changed.", width));
  return lines;
}

function tableLines({ added, removed, changed }: TableDiff, width: number): Line[] {
  const line = (mark: Inline) => (keys: readonly string[], text: string) =>
    wrap([styled("strong", keys.join(", ")), `: ${text}`], width, ["  ", mark], 6);
  return [
    ...grouped(changed, changeText).flatMap(([text, all]) => line(styled("unknown", "~ "))(keysOf(all), text)),
    ...grouped(added, factText).flatMap(([text, all]) => line(styled("yes", "+ "))(keysOf(all), text)),
    ...grouped(removed, factText).flatMap(([text, all]) => line(styled("no", "- "))(keysOf(all), text)),
  ];
}

/** Facts about several keys that say the same, together. */
function grouped<T>(facts: readonly T[], textOf: (fact: T) => string): [text: string, facts: T[]][] {
  const groups = new Map<string, T[]>();
  for (const fact of facts) {
    const text = textOf(fact);
    groups.set(text, [...(groups.get(text) ?? []), fact]);
  }
  return [...groups];
}

const keysOf = (facts: readonly (FactChange | TableDiff["changed"][number])[]): string[] =>
  facts.map((fact) => ("key" in fact ? fact.key : fact.row.key));

const factText = ({ row, certain }: FactChange): string => `${row.text}${certain ? "" : " (perhaps)"}`;

function changeText({ before, after }: TableDiff["changed"][number]): string {
  if (before.row.text !== after.row.text) return [before, after].map(perhaps).join(" → ");
  return `${after.row.text} (${after.certain ? "perhaps before, too" : "perhaps no longer"})`;
}

const perhaps = ({ row, certain }: FactChange): string => (certain ? row.text : `perhaps ${row.text}`);
