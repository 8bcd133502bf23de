import { fieldByMeaning, namedField } from "../../fields/field-names.js";
import { fieldByEncoding } from "../../fields/fields.js";
import { LIST_MOST, type ListCollector, type ListItem, listCollector } from "./list-collector.js";
import { listLine } from "./list-line.js";
import {
  type GridRow,
  gridPairs,
  gridRow,
  isOtherPart,
  loneName,
  loneValue,
  withoutElement,
  withoutIndex,
} from "./list-lines.js";
import { prefixFilter } from "./log-prefix.js";
import type { PairContext } from "./pair-name.js";
import { pairsOf } from "./pairs.js";
import { columnsIn, rowOfSegment } from "./registers.js";

/** Collects the lists of fields of a text, in any shape. */
export interface ListFinder {
  readonly line: (text: string, number: number) => void;
  readonly end: () => readonly (readonly ListItem[])[];
}

/** Longer lines are data of another kind. */
const LINE_MOST = 65_536;

/** What a program prints before the lines of one of several processors. */
const LANE = /\b(?:(?:v?cpu|core|processor|vp)(?:[ #(=_[]{0,3}|:)(?:id[ =:]{1,2})?(?:0x)?\d{1,3}|d\d{1,5}v\d{1,4})\b/i;
/** So many processors may print their lists at the same time. */
const LANES_MOST = 64;

export function listFinder(): ListFinder {
  const lists: (readonly ListItem[])[] = [];
  const context: PairContext = { open: [] };
  const collector = () => listCollector((list) => lists.push(list));
  const common = collector();
  const lanes = new Map<string, ListCollector>();
  let current = common;
  let pending: { readonly name: string; readonly number: number } | undefined;
  let grid: GridRow[] = [];
  let columns: readonly string[] | undefined;
  /** Lines of several processors may be mixed; a line that names none belongs to the one before it. */
  const collectorOf = (text: string): ListCollector => {
    const lane = LANE.exec(text)?.[0].toLowerCase();
    if (lane === undefined) return current;
    let own = lanes.get(lane);
    if (own === undefined) {
      if (lanes.size >= LANES_MOST) return current;
      // The first has what came before a processor was named.
      own = lanes.size === 0 ? common : collector();
      lanes.set(lane, own);
    }
    current = own;
    return own;
  };
  const endGrid = (): void => {
    for (const item of gridPairs(grid)) current.take(item);
    grid = [];
  };
  const read = (text: string, number: number, whole: string): void => {
    const row = gridRow(text, number);
    if (row !== undefined) {
      if (grid.length < LIST_MOST) grid.push(row);
      return;
    }
    if (grid.length > 0 && text.trim() !== "") {
      // A heading inside the grid; everything else ends it.
      if (/[=:]/.test(text)) endGrid();
    }
    const plain = text.trimStart().startsWith("<") ? withoutElement(text) : withoutIndex(text);
    if (pending !== undefined && plain.trim() !== "") {
      const value = loneValue(plain);
      if (value === undefined && isOtherPart(plain)) return;
      const { name, number: line } = pending;
      pending = undefined;
      if (value !== undefined) {
        for (const item of itemsOf(`${name} = ${value}`, line, { open: [] })) current.take(item);
        return;
      }
    }
    const header = columnsIn(plain);
    if (header !== undefined) {
      columns = header;
      return;
    }
    const inTable = columns === undefined ? [] : rowOfSegment(plain, columns, context.part);
    const items =
      inTable.length > 0 ? inTable.map((pair) => ({ ...pair, line: number })) : itemsOf(plain, number, context);
    if (items.length === 0) {
      const name = loneName(plain);
      if (name !== undefined) pending = { name, number };
      // A heading of the next vCPU's list.
      else if (/\w/.test(plain)) collectorOf(whole).heading();
      return;
    }
    const own = items.some(({ field }) => field !== undefined) ? collectorOf(whole) : current;
    for (const item of items) own.take(item);
  };
  const prefixes = prefixFilter(read);
  return {
    line(text, number) {
      if (text.length <= LINE_MOST) prefixes.line(text, number);
    },
    end() {
      prefixes.end();
      endGrid();
      for (const own of new Set([common, ...lanes.values()])) own.end();
      return lists.sort((a, b) => (a[0]?.line ?? 0) - (b[0]?.line ?? 0));
    },
  };
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
