import { checkNumber } from "../../bits/misuse.js";
import type { FieldRow } from "./field-row.js";
import { CONTROL_FIELDS } from "./fields-control.js";
import { GUEST_FIELDS } from "./fields-guest.js";
import { HOST_FIELDS } from "./fields-host.js";
import { INFO_FIELDS } from "./fields-info.js";

/** Key of a VMCS field, as in `"guest.cs.ar"`. A misspelt one does not compile. */
export type FieldKey =
  | (typeof CONTROL_FIELDS)[number]["key"]
  | (typeof INFO_FIELDS)[number]["key"]
  | (typeof GUEST_FIELDS)[number]["key"]
  | (typeof HOST_FIELDS)[number]["key"];

/** All 206 components, by type (control, exit information, guest, host) and encoding. */
export const FIELDS: readonly FieldRow[] = [...CONTROL_FIELDS, ...INFO_FIELDS, ...GUEST_FIELDS, ...HOST_FIELDS];

/** Bits of a field. `natural`: 64 on a CPU with Intel 64 architecture, 32 on another. */
export type FieldWidth = 16 | 32 | 64 | "natural";

/** Which part of the VMCS a field is in; `read-only` is the VM-exit information. */
export type FieldType = "control" | "read-only" | "guest" | "host";

/** What the encoding itself says (SDM volume 3, 26.11.2): bits 14:13 width, 11:10 type, 9:1 index, 0 high half. */
export interface EncodingParts {
  readonly width: FieldWidth;
  readonly type: FieldType;
  readonly index: number;
  readonly high: boolean;
}

const WIDTHS: readonly FieldWidth[] = [16, 64, 32, "natural"];
const TYPES: readonly FieldType[] = ["control", "read-only", "guest", "host"];

/** Takes an encoding apart; `undefined` when a reserved bit (12, 31:15) is set or bit 0 on a field without halves. */
export function splitEncoding(encoding: number): EncodingParts | undefined {
  if (!Number.isInteger(encoding) || encoding < 0 || encoding > 0x7fff || (encoding >>> 12) & 1) return undefined;
  const width = WIDTHS[(encoding >>> 13) & 3] as FieldWidth;
  const high = (encoding & 1) === 1;
  if (high && width !== 64) return undefined;
  return { width, type: TYPES[(encoding >>> 10) & 3] as FieldType, index: (encoding >>> 1) & 0x1ff, high };
}

/** Bits that the field holds; a natural-width field is taken as 64 bits. */
export function widthOf(row: FieldRow): 16 | 32 | 64 {
  const width = WIDTHS[(row.encoding >>> 13) & 3] as FieldWidth;
  return width === "natural" ? 64 : width;
}

const byEncoding = new Map<number, FieldRow>(FIELDS.map((row) => [row.encoding, row]));
const byKey = new Map<string, FieldRow>(FIELDS.map((row) => [row.key, row]));

/** The field with this encoding; the encoding of a high half finds the whole field. */
export function fieldByEncoding(encoding: number): FieldRow | undefined {
  checkNumber(encoding, "encoding", "the encoding of a field");
  return byEncoding.get(encoding) ?? (splitEncoding(encoding)?.high ? byEncoding.get(encoding & ~1) : undefined);
}

/** The field with this key. Throws `RangeError` for a key that does not exist. */
export function fieldOf(key: FieldKey): FieldRow {
  const row = byKey.get(key);
  if (row === undefined) throw new RangeError(`no VMCS field has the key ${key}`);
  return row;
}

/** Name to show: the Linux one, else Xen's, else the SDM's. */
export function fieldName(row: FieldRow): string {
  return row.linux ?? row.xen ?? row.sdm;
}
