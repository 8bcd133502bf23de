import { evaluate } from "./checks/evaluate.js";
import { type Bool, bit, control, field, not } from "./checks/expr.js";
import type { Scene } from "./checks/scene.js";
import type { FieldRow } from "./fields/field-row.js";
import { type FieldKey, fieldOf } from "./fields/fields.js";
import { isKnown } from "./value64.js";

/** How much of what decides a VM entry is known. */
export interface Coverage {
  readonly known: number;
  readonly of: number;
  /** The fields that are missing, by encoding. */
  readonly missing: readonly number[];
}

const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"] as const;

/** The fields needed to say that a VM entry would pass; each counts while its condition may hold. */
const DECIDING: readonly (readonly [key: FieldKey, unless: Bool | undefined])[] = [
  ["ctl.pin", undefined],
  ["ctl.proc", undefined],
  ["ctl.proc2", not(bit(field("ctl.proc"), 31))],
  ["ctl.exit", undefined],
  ["ctl.entry", undefined],
  ["ctl.ev", undefined],
  ["guest.cr0", undefined],
  ["guest.cr4", undefined],
  ["guest.efer", not(control("entry.LOAD_IA32_EFER"))],
  ["guest.rflags", undefined],
  ["guest.rip", undefined],
  ["guest.interruptibility", undefined],
  ["guest.activity", undefined],
  ...SEGMENTS.flatMap((segment) =>
    (["sel", "ar", "limit", "base"] as const).map(
      (part) => [`guest.${segment}.${part}` as FieldKey, undefined] as const,
    ),
  ),
  ["host.cr0", undefined],
  ["host.cr4", undefined],
  ["host.cs.sel", undefined],
  ["host.tr.sel", undefined],
  ["host.rip", undefined],
];

/** Which of the deciding fields a VMCS gives. Bits that a dump hides count as known where others of the field are. */
export function coverageOf(scene: Scene): Coverage {
  const missing: number[] = [];
  let of = 0;
  for (const [key, unless] of DECIDING) {
    if (unless !== undefined && evaluate(unless, scene) === "yes") continue;
    of++;
    const row: FieldRow = fieldOf(key);
    const value = scene.fields.get(row.encoding);
    if (value === undefined || (!isKnown(value) && key.startsWith("ctl."))) missing.push(row.encoding);
  }
  return { known: of - missing.length, of, missing };
}
