import { loadRules } from "../../kvm/load/load-order.js";
import { BOOT_RULES } from "../../linux/boot-rules.js";
import { rowsIn } from "../../rules/held.js";
import type { Release } from "../../rules/kernels.js";
import { checkRelease } from "../../rules/release.js";
import type { Rule } from "../../rules/rule.js";
import { factsIn, type KernelTable, kernelTables, type TableRow } from "./tables.js";

/** What changed between two kernels, read off the registered tables: nothing here names a table or a kernel. */
export interface KernelDiff {
  readonly from: Release;
  readonly to: Release;
  /** The tables with a change, in the order in which a kernel gets to what they describe. */
  readonly tables: readonly TableDiff[];
  /** Steps of both kernels that run earlier or later than others they used to follow. */
  readonly moved: readonly Rule[];
}

/** The changes of one table. */
export interface TableDiff {
  readonly table: KernelTable;
  readonly added: readonly FactChange[];
  readonly removed: readonly FactChange[];
  /** Another fact about the same thing. */
  readonly changed: readonly { readonly key: string; readonly before: FactChange; readonly after: FactChange }[];
}

export interface FactChange {
  readonly row: TableRow;
  /** False where the tables do not know whether the kernel has it. */
  readonly certain: boolean;
}

/**
 * What the tables say about `to` and not about `from`, and the other way round. Each may be the older one. Build
 * options do not matter: a row that exists with some configuration counts.
 */
export function diffKernels(from: Release, to: Release): KernelDiff {
  checkRelease(from, "from");
  checkRelease(to, "to");
  const tables = kernelTables().flatMap((table) => (table.silent === true ? [] : (tableDiff(table, from, to) ?? [])));
  const rulesAt = (release: Release) => rowsIn<Rule>([...BOOT_RULES, ...loadRules(release)], release);
  return { from, to, tables, moved: movedRules(rulesAt(from), rulesAt(to)) };
}

function tableDiff(table: KernelTable, from: Release, to: Release): TableDiff | undefined {
  const before = factsIn(table, from);
  const after = factsIn(table, to);
  const same = (a: FactChange, b: FactChange) =>
    a.row.key === b.row.key && a.row.text === b.row.text && a.certain === b.certain;
  const removed = before.filter((fact) => !after.some((other) => same(fact, other)));
  const added = after.filter((fact) => !before.some((other) => same(fact, other)));
  const changed: TableDiff["changed"][number][] = [];
  for (const fact of [...removed]) {
    const now = added.find(({ row }) => row.key === fact.row.key);
    if (now === undefined) continue;
    changed.push({ key: fact.row.key, before: fact, after: now });
    removed.splice(removed.indexOf(fact), 1);
    added.splice(added.indexOf(now), 1);
  }
  // Details of an added or removed step are not a separate change.
  const own = table.detail === true ? { added: [], removed: [] } : { added, removed };
  if (own.added.length + own.removed.length + changed.length === 0) return undefined;
  return { table, ...own, changed };
}

/** Shared rules that are not in the longest run that kept its order: the fewest that have to move. */
function movedRules(before: readonly Rule[], after: readonly Rule[]): readonly Rule[] {
  const shared = after.filter((rule) => before.includes(rule));
  const places = shared.map((rule) => before.indexOf(rule));
  const kept = longestAscending(places);
  return shared.filter((_, index) => !kept.has(index));
}

function longestAscending(values: readonly number[]): ReadonlySet<number> {
  const length: number[] = [];
  const previous: number[] = [];
  let last = -1;
  for (const [i, value] of values.entries()) {
    length[i] = 1;
    previous[i] = -1;
    for (let j = 0; j < i; j++) {
      if ((values[j] as number) < value && (length[j] as number) + 1 > (length[i] as number)) {
        length[i] = (length[j] as number) + 1;
        previous[i] = j;
      }
    }
    if (last < 0 || (length[i] as number) > (length[last] as number)) last = i;
  }
  const kept = new Set<number>();
  for (let i = last; i >= 0; i = previous[i] as number) kept.add(i);
  return kept;
}
