import { parseHexU64, testBit, type U64 } from "../bits/u64.js";
import { msrValue } from "../model/msr.js";
import { orAbsent } from "../model/partial-msr.js";
import { registerOf } from "../spec/registers.js";
import type { Desk } from "./evidence.js";
import { type FactReader, type FactRun, placeOf } from "./reader.js";

/** The listing of a widespread kernel-module exercise ("CMPE 283"): five control MSRs and their bits. */
export const canSet: FactReader = {
  kind: "facts",
  name: "can-set",
  knows:
    "The kernel-module listing with Can set and Can clear: the whole control MSRs, most often the plain ones, of one CPU; " +
    "very often a virtual machine's.",
  recognisedBy: "… Controls MSR: 0x…, and lines of Can set=Yes, Can clear=No",
  mark: /\b(?:[Cc]ontrols?|CONTROLS?)\b.{0,40}MSR ?[:=] ?0x|\b(?:[Bb]asic|[Pp]roc|[Pp]in|[Ee]xit|[Ee]ntry)[\w -]{0,40} MSR ?[:=] ?0x|Can set ?=/,
  words: ["MSR", "Can set"],
  unwraps: true,
  open: openListing,
};

// Titles are typed by hand: Pinbased, Pin-based, Procbased, Primary Processor based, Procbased2, Secondary …
const HEAD =
  /\b((?:true )?)((?:pin|proc|primary|secondary|tertiary|vm|exit|entry)[\w -]{0,60}?)controls? {0,2}(?:\d? {0,2})MSR ?: ?0x([0-9a-fA-F]{1,16})(?![0-9a-fA-F])/i;
const BIT = /^\W{0,8}(.{2,60}?): {0,2}Can set ?= ?(Yes|No), {0,2}Can clear ?= ?(Yes|No)\b/;

const REGISTERS_BY_TITLE: readonly (readonly [RegExp, number, number?])[] = [
  [/tertiary|proc\w*[ -]?(?:based)?[ -]?3/i, 0x492],
  [/secondary|2nd|proc\w*[ -]?(?:based)?[ -]?2/i, 0x48b],
  [/^pin/i, 0x481, 0x48d],
  [/^(?:primary|proc)/i, 0x482, 0x48e],
  [/exit/i, 0x483, 0x48f],
  [/entry/i, 0x484, 0x490],
];

function openListing(desk: Desk): FactRun {
  let current: { readonly index: number; readonly value: U64; readonly control: boolean } | undefined;

  return {
    line(line) {
      const { text } = line;
      const head = HEAD.exec(text);
      if (head !== null) {
        const [, isTrue, title, digits] = head as unknown as [string, string, string, string];
        current = undefined;
        if (line.cut && head.index + head[0].length >= text.trimEnd().length) return false;
        const row = REGISTERS_BY_TITLE.find(([pattern]) => pattern.test(title.trim()));
        const value = parseHexU64(digits);
        const index = isTrue === "" ? row?.[1] : row?.[2];
        if (index === undefined || value === undefined) return false;
        current = { index, value, control: registerOf(index)?.layout === "controls" };
        desk.msr(
          "unnamed",
          index,
          orAbsent(msrValue(value)),
          placeOf(line, head.index + head[0].length - digits.length + 1),
        );
        return true;
      }
      const bit = BIT.exec(text);
      if (bit === null) return false;
      if (current?.control !== true) return true;
      const row = registerOf(current.index)?.bits.find((candidate) => fold(candidate.sdm) === fold(bit[1] as string));
      if (row === undefined) return true;
      const settable = testBit(current.value, row.bit + 32);
      const clearable = !testBit(current.value, row.bit);
      if (settable !== (bit[2] === "Yes") || clearable !== (bit[3] === "Yes")) {
        const message = `what stands here of ${row.sdm} is not what bit ${row.bit} of the value above says; the value counts`;
        desk.log.warning(placeOf(line, bit.index + 1), message, "labels at the bits that the SDM gives them");
      }
      return true;
    },
  };
}

function fold(label: string): string {
  return label.toLowerCase().replace(/[^a-z0-9]+/g, "");
}
