import type { Decoded } from "../../answers/answer.js";
import { bitText, explainBit } from "../../answers/bits.js";
import { findField } from "../../vmcs/fields/field-names.js";
import { fieldName } from "../../vmcs/fields/fields.js";
import type { Match } from "../match.js";
import { ENABLED_BY } from "../rows/linux/enabled-by.js";

const SECONDARY = 0x48b;

export function decodeGuestInstruction([{ groups, line }]: readonly [Match, ...Match[]]): Decoded {
  const first = (groups.insn ?? groups.insn2 ?? "").toUpperCase();
  const words = new Set([first, ...line.toUpperCase().split(/[^A-Z]+/)]);
  const named = Object.keys(ENABLED_BY).filter((insn) => words.has(insn));
  const bits = [...new Set(named.map((insn) => ENABLED_BY[insn] as number))].map((bit) =>
    explainBit(SECONDARY, bit, "named"),
  );
  const each = named.map((insn) => {
    const bit = bits.find((one) => one.bit === ENABLED_BY[insn]);
    return `${insn} needs ${bit === undefined ? "a control" : bitText(bit)}`;
  });
  return {
    what: `In a guest these instructions raise #UD, though CPUID shows them, until the secondary controls enable them: ${each.join(", ")}.`,
    bits,
    steps: [
      {
        text: "Set these controls where the CPU allows them (the upper half of 0x48b), with `activate secondary controls`, or take the instructions out of the guest's CPUID.",
        commands: ["sudo rdmsr -a 0x48b", "vmxlens controls HOST --want NAMES"],
      },
    ],
  };
}

export function decodeFieldAccess([{ groups }]: readonly [Match, ...Match[]]): Decoded {
  const row = findField((groups.field ?? "").replace(/^.*::/, ""));
  if (row === undefined) return {};
  const how = (groups.how ?? "").toUpperCase().replace("_", "");
  return {
    what: `${how} of ${fieldName(row)} failed. Its encoding is 0x${row.encoding.toString(16)}: check that the program uses this number. VM-instruction error 12 is a field that the CPU does not have, 13 one that may not be written; with CF=1 no VMCS is current.`,
    values: [{ name: fieldName(row), value: `encoding 0x${row.encoding.toString(16)}` }],
    steps: [{ text: "See what is known of the field.", commands: [`vmxlens vmcs 0x${row.encoding.toString(16)}`] }],
  };
}
