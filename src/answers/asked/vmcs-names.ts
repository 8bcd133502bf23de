import { partsOf } from "../../vmcs/fields/decode.js";
import { EXIT_REASONS, type Part } from "../../vmcs/fields/decode-tables.js";
import { exitsNamed } from "../../vmcs/fields/exit-names.js";
import { namedField } from "../../vmcs/fields/field-names.js";
import type { FieldRow } from "../../vmcs/fields/field-row.js";
import { type FieldType, splitEncoding } from "../../vmcs/fields/fields.js";
import type { Definition } from "../../why/definition.js";
import { EXIT_ADVICE } from "../exit-advice.js";

/*
 * Fields of the VMCS and exit reasons, by the names that source code has for them.
 */

/** What a name of source code means: `GUEST_ACTIVITY_STATE`, `EXIT_REASON_EPT_MISCONFIG`. */
export function vmcsDefinition(name: string): Definition | undefined {
  if (!name.includes("_")) return undefined;
  const [exit] = exitsNamed(name);
  if (exit !== undefined) return ofExit(name, exit[0]);
  const field = namedField(name);
  return field === undefined ? undefined : ofField(name, field.row);
}

/** An exit reason by a name for it. */
export function ofExit(name: string, reason: number): Definition {
  const { comes, causes = [] } = EXIT_ADVICE[reason] ?? {};
  const short = `${name} is exit reason ${reason}: ${EXIT_REASONS[reason]}.`;
  return {
    short,
    says: [short, comes ?? causes[0] ?? ""].join(" ").trim(),
    command: `vmxlens explain 'exit reason ${reason}'`,
  };
}

function ofField(name: string, row: FieldRow): Definition {
  const { width, type } = splitEncoding(row.encoding) ?? {};
  const size = width === "natural" ? "as wide as a register" : `${width} bits`;
  const own = row.sdm.toLowerCase() === name.toLowerCase().replaceAll("_", " ") ? "" : `, in the SDM "${row.sdm}"`;
  const short = `${name} is VMCS field 0x${row.encoding.toString(16)}${own} (${type === undefined ? "" : `${KINDS[type]}, `}${size}).`;
  const parts = (partsOf(row) ?? []).map(partText);
  const bits = parts.length === 0 || parts.length > MOST_PARTS ? "" : ` Its bits: ${parts.join(", ")}.`;
  return { short, says: `${short}${bits}`, command: `vmxlens vmcs ${row.linux ?? `0x${row.encoding.toString(16)}`}` };
}

function partText({ bits, name, values = {} }: Part): string {
  const place = typeof bits === "number" ? `${bits}` : bits.join(":");
  const meanings = Object.entries(values).map(([value, meaning]) => `${value} ${meaning}`);
  return meanings.length === 0 || meanings.length > MOST_VALUES
    ? `${place} ${name}`
    : `${place} ${name} (${meanings.join(", ")})`;
}
const MOST_VALUES = 8;
const MOST_PARTS = 10;
const KINDS: { readonly [type in FieldType]: string } = {
  control: "control",
  "read-only": "information on the last exit",
  guest: "guest state",
  host: "host state",
};
