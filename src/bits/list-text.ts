/** `a, b and c`. */
export function listText(items: readonly string[], last = "and"): string {
  if (items.length < 2) return items[0] ?? "";
  return `${items.slice(0, -1).join(", ")} ${last} ${items.at(-1)}`;
}

/** `a, b and c`, or the first of more than `most`: `a, b and 7 more`. */
export function listFirst(items: readonly string[], most: number): string {
  return items.length > most ? `${items.slice(0, most).join(", ")} and ${items.length - most} more` : listText(items);
}
