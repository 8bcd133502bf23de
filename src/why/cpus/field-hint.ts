import { listText } from "../../bits/list-text.js";
import { bitsNamed } from "../../registers/lookup.js";
import { findField } from "../../vmcs/fields/field-names.js";
import { fieldName } from "../../vmcs/fields/fields.js";
import { findFeature } from "../find-feature.js";
import { cpusNamed, hasOf } from "./named-cpu.js";

/*
 * The field that a VMREAD or VMWRITE was for, by its number in the text: most exist only where the control that uses them may be 1.
 */

const ENCODING =
  /\b(?:vm_?(?:write|read)\w{0,8}|field|encoding)\b[^\n]{0,24}?(?:0x(?<hex>[0-9a-f]{3,5})\b|\b(?<hex2>[0-9a-f]{4})h\b)/gi;
/** What such texts read besides. */
const OF_ERROR: readonly number[] = [0x4400, 0x4402];

/** A sentence about it; empty where the text has none. */
export function fieldHint(text: string): string {
  const encodings = [...text.matchAll(ENCODING)].map(({ groups = {} }) =>
    Number.parseInt((groups.hex ?? groups.hex2) as string, 16),
  );
  const row = encodings.filter((one) => !OF_ERROR.includes(one)).map(findField)[0];
  if (row === undefined || !Array.isArray(row.exists)) return "";
  const names = (row.exists as readonly string[]).map((one) => one.replace(/^\w+\./, ""));
  const controls = names.map((name) => `\`${bitsNamed(name)[0]?.row.sdm ?? name}\``);
  const lacking = cpusNamed(text).filter((cpu) => {
    const found = findFeature(names[0] ?? "");
    return found.kind === "one" && hasOf(cpu)(found.feature) === "no";
  });
  const lacks =
    lacking.length === 0
      ? ""
      : ` The ${listText(lacking.map(({ name }) => name))} in the text ${lacking.length === 1 ? "lacks" : "lack"} it (by the atlas): no microcode and no setting brings it.`;
  return ` The field is ${fieldName(row)} (0x${row.encoding.toString(16)}), which exists only where the control ${listText(controls, "or")} may be 1.${lacks}`;
}
