import { listText } from "../../bits/list-text.js";
import { parseHexU64, type U64 } from "../../bits/u64.js";
import { type DecodedRegister, decodeRegister } from "../../host/decode.js";
import { msrValue } from "../../host/msr.js";
import { registersInWords } from "../../input/text/register-values.js";
import { hexIndex, registerOf } from "../../registers/registers.js";
import { auditVmcs } from "../../vmcs/audit.js";
import { small64 } from "../../vmcs/value64.js";
import { answer, type Recognised, type TextVerdict } from "../answer.js";
import { bitText, explainBit } from "../bits.js";
import type { Step } from "../message.js";
import { bitsAsked, registerText } from "./registers-read.js";

/*
 * Values that a text asks about, whether a machine has them or not: one register taken apart, or the control words that an author
 * wanted held against what the registers allow. What the text does not hold stays unknown.
 */

type Says = Omit<TextVerdict, "covers">;

const SHORT = 400;
const FEW_LINES = 4;
const LONGEST = 8_000;
const ASKS = /[?？]|\b(?:mean|means|decode|explain)\b/i;
/** Then the value is written, or it is about something else. */
const OTHER = /\b(?:wrmsr|writ(?:e|es|ing|ten)|set MSR|fail\w{0,3}|errors?|#GP|VMXON|VMLAUNCH|should|must)\b/i;
const FEAT_CTL = 0x3a;

/** `TRUE_PINBASED = 0x7f00000016`: a whole register by the end of its name. */
const BY_SHORT_NAME =
  /\b(?<true>TRUE_)?(?<which>PIN|PROC|EXIT|ENTRY)(?:_?BASED)?(?<two>_?2)?(?:_?CT(?:R?L)S)?(?:_?2)?\s?[:=]\s?0x(?<hex>[0-9a-f]{9,16})\b/gi;

function capabilitiesIn(text: string): ReadonlyMap<number, U64> {
  const found = new Map<number, U64>();
  for (const { 0: whole, groups = {} } of text.matchAll(BY_SHORT_NAME)) {
    const word =
      WORDS[/2\s?[:=]/.test(whole) ? "proc2" : ((groups.which as string).toLowerCase() as keyof typeof WORDS)];
    const value = parseHexU64(groups.hex as string);
    if (value !== undefined) found.set(groups.true === undefined ? word[2] : word[1], value);
  }
  return new Map([...found, ...registersInWords(text)]);
}

/** What a short question about the value of one register comes to; one that was read as a machine's is answered as that. */
export function valueAsked(text: string | undefined, isRead: boolean): Says | undefined {
  if (text === undefined || text.length > SHORT || !ASKS.test(text) || OTHER.test(text)) return undefined;
  if (text.trim().split("\n").length > FEW_LINES) return undefined;
  const [only, ...more] = registersInWords(text);
  if (only === undefined || more.length > 0) return undefined;
  const [index, value] = only;
  const decoded = decodeRegister(index, msrValue(value));
  if (isLowHalf(decoded, value))
    return {
      says: `0x${value.lo.toString(16)} is the low half of ${decoded.register.sdm} (${hexIndex(index)}) alone: which controls must be 1 (allowed-0). What may be 1, and so whether a control can be used, is in the high half (bits 63:32), which is not 0 on any CPU.`,
      steps: [
        { text: "Read the high half: bit n is control n.", commands: [`sudo rdmsr -f 63:32 ${hexIndex(index)}`] },
      ],
      evidence: [],
    };
  if (isRead) return undefined;
  const asked = bitsAsked(decoded, text);
  return {
    says: `${asked === "" ? "" : `${asked} `}${registerText(decoded, MOST_NAMES)}${index === FEAT_CTL ? lockText(value) : ""}`,
    steps: [],
    evidence: [],
  };
}
const MOST_NAMES = 32;

const ASKS_BITS =
  /\b(?:what|which)\b[^?\n]{0,60}\b(?:mean|means|are|is|bits?|for)\b[^?\n]{0,60}\?|\bwho (?:set|sets|wrote|locked|locks)\b/i;
const IN_TROUBLE =
  /\b(?:fail\w{0,4}|errors?|cannot|unable|disabled|wrong|problems?|issues?|missing|not (?:work|load|start)\w{0,3})\b|n['’]t (?:work|load|start)/i;
const ASKS_WHO =
  /\bwho\b[^?\n]{0,60}\?|\b(?:Linux|kernel)\b[^?\n]{0,40}\b(?:turns?|switch\w{0,2}|enables?|sets?|writes?|locks?)\b/i;
const LONGEST_QUESTION = 1_500;

/** What the bits of IA32_FEAT_CTL are beside those that VMX needs, where a text with its value asks. */
export function featCtlAsked(text: string, value: U64): Says | undefined {
  if (text.length > LONGEST_QUESTION || value.lo >>> 3 === 0 || !ASKS_BITS.test(text) || IN_TROUBLE.test(text))
    return undefined;
  const who = ASKS_WHO.test(text)
    ? " Whose lock it is, the value does not show: Linux with KVM built sets the bits for VMX and the lock itself where the firmware left it open."
    : "";
  return answer(`${registerText(decodeRegister(FEAT_CTL, msrValue(value)), MOST_NAMES)}${lockText(value)}${who}`, []);
}

/** What must be 1 may be 1: a high half of 0 was left out. */
const isLowHalf = ({ register }: DecodedRegister, { hi, lo }: U64): boolean =>
  register.layout === "controls" && hi === 0 && lo !== 0;

function lockText({ lo }: U64): string {
  if ((lo & 1) === 0) return " It is not locked: VMXON faults until software sets the lock with VMX on, as Linux does.";
  if ((lo & 4) !== 0) return " It is locked with VMX on: VMXON works.";
  return (lo & 2) !== 0
    ? " It is locked with VMX on inside SMX alone: outside, VMXON faults, and only the firmware can change that."
    : " It is locked with VMX off: VMXON faults, and only the firmware can change that.";
}

/** The words of controls, and the registers that limit them: the TRUE one where the text has it. */
const WORDS = {
  pin: ["pin-based controls", 0x48d, 0x481],
  proc: ["primary controls", 0x48e, 0x482],
  proc2: ["secondary controls", 0x48b, 0x48b],
  exit: ["VM-exit controls", 0x48f, 0x483],
  entry: ["VM-entry controls", 0x490, 0x484],
} as const;
const WANTED =
  /\b(?:(?<pin>pin)|(?<proc2>secondary|proc(?:essor)?[-_ ]?(?:based)?[-_ ]?(?:ctls)?2)|(?<proc>primary|proc(?:essor)?[-_ ]?based|cpu[-_ ]?based)|(?<exit>(?:vm[-_ ]?)?exit)|(?<entry>(?:vm[-_ ]?)?entry))(?:[-_ ]?(?:based|exec\w{0,6}|vm|ctls?|ctrls?|controls?)){0,4}[ \t]{0,16}(?:written|wanted|value|final|adjusted|ours?)?[ \t]{0,16}(?:\s?(?:[:=]|[-=]>)\s{0,8}|\s)(?:is |was |of |wanted |value |I (?:write|wrote|set) )?0x(?<value>[0-9a-f]{1,8})\b/gi;
const ALLOWED =
  /\ballowed[-_ ]?(?<which>[01])(?:[-_ ]?settings?)?(?:\s?[:=]\s?|\s)(?:is |of )?0x(?<value>[0-9a-f]{1,8})\b/gi;

interface Limits {
  readonly register: number;
  readonly must1?: number;
  readonly may1?: number;
}

/** What an author wanted in a control word and its register refuses, where an entry failed for the controls. */
export function wantedRefused(recognised: readonly Recognised[], text: string): TextVerdict | undefined {
  const failed = recognised.find(({ outcome }) => outcome === "invalid controls");
  if (failed === undefined || text.length > LONGEST) return undefined;
  const wanted = new Map<keyof typeof WORDS, number>();
  for (const { groups = {} } of text.matchAll(WANTED)) {
    const word = (Object.keys(WORDS) as (keyof typeof WORDS)[]).find((name) => groups[name] !== undefined);
    if (word !== undefined) wanted.set(word, Number.parseInt(groups.value as string, 16));
  }
  const registers = capabilitiesIn(text);
  const basic = registers.get(BASIC);
  const hasTrue = basic === undefined ? undefined : ((basic.hi >>> TRUE_CONTROLS) & 1) === 1;
  const judged = [...wanted].flatMap(([word, value]) => {
    const limits = limitsOf(word, registers, wanted.size === 1 ? text : "");
    return limits === undefined ? [] : [judgedWord(word, value, limits, hasTrue)];
  });
  if (judged.length === 0) return undefined;
  const allAgree = judged.length > 1 && judged.every(({ agrees }) => agrees);
  const together = allAgree ? brokenTogether(wanted) : undefined;
  if (together !== undefined)
    return {
      says: `${together.says} That is VM-instruction error 7. Each control word of the text alone is allowed by its register.`,
      steps: together.steps,
      evidence: [],
      line: failed.lines[0],
      covers: [failed.message as string],
    };
  return {
    says: allAgree
      ? `${failed.what} The ${judged.length} control words of the text (${judged.map(({ name }) => name).join(", ")}) are allowed by its registers, so another check failed: two controls that do not go together, an address or a pointer that a control needs, or the event to inject.`
      : `${failed.what} ${judged.map(({ says }) => says).join(" ")}`,
    steps: allAgree ? [PRINT_REST] : [],
    evidence: [],
    line: failed.lines[0],
    covers: [failed.message as string],
  };
}

function limitsOf(word: keyof typeof WORDS, registers: ReadonlyMap<number, U64>, text: string): Limits | undefined {
  const [, exact, plain] = WORDS[word];
  const register = registers.has(exact) ? exact : plain;
  const value = registers.get(register);
  if (value !== undefined)
    return { register, must1: value.lo, ...(value.hi === 0 && value.lo !== 0 ? {} : { may1: value.hi }) };
  const said = new Map([...text.matchAll(ALLOWED)].map(({ groups = {} }) => [groups.which, groups.value] as const));
  const [must1, may1] = [said.get("0"), said.get("1")].map((hex) =>
    hex === undefined ? undefined : Number.parseInt(hex, 16),
  );
  if (must1 === undefined && may1 === undefined) return undefined;
  return { register: plain, ...(must1 === undefined ? {} : { must1 }), ...(may1 === undefined ? {} : { may1 }) };
}

const FIELDS: { readonly [W in keyof typeof WORDS]: number } = {
  pin: 0x4000,
  proc: 0x4002,
  proc2: 0x401e,
  exit: 0x400c,
  entry: 0x4012,
};

/** Controls that do not go together: the checks of a VM entry, over the words alone. */
function brokenTogether(
  wanted: ReadonlyMap<keyof typeof WORDS, number>,
): Pick<TextVerdict, "says" | "steps"> | undefined {
  const fields = new Map([...wanted].map(([word, value]) => [FIELDS[word], small64(value)]));
  const { findings, headline } = auditVmcs({ fields, reported: { kind: "vmfail", error: 7 } });
  const [change] = findings[0]?.changes ?? [];
  if (findings.length === 0) return undefined;
  return { says: headline, steps: change === undefined ? [] : [{ text: `In the VMCS: ${change.text}.` }] };
}

const PRINT_REST: Step = {
  text: "Print the fields that the controls use, with the words and the registers, and have all of it checked: EPT_POINTER, the addresses of bitmaps and pages, VPID, the counts of MSR lists, VM_ENTRY_INTR_INFO_FIELD.",
  commands: ["vmxlens audit DUMP.txt"],
};

interface Judged {
  readonly name: string;
  readonly says: string;
  /** Both halves are known, and neither refuses it. */
  readonly agrees: boolean;
}

const BASIC = 0x480;
/** In the high half: bit 55. */
const TRUE_CONTROLS = 23;

function judgedWord(
  word: keyof typeof WORDS,
  wanted: number,
  { register, must1, may1 }: Limits,
  hasTrue: boolean | undefined,
): Judged {
  const [name, exact] = WORDS[word];
  const bits = (mask: number) =>
    Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((mask >>> bit) & 1) === 1);
  const named = (mask: number) => {
    const all = bits(mask).map((bit) => explainBit(register, bit, "asked"));
    const unnamed = all.filter(({ sdm }) => sdm === undefined).map(({ bit }) => String(bit));
    return listText([
      ...all.filter(({ sdm }) => sdm !== undefined).map(bitText),
      ...(unnamed.length === 0 ? [] : [`${unnamed.length > 1 ? "bits" : "bit"} ${unnamed.join(" ")} without a name`]),
    ]);
  };
  const missing = must1 === undefined ? 0 : must1 & ~wanted;
  const excess = may1 === undefined ? 0 : wanted & ~may1;
  const of = `The ${name} 0x${wanted.toString(16)}`;
  const parts = [
    ...(missing === 0 ? [] : [`lack what must be 1: ${named(missing)}`]),
    ...(excess === 0 ? [] : [`have what must be 0: ${named(excess)}`]),
  ];
  const sdm = registerOf(register)?.sdm ?? "the register";
  const open = [
    ...(must1 === undefined ? ["what must be 1 is not in the text"] : []),
    ...(may1 === undefined ? ["what may be 1 is not in the text"] : []),
  ];
  const rest = open.length === 0 ? "" : ` (${open.join(", ")})`;
  const trueName = `${registerOf(exact)?.sdm} (${hexIndex(exact)})`;
  const byTrue =
    missing === 0 || register === exact || hasTrue === false
      ? ""
      : hasTrue === true
        ? ` IA32_VMX_BASIC has bit 55, so ${trueName} decides in the end, and may let some of these be 0.`
        : ` Where IA32_VMX_BASIC bit 55 is 1, ${trueName} decides, and may let some of these be 0.`;
  const good =
    parts.length === 0 || must1 === undefined || may1 === undefined
      ? ""
      : ` (0x${wanted.toString(16)} | 0x${must1.toString(16)}) & 0x${may1.toString(16)} is allowed: 0x${(((wanted | must1) & may1) >>> 0).toString(16)}.`;
  const says =
    parts.length === 0
      ? `${of} agree with ${sdm} (${hexIndex(register)}) as far as the text shows it${rest}.`
      : `${of} ${parts.join("; they ")}, by ${sdm} (${hexIndex(register)})${rest}.${good}${byTrue}`;
  return { name, says, agrees: parts.length === 0 && open.length === 0 };
}
