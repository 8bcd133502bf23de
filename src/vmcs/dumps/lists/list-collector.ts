import { controlsInShort, isControls, type NamedField } from "../../fields/field-names.js";
import type { FieldRow } from "../../fields/field-row.js";
import type { Pair } from "./pairs.js";

/** A pair of a list, with its line. */
export interface ListItem extends Pair {
  readonly line: number;
  /** HAXM's form. */
  readonly haxm?: true;
}

/** Fewer known fields than this are not a list of fields but a coincidence. */
const LEAST = 3;
/** A list has no more items than this; a longer one is cut, and said to be. */
export const LIST_MOST = 4096;
/** Items of the same shape before the first known field that belong to its list. */
const BEFORE_MOST = 64;
/** A list in which so many fields are known begins again where its first field comes back. */
const WHOLE = 8;
/** Controls have 32 bits; the MSRs that limit them, which some call the same, have 64. */
const CONTROL_DIGITS = 8;

/** Puts the items of one program or processor together to lists. */
export interface ListCollector {
  readonly take: (item: ListItem) => void;
  /** A line that is not part of a list. */
  readonly heading: () => void;
  readonly end: () => void;
}

export function listCollector(sink: (list: readonly ListItem[]) => void): ListCollector {
  let list: ListItem[] = [];
  let before: ListItem[] = [];
  let known = 0;
  /** Fields whose names are those of a VMCS: registers alone may be anybody's. */
  let own = 0;
  let separated = false;
  let first: NamedField | undefined;
  const shapes = new Set<string>();
  /** Items named `pin`, `secondary`, `entry` and the like: controls, where enough of them are together. */
  const short = new Map<FieldRow, ListItem>();
  const controls = new Set<FieldRow>();
  const end = (): void => {
    if (known >= LEAST && own > 0) sink(list);
    list = [];
    own = 0;
    before = [];
    known = 0;
    first = undefined;
    shapes.clear();
    short.clear();
    controls.clear();
  };
  /** The items that are controls by the company they are in, once it is large enough. */
  const controlsIn = (item: ListItem): readonly ListItem[] => {
    const row = item.digits.length > CONTROL_DIGITS ? undefined : controlsInShort(item.name);
    if (row === undefined) return [];
    short.set(row, item);
    const together = [...short].filter(([, { line }]) => item.line - line <= BEFORE_MOST);
    if (together.length + controls.size < LEAST) return [];
    short.clear();
    const found = new Set(together.map(([, one]) => one));
    before = before.filter((one) => !found.has(one));
    list = list.filter((one) => !found.has(one));
    return together.map(([of, one]) => ({ ...one, field: { row: of, high: false } }));
  };
  const take = (item: ListItem): void => {
    if (item.field === undefined) {
      const found = controlsIn(item);
      if (found.length > 0) for (const one of found) take(one);
      else if (list.length === 0) {
        before.push(item);
        if (before.length > BEFORE_MOST) before = before.slice(-BEFORE_MOST / 2);
      } else if (list.length < LIST_MOST && shapes.has(item.shape)) list.push(item);
      return;
    }
    const { row, high } = item.field;
    const again = first?.row === row && first.high === high && !isWrite(item);
    if (again && (known >= WHOLE || (separated && known >= LEAST))) end();
    separated = false;
    // The list begins at its first line of this shape, not at the first name that is known.
    if (list.length === 0)
      list = before.filter(({ shape, line }) => shape === item.shape && item.line - line <= BEFORE_MOST);
    first ??= item.field;
    shapes.add(item.shape);
    if (isControls(row)) controls.add(row);
    if (list.length < LIST_MOST) {
      list.push(item);
      known++;
      // How an exit ended is said by others, too.
      if (item.plain !== true && !row.key.startsWith("info.")) own++;
    }
  };
  return {
    take,
    heading() {
      separated = true;
    },
    end,
  };
}

/** A log of VMWRITEs: the last value of a field counts. */
export function isWrite({ shape }: Pair): boolean {
  return /write/i.test(shape);
}
