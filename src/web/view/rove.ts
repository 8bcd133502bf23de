/** By how much a key moves among the buttons of a group. */
const BY = {
  down: { ArrowUp: -1, ArrowDown: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY },
  across: { ArrowLeft: -1, ArrowRight: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY },
} as const;

/**
 * Arrow keys in a group of buttons where only the chosen one is in the order of the Tab key: a list of 60 kernels
 * is one stop. The next button has the focus then, and is chosen, unless pressing it does something else.
 */
export function rove(event: KeyboardEvent, way: keyof typeof BY, choose = true): void {
  const by = (BY[way] as { readonly [key: string]: number })[event.key];
  const here = (event.target as Element).closest("button");
  if (by === undefined || here === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...(event.currentTarget as Element).querySelectorAll<HTMLButtonElement>("button[tabindex]")];
  const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(here) + by))];
  event.preventDefault();
  if (next === undefined || next === here) return;
  next.focus();
  if (choose) next.click();
}
