import { fieldByEncoding } from "../../fields/fields.js";
import { CLOSERS, numberAt, WORD } from "./number.js";
import { nameIn, type PairContext } from "./pair-name.js";
import type { Pair } from "./pairs.js";
import { blanksEnd, runEnd, runOf } from "./scan.js";

/*
 * Pairs that are not on one line: a name and its value below it, the elements of XML, and rows of values behind the encoding
 * of the first.
 */

const NO_CONTEXT: PairContext = { open: [] };
const LINE_MOST = 200;
/** What may be around a lone value or behind a lone name. */
const AROUND = runOf(" \t([{\"'`$-");
const BEHIND = runOf(" \t)}\"'`,;");
const LABEL = /^(?:value|val|data|bits|raw|integer|int|string|\d{1,6})$/i;
/** Parts of a record that are neither its name nor its value. */
const OTHER_PART =
  /^[\s-]{0,40}"?(?:encoding|enc|id|index|width|type|access|size|bits?|offset)"?\s{0,4}[:=]\s{0,4}\S{1,40}$/i;

/** A name that a value on the next line belongs to: `guest_cr0: Reg(`, `- name: GUEST_CR0`, `(gdb) p/x vmcs.guest_cr0`. */
export function loneName(text: string): string | undefined {
  if (text.length > LINE_MOST || !/[A-Za-z]{2}/.test(text)) return undefined;
  const joint = /[:=](?!:)/.exec(text)?.index ?? -1;
  const parts = joint < 0 ? [text] : [text.slice(0, joint), text.slice(joint + 1)];
  for (const part of parts) {
    const named = nameIn(part.replace(/[(){}[\],;]/g, " ").trim(), NO_CONTEXT, "");
    if (named?.field !== undefined && named.byMeaning !== true) return part;
  }
  return undefined;
}

/** The value on a line that has nothing else: `0x31,`, `value: 49`, `$1 = 0x31`. */
export function loneValue(text: string): string | undefined {
  if (text.length > LINE_MOST) return undefined;
  let at = runEnd(text, 0, AROUND);
  const word = runEnd(text, at, WORD);
  const mark = blanksEnd(text, word);
  if ((text[mark] === ":" || text[mark] === "=") && LABEL.test(text.slice(at, word)))
    at = runEnd(text, mark + 1, AROUND);
  const value = numberAt(text, at);
  if (value === undefined || runEnd(text, runEnd(text, value.end, CLOSERS), BEHIND) < text.length) return undefined;
  return text.slice(at, value.end);
}

/** Whether a line is a part of a record between its name and its value. */
export function isOtherPart(text: string): boolean {
  return text.length <= LINE_MOST && OTHER_PART.test(text);
}

const ELEMENT =
  /^\s{0,100}<([A-Za-z][\w.:-]{0,63})((?:\s[^<>]{0,300})?)\/?>([^<>]{0,200})(?:<\/[\w.:-]{1,64}>)?\s{0,20}$/;
const ATTRIBUTE = /([\w:.-]{1,64})\s{0,4}=\s{0,4}["']([^"']{0,200})["']/g;
const NAMING = /^(?:name|key|field|id|enc|encoding|register|reg)$/i;

/** `<field name="GUEST_CR0">0x31</field>`, `<GUEST_CR0>49</GUEST_CR0>`, `<key>GUEST_CR0</key>` without the element. */
export function withoutElement(text: string): string {
  const [, tag, attributes, content] = ELEMENT.exec(text) ?? [];
  if (tag === undefined || attributes === undefined || content === undefined) return text;
  const inside = content.trim();
  if (attributes === "" || attributes === "/") return NAMING.test(tag) ? inside : `${tag} = ${inside}`;
  const said = attributes.replace(ATTRIBUTE, (_, name: string, value: string) =>
    NAMING.test(name) ? value : `${name} = ${value}`,
  );
  return inside === "" ? said : `${said} = ${inside}`;
}

/** A row of values behind an encoding; a cell is `undefined` where dashes are. */
export interface GridRow {
  readonly line: number;
  readonly encoding: number;
  readonly cells: readonly (string | undefined)[];
}

const GRID = /^\s{0,80}(?:0x)?([0-9a-f]{4,8}):((?:\s{1,8}(?:0x[0-9a-f]{1,16}|-{4,20}|\?{2,20})){2,16})\s{0,20}$/i;

export function gridRow(text: string, line: number): GridRow | undefined {
  if (text.length > 400) return undefined;
  const [, digits, rest] = GRID.exec(text) ?? [];
  if (digits === undefined || rest === undefined) return undefined;
  const cells = rest
    .trim()
    .split(/\s{1,8}/)
    .map((cell) => (cell.startsWith("0") ? cell.slice(2) : undefined));
  return { line, encoding: Number.parseInt(digits, 16), cells };
}

/** The encodings of a grid count by twos, or by ones with the high half of each field behind it, as the next row shows. */
export function gridPairs(rows: readonly GridRow[]): readonly (Pair & { readonly line: number })[] {
  const pairs: (Pair & { readonly line: number })[] = [];
  let step = 2;
  for (const [at, { encoding, cells, line }] of rows.entries()) {
    const next = (rows[at + 1]?.encoding ?? 0) - encoding;
    if (next === cells.length || next === 2 * cells.length) step = next / cells.length;
    else if (at === 0 || encoding >> 10 !== (rows[at - 1]?.encoding ?? 0) >> 10)
      step = fits(encoding, cells, 2) ? 2 : 1;
    for (const [column, digits] of cells.entries()) {
      if (digits === undefined) continue;
      const own = encoding + column * step;
      const row = fieldByEncoding(own);
      pairs.push({
        name: `0x${own.toString(16)}`,
        encoding: own,
        ...(row === undefined ? {} : { field: { row, high: own !== row.encoding } }),
        digits,
        base: "hex",
        shape: "grid",
        line,
      });
    }
  }
  return pairs;
}

function fits(encoding: number, cells: GridRow["cells"], step: number): boolean {
  return cells.every((cell, column) => cell === undefined || fieldByEncoding(encoding + column * step) !== undefined);
}

/** bhyvectl puts the number of the vCPU behind a name, and ACRN a sign before the lines of a guest. */
const INDEXED = /^\s{0,8}(\w[\w ]{0,40})\[\d{1,3}\]\s{1,16}(?=0x)/;
/** bhyvectl's base, limit and access rights of a segment. */
const DESCRIPTOR = /^(\w{2,4}) desc = (0x[0-9a-f]{1,16})\/(0x[0-9a-f]{1,8})\/(0x[0-9a-f]{1,8})\s{0,8}$/i;
const TABLE = /^([gi]dtr) = (0x[0-9a-f]{1,16})\/(0x[0-9a-f]{1,8})\s{0,8}$/i;

/** The line without what counts the processors in it. */
export function withoutIndex(text: string): string {
  if (text.startsWith("="))
    return text.replace(/^=\s{1,16}(?=\w)/, "").replace(/\b(R(?:IP|SP|FLAGS)|CR[034])\s?=/g, "GUEST_$1=");
  if (!text.includes("[")) return text;
  const plain = text.replace(INDEXED, "$1 = ");
  if (plain === text) return text;
  return plain.replace(DESCRIPTOR, "$1: base = $2, limit = $3, ar = $4").replace(TABLE, "$1: base = $2, limit = $3");
}
