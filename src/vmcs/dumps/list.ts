import { parseHexU64 } from "../../bits/u64.js";
import { type DiagnosticLog, diagnosticLog } from "../../input/text/diagnostic.js";
import type { FieldRow } from "../fields/field-row.js";
import { fieldByEncoding, fieldName, findField, nearFields, splitEncoding, widthOf } from "../fields/fields.js";
import type { Reported } from "../state.js";
import { compareU64, exact, known64, lowMask, type Value64 } from "../value64.js";
import type { VmcsDump } from "./dump.js";
import type { ListLine } from "./list-line.js";

/** What would have been read in the place of a name that no field has. */
export function nearNames(name: string): string {
  const near = nearFields(name);
  return near.length === 0 ? "a field name of the SDM, Linux or Xen, or an encoding" : near.join(", ");
}

/** The field that a list line means, without complaints; to distinguish a list of fields from any other text. */
export function fieldOfLine(line: ListLine): FieldRow | undefined {
  if (line.encoding !== undefined) return fieldByEncoding(line.encoding);
  return line.name === undefined ? undefined : findField(line.name);
}

export function readList(lines: readonly ListLine[], file: string | undefined): VmcsDump {
  const log = diagnosticLog(file);
  const fields = new Map<number, Value64>();
  const broken = new Set<number>();
  const seenAt = new Map<number, number>();
  for (const line of lines) {
    const row = fieldOfLine(line);
    const at = { line: line.number, column: 1 };
    if (row === undefined) {
      complain(line, log);
      continue;
    }
    if (line.name !== undefined && line.encoding !== undefined && !line.haxm) {
      const named = findField(line.name);
      if (named !== undefined && named !== row)
        log.warning(at, `0x${line.encoding.toString(16)} is ${fieldName(row)}, not ${line.name}; the encoding counts`);
    }
    if (!line.hex) {
      log.error(
        at,
        `${line.digits} could be decimal or hexadecimal; ${fieldName(row)} stays unknown`,
        `0x${line.digits}`,
      );
      continue;
    }
    const high = line.encoding !== undefined && splitEncoding(line.encoding)?.high === true;
    const value = parseHexU64(line.digits);
    if (value === undefined || compareU64(value, lowMask(high ? 32 : widthOf(row))) > 0) {
      log.error(
        at,
        `0x${line.digits} is too wide for ${fieldName(row)}, which has ${high ? 32 : widthOf(row)} bits; the field stays unknown`,
      );
      broken.add(row.encoding);
      fields.delete(row.encoding);
      continue;
    }
    if (broken.has(row.encoding)) continue;
    const known = fields.get(row.encoding);
    const before = known === undefined ? undefined : exact(known);
    if (high) {
      fields.set(row.encoding, {
        lo: known?.lo ?? { value: 0, unknown: 0xffff_ffff },
        hi: { value: value.lo, unknown: 0 },
      });
      continue;
    }
    if (before !== undefined && compareU64(before, value) !== 0) {
      log.error(at, `${fieldName(row)} has another value in line ${seenAt.get(row.encoding)}; the field stays unknown`);
      broken.add(row.encoding);
      fields.delete(row.encoding);
      continue;
    }
    // A low half after its high half.
    const hi = known !== undefined && known.lo.unknown !== 0 ? known.hi : known64(value).hi;
    fields.set(row.encoding, { lo: { value: value.lo, unknown: 0 }, hi });
    seenAt.set(row.encoding, line.number);
  }
  const haxm = lines.some((line) => line.haxm);
  const first = lines[0]?.number ?? 1;
  return {
    vmcs: { fields, reported: reportedIn(fields) },
    format: haxm ? "haxm" : "list",
    lines: [first, lines.at(-1)?.number ?? first],
    diagnostics: log.list(),
  };
}

function complain(line: ListLine, log: DiagnosticLog): void {
  const at = { line: line.number, column: 1 };
  if (line.encoding !== undefined) {
    const parts = splitEncoding(line.encoding);
    const shape =
      parts === undefined
        ? "is not a VMCS encoding (a reserved bit is set)"
        : `would be a ${parts.width === "natural" ? "natural-width" : `${parts.width}-bit`} ${parts.type} field that no manual lists`;
    log.warning(at, `0x${line.encoding.toString(16)} ${shape}`);
    return;
  }
  log.warning(at, `no VMCS field is called ${line.name}`, () => nearNames(line.name ?? ""));
}

/** What the exit-information fields of a complete list say. */
export function reportedIn(fields: ReadonlyMap<number, Value64>): Reported {
  const get = (encoding: number) => {
    const value = fields.get(encoding);
    return value === undefined ? undefined : exact(value);
  };
  const reason = get(0x4402)?.lo;
  const qualification = get(0x6400);
  if (reason !== undefined && reason >>> 31 === 1) {
    return {
      kind: "entry-failure",
      reason: reason & 0xffff,
      ...(qualification === undefined ? {} : { qualification }),
    };
  }
  const error = get(0x4400)?.lo;
  if (error !== undefined && error > 0 && error <= 28) return { kind: "vmfail", error };
  return reason === undefined ? { kind: "unknown" } : { kind: "other", reason };
}
