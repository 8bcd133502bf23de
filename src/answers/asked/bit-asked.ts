import { listText } from "../../bits/list-text.js";
import { parseHexU64, testBit, type U64 } from "../../bits/u64.js";
import { msrOf } from "../../host/host.js";
import { knownValue } from "../../host/msr.js";
import { isVmxMsr, msrByName } from "../../input/text/msr-names.js";
import { registersInWords } from "../../input/text/register-values.js";
import { ALLOWED1, hexIndex, type RegisterRow, registerOf } from "../../registers/registers.js";
import type { OwnMachine } from "../../situation/evidence/own-machine.js";
import { answer, type TextVerdict } from "../answer.js";

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

const MUST_BE_1 =
  /\bmust be (?:one|1|set)\b|\bnever be (?:turned off|switched off|cleared|0|zero)\b|\balways (?:be )?(?:1|one|on|set)\b/i;
const ONE_BIT = /\bbit (?<bit>\d{1,2})\b/i;
const TRUE_OF_PLAIN = 0xc;
const LONGER = 2_000;

/** Whether a control that its plain register reports as 1 can be off, where a text asks that with the value. */
export function default1Asked(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || text.length > LONGER || !text.includes("?") || !MUST_BE_1.test(text)) return undefined;
  const bit = Number(ONE_BIT.exec(text)?.groups?.bit ?? -1);
  const values = registersInWords(text);
  const register = [0x481, 0x482, 0x483, 0x484].map(registerOf).find((one) => one?.default1?.includes(bit) === true);
  const value = register === undefined ? undefined : values.get(register.index);
  if (register === undefined || value === undefined || values.has(register.index + TRUE_OF_PLAIN)) return undefined;
  const exact = registerOf(register.index + TRUE_OF_PLAIN);
  const name = register.bits.find((row) => row.bit === bit)?.sdm ?? "without a public name";
  return answer(
    `Bit ${bit} (${name}) is one of those that ${register.sdm} (${hexIndex(register.index)}) always reports as 1, for old software. Where IA32_VMX_BASIC has bit 55, ${exact?.sdm} (${hexIndex(register.index + TRUE_OF_PLAIN)}) says whether it may be 0, and the CPU goes by that: a control that is 0 there in the low half can be off.`,
    [
      {
        text: "Read both.",
        commands: [`sudo modprobe msr; sudo rdmsr 0x480; sudo rdmsr ${hexIndex(register.index + TRUE_OF_PLAIN)}`],
      },
    ],
  );
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
