import type { Step } from "./decoder.js";

/** How many instructions of a function are looked at to find where two ways meet. */
const MOST = 20_000;

/** The successors of each instruction that can be reached from one, inside its function; EXIT is the function's end. */
const EXIT = -1;

/**
 * The first instruction that every way from `at` to the end of its function passes (its immediate post-dominator);
 * undefined where that is the end itself, or where the code is too large to say. It only chooses where two ways are
 * joined: a wrong answer costs time or precision, never soundness.
 */
export function meetingPoint(at: number, steps: (from: number) => Step[]): number | undefined {
  const successors = reach(at, steps);
  if (successors === undefined) return undefined;
  const predecessors = new Map<number, number[]>();
  for (const [node, next] of successors)
    for (const target of next) {
      const list = predecessors.get(target);
      if (list === undefined) predecessors.set(target, [node]);
      else list.push(node);
    }
  const order = postorder(EXIT, predecessors);
  const rank = new Map(order.map((node, index) => [node, index]));
  const dominator = new Map<number, number>([[EXIT, EXIT]]);
  const meet = (a: number, b: number): number => {
    let x = a;
    let y = b;
    while (x !== y) {
      while ((rank.get(x) ?? 0) < (rank.get(y) ?? 0)) x = dominator.get(x) ?? EXIT;
      while ((rank.get(y) ?? 0) < (rank.get(x) ?? 0)) y = dominator.get(y) ?? EXIT;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = order.length - 2; i >= 0; i--) {
      const node = order[i] as number;
      let best: number | undefined;
      for (const next of successors.get(node) ?? []) {
        if (!dominator.has(next)) continue;
        best = best === undefined ? next : meet(next, best);
      }
      if (best !== undefined && dominator.get(node) !== best) {
        dominator.set(node, best);
        changed = true;
      }
    }
  }
  const result = dominator.get(at);
  return result === EXIT ? undefined : result;
}

function reach(from: number, steps: (from: number) => Step[]): Map<number, number[]> | undefined {
  const successors = new Map<number, number[]>();
  const waiting = [from];
  for (let start = waiting.pop(); start !== undefined; start = waiting.pop()) {
    if (successors.has(start)) continue;
    const run = steps(start);
    if (run.length === 0) successors.set(start, [EXIT]);
    for (const { at, next, flow, target } of run) {
      if (successors.has(at)) break;
      if (successors.size > MOST) return undefined;
      const targets: number[] = [];
      if (flow !== "jump" && flow !== "end") targets.push(next);
      if (target !== undefined) targets.push(target);
      successors.set(at, targets.length === 0 ? [EXIT] : targets);
      if (target !== undefined) waiting.push(target);
      if (targets.includes(next)) waiting.push(next);
    }
  }
  return successors;
}

/** Nodes in the order in which a walk from `root` leaves them; the root is the last. */
function postorder(root: number, edges: ReadonlyMap<number, readonly number[]>): number[] {
  const order: number[] = [];
  const seen = new Set([root]);
  const stack: { node: number; next: number }[] = [{ node: root, next: 0 }];
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const child = edges.get(top.node)?.[top.next++];
    if (child === undefined) {
      order.push(top.node);
      stack.pop();
    } else if (!seen.has(child)) {
      seen.add(child);
      stack.push({ node: child, next: 0 });
    }
  }
  return order;
}
