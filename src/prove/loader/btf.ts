import {
  ARRAY,
  CONST,
  DATASEC,
  ENUM,
  ENUM64,
  FUNC_PROTO,
  INT,
  namedTypes,
  POINTER,
  RESTRICT,
  readTable,
  STRUCT,
  stringOffsets,
  type Table,
  TYPE_TAG,
  TYPEDEF,
  UNION,
  VAR,
  VOLATILE,
} from "./btf-table.js";
import { boundedText } from "./elf.js";

/*
 * BTF, the kernel's own description of its types (Documentation/bpf/btf.rst of the kernel): names, sizes and offsets of
 * structures, values of enumerations, and which variables every CPU has its own of. A module's types are numbered after
 * those of the kernel it was built for.
 */

/** A place inside a structure: bytes from its start, and the bits there for a bit field. */
export interface Place {
  readonly offset: number;
  /** Bytes of the member. */
  readonly size: number;
  /** The type of the member. */
  readonly type: number;
}

export interface Member {
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the structure. */
  readonly bit: number;
}

export interface Btf {
  /** How many types there are, with those of the base. */
  readonly end: number;
  /** Numbers of the structures and unions of a name. */
  struct(name: string): number | undefined;
  /** Members of a structure or union; empty for another type. */
  members(type: number): readonly Member[];
  /** Bytes of a type; 0 where it has none. */
  size(type: number): number;
  /** A member by its path (`cpu_features`, `nested.msrs.basic`), also in unnamed parts; undefined when it has none. */
  place(type: number, path: string): Place | undefined;
  /** Variables that every CPU has its own of, with their offsets. */
  readonly perCpu: ReadonlyMap<string, number>;
  /** Values of an enumeration, by name. */
  enumeration(name: string): ReadonlyMap<string, number> | undefined;
  /** The type that a pointer points to, seen through its other names; undefined for another type. */
  pointee(type: number): number | undefined;
  /** Types of the parameters of a function, or of what a pointer to one points to; undefined for another type. */
  parameters(type: number): readonly number[] | undefined;
}

/** Reads types; `base` are those of the kernel for the types of a module. Throws `BadFile`. */
export function readBtf(bytes: Uint8Array, base?: Btf): Btf {
  const below = base === undefined ? undefined : tables.get(base);
  if (base !== undefined && below === undefined) throw new RangeError("a base that is not of this reader");
  const table = readTable(bytes, below?.[below.length - 1]);
  const all = [...(below ?? []), table];
  const btf = makeBtf(all);
  tables.set(btf, all);
  return btf;
}

const tables = new WeakMap<Btf, readonly Table[]>();

function makeBtf(all: readonly Table[]): Btf {
  const last = all[all.length - 1] as Table;
  const find = (type: number): { table: Table; at: number } | undefined => {
    for (let i = all.length - 1; i >= 0; i--) {
      const table = all[i] as Table;
      if (type < table.first) continue;
      const at = table.starts[type - table.first];
      return at === undefined ? undefined : { table, at };
    }
    return undefined;
  };
  const string = (offset: number): string => {
    for (let i = all.length - 1; i >= 0; i--) {
      const table = all[i] as Table;
      if (offset < table.firstString) continue;
      const at = table.strings + offset - table.firstString;
      return at < table.stringsEnd ? boundedText(table.bytes, at) : "";
    }
    return "";
  };
  const each = (visit: (type: number, kind: number, table: Table, at: number) => void) => {
    for (const table of all) {
      const { starts, view, first } = table;
      for (let index = 0; index < starts.length; index++) {
        const at = starts[index] ?? 0;
        visit(first + index, (view.getUint32(at + 4, true) >>> 24) & 31, table, at);
      }
    }
  };
  /** Types by name: few are ever asked for, so each is looked up in the strings and then among the types. */
  const named = new Map<string, number | undefined>();
  const findNamed = (name: string, kinds: readonly number[]): number | undefined => {
    const key = `${kinds.join()} ${name}`;
    if (named.has(key)) return named.get(key);
    let found: number | undefined;
    for (const table of all) {
      for (const offset of stringOffsets(table, name))
        found ??= namedTypes(table)
          .get(offset)
          ?.find((type) => kinds.includes(kindOf(type)));
      if (found !== undefined) break;
    }
    // A name of the base may be used by a type of the module.
    if (found === undefined)
      for (const strings of all)
        for (const offset of stringOffsets(strings, name))
          each((type, kind, table, at) => {
            if (found === undefined && table.view.getUint32(at, true) === offset && kinds.includes(kind)) found = type;
          });
    named.set(key, found);
    return found;
  };
  const kindOf = (type: number): number => {
    const found = find(type);
    return found === undefined ? 0 : (found.table.view.getUint32(found.at + 4, true) >>> 24) & 31;
  };
  /** The type under typedefs and qualifiers. */
  const bare = (type: number): number => {
    let at = type;
    for (let depth = 0; depth < 64; depth++) {
      const kind = kindOf(at);
      if (kind !== TYPEDEF && kind !== CONST && kind !== VOLATILE && kind !== RESTRICT && kind !== TYPE_TAG) return at;
      const found = find(at);
      if (found === undefined) return at;
      at = found.table.view.getUint32(found.at + 8, true);
    }
    return at;
  };
  const memberLists = new Map<number, readonly Member[]>();
  const members = (type: number): readonly Member[] => {
    let list = memberLists.get(type);
    if (list === undefined) {
      list = readMembers(type);
      memberLists.set(type, list);
    }
    return list;
  };
  const readMembers = (type: number): Member[] => {
    const found = find(bare(type));
    if (found === undefined) return [];
    const { table, at } = found;
    const info = table.view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 31;
    if (kind !== STRUCT && kind !== UNION) return [];
    const list: Member[] = [];
    for (let i = 0; i < (info & 0xffff); i++) {
      const entry = at + 12 + 12 * i;
      const place = table.view.getUint32(entry + 8, true);
      list.push({
        name: string(table.view.getUint32(entry, true)),
        type: table.view.getUint32(entry + 4, true),
        bit: info >>> 31 === 1 ? place & 0xff_ffff : place,
      });
    }
    return list;
  };
  const sizes = new Map<number, number>();
  const size = (type: number, depth = 0): number => {
    let bytes = sizes.get(type);
    if (bytes === undefined) {
      bytes = computeSize(type, depth);
      sizes.set(type, bytes);
    }
    return bytes;
  };
  const computeSize = (type: number, depth: number): number => {
    const real = bare(type);
    const found = find(real);
    if (found === undefined || depth > 16) return 0;
    const { table, at } = found;
    switch (kindOf(real)) {
      case POINTER:
        return 8;
      case ARRAY:
        return size(table.view.getUint32(at + 12, true), depth + 1) * table.view.getUint32(at + 20, true);
      case INT:
      case STRUCT:
      case UNION:
      case ENUM:
      case ENUM64:
        return table.view.getUint32(at + 8, true);
      case VAR:
        return size(table.view.getUint32(at + 8, true), depth + 1);
      default:
        return 0;
    }
  };
  const pointee = (type: number): number | undefined => {
    const found = kindOf(bare(type)) === POINTER ? find(bare(type)) : undefined;
    return found?.table.view.getUint32(found.at + 8, true);
  };
  const member = (type: number, name: string, depth: number): { bit: number; type: number } | undefined => {
    for (const { name: here, type: of, bit } of members(type)) {
      if (here === name) return { bit, type: of };
      if (here !== "" || depth > 8) continue;
      const inside = member(of, name, depth + 1);
      if (inside !== undefined) return { bit: bit + inside.bit, type: inside.type };
    }
    return undefined;
  };
  let perCpu: ReadonlyMap<string, number> | undefined;
  return {
    end: last.first + last.starts.length,
    struct: (name) => findNamed(name, [STRUCT, UNION]),
    members,
    size,
    place(type, path) {
      let at = 0;
      let of = type;
      for (const name of path.split(".")) {
        const found = member(of, name, 0);
        if (found === undefined) return undefined;
        at += found.bit;
        of = found.type;
      }
      return at % 8 === 0 ? { offset: at / 8, size: size(of), type: of } : undefined;
    },
    get perCpu() {
      if (perCpu !== undefined) return perCpu;
      const variables = new Map<string, number>();
      each((_type, kind, table, at) => {
        if (kind !== DATASEC || string(table.view.getUint32(at, true)) !== ".data..percpu") return;
        const count = table.view.getUint32(at + 4, true) & 0xffff;
        for (let i = 0; i < count; i++) {
          const entry = at + 12 + 12 * i;
          const variable = find(table.view.getUint32(entry, true));
          if (variable === undefined) continue;
          variables.set(
            string(variable.table.view.getUint32(variable.at, true)),
            table.view.getUint32(entry + 4, true),
          );
        }
      });
      perCpu = variables;
      return variables;
    },
    enumeration(name) {
      const type = findNamed(name, [ENUM, ENUM64]);
      const found = type === undefined ? undefined : find(type);
      if (found === undefined) return undefined;
      const { table, at } = found;
      const info = table.view.getUint32(at + 4, true);
      const step = ((info >>> 24) & 31) === ENUM64 ? 12 : 8;
      const values = new Map<string, number>();
      for (let i = 0; i < (info & 0xffff); i++) {
        const entry = at + 12 + step * i;
        values.set(string(table.view.getUint32(entry, true)), table.view.getInt32(entry + 4, true));
      }
      return values;
    },
    pointee,
    parameters(type) {
      const real = bare(pointee(type) ?? type);
      const found = kindOf(real) === FUNC_PROTO ? find(real) : undefined;
      if (found === undefined) return undefined;
      const { table, at } = found;
      const count = table.view.getUint32(at + 4, true) & 0xffff;
      return Array.from({ length: count }, (_unused, i) => table.view.getUint32(at + 16 + 8 * i, true));
    },
  };
}
