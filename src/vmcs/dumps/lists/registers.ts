import type { NamedField } from "../../fields/field-names.js";
import { FIELDS } from "../../fields/fields.js";
import { numberAt } from "./number.js";
import type { Named, PairContext } from "./pair-name.js";
import type { Pair } from "./pairs.js";

/*
 * Registers under their plain names, as programs print the state of a guest: `CR0=…`, `CS: sel=… base=… limit=… ar=…`,
 * and tables with a row for each segment.
 */

const rows = new Map(FIELDS.map((row) => [row.key as string, row]));

/** Registers that a guest and a host have under one name. */
const REGISTERS: { readonly [name: string]: string } = {
  cr0: "cr0",
  cr3: "cr3",
  cr4: "cr4",
  dr7: "dr7",
  rsp: "rsp",
  esp: "rsp",
  rip: "rip",
  eip: "rip",
  rflags: "rflags",
  eflags: "rflags",
  efer: "efer",
  pat: "pat",
  debugctl: "debugctl",
};
const SEGMENT = /^(?:guest|host|vmcs|g|h)?_?(cs|ss|ds|es|fs|gs|tr|ldtr?|gdtr?|idtr?)$/i;
const PARTS: { readonly [name: string]: string } = {
  sel: "sel",
  selector: "sel",
  base: "base",
  limit: "limit",
  lim: "limit",
  ar: "ar",
  attr: "ar",
  attrs: "ar",
  attrib: "ar",
  attributes: "ar",
  rights: "ar",
  access: "ar",
  arbytes: "ar",
  accessrights: "ar",
};

function segmentOf(word: string): string | undefined {
  const name = SEGMENT.exec(word)?.[1]?.toLowerCase();
  return name === "ldt" || name === "gdt" || name === "idt" ? `${name}r` : name;
}

/** A field by a plain name; `plain` because the name alone does not say that it is one of a VMCS. */
type Plain = Pick<Named, "name" | "field" | "plain">;

function plainField(key: string, name: string, part: PairContext["part"], plain: boolean): Plain | undefined {
  const row = rows.get(`${part ?? "guest"}.${key}`);
  return row === undefined ? undefined : { name, field: { row, high: false }, ...(plain ? { plain: true } : {}) };
}

/** What the words before a value mean: a register, or a part of the segment that they or what is around them name. */
export function registerIn(tail: readonly string[], context: PairContext, subject: string): Plain | undefined {
  const side = tail.some((word) => /^host/i.test(word)) ? "host" : context.part;
  const last = (tail.at(-1) as string).toLowerCase();
  const name = tail.join("_");
  const register = REGISTERS[last];
  if (register !== undefined) return plainField(register, name, side, true);
  const two = tail.length > 1 ? (tail.at(-2) as string).toLowerCase() + last : "";
  const part = PARTS[two] ?? PARTS[last];
  if (part === undefined) {
    const own = segmentOf(last);
    return own === undefined || own === "gdtr" || own === "idtr"
      ? undefined
      : plainField(`${own}.sel`, name, side, true);
  }
  const around = [...context.open, subject, ...tail.slice(0, PARTS[two] === undefined ? -1 : -2)];
  for (let at = around.length - 1; at >= 0; at--) {
    const segment = segmentOf(around[at] as string);
    if (segment !== undefined) return plainField(`${segment}.${part}`, name, side, part !== "ar");
  }
  return undefined;
}

/** The part of a segment in each column of a table, from the line above it. */
export function columnsIn(text: string): readonly string[] | undefined {
  if (text.length > 120 || !/limit|lim\b/i.test(text) || /\d/.test(text)) return undefined;
  const words = text
    .toLowerCase()
    .replace(/access.?rights|ar.?bytes/g, "ar")
    .match(/[a-z]+/g);
  const columns = words?.map((word) => PARTS[word]) ?? [];
  const known = columns.filter((part) => part !== undefined);
  // The first column has the names of the segments.
  return known.length >= 3 && columns.slice(columns.length - known.length).every((part) => part !== undefined)
    ? (known as string[])
    : undefined;
}

/** `CS  0x8  0x0  0xffffffff  0xa09b` under the columns that a line above it named. */
export function rowOfSegment(text: string, columns: readonly string[], part: PairContext["part"]): readonly Pair[] {
  if (text.length > 200) return [];
  const [first, ...cells] = text.split(/[\s|,;:=]+/).filter((cell) => cell !== "");
  const segment = first === undefined ? undefined : segmentOf(first);
  if (segment === undefined) return [];
  // A table register has neither selector nor rights.
  const own = cells.length === columns.length ? columns : columns.filter((name) => name === "base" || name === "limit");
  if (cells.length !== own.length) return [];
  return cells.flatMap((cell, at) => {
    const value = numberAt(cell, 0);
    const named = plainField(`${segment}.${own[at]}`, `${segment}_${own[at]}`, part, own[at] !== "ar");
    if (value === undefined || value.end < cell.length || named === undefined) return [];
    return [{ ...named, digits: value.digits, base: value.base, shape: "segments" }];
  });
}

/** The segment whose selector a field is: what follows may be parts of the same one. */
export function segmentNamed(field: NamedField | undefined): string | undefined {
  return /^(?:guest|host)\.(\w+)\.sel$/.exec(field?.row.key ?? "")?.[1];
}
