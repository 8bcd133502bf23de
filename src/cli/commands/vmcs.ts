import { parseHexU64 } from "../../bits/u64.js";
import { fieldListReport, fieldReport } from "../../report/vmcs-report.js";
import { formatHeld } from "../../rules/held.js";
import { decodeField } from "../../vmcs/fields/decode.js";
import { findField, findFields, nearFields } from "../../vmcs/fields/field-names.js";
import type { FieldRow } from "../../vmcs/fields/field-row.js";
import { FIELDS, fieldByEncoding, fieldName } from "../../vmcs/fields/fields.js";
import { known64 } from "../../vmcs/value64.js";
import { EXIT } from "../exit-code.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { readOutput } from "../shell/output-options.js";
import { complain, didYouMean } from "../shell/problems.js";
import type { World } from "../world.js";

/** `vmxlens vmcs [FIELD [VALUE]]` */
export async function vmcs(
  [name, value]: readonly (string | undefined)[],
  raw: RawOptions,
  world: World,
): Promise<number> {
  const { output, problems } = readOutput(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const { renderLines } = await import("../../report/ansi.js");
  if (name === undefined) {
    if (output.json) showJson({ format: "vmxlens-vmcs/1", fields: FIELDS.map(toJson) }, world);
    else world.out(renderLines(fieldListReport(FIELDS, output.width), output.color));
    return EXIT.ok;
  }
  const encoding = Number(name);
  const byNumber = Number.isInteger(encoding) && encoding >= 0 ? fieldByEncoding(encoding) : undefined;
  const rows = byNumber === undefined ? findFields(name) : [findField(name) ?? byNumber];
  const [row] = rows;
  if (row === undefined) {
    return complain(world, [`no VMCS field is called ${name} or has this encoding${didYouMean(nearFields(name))}`]);
  }
  const number = value === undefined ? undefined : parseHexU64(value);
  if (value !== undefined && number === undefined) {
    return complain(world, [`${value}: the value of ${fieldName(row)} is hex, at most 16 digits`]);
  }
  const known = number === undefined ? undefined : known64(number);
  if (rows.length > 1 && known !== undefined) {
    return complain(world, [
      `${name} is the name of ${rows.length} fields; whose value is it?`,
      ...rows.map((one) => `  ${fieldName(one)}`),
    ]);
  }
  if (rows.length > 1) {
    if (output.json) showJson({ format: "vmxlens-vmcs/1", fields: rows.map(toJson) }, world);
    else world.out(renderLines(fieldListReport(rows, output.width), output.color));
    return EXIT.ok;
  }
  if (output.json) {
    const decoded = known === undefined ? {} : { decoded: decodeField(row, known) };
    showJson({ format: "vmxlens-vmcs/1", fields: [toJson(row)], ...decoded }, world);
  } else world.out(renderLines(fieldReport(row, known, output.width), output.color));
  return EXIT.ok;
}

/** The row with the kernels that dump it in words, as everywhere in JSON. */
function toJson({ linuxDumpHeld, ...row }: FieldRow) {
  return linuxDumpHeld === undefined ? row : { ...row, linuxDumpKernels: formatHeld(linuxDumpHeld) };
}
