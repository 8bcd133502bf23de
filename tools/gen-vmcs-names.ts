/*
 * Writes src/vmcs/fields/header-names.ts and test/vmcs/header-names.ts: what public headers call the fields of a VMCS. Names and encodings are facts;
 * nothing else of a header is taken.
 *
 *   gen-vmcs-names FAMILY=FILE...   each FILE is the header of a family of HEADERS, at the revision named there
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { namedByRule } from "../src/vmcs/fields/field-names.js";
import type { FieldRow } from "../src/vmcs/fields/field-row.js";
import { FIELDS, fieldByEncoding, splitEncoding } from "../src/vmcs/fields/fields.js";
import { HEADERS, type HeaderFamily } from "../src/vmcs/fields/headers.js";

const target = path.join(import.meta.dirname, "../src/vmcs/fields/header-names.ts");
/** All of them, for the tests. */
const every = path.join(import.meta.dirname, "../test/vmcs/header-names.ts");

/** `#define NAME 0x4000`, `NAME = 0x4000ul,`, `pub const NAME: u32 = 0x4000;` */
const DEFINITION =
  /^\s*(?:#\s*define\s+)?(?:pub\s+const\s+)?(\w+)(?:\s*:\s*u32)?\s*=?\s+\(?(0x[0-9A-Fa-f]{1,8})(?:ul|UL|u|U)?\)?\s*[,;]?\s*(?:\/[/*].*)?$/;
/** Rust's crate names fields inside a module for each part. */
const MODULE = /^\s*pub mod (\w+) \{/;

function namesIn(family: HeaderFamily, text: string): Map<number, string> {
  const found = new Map<number, string>();
  let part = "";
  for (const line of text.split("\n")) {
    part = MODULE.exec(line)?.[1] ?? part;
    const [, name, digits] = DEFINITION.exec(line) ?? [];
    if (name === undefined || digits === undefined || !HEADERS[family].names.test(name)) continue;
    const encoding = Number(digits);
    // A name of the high half is the name of the field with a suffix, which the reader of names knows.
    if ((encoding & 1) === 1 || fieldByEncoding(encoding) === undefined || found.has(encoding)) continue;
    const whole = name.replace(/_FULL$/, "");
    found.set(encoding, part === "" ? whole : `${part}::${whole}`);
  }
  return found;
}

const families = Object.keys(HEADERS) as HeaderFamily[];
const columns = new Map<HeaderFamily, Map<number, string>>();
for (const argument of process.argv.slice(2)) {
  const [family, file] = argument.split("=") as [HeaderFamily, string];
  columns.set(family, namesIn(family, readFileSync(file, "utf8")));
}
/** Each field with its names in the headers; `-` where a header has none. */
const named = FIELDS.map((row) => ({
  row,
  cells: families.map((family) => columns.get(family)?.get(row.encoding) ?? "-"),
})).filter(({ cells }) => cells.some((cell) => cell !== "-"));

/** Whether the rules of names find the field by this one, however it is written, and its halves. */
function isRegular(name: string, row: FieldRow): boolean {
  const is = (spelled: string, high = false) => {
    const found = namedByRule(spelled);
    return found?.row === row && found.high === high;
  };
  return (
    [name, name.toLowerCase(), `vmcs.${name}`].every((spelled) => is(spelled)) &&
    (splitEncoding(row.encoding)?.width !== 64 || (is(`${name}_HIGH`, true) && is(`${name}_FULL`)))
  );
}

const hexOf = ({ encoding }: FieldRow) => encoding.toString(16).padStart(4, "0");
const whole = named.map(({ row, cells }) => [hexOf(row), ...cells].join(" "));
const irregular = named.flatMap(({ row, cells }) => {
  const kept = new Set(cells.filter((cell) => cell !== "-" && !isRegular(cell, row)));
  return kept.size === 0 ? [] : [[hexOf(row), ...kept].join(" ")];
});
const text = (about: string, constant: string, lines: readonly string[]) =>
  `// Written by tools/gen-vmcs-names.ts; the sources are in headers.ts.

/** ${about} */
export const ${constant} = \`${lines.join("\n")}\`;
`;
writeFileSync(
  target,
  text(
    "One line a field: its encoding, then the names of it in headers that the rules of names in field-names.ts do not find.",
    "HEADER_NAMES",
    irregular,
  ),
);
writeFileSync(
  every,
  text(
    "One line a field: its encoding, then its name in each header of `HEADERS`, in that order; `-` where a header has none.",
    "ALL_HEADER_NAMES",
    whole,
  ),
);
for (const family of families) console.log(family, columns.get(family)?.size ?? 0);
