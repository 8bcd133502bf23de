import type { Certainty, Message } from "../rules/machine.js";
import type { Printed } from "./kernel/printk.js";

/** A message of the kernel, and how sure each side is that it is printed; `"no"` where one side does not have it. */
export interface ComparedMessage {
  readonly level: number;
  readonly text: string;
  readonly tables: Said;
  readonly module: Said;
}

/** `"maybe"` where what was not read decides. */
export type Said = "yes" | "maybe" | "no";

type Line = Pick<Message, "level" | "text"> & { readonly certain: Certainty };
type PrintedLine = Printed & { readonly certain: boolean };

/** Messages of both sides side by side, in their order: one that comes at another place is missing here and one more there. */
export function compareMessages(tables: readonly Line[], module: readonly PrintedLine[]): readonly ComparedMessage[] {
  const length = commonLengths(tables, module);
  const found: ComparedMessage[] = [];
  let i = 0;
  let j = 0;
  while (i < tables.length || j < module.length) {
    const ours = tables[i];
    const theirs = module[j];
    if (ours !== undefined && theirs !== undefined && isSame(ours, theirs)) {
      const exact = ours.text === theirs.text;
      found.push({
        level: theirs.level,
        text: theirs.text,
        tables: exact ? said(ours) : "maybe",
        module: exact ? said(theirs) : "maybe",
      });
      i++;
      j++;
    } else if (theirs === undefined || (ours !== undefined && at(length, i + 1, j) >= at(length, i, j + 1))) {
      if (ours !== undefined) found.push({ level: ours.level, text: ours.text, tables: said(ours), module: "no" });
      i++;
    } else {
      found.push({ level: theirs.level, text: theirs.text, tables: "no", module: said(theirs) });
      j++;
    }
  }
  return found;
}

function said({ certain }: { readonly certain: Certainty }): Said {
  return certain === true ? "yes" : "maybe";
}

function isSame(a: Line, b: PrintedLine): boolean {
  return a.level === b.level && (a.text === b.text || fits(b.text, a.text) || fits(a.text, b.text));
}

/** Whether a text can be another one in which `?` is what unread bits decide. */
function fits(open: string, text: string): boolean {
  const parts = open.split("?");
  const last = parts.pop() as string;
  let from = 0;
  for (const [index, part] of parts.entries()) {
    const found = text.indexOf(part, from);
    if (found < 0 || (index === 0 && found !== 0)) return false;
    from = found + part.length;
  }
  return parts.length > 0 && text.length - last.length >= from && text.endsWith(last);
}

/** How many messages two lists have in common from each place on, in the same order. */
function commonLengths(tables: readonly Line[], module: readonly PrintedLine[]): readonly (readonly number[])[] {
  const rows: number[][] = Array.from({ length: tables.length + 1 }, () =>
    new Array<number>(module.length + 1).fill(0),
  );
  for (let i = tables.length - 1; i >= 0; i--)
    for (let j = module.length - 1; j >= 0; j--) {
      const [ours, theirs, row] = [tables[i], module[j], rows[i]];
      if (ours === undefined || theirs === undefined || row === undefined) continue;
      row[j] = isSame(ours, theirs) ? 1 + at(rows, i + 1, j + 1) : Math.max(at(rows, i + 1, j), at(rows, i, j + 1));
    }
  return rows;
}

function at(rows: readonly (readonly number[])[], i: number, j: number): number {
  return rows[i]?.[j] ?? 0;
}
