/*
 * Writes src/vmcs/fields/header-names.ts: what public headers call the fields of a VMCS. Names and encodings are facts;
 * nothing else of a header is taken.
 *
 *   gen-vmcs-names FAMILY=FILE...   each FILE is the header of a family of HEADERS, at the revision named there
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { FIELDS, fieldByEncoding } from "../src/vmcs/fields/fields.js";
import { HEADERS, type HeaderFamily } from "../src/vmcs/fields/headers.js";

const target = path.join(import.meta.dirname, "../src/vmcs/fields/header-names.ts");

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
const lines = FIELDS.map((row) => {
  const cells = families.map((family) => columns.get(family)?.get(row.encoding) ?? "-");
  return cells.every((cell) => cell === "-")
    ? undefined
    : [row.encoding.toString(16).padStart(4, "0"), ...cells].join(" ");
}).filter((line) => line !== undefined);
writeFileSync(
  target,
  `// Written by tools/gen-vmcs-names.ts; the sources are in headers.ts.

/**
 * One line a field: its encoding, then its name in each header of \`HEADERS\`, in that order; \`-\` where a header has none.
 */
export const HEADER_NAMES = \`${lines.join("\n")}\`;
`,
);
for (const family of families) console.log(family, columns.get(family)?.size ?? 0);
