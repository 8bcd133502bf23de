import { atlas } from "../../../src/input/atlas/atlas.js";

/** One CPU of the atlas for each generation: of those allowed, the first one with the most VMX registers read. */
export function representatives(
  allowed: (id: string) => boolean = () => true,
): readonly { readonly generation: string; readonly id: string }[] {
  const best = new Map<string, { readonly id: string; readonly count: number }>();
  for (const { id, generation, cores } of atlas()) {
    if (!allowed(id)) continue;
    const count = Math.max(...cores.map((core) => core.msrs.size));
    if (count > (best.get(generation)?.count ?? 0)) best.set(generation, { id, count });
  }
  return [...best].map(([generation, { id }]) => ({ generation, id }));
}
