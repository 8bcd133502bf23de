import { isVmxMsr, msrByName } from "../../input/text/msr-names.js";
import { bitsNamed } from "../../registers/lookup.js";
import { ALLOWED1, hexIndex, type RegisterRow, registerOf } from "../../registers/registers.js";
import { definitionOf } from "../../why/definition.js";
import { answer, type TextVerdict } from "../answer.js";
import { featuresIn } from "./asked-feature.js";

/*
 * What a text or its code says about a register: "rdmsr 0x48b # IA32_…", "bit 54 of 0x48b is MBEC". The tables say whether that is so.
 */

const LONGEST = 4_000;
const NAMED =
  /\brdmsr (?:-\w{1,3} ){0,3}(?<a>0x4[89][0-9a-f])\b[ \t]{0,24}(?:#|\/\/|\/\*|--)[ \t]{0,4}(?<b>(?:MSR_)?IA32_\w{2,40})|\b(?<c>(?:MSR_)?IA32_\w{2,40})(?:[ \t]{1,24}|[ \t]{0,24}=[ \t]{0,24}|[ \t]?\()(?<d>0x0{0,5}4[89][0-9a-f])\b|\b(?<e>0x0{0,5}4[89][0-9a-f])[ \t]?(?:\((?:MSR )?|=[ \t]?)(?<f>(?:MSR_)?IA32_\w{2,40})/g;
const VMX_FIRST = 0x480;

/** A number under which a text has the name of another register. */
function wrongName(text: string): Omit<TextVerdict, "covers"> | undefined {
  for (const { groups = {} } of text.matchAll(NAMED)) {
    const [number = "", name = ""] = [groups.a ?? groups.d ?? groups.e, groups.b ?? groups.c ?? groups.f];
    const [index, named] = [Number.parseInt(number, 16), msrByName(name)];
    const register = index >= VMX_FIRST ? registerOf(index) : undefined;
    // A name of VMX's own that is not known may be another spelling.
    if (register === undefined || named === index || (named === undefined && name.includes("VMX"))) continue;
    const other = named === undefined ? "" : `, which is ${hexIndex(named)}`;
    const [, holds = "more of VMX."] = (definitionOf(hexIndex(index))?.short ?? "").split(": ");
    return answer(`${hexIndex(index)} is ${register.sdm}, not ${name}${other}. It holds: ${holds}`, [
      { text: "See what its bits mean.", commands: [`vmxlens show HOST ${hexIndex(index)}`] },
    ]);
  }
  return undefined;
}

const BIT = /\bbit (?:number )?(?<bit>\d{1,2})\b(?![:-]\d)/gi;
const REGISTER = /\b(?:MSR_)?(?<name>IA32_VMX_\w{2,40})|\b0x0{0,5}(?<index>4[89][0-9a-f])\b/gi;
/** A sentence on a value, or on what went wrong. */
const OF_A_VALUE =
  /\b(?:not|missing|lack\w{0,2}|clear\w{0,2}|unset|zero|reads?|fail\w{0,4}|error|refus\w{2,3}|why|0|1)\b(?! ?(?:means?|if))|n['’]t\b/i;

/** A bit of the one register of a text that is said to be a feature's. */
function bitClaimed(text: string): Omit<TextVerdict, "covers"> | undefined {
  const indices = new Set(
    [...text.matchAll(REGISTER)].map(({ groups = {} }) =>
      groups.name === undefined ? Number.parseInt(groups.index as string, 16) : msrByName(groups.name),
    ),
  );
  const [index, ...others] = indices;
  const register = index === undefined || others.length > 0 || !isVmxMsr(index) ? undefined : registerOf(index);
  if (register === undefined) return undefined;
  let first: Omit<TextVerdict, "covers"> | undefined;
  for (const line of text.split(/[\n,;]/)) {
    const [found, ...more] = [...line.matchAll(BIT)];
    if (found === undefined || more.length > 0 || OF_A_VALUE.test(line)) continue;
    const bit = Number(found.groups?.bit);
    const features = featuresIn(line.replace(/[^\w\s-]/g, " "));
    const bits = features.flatMap(({ id, name, flag, aliases = [] }) => {
      const rows = [name, id, flag ?? "", ...aliases].flatMap(bitsNamed).filter((one) => isOf(one.register, register));
      return rows.slice(0, 1).map(({ row }) => row);
    });
    const [row, ...rows] = [...new Set(bits)];
    if (row === undefined || rows.length > 0) continue;
    const isRight = bit === rightBit(register, row.bit);
    if (!isRight) return judged(register, row, bit);
    first ??= judged(register, row, bit);
  }
  return first;
}

const rightBit = ({ layout }: RegisterRow, bit: number): number => (layout === "controls" ? bit + ALLOWED1 : bit);

/** The same register, or the TRUE one of the same controls. */
const isOf = (one: RegisterRow, register: RegisterRow): boolean =>
  one.index === register.index || one.bits === register.bits;

function judged(register: RegisterRow, row: RegisterRow["bits"][number], bit: number): Omit<TextVerdict, "covers"> {
  const name = `${register.sdm} (${hexIndex(register.index)})`;
  const isControl = register.layout === "controls";
  const right = rightBit(register, row.bit);
  const shows = isControl ? `whether control ${row.bit} (${row.sdm}) may be 1` : `whether there is "${row.sdm}"`;
  const says =
    bit === right
      ? `Bit ${bit} is right: in ${name} it says ${shows}: 1 where the CPU, or the hypervisor below, has that.`
      : isControl && bit === row.bit
        ? `Bit ${bit} is the number of the control (${row.sdm}), and in ${name} it is 1 only where the control must be 1. Whether it may be 1, so whether the CPU has it, is bit ${right}.`
        : `Bit ${bit} is not the one: in ${name} bit ${right} says ${shows}.`;
  return answer(`${says} Whether a hypervisor uses it is another question.`, [
    {
      text: "Read that bit.",
      commands: [`sudo modprobe msr; sudo rdmsr -f ${right}:${right} -a ${hexIndex(register.index)}`],
    },
  ]);
}

/** What a text says about a register or a bit in it, judged; undefined where it says nothing about one. */
export function registerClaimed(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  return text === undefined || text.length > LONGEST ? undefined : (wrongName(text) ?? bitClaimed(text));
}
