import { formatHeld } from "../rules/held.js";
import { decodeField } from "../vmcs/fields/decode.js";
import type { FieldRow } from "../vmcs/fields/field-row.js";
import { fieldName, splitEncoding } from "../vmcs/fields/fields.js";
import type { Value64 } from "../vmcs/value64.js";
import { labelled, table, wrap } from "./layout.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";

const hex4 = (encoding: number) => `0x${encoding.toString(16).padStart(4, "0")}`;

/** Fields, one a row. */
export function fieldListReport(rows: readonly FieldRow[], width: number): Line[] {
  const cells = rows.map((row): Inline[] => {
    const parts = splitEncoding(row.encoding);
    return [
      styled("strong", hex4(row.encoding)),
      String(parts?.width ?? ""),
      parts?.type ?? "",
      fieldName(row),
      row.sdm,
    ];
  });
  const head: Inline[] = ["encoding", "bits", "type", "name", "SDM"].map((text) => styled("label", text));
  return [...table([head, ...cells], { width }), BLANK, [{ text: `${rows.length} fields` }]];
}

/** One field: what it is, and what a value of it means. */
export function fieldReport(row: FieldRow, value: Value64 | undefined, width: number): Line[] {
  const parts = splitEncoding(row.encoding);
  const lines: Line[] = [
    [styled("title", row.sdm)],
    ...labelled(
      [
        [
          "encoding",
          `${hex4(row.encoding)}: ${parts?.width}${parts?.width === "natural" ? " width" : " bits"}, ${parts?.type}, index ${parts?.index}`,
        ],
        ["key", row.key],
        ...(row.linux === undefined ? [] : ([["Linux", row.linux]] as const)),
        ...(row.xen === undefined ? [] : ([["Xen", row.xen]] as const)),
        ["exists", existence(row)],
        ...(row.linuxDump === undefined ? [] : ([["Linux dump", dumpedAs(row.linuxDump, row)]] as const)),
        ...(row.xenDump === undefined ? [] : ([["Xen dump", row.xenDump]] as const)),
        ...(row.note === undefined ? [] : ([["note", row.note]] as const)),
      ],
      width,
    ),
  ];
  if (value === undefined) return lines;
  const decoded = decodeField(row, value);
  lines.push(BLANK, ...wrap([styled("strong", decoded.value), " ", decoded.summary], width));
  const cells = decoded.parts.map((part): Inline[] => [part.bits, part.value, part.name, part.meaning ?? ""]);
  lines.push(...table(cells, { width, indent: 2, right: [0] }));
  if (decoded.unnamed.length > 0)
    lines.push(...wrap(`bits without a name that are 1: ${decoded.unnamed.join(", ")}`, width, "  "));
  return lines;
}

/** What the dump of Linux prints, and in which kernels. */
function dumpedAs(shown: string, { linuxDumpHeld }: FieldRow): string {
  return linuxDumpHeld === undefined ? shown : `${shown} (Linux ${formatHeld(linuxDumpHeld)})`;
}

function existence({ exists }: FieldRow): string {
  if (exists === "always") return "always";
  if (exists === "fred") return "on CPUs with FRED transitions";
  if (exists === "cr3-targets") return "as far as IA32_VMX_MISC bits 24:16 count";
  return `if the CPU allows ${exists.join(" or ")}`;
}
