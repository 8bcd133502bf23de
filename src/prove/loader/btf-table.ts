import { BadFile } from "./elf.js";

/*
 * The bytes of BTF: where each type starts, and where a name is among the strings.
 */

/** Kinds of types that matter here, as the format numbers them. */
export const INT = 1;
export const POINTER = 2;
export const ARRAY = 3;
export const STRUCT = 4;
export const UNION = 5;
export const ENUM = 6;
export const TYPEDEF = 8;
export const VOLATILE = 9;
export const CONST = 10;
export const RESTRICT = 11;
export const FUNC_PROTO = 13;
export const VAR = 14;
export const DATASEC = 15;
const DECL_TAG = 17;
export const TYPE_TAG = 18;
export const ENUM64 = 19;

const MOST_TYPES = 2_000_000;

export interface Table {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly strings: number;
  readonly stringsEnd: number;
  /** Where each type of this table starts. */
  readonly starts: Uint32Array;
  readonly first: number;
  readonly firstString: number;
  /** All strings as one text, built when a name is first looked up. */
  text?: string;
  /** Structures, unions and enumerations by the offset of their names, built when one is first looked up. */
  named?: ReadonlyMap<number, readonly number[]>;
}

export function readTable(bytes: Uint8Array, below: Table | undefined): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 24 || view.getUint16(0, true) !== 0xeb9f) throw new BadFile("not BTF");
  const header = view.getUint32(4, true);
  const types = header + view.getUint32(8, true);
  const typesEnd = types + view.getUint32(12, true);
  const strings = header + view.getUint32(16, true);
  const stringsEnd = strings + view.getUint32(20, true);
  if (typesEnd > bytes.length || stringsEnd > bytes.length) throw new BadFile("BTF is cut off");
  const starts: number[] = [];
  let at = types;
  while (at + 12 <= typesEnd) {
    if (starts.length >= MOST_TYPES) throw new BadFile(`more than ${MOST_TYPES} types in BTF`);
    starts.push(at);
    at += 12 + extra(view.getUint32(at + 4, true));
  }
  if (at !== typesEnd) throw new BadFile("BTF ends inside a type");
  return {
    bytes,
    view,
    strings,
    stringsEnd,
    starts: Uint32Array.from(starts),
    first: below === undefined ? 1 : below.first + below.starts.length,
    firstString: below === undefined ? 0 : below.firstString + (below.stringsEnd - below.strings),
  };
}

/** Bytes of a type after its first twelve. */
function extra(info: number): number {
  const kind = (info >>> 24) & 31;
  const count = info & 0xffff;
  switch (kind) {
    case INT:
    case VAR:
    case DECL_TAG:
      return 4;
    case ARRAY:
      return 12;
    case STRUCT:
    case UNION:
    case DATASEC:
    case ENUM64:
      return 12 * count;
    case ENUM:
    case FUNC_PROTO:
      return 8 * count;
    default:
      return kind === 0 || kind > ENUM64 ? badKind(kind) : 0;
  }
}

function badKind(kind: number): never {
  throw new BadFile(`BTF holds a type of kind ${kind}`);
}

/** Offsets of the strings of a table that are a name, as types refer to them. */
export function stringOffsets(table: Table, name: string): number[] {
  table.text ??= new TextDecoder("latin1").decode(table.bytes.subarray(table.strings, table.stringsEnd));
  const offsets: number[] = [];
  const wanted = `\0${name}\0`;
  for (let at = table.text.indexOf(wanted); at >= 0; at = table.text.indexOf(wanted, at + 1))
    offsets.push(at + 1 + table.firstString);
  return offsets;
}

const NAMED: readonly boolean[] = Array.from({ length: 32 }, (_unused, kind) =>
  [STRUCT, UNION, ENUM, ENUM64].includes(kind),
);

export function namedTypes(table: Table): ReadonlyMap<number, readonly number[]> {
  if (table.named !== undefined) return table.named;
  const named = new Map<number, number[]>();
  const { starts, view, first } = table;
  // A loop over numbers: there are a hundred thousand types, and a few names to find among them.
  for (let index = 0; index < starts.length; index++) {
    const at = starts[index] as number;
    if (NAMED[(view.getUint32(at + 4, true) >>> 24) & 31] !== true) continue;
    const offset = view.getUint32(at, true);
    const types = named.get(offset);
    if (types === undefined) named.set(offset, [first + index]);
    else types.push(first + index);
  }
  table.named = named;
  return named;
}
