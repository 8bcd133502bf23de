import type { Step } from "../../../../answers/message.js";
import { registersInWords } from "../../../../input/text/register-values.js";
import { FIRMWARE_IS_OFF } from "../../../rows/shared-advice.js";
import type { Symptom } from "../author-symptom.js";

/*
 * VMXON that raises #GP, with the values that it depends on. Facts: Intel SDM volume 3C, VMXON, and A.7 and A.8 for the bits that
 * are fixed on every CPU with VMX.
 */

const CR0 = /\bCR0\b(?: (?:is|was|reads|holds))?[\s:=(]{1,8}0x(?<hex>[0-9a-f]{1,16})\b/i;
const CR4 = /\bCR4\b(?: (?:is|was|reads|holds))?[\s:=(]{1,8}0x(?<hex>[0-9a-f]{1,16})\b/i;
const FEAT_CTL =
  /\b(?:MSR_)?(?:IA32_)?FEAT(?:URE)?[_ ]C(?:ON)?T(?:RO)?L\b(?: \(0x3a\))?(?: (?:is|was|reads|holds))?[\s:=(]{1,8}(?:0x)?(?<hex>[0-9a-f]{1,8})\b/i;
/** What the CPU does not let be 1, where the text has it. */
const FIXED1 =
  /(?:\b|_)CR(?<cr>[04])_FIXED1\b(?: \(0x48[79]\))?(?: (?:is|was|reads))?[\s:=(]{1,8}0x(?<hex>[0-9a-f]{1,16})\b/gi;
const lowOf = (hex: string): number => Number.parseInt(hex.slice(-8), 16);

/** Bits that VMXON asks for, by what they are called. */
const ASKED = [
  [CR0, "CR0", { PE: 0, NE: 5, PG: 31 }],
  [CR4, "CR4", { VMXE: 13 }],
  [FEAT_CTL, "IA32_FEAT_CTL", { "the lock": 0, "VMX outside SMX": 2 }],
] as const;
/** The registers that limit CR0 and CR4, by number: which bits must be 1, which may. */
const LIMITS = { CR0: [0x486, 0x487], CR4: [0x488, 0x489] } as const;

function checked(text: string): string | undefined {
  const words = registersInWords(text);
  const allowed = new Map<string, number>(
    [...text.matchAll(FIXED1)].map(({ groups }) => [`CR${groups?.cr}`, lowOf(groups?.hex ?? "")]),
  );
  const read = ASKED.flatMap(([pattern, register, bits]) => {
    const written = register === "IA32_FEAT_CTL" ? words.get(FEAT_CTL_INDEX) : undefined;
    const hex = written === undefined ? pattern.exec(text)?.groups?.hex : written.lo.toString(16);
    if (hex === undefined) return [];
    const low = lowOf(hex);
    const [fixed0, fixed1] = register === "IA32_FEAT_CTL" ? [] : LIMITS[register].map((index) => words.get(index)?.lo);
    const named: readonly number[] = Object.values(bits);
    const missing = [
      ...Object.entries(bits),
      ...bitsOf((fixed0 ?? 0) & ~low)
        .filter((bit) => !named.includes(bit))
        .map((bit) => ["a bit that FIXED0 has", bit] as const),
    ].filter(([, bit]) => ((low >>> bit) & 1) === 0);
    const more = (low & ~(allowed.get(register) ?? fixed1 ?? -1)) >>> 0;
    const limited = register === "IA32_FEAT_CTL" || (allowed.get(register) ?? fixed1) !== undefined;
    return [{ register, hex: hex.toLowerCase(), missing, more, limited }];
  });
  // A locked IA32_FEAT_CTL that is read by its number has answers with the machine and its message.
  const isLock = ({ register, hex }: (typeof read)[number]) => register === "IA32_FEAT_CTL" && (lowOf(hex) & 1) === 1;
  if (read.every(isLock) && !FEAT_CTL.test(text)) return undefined;
  const wrong = read.filter(({ missing, more }) => missing.length > 0 || more !== 0);
  const shown = (all: typeof read) => all.map(({ register, hex }) => `${register} 0x${hex}`).join(", ");
  if (wrong.length > 0) {
    const faults = wrong.map(
      ({ register, hex, missing, more }) =>
        `${register} is 0x${hex}, ${[
          missing.length === 0 ? "" : `without ${missing.map(([name, bit]) => `${name} (bit ${bit})`).join(" and ")}`,
          more === 0 ? "" : `with bits that are 0 in ${register}_FIXED1 (0x${more.toString(16)})`,
        ]
          .filter((part) => part !== "")
          .join(", and ")}`,
    );
    const featCtl = wrong.find(({ register }) => register === "IA32_FEAT_CTL");
    const needs = wrong.some(({ register }) => register !== "IA32_FEAT_CTL")
      ? " CR0 needs PE, NE and PG, CR4 needs VMXE, and IA32_FEAT_CTL its lock and VMX outside SMX."
      : "";
    return `VMXON fails because of a value that the text gives: ${faults.join("; ")}.${needs}${featCtl === undefined ? "" : whoSets(lowOf(featCtl.hex))}`;
  }
  return `What the text gives is good for VMXON (${shown(read)}). #GP is left for CPL above 0, ${BOTH.every((name) => read.some(({ register, limited }) => register === name && limited)) ? "" : "a bit that is 0 in FIXED1 and set in CR0 or CR4, "}A20M, ${read.some(({ register }) => register === "IA32_FEAT_CTL") ? "" : "IA32_FEAT_CTL without its lock or bit 2, "}and another CPU than the one these values are from.`;
}

const BOTH = ["CR0", "CR4"] as const;
const FEAT_CTL_INDEX = 0x3a;
const bitsOf = (mask: number): readonly number[] =>
  Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((mask >>> bit) & 1) === 1);

/** Who can put IA32_FEAT_CTL right. */
const whoSets = (low: number): string =>
  (low & 1) === 0
    ? ` IA32_FEAT_CTL is not locked, so the firmware left it to the system: write ${(low | 5) === 5 ? "0x5" : `0x${((low | 5) >>> 0).toString(16)}`} to 0x3a on every CPU before VMXON, as Linux does.`
    : " IA32_FEAT_CTL is locked: only the firmware can change it.";

const WORDS =
  /\bvmx_?on\b[^\0]{0,400}(?:#GP|general[ _]protection)|(?:#GP|general[ _]protection)[^\0]{0,400}\bvmx_?on\b/i;
const OVER = ["any-instruction-fault", "any-fixed-bits", "generic-vmxon-failed"];
const FIT: Step = { text: "Before VMXON, on every CPU: CR0 = (CR0 | FIXED0) & FIXED1, and CR4 likewise, with VMXE." };
const READ_LIMITS: Step = {
  text: "Read what limits them, and what allows VMXON.",
  commands: ["for m in 0x486 0x487 0x488 0x489 0x3a; do sudo rdmsr -a $m; done"],
};

/** The answer where it fits a pattern. */
const ifSaid =
  (fits: RegExp) =>
  ({ input }: RegExpExecArray): string | undefined => {
    const says = checked(input);
    return says !== undefined && fits.test(says) ? says : undefined;
  };

/** What is to be done depends on which value is wrong. */
export const VMXON_SYMPTOMS: readonly Symptom[] = [
  {
    words: WORDS,
    over: OVER,
    says: ifSaid(/^VMXON fails [^;]{0,60}: IA32_FEAT_CTL is [^;]{1,200} is locked:/),
    steps: [FIRMWARE_IS_OFF],
  },
  { words: WORDS, over: OVER, says: ifSaid(/^VMXON fails [^;]{0,60}: IA32_FEAT_CTL is [^;]{1,400}$/), steps: [] },
  { words: WORDS, over: OVER, says: ifSaid(/^VMXON fails /), steps: [FIT] },
  { words: WORDS, over: OVER, says: ({ input }) => checked(input), steps: [FIT, READ_LIMITS] },
];
