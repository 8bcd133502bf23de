import type { CoreGroup } from "../host/host.js";
import { type AuditOptions, type AuditResult, auditVmcs } from "./audit.js";
import { judge } from "./audit-judge.js";
import { checkVmcs } from "./check-arguments.js";
import type { Check } from "./checks/check-row.js";
import { CHECKS } from "./checks/checks.js";
import { checksUnder } from "./checks/outer.js";
import { fieldValue, type Scene, sceneOf, sceneWith } from "./checks/scene.js";
import { cpuView } from "./cpu.js";
import type { FieldRow } from "./fields/field-row.js";
import { fieldByEncoding, fieldName, widthOf } from "./fields/fields.js";
import { applyEdits, repairs } from "./repair.js";
import type { Vmcs } from "./state.js";
import { checksOn, costOf, stepsFor, weightOf } from "./steps.js";
import { format64, lowMask, type Value64 } from "./value64.js";

/** One field of a proposed fix. */
export interface FixedField {
  readonly name: string;
  readonly encoding: number;
  readonly from: string;
  readonly to: string;
  /** Ids of the checks that failed before and that this change serves. */
  readonly because: readonly string[];
}

/** Changes of fields that `proposeFix` found; `changes` is empty when none helps. */
export interface Fix {
  readonly changes: readonly FixedField[];
  /** Ids of failing checks that no change of fields can mend (they depend on memory or on the CPU's state). */
  readonly left: readonly string[];
  /** The VMCS after the changes. */
  readonly vmcs: Vmcs;
}

interface Node {
  readonly cost: number;
  readonly fields: Map<number, Value64>;
  readonly failing: readonly Check[];
  readonly changed: ReadonlySet<number>;
  /** Checks that made each field change. */
  readonly because: ReadonlyMap<number, readonly string[]>;
}

/** Twelve fields of the heaviest kind. */
const MAX_COST = 48;
const MAX_NODES = 20_000;

/**
 * Proposes the smallest change of fields after which every check passes that can be judged and mended: the fewest fields, and
 * of two as few those that a hypervisor derives before those that are the guest's own; a change of mode is one step. The control words
 * are moved into what the capability MSRs allow, as Linux's adjust_vmx_controls does. `undefined` when nothing fails.
 */
export function proposeFix(vmcs: Vmcs, cpu?: CoreGroup, options: AuditOptions = {}): Fix | undefined {
  checkVmcs(vmcs, cpu, options);
  const view = cpuView(vmcs, cpu, options);
  const start = sceneOf(vmcs, view);
  const checks = checksUnder(options.on).map(({ check }) => check);
  const own = checks.filter((check) => !CHECKS.includes(check));
  const failing = checks.filter(
    (check) => check.failure.kind !== "undefined" && judge(check, start).result === "fails",
  );
  if (failing.length === 0) return undefined;
  const hopeless = failing.filter(
    (check) => [...repairs(check.rule, true, start), ...repairs(check.when, false, start)].length === 0,
  );
  const mendable = failing.filter((check) => !hopeless.includes(check));
  const root: Node = {
    cost: 0,
    fields: new Map(vmcs.fields),
    failing: mendable,
    changed: new Set(),
    because: new Map(),
  };
  const found = search(root, start, own) ?? root;
  const changes: FixedField[] = [];
  for (const [encoding, because] of found.because) {
    const row = fieldByEncoding(encoding) as FieldRow;
    const from = fieldValue(vmcs.fields, row);
    const to = fieldValue(found.fields, row);
    if (format64(from) !== format64(to))
      changes.push({ name: fieldName(row), encoding, from: format64(from), to: format64(to), because });
  }
  return {
    changes,
    left: [...hopeless, ...found.failing].map((check) => check.id),
    vmcs: { ...vmcs, fields: found.fields },
  };
}

/** Best-first by the weight of the changed fields; ties go to the node with fewer failing checks. */
function search(root: Node, scene: Scene, own: readonly Check[]): Node | undefined {
  const queues: Node[][] = [[root]];
  const seen = new Set<string>();
  let visited = 0;
  for (let depth = 0; depth <= MAX_COST; depth++) {
    const queue = queues[depth];
    if (queue === undefined) continue;
    queue.sort((a, b) => a.failing.length - b.failing.length);
    // Nodes of the same cost are added to the queue while it is gone through.
    for (const node of queue) {
      if (node.failing.length === 0) return node;
      if (++visited > MAX_NODES) return undefined;
      for (const next of expand(node, scene, own)) {
        const key = [...next.fields]
          .filter(([encoding]) => next.changed.has(encoding))
          .map(([encoding, value]) => `${encoding}${format64(value)}`)
          .sort()
          .join();
        if (seen.has(key)) continue;
        seen.add(key);
        const { cost } = next;
        if (cost > MAX_COST) continue;
        let target = queues[cost];
        if (target === undefined) {
          target = [];
          queues[cost] = target;
        }
        target.push(next);
      }
    }
  }
  return undefined;
}

function expand(node: Node, scene: Scene, own: readonly Check[]): readonly Node[] {
  const here = sceneWith(scene, node.fields);
  const check = node.failing[0] as Check;
  const result: Node[] = [];
  for (const way of stepsFor(check, here)) {
    const fields = applyEdits(node.fields, way);
    const touched = new Set<number>();
    for (const edit of way) touched.add(edit.row.encoding);
    const after = sceneWith(scene, fields);
    if (judge(check, after).result === "fails") continue;
    const again = new Set<Check>([...node.failing, ...own]);
    for (const encoding of touched) for (const other of checksOn(encoding)) again.add(other);
    const failing = [...CHECKS, ...own].filter(
      (other) => again.has(other) && other.failure.kind !== "undefined" && judge(other, after).result === "fails",
    );
    const because = new Map(node.because);
    const served = node.failing.filter((other) => !failing.includes(other)).map((other) => other.id);
    for (const encoding of touched) because.set(encoding, [...new Set([...(because.get(encoding) ?? []), ...served])]);
    // A field that changes again costs once.
    const repeated = [...touched].filter((encoding) => node.changed.has(encoding));
    const saved = repeated.reduce((sum, encoding) => sum + weightOf(fieldByEncoding(encoding) as FieldRow), 0);
    const cost = node.cost + Math.max(0, costOf(way, here) - saved);
    result.push({ cost, fields, failing, changed: new Set([...node.changed, ...touched]), because });
  }
  return result;
}

/**
 * Re-runs an audit with some fields set to other values: the question "what if".
 *
 * @internal
 */
export function auditWith(
  vmcs: Vmcs,
  changes: Iterable<readonly [row: FieldRow, value: Value64]>,
  cpu?: CoreGroup,
  options: AuditOptions = {},
): AuditResult {
  return auditVmcs(withFields(vmcs, changes), cpu, options);
}

/** Throws `RangeError` when a value is too wide for its field. */
export function withFields(vmcs: Vmcs, changes: Iterable<readonly [row: FieldRow, value: Value64]>): Vmcs {
  const fields = new Map(vmcs.fields);
  for (const [row, value] of changes) {
    const limit = lowMask(widthOf(row));
    if ((((value.lo.value | value.lo.unknown) & ~limit.lo) | ((value.hi.value | value.hi.unknown) & ~limit.hi)) !== 0) {
      throw new RangeError(`${format64(value)} is too wide for ${fieldName(row)}, which has ${widthOf(row)} bits`);
    }
    fields.set(row.encoding, value);
  }
  return { ...vmcs, fields };
}
