import type { Vmcs } from "./state.js";

/** Guests that fail side by side print their dumps in turn. */
const KEPT = 8;

/**
 * What `judge` makes of one VMCS after the other. A guest that fails prints the same VMCS over and over, so a VMCS
 * with the content of one of the last is not judged again.
 */
export function judgedOnce<T>(judge: (vmcs: Vmcs) => T): (vmcs: Vmcs) => T {
  const known = new Map<string, T>();
  return (vmcs) => {
    const key = contentOf(vmcs);
    const before = known.get(key);
    if (before !== undefined) return before;
    const made = judge(vmcs);
    if (known.size >= KEPT) known.clear();
    known.set(key, made);
    return made;
  };
}

function contentOf({ fields, ...rest }: Vmcs): string {
  const content: number[] = [];
  for (const [encoding, { lo, hi }] of fields) content.push(encoding, lo.value, lo.unknown, hi.value, hi.unknown);
  return `${content.join()} ${JSON.stringify(rest)}`;
}
