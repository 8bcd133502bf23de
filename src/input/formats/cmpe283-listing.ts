import { parseHexU64, testBit, type U64 } from "../../bits/u64.js";
import { msrValue } from "../../host/msr.js";
import { orAbsent } from "../../host/partial-msr.js";
import { registerOf } from "../../registers/registers.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf } from "../hosts/reader.js";
import { describeMsr } from "../text/msr-names.js";

/** The listing of a widespread kernel-module exercise ("CMPE 283"): five control MSRs and their bits. */
export const canSet: FactReader = {
  kind: "facts",
  name: "can-set",
  knows:
    "The kernel-module listing with Can set and Can clear: the whole control MSRs, most often the plain ones, of one CPU; " +
    "very often a virtual machine's.",
  mark: /\b(?:[Cc]ontrols?\d?\b.{0,40}|(?:[Bb]asic|(?:[Pp]in|[Pp]roc)-?[Bb]ased ?\d?) )MSR ?\d? ?:(?: ?0x|\s*$)|Can set ?=/,
  words: ["MSR", "Can set"],
  unwraps: true,
  open: openListing,
};

// Titles are typed by hand: Pinbased, Pin-based, Probased Controls2, Primary Processor based, Procbased2, Secondary …
const HEAD =
  /\b((?:true )?)((?:basic|pin|pro|primary|secondary|tertiary|2nd|vm|exit|entry)[\w -]{0,60}?) {0,2}MSR ?(\d?) ?: ?0x([0-9a-fA-F]{1,16})(?![0-9a-fA-F])/i;
/** Without the word "controls" only these titles are clear. */
const BARE_TITLE = /^(?:basic|(?:pin|proc)-?based ?\d?)$/i;
const BIT = /^\W{0,8}(.{2,60}?): {0,2}Can set ?= ?(Yes|No), {0,2}Can clear ?= ?(Yes|No)\b/;

const REGISTERS_BY_TITLE: readonly (readonly [RegExp, number, number?])[] = [
  [/^basic/i, 0x480],
  [/tertiary|pro\w{0,16}[ -]?(?:based)?[ -]?(?:controls? ?)?3/i, 0x492],
  [/secondary|2nd|pro\w{0,16}[ -]?(?:based)?[ -]?(?:controls? ?)?2/i, 0x48b],
  [/^pin/i, 0x481, 0x48d],
  [/^(?:primary|pro)/i, 0x482, 0x48e],
  [/exit/i, 0x483, 0x48f],
  [/entry/i, 0x484, 0x490],
];

/** The controls of the default1 class that CPUs with TRUE registers allow to be 0. */
const CLEARABLE: { readonly [index: number]: readonly number[] } = { 0x482: [15, 16], 0x483: [2], 0x484: [2] };

/**
 * The register that a value under the title of a plain one can be of: the plain one has every bit of the default1 class
 * as 1 (SDM A.2), and many authors read the TRUE one under the same title. Undefined when it is neither.
 */
function registerOfValue(plain: number, trueIndex: number | undefined, value: U64): number | undefined {
  // Every secondary control may be 0 (SDM A.3.3).
  if (plain === 0x48b) return value.lo === 0 ? plain : undefined;
  const missing = (registerOf(plain)?.default1 ?? []).filter((bit) => !testBit(value, bit));
  // Firmware or a hypervisor without VMX.
  if (missing.length === 0 || (value.hi === 0 && value.lo === 0)) return plain;
  return missing.every((bit) => CLEARABLE[plain]?.includes(bit)) ? trueIndex : undefined;
}

function openListing(sink: FactSink): FactRun {
  let current: { readonly index: number; readonly value: U64; readonly control: boolean } | undefined;

  return {
    line(line) {
      const { text } = line;
      const head = HEAD.exec(text);
      if (head !== null) {
        const [, isTrue, title, number, digits] = head as unknown as [string, string, string, string, string];
        current = undefined;
        if (line.cut && head.index + head[0].length >= text.trimEnd().length) return false;
        // `Procbased MSR2` is the second one of that name.
        const name = title.trim() + number;
        const row =
          /controls?/i.test(name) || BARE_TITLE.test(name)
            ? REGISTERS_BY_TITLE.find(([pattern]) => pattern.test(name))
            : undefined;
        const value = parseHexU64(digits);
        const titled = isTrue === "" ? row?.[1] : row?.[2];
        if (row === undefined || titled === undefined || value === undefined) return false;
        const at = placeOf(line, head.index + head[0].length - digits.length + 1);
        const index = isTrue === "" ? registerOfValue(row[1], row[2], value) : titled;
        if (index === undefined) {
          const message = `0x${digits} cannot be MSR ${describeMsr(titled)}, as the title has it; it is not used`;
          sink.log.warning(at, message, "the register of the title");
          return true;
        }
        if (index !== titled) {
          const message = `0x${digits} has controls as 0 that are always 1 in MSR ${describeMsr(titled)}: treated as ${describeMsr(index)}`;
          sink.log.note(at, message);
        }
        current = { index, value, control: registerOf(index)?.layout === "controls" };
        sink.msr("unnamed", index, orAbsent(msrValue(value)), at);
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
        const message = `${row.sdm} as listed here contradicts bit ${row.bit} of the value above; the value is used`;
        sink.log.warning(placeOf(line, bit.index + 1), message, "labels at the bits that the SDM gives them");
      }
      return true;
    },
  };
}

function fold(label: string): string {
  return label.toLowerCase().replace(/[^a-z0-9]+/g, "");
}
