import { fieldByMeaning, type NamedField, namedField } from "../fields/field-names.js";
import { fieldByEncoding } from "../fields/fields.js";
import { listLine } from "./list-line.js";
import { type Pair, type PairContext, pairsOf } from "./pairs.js";

/** A pair of a list, with its line. */
export interface ListItem extends Pair {
  readonly line: number;
  /** HAXM's form. */
  readonly haxm?: true;
}

/** Collects the lists of fields of a text, in any shape. */
export interface ListFinder {
  readonly line: (text: string, number: number) => void;
  readonly end: () => readonly (readonly ListItem[])[];
}

/** Fewer known fields than this are not a list of fields but a coincidence. */
const LEAST = 3;
/** A list has no more items than this; a longer one is cut, and said to be. */
export const LIST_MOST = 4096;
/** Items of the same shape before the first known field that belong to its list. */
const BEFORE_MOST = 64;
/** A list in which so many fields are known begins again where its first field comes back. */
const WHOLE = 8;
/** Longer lines are data of another kind. */
const LINE_MOST = 65_536;

export function listFinder(): ListFinder {
  const lists: ListItem[][] = [];
  const context: PairContext = { open: [] };
  let list: ListItem[] = [];
  let before: ListItem[] = [];
  let known = 0;
  let separated = false;
  let first: NamedField | undefined;
  const shapes = new Set<string>();
  const flush = (): void => {
    if (known >= LEAST) lists.push(list);
    list = [];
    before = [];
    known = 0;
    first = undefined;
    shapes.clear();
  };
  const take = (item: ListItem): void => {
    if (item.field === undefined) {
      if (list.length === 0) {
        before.push(item);
        if (before.length > BEFORE_MOST) before = before.slice(-BEFORE_MOST / 2);
      } else if (list.length < LIST_MOST && shapes.has(item.shape)) list.push(item);
      return;
    }
    const again = first?.row === item.field.row && first.high === item.field.high && !isWrite(item);
    if (again && (known >= WHOLE || (separated && known >= LEAST))) flush();
    separated = false;
    // The list begins at its first line of this shape, not at the first name that is known.
    if (list.length === 0)
      list = before.filter(({ shape, line }) => shape === item.shape && item.line - line <= BEFORE_MOST);
    first ??= item.field;
    shapes.add(item.shape);
    if (list.length < LIST_MOST) {
      list.push(item);
      known++;
    }
  };
  return {
    line(text, number) {
      if (text.length > LINE_MOST) return;
      const items = itemsOf(text, number, context);
      // A heading of the next vCPU's list.
      if (items.length === 0 && /\w/.test(text)) separated = true;
      for (const item of items) take(item);
    },
    end() {
      flush();
      return lists;
    },
  };
}

/** A log of VMWRITEs: the last value of a field counts. */
export function isWrite({ shape }: Pair): boolean {
  return /write/i.test(shape);
}

function itemsOf(text: string, line: number, context: PairContext): readonly ListItem[] {
  if (!/[=:,|\s[]/.test(text)) {
    if (/[{}]/.test(text)) pairsOf(text, context);
    return [];
  }
  const own = listLine(text, line);
  if (own?.haxm === true) return [fromLine(text, line, own)];
  const pairs = pairsOf(text, context);
  const first = pairs.findIndex(({ field }) => field !== undefined);
  if (first < 0) {
    if (own === undefined) return pairs.map((pair) => ({ ...pair, line }));
    const item = fromLine(text, line, own);
    return item.field !== undefined || pairs.length === 0 ? [item] : pairs.map((pair) => ({ ...pair, line }));
  }
  // What a log puts before the first field is not part of the list; members of a structure are.
  const from = pairs.length > 1 && !/[,;]/.test(text) ? first : 0;
  return pairs.slice(from).map((pair) => ({ ...pair, line }));
}

function fromLine(text: string, line: number, own: NonNullable<ReturnType<typeof listLine>>): ListItem {
  const { encoding, name = "", digits, haxm } = own;
  const shape = haxm
    ? "haxm"
    : (/=>|->|[=:]/.exec(text.slice(name === "" ? 0 : text.indexOf(name) + name.length))?.[0] ?? " ");
  const base = haxm || isMarked(text, digits) ? "hex" : "bare";
  const common = {
    name: name === "" && encoding !== undefined ? `0x${encoding.toString(16)}` : name,
    digits,
    base,
    shape,
    line,
  } as const;
  if (encoding !== undefined) {
    const row = fieldByEncoding(encoding);
    return {
      ...common,
      encoding,
      ...(haxm ? { haxm: true } : {}),
      ...(row === undefined ? {} : { field: { row, high: encoding !== row.encoding } }),
    };
  }
  const field = namedField(name);
  if (field !== undefined) return { ...common, field };
  const row = fieldByMeaning(name);
  return row === undefined ? common : { ...common, field: { row, high: false }, byMeaning: true };
}

/** Whether the digits have `0x` before them or an `h` behind. */
function isMarked(text: string, digits: string): boolean {
  const plain = text.replace(/_/g, "");
  const at = plain.lastIndexOf(digits);
  return at >= 0 && (/0x$/i.test(plain.slice(Math.max(0, at - 2), at)) || /^h/i.test(plain.slice(at + digits.length)));
}
