import { listText } from "../../../bits/list-text.js";
import { parseHexU64, testBit, type U64 } from "../../../bits/u64.js";
import { msrOf } from "../../../host/host.js";
import { knownValue } from "../../../host/msr.js";
import { isVmxMsr, msrByName } from "../../../input/text/msr-names.js";
import { hexIndex, type RegisterRow, registerOf } from "../../../registers/registers.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { answer, type TextVerdict } from "../../answer.js";

/*
 * "What is bit 20?" beside a register, or "why is bit 21 of 0x48c gone?".
 */

const LONGEST = 400;
const BIT =
  /\b(?:what(?:'s| is| does| are)|which is|meaning of|why is|why are)\b[^\n?]{0,24}\bbits? (?:number )?(?<bit>\d{1,2})(?:,? (?:and|or|vs\.?|versus) (?:bit )?(?<other>\d{1,2}))?\b(?!:)/gi;
const REGISTER = /\b(?:MSR_)?(?<name>IA32_(?:FEAT|VMX_)\w{2,40})|\b0x0{0,5}(?<index>3a|4[89][0-9a-f])\b/gi;
const TROUBLE = /\b(?:fail\w{0,4}|error|crash\w{0,3}|#GP|refus\w{2,3})\b/i;
/** Of a register of 64 bits, where a text has several. */
const WHOLE_VALUE = /\b0x[0-9a-f]{9,16}\b/gi;
const ALLOWED1 = 32;
const MOST = 3;

/** What the bits of the one register are that a short text asks about; undefined where it names none or several registers. */
export function bitAsked(
  text: string | undefined,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || text.length > LONGEST || TROUBLE.test(text)) return undefined;
  const bits = [...text.matchAll(BIT)].flatMap(({ groups: { bit, other } = {} }) =>
    [bit, other].flatMap((one) => (one === undefined ? [] : [Number(one)])),
  );
  const asked = [...new Set(bits)].filter((bit) => bit < 64);
  const [index, ...others] = registersIn(text);
  const register = index === undefined || others.length > 0 ? undefined : registerOf(index);
  if (register === undefined || asked.length === 0 || asked.length > MOST) return undefined;
  const written = [...new Set(text.match(WHOLE_VALUE) ?? [])];
  const read = machine === undefined ? undefined : knownValue(msrOf(machine.situation.host.cores[0], register.index));
  const says = asked.map((bit) => {
    const is =
      written.length > 1
        ? `; it is ${listText(written.map((hex) => `${testBit(parseHexU64(hex) as U64, bit) ? 1 : 0} in ${hex}`))}`
        : read === undefined
          ? ""
          : register.layout === "controls" && bit < ALLOWED1
            ? `; they are ${testBit(read, bit) ? 1 : 0} and ${testBit(read, bit + ALLOWED1) ? 1 : 0} there`
            : `; it is ${testBit(read, bit) ? 1 : 0} there`;
    return `Bit ${bit} of ${register.sdm} (${hexIndex(register.index)}) ${meaning(register, bit)}${is}.`;
  });
  return answer(says.join(" "), [
    {
      text: "See every bit of it on a host, or on a CPU by its name.",
      commands: [`vmxlens show HOST ${hexIndex(register.index)}`],
    },
  ]);
}

function registersIn(text: string): readonly number[] {
  const found = new Set<number>();
  for (const { groups = {} } of text.matchAll(REGISTER)) {
    const index = groups.name === undefined ? Number.parseInt(groups.index as string, 16) : msrByName(groups.name);
    if (index !== undefined && isVmxMsr(index)) found.add(index);
  }
  return [...found];
}

function meaning(register: RegisterRow, bit: number): string {
  const nameOf = (wanted: number) => register.bits.find((row) => row.bit === wanted)?.sdm;
  const inField = register.fields?.find(({ high, low }) => bit <= high && bit >= low);
  if (register.layout === "controls") {
    const control = bit % ALLOWED1;
    const name = nameOf(control) ?? "without a public name";
    return bit < ALLOWED1
      ? `is control ${control} (${name}): it must be 1 where this bit of the register is 1, and may be 1 where bit ${bit + ALLOWED1} is`
      : `says whether control ${control} (${name}) may be 1`;
  }
  const name = nameOf(bit);
  if (name !== undefined) return `is "${name}"`;
  return inField === undefined
    ? "has no name in the manual"
    : `is a part of ${inField.sdm} (bits ${inField.high}:${inField.low})`;
}
