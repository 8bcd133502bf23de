/** The ways in which authors of hypervisors print one VMCS. Each writes the same fields, in the same order. */
import { formatU64, type U64 } from "../../../src/bits/u64.js";
import type { FieldRow } from "../../../src/vmcs/fields/field-row.js";
import { fieldByEncoding, fieldName, splitEncoding, widthOf } from "../../../src/vmcs/fields/fields.js";
import { HEADER_NAMES } from "../../../src/vmcs/fields/header-names.js";
import { HEADERS, type HeaderFamily } from "../../../src/vmcs/fields/headers.js";

export type Fields = ReadonlyMap<number, U64>;

interface Cell {
  readonly row: FieldRow;
  readonly name: string;
  readonly hex: string;
  /** As wide as the field, without 0x. */
  readonly padded: string;
  readonly decimal: string;
  readonly encoding: string;
  readonly value: U64;
}

const names = new Map<string, Map<number, string>>(Object.keys(HEADERS).map((family) => [family, new Map()]));
for (const line of HEADER_NAMES.split("\n")) {
  const [encoding, ...cells] = line.split(" ");
  for (const [column, family] of Object.keys(HEADERS).entries()) {
    const cell = cells[column];
    if (cell !== undefined && cell !== "-") names.get(family)?.set(Number.parseInt(encoding as string, 16), cell);
  }
}

export function headerName(family: HeaderFamily, encoding: number): string | undefined {
  return names.get(family)?.get(encoding);
}

function cellsOf(fields: Fields, family?: HeaderFamily): readonly Cell[] {
  return [...fields].map(([encoding, value]) => {
    const row = fieldByEncoding(encoding) as FieldRow;
    const hex = formatU64(value).replace(/^0x/, "");
    return {
      row,
      name:
        (family === undefined ? undefined : headerName(family, encoding)) ??
        fieldName(row).replace(/[^A-Za-z0-9_]+/g, "_"),
      hex,
      padded: hex.padStart(widthOf(row) / 4, "0"),
      decimal: ((BigInt(value.hi) << 32n) | BigInt(value.lo)).toString(),
      encoding: encoding.toString(16).padStart(4, "0"),
      value,
    };
  });
}

type Writer = (cells: readonly Cell[]) => string;
const each =
  (line: (cell: Cell, index: number) => string): Writer =>
  (cells) =>
    cells.map(line).join("\n");
const lower = (text: string) => text.toLowerCase();
const camel = (text: string) => lower(text).replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
const pascal = (text: string) => camel(text).replace(/^./, (letter) => letter.toUpperCase());
const title = (text: string) =>
  text
    .split("_")
    .map((word) => (word.length < 4 && /\d|^[A-Z]+$/.test(word) ? word : word.charAt(0) + lower(word.slice(1))))
    .join(" ");
const halves = (cell: Cell, full: string, high: string, sign: string): string =>
  splitEncoding(cell.row.encoding)?.width === 64
    ? `${full}${sign}0x${cell.value.lo.toString(16)}\n${high}${sign}0x${cell.value.hi.toString(16)}`
    : `${full.replace(/_FULL$/, "")}${sign}0x${cell.hex}`;

/** Every shape, by its name. */
export const SHAPES: { readonly [name: string]: Writer } = {
  "NAME = 0x": each(({ name, hex }) => `${name} = 0x${hex}`),
  "NAME: 0x": each(({ name, hex }) => `${name}: 0x${hex}`),
  "NAME=0x": each(({ name, hex }) => `${name}=0x${hex}`),
  "NAME: hex16": each(({ name, padded }) => `${name}: ${padded}`),
  "NAME hex upper": each(({ name, padded }) => `${name} : ${padded.toUpperCase()}h`),
  "NAME = %lx": each(({ name, hex }) => `${name} = ${hex}`),
  "NAME = decimal": each(({ name, decimal }) => `${name} = ${decimal}`),
  "0xENC = 0x": each(({ encoding, hex }) => `0x${encoding} = 0x${hex}`),
  "ENC: hex16": each(({ encoding, padded }) => `${encoding}: ${padded}`),
  "[ENC] NAME = 0x": each(({ encoding, name, hex }) => `[0x${encoding}] ${name} = 0x${hex}`),
  "NAME (0xENC): 0x": each(({ encoding, name, hex }) => `${name} (0x${encoding}): 0x${hex}`),
  "ENC+1 halves": each((cell) => {
    const { encoding } = cell.row;
    return halves(cell, `0x${encoding.toString(16)}`, `0x${(encoding + 1).toString(16)}`, ": ");
  }),
  "_FULL and _HIGH": each((cell) => halves(cell, `${cell.name}_FULL`, `${cell.name}_HIGH`, " = ")),
  "(full) and (high)": each((cell) =>
    halves(cell, `${cell.name} (full)`, `${cell.name} (high)`, " = ").replace(/^(.*) \(full\)(?! = .*\n)/, "$1"),
  ),
  "Title Case: 0x": each(({ name, hex }) => `${title(name)}: 0x${hex}`),
  "camelCase: 0x": each(({ name, hex }) => `${camel(name)}: 0x${hex}`),
  "PascalCase = 0x": each(({ name, hex }) => `${pascal(name)} = 0x${hex}`),
  "vmwrite(NAME, 0x);": each(({ name, hex }) => `    vmwrite(${name}, 0x${hex});`),
  "__vmx_vmwrite(NAME, 0xULL);": each(({ name, hex }) => `__vmx_vmwrite(${name}, 0x${hex}ULL);`),
  "vmread(NAME) = 0x": each(({ name, hex }) => `vmread(${name}) = 0x${hex}`),
  "vmread(0xENC) => 0x": each(({ encoding, hex }) => `vmread(0x${encoding}) => 0x${hex}`),
  "vmcs_read64(NAME) -> 0x": each(({ name, hex }) => `vmcs_read64(${name}) -> 0x${hex}`),
  "{ NAME, 0x },": (cells) =>
    `static const struct vmcs_field state[] = {\n${each(({ name, hex }) => `\t{ ${name}, 0x${hex} },`)(cells)}\n};\n`,
  "{ 0xENC, 0x },": each(({ encoding, hex }) => `{ 0x${encoding}, 0x${hex} },`),
  "{NAME, decimal},": each(({ name, decimal }) => `{${name}, ${decimal}},`),
  "[NAME] = 0x,": each(({ name, hex }) => `\t[${name}] = 0x${hex},`),
  ".name = 0x,": each(({ name, hex }) => `\t.${lower(name)} = 0x${hex},`),
  "record .field .value": each(({ name, hex }) => `{ .field = ${name}, .value = 0x${hex} },`),
  "JSON lines field value": each(({ name, hex }) => `> {"field": "${name}", "value": "0x${hex}"},`),
  "drgn .name = (u64)": (cells) =>
    `(struct vmcs12){\n${each(({ name, decimal }) => `\t.${lower(name)} = (u64)${decimal},`)(cells)}\n}\n`,
  "(path::NAME, 0x),": each(({ name, hex }) => `    (vmcs::guest::${name}, 0x${hex}),`),
  "gdb one line": (cells) => `$1 = {${cells.map(({ name, hex }) => `${lower(name)} = 0x${hex}`).join(", ")}}\n`,
  "gdb one line decimal": (cells) =>
    `$2 = {${cells.map(({ name, decimal }) => `${lower(name)} = ${decimal}`).join(", ")}}\n`,
  "gdb pretty": (cells) => `$1 = {\n${cells.map(({ name, hex }) => `  ${lower(name)} = 0x${hex}`).join(",\n")}\n}\n`,
  "gdb pretty decimal": (cells) =>
    `(gdb) p *vmcs12\n$3 = {\n${cells.map(({ name, decimal }) => `  ${lower(name)} = ${decimal}`).join(", \n")}\n}\n`,
  "rust {:?}": (cells) => `Vmcs { ${cells.map(({ name, decimal }) => `${lower(name)}: ${decimal}`).join(", ")} }\n`,
  "rust {:#?}": (cells) =>
    `Vmcs {\n${cells.map(({ name, decimal }) => `    ${lower(name)}: ${decimal},`).join("\n")}\n}\n`,
  "rust {:#x?}": (cells) => `Vmcs {\n${cells.map(({ name, hex }) => `    ${lower(name)}: 0x${hex},`).join("\n")}\n}\n`,
  "rust u64 literals": each(
    ({ name, hex }) => `    ${lower(name)}: 0x${hex.replace(/(?=(?:....)+$)/g, "_").replace(/^_/, "")}_u64,`,
  ),
  "go %v map": (cells) => `map[${cells.map(({ name, decimal }) => `${name}:${decimal}`).join(" ")}]\n`,
  "go %+v": (cells) => `{${cells.map(({ name, decimal }) => `${pascal(name)}:${decimal}`).join(" ")}}\n`,
  "go %#v": (cells) => `main.VMCS{${cells.map(({ name, hex }) => `${pascal(name)}:0x${hex}`).join(", ")}}\n`,
  "python dict": (cells) => `{${cells.map(({ name, decimal }) => `'${name}': ${decimal}`).join(", ")}}\n`,
  "python pprint": (cells) => `{${cells.map(({ name, hex }) => `'${name}': 0x${hex}`).join(",\n ")}}\n`,
  CSV: (cells) => `field,value\n${each(({ name, hex }) => `${name},0x${hex}`)(cells)}`,
  "CSV with encodings, decimal": (cells) =>
    `encoding,field,value\n${each(({ encoding, name, decimal }) => `0x${encoding},${name},${decimal}`)(cells)}`,
  TSV: each(({ name, hex }) => `${name}\t0x${hex}`),
  Markdown: (cells) => `| field | value |\n| --- | --- |\n${each(({ name, hex }) => `| ${name} | 0x${hex} |`)(cells)}`,
  "Markdown code": (cells) =>
    `| encoding | field | value |\n|:--|:--|--:|\n${each(({ encoding, name, hex }) => `| 0x${encoding} | \`${name}\` | \`0x${hex}\` |`)(cells)}`,
  columns: each(({ name, hex }) => `  ${name.padEnd(44)}0x${hex}`),
  "columns with encodings": each(({ encoding, name, hex }) => `0x${encoding}  ${name.padEnd(44)}  0x${hex}`),
  "one blank": each(({ name, hex }) => `${name} 0x${hex}`),
  "rust log": each(
    ({ name, hex }, n) => `[2026-11-28T10:00:${String(n % 60).padStart(2, "0")}Z INFO  hv::vmcs] ${name} = 0x${hex}`,
  ),
  tracing: each(({ name, hex }) => `2026-11-28T10:00:00.123456Z DEBUG hv::vcpu{id=0}: ${name}: 0x${hex}`),
  glog: each(({ name, hex }) => `I1128 10:00:00.123456  4242 vmcs.cc:88] ${name} = 0x${hex}`),
  logfmt: each(({ name, hex }) => `ts=1732788000 level=info vcpu=3 field=${name} value=0x${hex}`),
  "[+] NAME : 0x": each(({ name, hex }) => `[+] VMCS_${name} : 0x${hex}`),
  DbgPrint: each(({ name, hex }, n) => `00000${n % 10}12\t0.00123\t[hv] core 0: ${name} = 0x${hex}`),
  "Xen console": each(({ name, hex }) => `(XEN) d1v0 ${name} = 0x${hex}`),
  "printk caller": each(({ name, hex }) => `[   12.345678][  T101] hv: ${name} = 0x${hex}`),
  "haxm with NetBSD stamp": each(
    ({ encoding, name, hex }) => `[ 123,456789] haxm_warning: ${encoding} ${name}: ${hex}`,
  ),
  staircase: (cells) => cells.map(({ name, hex }, n) => `${" ".repeat((n * 23) % 70)}${name} = 0x${hex}`).join("\n"),
  "comment behind": each(({ name, hex }) => `${name} = 0x${hex}; // from the template`),
  "C assignment": each(({ name, hex }) => `vmcs12->${lower(name)} = 0x${hex};`),
  "nested braces": (cells) =>
    `Vmcs {\n  guest: State {\n${cells
      .filter(({ name }) => name.startsWith("GUEST_"))
      .map(({ name, hex }) => `    ${lower(name.slice(6))}: 0x${hex},`)
      .join("\n")}\n  },\n  host: State {\n${cells
      .filter(({ name }) => name.startsWith("HOST_"))
      .map(({ name, hex }) => `    ${lower(name.slice(5))}: 0x${hex},`)
      .join("\n")}\n  },\n${cells
      .filter(({ name }) => !/^(?:GUEST|HOST)_/.test(name))
      .map(({ name, hex }) => `  ${lower(name)}: 0x${hex},`)
      .join("\n")}\n}\n`,
  headings: (cells) =>
    `Guest state\n${cells
      .filter(({ name }) => name.startsWith("GUEST_"))
      .map(({ name, hex }) => `${name.slice(6)} = 0x${hex}`)
      .join("\n")}\nHost state\n${cells
      .filter(({ name }) => name.startsWith("HOST_"))
      .map(({ name, hex }) => `${name.slice(5)} = 0x${hex}`)
      .join("\n")}\nControls\n${cells
      .filter(({ name }) => !/^(?:GUEST|HOST)_/.test(name))
      .map(({ name, hex }) => `${name} = 0x${hex}`)
      .join("\n")}\n`,
  "JSON strings": (cells) => `{${cells.map(({ name, hex }) => `"${name}": "0x${hex}"`).join(", ")}}`,
  "JSON numbers": (cells) => `{"fields": {${cells.map(({ name, decimal }) => `"${name}": ${decimal}`).join(",\n")}}}`,
  "JSON decimal strings": (cells) => `{${cells.map(({ name, decimal }) => `"${name}": "${decimal}"`).join(", ")}}`,
  "JSON encodings": (cells) => `{${cells.map(({ encoding, hex }) => `"0x${encoding}": "0x${hex}"`).join(", ")}}`,
};

/** The text of the fields in one shape, with the names of a header. */
export function inShape(shape: string, fields: Fields, family?: HeaderFamily): string {
  return (SHAPES[shape] as Writer)(cellsOf(fields, family));
}
