/** The ways in which authors of hypervisors print one VMCS. Each writes the same fields, in the same order. */
import { formatU64, type U64 } from "../../../src/bits/u64.js";
import type { FieldRow } from "../../../src/vmcs/fields/field-row.js";
import { fieldByEncoding, fieldName, splitEncoding, widthOf } from "../../../src/vmcs/fields/fields.js";
import { HEADERS, type HeaderFamily } from "../../../src/vmcs/fields/headers.js";
import { ALL_HEADER_NAMES } from "../header-names.js";

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
for (const line of ALL_HEADER_NAMES.split("\n")) {
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

/** So many on a line. */
const inRows = (cells: readonly Cell[], columns: number, one: (cell: Cell) => string, between: string): string => {
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += columns)
    lines.push(
      cells
        .slice(at, at + columns)
        .map(one)
        .join(between),
    );
  return lines.join("\n");
};

/** Four values a line behind the encoding of the first, with dashes for a field that does not exist. */
const grid: Writer = (cells) => {
  const known = new Map(cells.map((cell) => [cell.row.encoding, cell]));
  const lines: string[] = [];
  for (let area = 0; area < 0x8000; area += 0x400) {
    const encodings = [...known.keys()].filter((encoding) => (encoding & ~0x3ff) === area);
    if (encodings.length === 0) continue;
    lines.push(`\t ${area.toString(16)} Fields`);
    for (let at = area; at <= Math.max(...encodings); at += 8)
      lines.push(
        `\t\t0x${at.toString(16).padStart(8, "0")}: ${[0, 2, 4, 6].map((step) => (known.has(at + step) ? `0x${known.get(at + step)?.padded} ` : "------ ")).join("")}`,
      );
  }
  return lines.join("\n");
};

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
  "decimal ENC = 0x": each(({ row, hex }) => `${row.encoding} = 0x${hex}`),
  "decimal ENC: decimal": each(({ row, decimal }) => `${row.encoding}: ${decimal}`),
  "bpftrace map": each(({ row, hex }) => `@vmcs[${row.encoding}]: 0x${hex}`),
  "trace event": each(
    ({ encoding, name, hex }) => `qemu-3-123 [001] .... 1.23: vmcs_write: field 0x${encoding} ${name} val 0x${hex}`,
  ),
  bhyvectl: each(({ name, hex }) => `${lower(name)}[0]\t\t0x${hex}`),
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
  "OpenBSD's vmm": (cells) =>
    inRows(
      cells,
      4,
      ({ encoding, name, padded }) => `${title(name).replace(/^Guest /, "G. ")}(0x${encoding}): 0x${padded} `,
      "",
    ),
  "grid of encodings": grid,
  "two on a line": (cells) => inRows(cells, 2, ({ name, padded }) => `${name}: 0x${padded}`, ", "),
  "two on a line, blanks": (cells) => inRows(cells, 2, ({ name, padded }) => `${name} = 0x${padded}`, "   "),
  XMHF: each(({ name, hex }) => `CPU(0x00): vcpu->vmcs.${lower(name)} = 0x${hex}`),
  "hex and decimal": each(({ name, hex, decimal }) => `${name} = 0x${hex} (${decimal})`),
  "decimal and hex": each(({ name, hex, decimal }) => `${name}: ${decimal} (0x${hex})`),
  "ASCII table": (cells) =>
    `+-----------+----------+\n| Field     | Value    |\n+-----------+----------+\n${each(({ name, padded }) => `| ${name.padEnd(40)} | 0x${padded.padStart(16, " ").trim()} |`)(cells)}\n+-----------+----------+\n`,
  "PowerShell table": (cells) =>
    `Name                                     Value\n----                                     -----\n${each(({ name, hex }) => `${name.padEnd(40)} 0x${hex}`)(cells)}`,
  "dbg!": each(({ name, decimal }, n) => `[src/vmcs.rs:${120 + n}:9] vmcs.${lower(name)} = ${decimal}`),
  "file and line": each(({ name, hex }, n) => `hv/src/vmcs.c:${120 + n}: ${name} = 0x${hex}`),
  colours: each(({ name, hex }) => `\u001b[32mINFO\u001b[0m ${name}: \u001b[1m0x${hex}\u001b[0m`),
  "CR LF": each(({ name, hex }) => `${name}: 0x${hex}\r`),
  "NAME => 0x": each(({ name, hex }) => `${name} => 0x${hex}`),
  "NAME <- 0x": each(({ name, hex }) => `vmwrite ${name} <- 0x${hex}`),
  "NAME := 0x": each(({ name, hex }) => `${name} := 0x${hex}`),
  "VMWRITE field value": each(({ encoding, hex }) => `VMWRITE field=0x${encoding} value=0x${hex}`),
  "vmwrite: field 0xENC (NAME) = 0x": each(
    ({ encoding, name, hex }) => `vmwrite: field 0x${encoding} (${name}) = 0x${hex}`,
  ),
  "vmread 0xENC: 0x": each(({ encoding, hex }) => `vmread 0x${encoding}: 0x${hex}`),
  "vmcs_write(0xENC, 0x) = 0": each(({ encoding, hex }) => `vmcs_write(0x${encoding}, 0x${hex}) = 0`),
  XML: (cells) =>
    `<vmcs>\n${each(({ encoding, name, hex }) => `  <field name="${name}" encoding="0x${encoding}">0x${hex}</field>`)(cells)}\n</vmcs>\n`,
  "XML values": (cells) =>
    `<vmcs>\n${each(({ name, hex }) => `  <field name="${name}" value="0x${hex}"/>`)(cells)}\n</vmcs>\n`,
  plist: (cells) =>
    `<dict>\n${each(({ name, decimal }) => `  <key>${name}</key>\n  <integer>${decimal}</integer>`)(cells)}\n</dict>\n`,
  "python tuples": (cells) => `[${cells.map(({ name, decimal }) => `('${name}', ${decimal})`).join(", ")}]\n`,
  "python OrderedDict": (cells) =>
    `OrderedDict([${cells.map(({ name, decimal }) => `('${name}', ${decimal})`).join(", ")}])\n`,
  "python dataclass": (cells) => `Vmcs(${cells.map(({ name, decimal }) => `${lower(name)}=${decimal}`).join(", ")})\n`,
  "rust tuples": (cells) => `[${cells.map(({ name, decimal }) => `(${name}, ${decimal})`).join(", ")}]\n`,
  "rust {:#?} tuples": (cells) =>
    `[\n${cells.map(({ name, decimal }) => `    (\n        "${name}",\n        ${decimal},\n    ),`).join("\n")}\n]\n`,
  "rust enum map": (cells) => `{${cells.map(({ name, decimal }) => `${pascal(name)}: ${decimal}`).join(", ")}}\n`,
  "rust newtype": each(({ name, decimal }) => `    ${lower(name)}: Reg(${decimal}),`),
  "rust newtype pretty": (cells) =>
    `Vmcs {\n${cells.map(({ name, decimal }) => `    ${lower(name)}: Reg(\n        ${decimal},\n    ),`).join("\n")}\n}\n`,
  "rust bits": each(({ name, decimal }) => `    ${lower(name)}: Reg { bits: ${decimal} },`),
  "rust Ok": each(({ name, hex }) => `${name}: Ok(0x${hex})`),
  "rust Some": each(({ name, decimal }) => `${name} = Some(${decimal})`),
  "go %#v map": (cells) => `map[string]uint64{${cells.map(({ name, hex }) => `"${name}":0x${hex}`).join(", ")}}\n`,
  "go spew": (cells) =>
    `(main.VMCS) {\n${cells.map(({ name, decimal }) => ` ${pascal(name)}: (uint64) ${decimal},`).join("\n")}\n}\n`,
  JavaScript: (cells) => `{\n${cells.map(({ name, decimal }) => `  ${name}: ${decimal}n`).join(",\n")}\n}\n`,
  lldb: (cells) =>
    `(vmcs12) $0 = {\n${cells.map(({ name, decimal }) => `  ${lower(name)} = ${decimal}`).join("\n")}\n}\n`,
  "gdb p/x of each": each(({ name, hex }, n) => `(gdb) p/x vcpu->vmcs.${lower(name)}\n$${n + 1} = 0x${hex}`),
  zig: (cells) => `vmcs.Vmcs{ ${cells.map(({ name, decimal }) => `.${lower(name)} = ${decimal}`).join(", ")} }\n`,
  "YAML list": each(({ name, hex }) => `- name: ${name}\n  value: 0x${hex}`),
  bpftrace: each(({ encoding, decimal }) => `@vmcs[0x${encoding}]: ${decimal}`),
  WinDbg: each(({ name, padded }) => `   ${name.padEnd(36)} : ${padded.replace(/^(.{8})(.{8})$/, "$1`$2")}`),
  dt: each(({ name, hex }, n) => `   +0x${(8 * n).toString(16).padStart(3, "0")} ${pascal(name)} : 0x${hex}`),
  "Yes/No columns": each(({ encoding, name, hex }) => `${encoding}  R/W  ${name.padEnd(44)}  ${hex.padStart(16)}`),
  numbered: each(({ name, hex }, n) => `${n + 1}. ${name}: 0x${hex}`),
  "numbered table": each(({ name, hex }, n) => `${String(n + 1).padStart(3)}  ${name.padEnd(40)}  0x${hex}`),
  "JSON strings": (cells) => `{${cells.map(({ name, hex }) => `"${name}": "0x${hex}"`).join(", ")}}`,
  "JSON numbers": (cells) => `{"fields": {${cells.map(({ name, decimal }) => `"${name}": ${decimal}`).join(",\n")}}}`,
  "JSON decimal strings": (cells) => `{${cells.map(({ name, decimal }) => `"${name}": "${decimal}"`).join(", ")}}`,
  "JSON encodings": (cells) => `{${cells.map(({ encoding, hex }) => `"0x${encoding}": "0x${hex}"`).join(", ")}}`,
};

/** The text of the fields in one shape, with the names of a header. */
export function inShape(shape: string, fields: Fields, family?: HeaderFamily): string {
  return (SHAPES[shape] as Writer)(cellsOf(fields, family));
}

/** What logs put before each line of a shape; the second column is the number of the line. */
export const PREFIXES: { readonly [name: string]: (n: number) => string } = {
  printk: (n) => `[   12.${345600 + n}] `,
  "printk and module": (n) => `[   12.${345600 + n}] hv: `,
  "printk level": (n) => `<6>[   12.${345600 + n}] `,
  syslog: () => "Nov 28 10:00:00 box kernel: [   12.345678] ",
  "journal in ISO": () => "2026-11-28T10:00:00+0100 box kernel: ",
  env_logger: () => "[2026-11-28T10:00:00Z DEBUG hv::vmcs] ",
  tracing: () => "2026-11-28T10:00:00.123456Z  INFO hv::vmx::vcpu: ",
  "tracing span": () => "2026-11-28T10:00:00.123456Z  INFO vcpu{id=0 gpa=0x1000}: hv::vmx: ",
  glog: (n) => `I1128 10:00:00.123456  4242 vmcs.cc:${n + 10}] `,
  "go log": () => "2026/11/28 10:00:00 ",
  "go log file": (n) => `2026/11/28 10:00:00 vmcs.go:${n + 10}: `,
  python: () => "2026-11-28 10:00:00,123 DEBUG hv.vmcs ",
  "python basic": () => "DEBUG:hv.vmcs:",
  DbgView: (n) => `${String(n + 12).padStart(8, "0")}\t0.00123456\t`,
  "DbgView with name": (n) => `${String(n + 12).padStart(8, "0")}\t0.00123456\t[hv] `,
  WinDbg: () => "kd> ",
  "bracketed name": () => "[hv] ",
  "two brackets": () => "[INFO][vmcs] ",
  bhyve: () => "vm_run: ",
  Xen: () => "(XEN) ",
  "Xen with time": () => "(XEN) [2026-11-28 10:00:00] ",
  serial: () => "[serial0] ",
  docker: () => "hv-test-1  | ",
  "GitHub Actions": () => "2026-11-28T10:00:00.1234567Z ",
  ctest: () => "12: ",
  quoted: () => "> ",
  milliseconds: (n) => `[${1000 + n}ms] `,
  microseconds: (n) => `[${1000 + n}us] `,
  VirtualBox: (n) => `00:00:12.${345600 + n} `,
  log4j: () => "10:00:00.123 [main] DEBUG hv.Vmcs - ",
  NetBSD: () => "[   123.4567890] ",
  thread: () => "[T:0042] ",
  "C++ file": (n) => `vmcs.cpp(${n + 10}): `,
  emoji: () => "ℹ️  ",
};

/** The text with a prefix before each line. */
export function withPrefix(prefix: string, text: string): string {
  return text
    .split("\n")
    .map((line, n) => (PREFIXES[prefix] as (n: number) => string)(n) + line)
    .join("\n");
}
