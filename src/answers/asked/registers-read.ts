import { upperFirst } from "../../bits/first-letter.js";
import { type DecodedRegister, decodeCore } from "../../host/decode.js";
import { formatMsr } from "../../host/msr.js";
import { hexIndex } from "../../registers/registers.js";
import type { OwnMachine } from "../../situation/evidence/own-machine.js";
import { READING } from "../../why/purposes.js";
import type { TextVerdict } from "../answer.js";
import { topicOfValues } from "../topics.js";
import { featuresAsked } from "./asked-feature.js";

/*
 * Values of capability registers with the question how they are read: what each says, taken apart by the tables of bits.
 */

const ASKS =
  /\bhow (?:do|to|can|should|does|would)\b[^.?\n]{0,60}\b(?:read|interpret\w{0,3}|decod\w{1,3}|understand|parse|make sense)\b|\bwhat (?:do|does|is|are)\b[^?\n]{0,60}\b(?:bits?|values?|numbers?|results?|output)\b[^?\n]{0,30}\b(?:mean|say)\b|\b(?:decode|interpret)\b[^.\n]{0,40}\b(?:bits?|values?|MSRs?|registers?|this|these|it|them)\b|\bhow (?:can|do|could) I (?:find out|know|check|see)\b|\b(?:two|both) halves\b|\bwhich (?:bits?|controls?|ones?|(?:must|can|may) I)\b[^?\n]{0,40}\b(?:must|can|may|have to|set|cleared?)\b|\bhow (?:fast|often|many|large|big)\b[^\n]{0,80}\?|\b(?:timer )?rate\b\s?\?|怎么(?:看|读|解析)|什么意思/i;
/** It asks about the names, and shows the value of each. */
const OF_NAMES = /\bdifference between\b[^.?\n]{0,30}\bIA32_/i;
/** What else such a text may ask; the registers alone do not answer it. */
const OTHER = /\b(?:enabl|disabl|lock|fail|error)\w{0,3}\b|\b(?:BIOS|UEFI|firmware|KVM|not work\w{0,3})\b/i;
const SHORT = 400;
const SHORT_QUESTION = 1_500;
const FEW_LINES = 3;
const MOST_REGISTERS = 3;
/** Of each register, and where there is one alone. */
const MOST_NAMES = 6;
const MOST_OF_ONE = 24;
/** IA32_FEAT_CTL has an answer of its own. */
const FIRST_OF_VMX = 0x480;
const FEAT_CTL = 0x3a;

/** What the registers of the text say, where it asks that. */
export function registersAsked(
  text: string | undefined,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || machine?.hasRegisters !== true) return undefined;
  if (OF_NAMES.test(text)) return undefined;
  const asksBeside = !ASKS.test(text) && !showsOnlyRegisters(text, machine);
  if (asksBeside && !asksOfValues(text, machine)) return undefined;
  const { host, read: shown } = machine.situation;
  const read = decodeCore(host.cores[0], host.vendor, true).filter(
    ({ register: { index }, msr }) => index >= FIRST_OF_VMX && msr.state === "value" && shown.cores[0].msrs.has(index),
  );
  if (read.length === 0 || (asksBeside && read.length > MOST_REGISTERS)) return undefined;
  const topic = asksBeside ? topicOfValues(text) : undefined;
  const controls = read.some(({ register }) => register.layout === "controls");
  const most = read.length === 1 ? MOST_OF_ONE : MOST_NAMES;
  const shownFirst = read.slice(0, MOST_REGISTERS);
  const says = [...shownFirst.map((one) => bitsAsked(one, text)), ...shownFirst.map((one) => registerText(one, most))];
  return {
    says: [
      ...(topic === undefined ? [] : [topic.says]),
      ...says,
      ...(controls && topic === undefined ? [READING.controls] : []),
    ]
      .filter((part) => part !== "")
      .join(" "),
    steps: [
      {
        text:
          read.length > MOST_REGISTERS
            ? "Save the text; this shows every bit of all of them."
            : "Save the text; this shows every bit.",
        commands: ["vmxlens show FILE"],
      },
    ],
    evidence: [],
  };
}

/** A question in a short text whose only facts are such registers: their values are what it is about. */
const asksOfValues = (text: string, machine: OwnMachine): boolean =>
  text.length <= SHORT_QUESTION && /[?？]/.test(text) && hasOnlyRegisters(text, machine);

/** Which of the features that a text names the register says to be there, as a sentence; empty where it names none of its. */
export function bitsAsked({ register, bits }: DecodedRegister, text: string): string {
  const says = featuresAsked(text, new Set()).flatMap(({ name, silicon }) => {
    if (silicon === undefined || !("bit" in silicon) || silicon.bit[0].replace(/\.(?:hi|lo)$/, "") !== register.sdm)
      return [];
    const found = bits.find(({ row }) => row?.key === silicon.bit[1]);
    const has = found === undefined ? undefined : HAS[found.setting];
    return has === undefined ? [] : [`${name} (bit ${found?.bit}): ${has}`];
  });
  return says.length === 0 ? "" : `${upperFirst(says.join("; "))}.`;
}
const HAS: { readonly [setting: string]: string | undefined } = {
  free: "yes",
  default1: "yes",
  "must be 1": "yes",
  set: "yes",
  "must be 0": "no",
  clear: "no",
};

/** Nothing else is in a short text than values of such registers, and no feature is asked about. */
function showsOnlyRegisters(text: string, machine: OwnMachine): boolean {
  return text.length <= SHORT && text.trim().split("\n").length <= FEW_LINES && hasOnlyRegisters(text, machine);
}

const hasOnlyRegisters = (text: string, { situation: { read } }: OwnMachine): boolean =>
  read.params === undefined &&
  Object.keys(read.observed ?? {}).length === 0 &&
  read.cores[0].msrs.get(FEAT_CTL) === undefined &&
  featuresAsked(text, new Set()).length === 0 &&
  !OTHER.test(text);

export function registerText(decoded: DecodedRegister, most: number): string {
  const { register, msr, bits, fields } = decoded;
  const named = (...settings: readonly string[]) =>
    listed(
      bits.flatMap(({ row, setting }) => (row !== undefined && settings.includes(setting) ? [row.sdm] : [])),
      most,
    );
  const unnamed = bits.flatMap(({ row, bit, setting }) =>
    row === undefined && setting === "must be 1" ? [String(bit)] : [],
  );
  // Free by the TRUE register alone, which was not read.
  const byDefault = bits.flatMap(({ row, bit, setting }) =>
    setting === "unknown" && register.default1?.includes(bit)
      ? [row === undefined ? String(bit) : `${row.sdm} (${bit})`]
      : [],
  );
  const part = (words: string, names: string) => (names === "" ? [] : [`${words} ${names}`]);
  const parts = [
    ...fields.map(({ row, text }) => `${row.sdm.replace(/ in bytes$/, "")} ${text}`),
    ...part("must be 1:", named("must be 1")),
    ...part("must be 1, without a name: bits", listed(unnamed, most)),
    ...part("must be 1 unless the TRUE register lets it be 0: bits", listed(byDefault, most)),
    ...part("may be 1:", named("free", "default1")),
    ...part("must be 0:", named("must be 0")),
    ...part("set:", named("set")),
    ...part("clear:", named("clear")),
  ];
  return `${register.sdm} (${hexIndex(register.index)}) is ${formatMsr(msr)}: ${parts.join("; ")}.`;
}

function listed(names: readonly string[], most: number): string {
  const more = names.length - most;
  return more > 1 ? `${names.slice(0, most).join(", ")} and ${more} more` : names.join(", ");
}
