import type { Tri } from "../../bits/tri.js";
import type { ChosenBit, ChosenWord } from "../../compare/controls/control-words.js";
import type { ChosenControls, FixedBits } from "../../compare/controls/controls.js";
import { type ControlWordName, controlBit } from "../../vmcs/fields/control-bits.js";
import { exact, format64, known64, type Value64 } from "../../vmcs/value64.js";
import { visible } from "../visible.js";

/*
 * The chosen controls as text, JSON and source code. Code never holds a value that is not known, and does not compile
 * while a required control is missing.
 */

/** `EPT, bits 1, 2, 4`: what has no name is shown by number. */
function bitNames(bits: readonly ChosenBit[]): string {
  const named = bits.flatMap(({ row }) => (row === undefined ? [] : [row.key]));
  const others = bits.flatMap(({ bit, row }) => (row === undefined ? [bit] : []));
  if (others.length > 0) named.push(`${others.length === 1 ? "bit" : "bits"} ${others.join(", ")}`);
  return named.join(", ");
}

// ---- Text ----

const WHY: { readonly [W in ChosenBit["why"]]: string } = {
  required: "required",
  optional: "optional",
  implied: "needed to activate the secondary controls",
  forced: "the CPU demands it",
};

const SAYS: { readonly [T in Tri]: string } = {
  yes: "The CPU allows a VM entry with these controls.",
  no: "These requirements cannot be met:",
  unknown: "It is not known whether these requirements can be met:",
};

export function controlText(chosen: ChosenControls): string[] {
  const { verdict, words, unmet, without, dropped, findings, fixed } = chosen;
  const lines = [SAYS[verdict]];
  for (const { asked, text } of unmet) lines.push(`  ${asked}: ${text}`);
  for (const { id, text, certain, add = [] } of findings.filter(({ kind }) => kind === "error")) {
    const fix = add.length === 0 ? "" : `; want ${add.map((name) => controlBit(name).row.sdm).join(" and ")} as well`;
    lines.push(`  ${certain ? "" : "perhaps "}${text} (${id})${fix}`);
  }
  for (const chosenWord of words) lines.push("", ...wordLines(chosenWord));
  lines.push("", ...fixed.flatMap(fixedLines));
  const left = [
    ...without.map(({ control, asked, certain }) => {
      const name = asked === control.row.sdm ? asked : `${asked} (${control.row.sdm})`;
      return `${name}: this CPU ${certain ? "does not have it" : "is not known to have it"}`;
    }),
    ...dropped.map(({ asked, text }) => `${asked}: ${text}`),
  ];
  if (left.length > 0) lines.push("", "Optional and left out:", ...left.map((text) => `  ${text}`));
  const advice = findings.filter(({ kind }) => kind !== "error");
  if (advice.length > 0) {
    lines.push("", "To consider:", ...advice.map(({ text, certain }) => `  ${certain ? "" : "perhaps: "}${text}`));
  }
  return lines;
}

function wordLines({ word, register, value, bits, inUse }: ChosenWord): string[] {
  if (inUse === "no") return [`${word.sdm}: not in use`];
  const lines = [`${word.sdm}: ${format64(value)}, by ${register.sdm}`];
  const named = bits.filter(({ why }) => why !== "forced");
  const forced = bits.filter(({ why }) => why === "forced");
  for (const { bit, row, why } of named) lines.push(`  ${String(bit).padStart(2)} ${row?.sdm ?? ""}: ${WHY[why]}`);
  if (forced.length > 0) lines.push(`     ${WHY.forced}: ${bitNames(forced)}`);
  return lines;
}

function fixedLines({ name, hostMust1, guestMust1, must0 }: FixedBits): string[] {
  const guest = format64(guestMust1) === format64(hostMust1) ? "" : ` (of a guest ${format64(guestMust1)})`;
  return [`${name}: bits that must be 1 ${format64(hostMust1)}${guest}, that must be 0 ${format64(must0)}`];
}

// ---- JSON ----

export function controlJson({ verdict, words, unmet, without, dropped, findings, fixed }: ChosenControls) {
  return {
    verdict,
    words: words.map(wordJson),
    unmet: unmet.map(({ control, ...row }) => ({ control: control.name, sdm: control.row.sdm, ...row })),
    without: without.map(({ control, ...row }) => ({ control: control.name, ...row })),
    dropped: dropped.map(({ control, asked, text }) => ({ control: control.name, asked, text })),
    findings: findings.map(({ sdm, add, ...row }) => ({ ...row, sdm: sdm ?? null, add: add ?? [] })),
    fixed: fixed.map(({ name, hostMust1, guestMust1, must0 }) => ({
      name,
      hostMust1: valueJson(hostMust1),
      guestMust1: valueJson(guestMust1),
      must0: valueJson(must0),
    })),
  };
}

function wordJson({ word, register, inUse, value, bits, required, optional, must1, may1 }: ChosenWord) {
  return {
    name: word.name,
    sdm: word.sdm,
    encoding: `0x${word.encoding.toString(16)}`,
    register: register.sdm,
    inUse,
    value: valueJson(value),
    required: format64(known64(required)),
    optional: format64(known64(optional)),
    must1: valueJson(must1),
    may1: valueJson(may1),
    bits: bits.map(({ bit, row, state, why }) => ({ bit, key: row?.key ?? null, sdm: row?.sdm ?? null, state, why })),
  };
}

/** A hexadecimal string, or both masks when some bits are not known. */
function valueJson(value: Value64): unknown {
  if (exact(value) !== undefined) return format64(value);
  const { lo, hi } = value;
  return {
    value: format64(known64({ lo: lo.value, hi: hi.value })),
    unknown: format64(known64({ lo: lo.unknown, hi: hi.unknown })),
  };
}

// ---- Source code ----

export interface Language {
  readonly comment: (text: string) => string;
  readonly constant: (name: string, digits: string, wide: boolean) => string;
  /** A line that makes a compiler stop. */
  readonly stop: (text: string) => string;
}

export const C: Language = {
  comment: (text) => `/* ${visible(text).replaceAll("*/", "* /")} */`,
  constant: (name, digits, wide) => `#define ${name} ${digits}${wide ? "ULL" : "U"}`,
  stop: (text) => `#error "${visible(text).replaceAll(/["\\]/g, "'")}"`,
};

export const RUST: Language = {
  comment: (text) => `// ${visible(text)}`,
  constant: (name, digits, wide) => `pub const ${name}: ${wide ? "u64" : "u32"} = ${digits};`,
  stop: (text) => `compile_error!("${visible(text).replaceAll(/["\\]/g, "'")}");`,
};

const CONSTANTS: { readonly [W in ControlWordName]: string } = {
  pin: "VMX_PIN_BASED",
  proc: "VMX_PRIMARY_PROC_BASED",
  proc2: "VMX_SECONDARY_PROC_BASED",
  proc3: "VMX_TERTIARY_PROC_BASED",
  exit: "VMX_EXIT",
  exit2: "VMX_SECONDARY_EXIT",
  entry: "VMX_ENTRY",
  vmfunc: "VMX_VMFUNC",
};

interface Constant {
  readonly name: string;
  readonly about: string;
  readonly value: Value64;
  readonly wide: boolean;
}

/**
 * Constants for each word: `_CONTROLS` is what to write on this CPU; `_REQUIRED` and `_OPTIONAL` are for code that
 * adjusts the word by the capability MSRs of the CPU it runs on. `about` goes into the first comment.
 */
export function controlCode(chosen: ChosenControls, language: Language, about: string): string[] {
  const { comment, constant, stop } = language;
  const lines = [comment(`VMX controls for ${oneLine(about)}. Other CPUs can demand or refuse other bits.`)];
  for (const { asked, text, certain } of chosen.unmet) lines.push((certain ? stop : comment)(`${asked}: ${text}`));
  for (const { kind, text, certain } of chosen.findings) {
    lines.push((kind === "error" && certain ? stop : comment)(certain ? text : `perhaps: ${text}`));
  }
  for (const { name, about: meaning, value, wide } of constantsOf(chosen)) {
    const known = exact(value);
    if (meaning !== "") lines.push(comment(meaning));
    lines.push(
      known === undefined
        ? stop(`${name}: ${format64(value)} is not known`)
        : constant(name, digits(known, wide), wide),
    );
  }
  return lines;
}

function digits({ hi, lo }: { readonly hi: number; readonly lo: number }, wide: boolean): string {
  const low = lo.toString(16).padStart(8, "0");
  return wide ? `0x${hi.toString(16).padStart(8, "0")}${low}` : `0x${low}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

function constantsOf({ words, fixed }: ChosenControls): Constant[] {
  const ofWords = words.flatMap(({ word, value, bits, required, optional, inUse }): Constant[] => {
    const base = CONSTANTS[word.name];
    const wide = isWide(word.encoding);
    const names = inUse === "no" ? "not in use" : bitNames(bits);
    return [
      { name: `${base}_CONTROLS`, about: `${word.sdm}: ${names === "" ? "none" : names}`, value, wide },
      { name: `${base}_REQUIRED`, about: "", value: known64(required), wide },
      { name: `${base}_OPTIONAL`, about: "", value: known64(optional), wide },
    ];
  });
  const ofRegisters = fixed.flatMap(({ name, hostMust1, guestMust1, must0 }): Constant[] => [
    {
      name: `VMX_HOST_${name}_MUST_BE_1`,
      about: `bits of ${name} that VMX operation fixes`,
      value: hostMust1,
      wide: true,
    },
    { name: `VMX_GUEST_${name}_MUST_BE_1`, about: "", value: guestMust1, wide: true },
    { name: `VMX_${name}_MUST_BE_0`, about: "", value: must0, wide: true },
  ]);
  return [...ofWords, ...ofRegisters];
}

/** Bits 14:13 of an encoding: 1 is a 64-bit field. */
function isWide(encoding: number): boolean {
  return ((encoding >>> 13) & 3) === 1;
}
