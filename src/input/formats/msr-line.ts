import { fromBigInt, parseHexU64, type U64 } from "../../bits/u64.js";
import { type Msr, msrValue } from "../../host/msr.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { describeMsr, isNumberOfMsr, isVmxMsr, msrByName } from "../text/msr-names.js";
import { type BothBases, bothBases, onlyDecimal } from "../text/number-base.js";

/** What a line of the form `MSR = value` says. Columns count from 1. */
export interface MsrClaim {
  readonly cpu?: number;
  readonly index: number;
  readonly column: number;
  readonly said:
    | {
        readonly kind: "value";
        readonly msr: Msr;
        readonly digits: number;
        readonly padded: boolean;
        /** What a value without 0x shows of the base of its list, and its two readings where it can be of both. */
        readonly base?: "hex" | "decimal";
        readonly both?: BothBases;
      }
    | { readonly kind: "absent" }
    /** The line names a VMX MSR and its value cannot be taken. */
    | { readonly kind: "broken"; readonly message: string; readonly expected: string };
}

const VALUE_EXPECTED = "one to sixteen hex digits, as 0x1f, or two halves high:low, the low one of eight digits";

// Sticky expressions: each one is tried at one position only, which keeps a line's cost linear.
const PREFIX = /(?:[\s>*|•-]|\[ {0,8}\d{1,10}\.\d{1,9}\]|\[CHIPSEC\]|\[[*+!x-]\])*/y;
const CPU = /(?:cpu|processor)[ #:(]{0,3}(0x[0-9a-f]{1,4}|\d{1,4})(?![0-9a-fx])\s*[:,)\]-]{0,2}\s*/iy;
const WORD = /(?:(?:rd)?msr(?![\w[(])[:#]?\s*)+/iy;
const BRACKETED = /(?:(?:rd|read)?_?msr)\s*[[(]\s*(?:0x)?([0-9a-f]{1,8})h?\s*[\])]/iy;
const BRACKETED_NAME = /(?:rd|read)_?msr\s*[[(]\s*((?:MSR_|IA32_|VMX_|FEAT)\w{3,60})\s*[\])]/iy;
const INDEX = /(?:0x([0-9a-f]{1,8})|([0-9a-f]{1,8})h)(?![\w])/iy;
const BARE_INDEX = /([0-9a-f]{2,8})(?=\s*[:=])/iy;
const NAME = /(?:MSR_|IA32_|VMX_|FEAT|EPT_)\w{3,60}/iy;
const IN_PARENTHESES = /\s*[[(]\s*(?:0x([0-9a-f]{1,8})|([0-9a-f]{1,8})h?|((?:MSR_|IA32_|VMX_|FEAT)\w{3,60}))\s*[\])]/iy;
const SEPARATOR =
  /\s*(?::=|=>|->|[:=,|])\s*|\s+(?:is|reads(?: as)?|equals|contains|holds|(?:has |with )?(?:the )?value|returns?|returned|gives?|gave|shows?|prints?|printed|says)(?: me)?\s+|\s+/iy;

const LABELLED =
  /(edx|high|hi|eax|low|lo)\s*[:=]\s*(?:0x)?([0-9a-f]{1,8})h?[\s,;:]+(edx|high|hi|eax|low|lo)\s*[:=]\s*(?:0x)?([0-9a-f]{1,8})h?(?!\w)/iy;
// The low half must be padded: a shorter one is a part of one.
const HALVES = /(?:0x)?([0-9a-f]{1,8})h?[:`'_](?:0x)?([0-9a-f]{8})h?(?![\w:`'])/iy;
/** As Rust and other languages group digits, and binary ones. */
const GROUPED = /0x[0-9a-f]{1,4}(?:_[0-9a-f]{4}){1,3}(?![\w])|0b(?:_?[01]){1,64}(?![\w])/iy;
const TWO_WORDS = /(?:0x)?([0-9a-f]{8})h?\s+(?:0x)?([0-9a-f]{8})h?(?=\s*$)/iy;
// Assemblers write an h behind the digits, C an L or two.
const PLAIN = /(0x)?([0-9a-f]{1,16})(?:(h)|u?ll?u?|u)?(?![\w`'-])(?!:(?:0x)?[0-9a-f])/iy;
const LONG_DECIMAL = /\d{17,20}(?=\s*(?:$|[#;,(/[|]|--))/y;
const FAULT =
  /(?:EIO|#GP|(?:gp|general protection) fault|fault(?:s|ed)?|absent|input\/output error|<\s*failed\s*>)(?!\w)/iy;
const LIKE_A_NUMBER = /0x[0-9a-z_:`'-]*|[0-9a-f]{8}[0-9a-z_:`'-]*/iy;
const BETWEEN = /\s*[,;]\s*|\s+/y;

function at(re: RegExp, text: string, position: number): RegExpExecArray | null {
  re.lastIndex = position;
  return re.exec(text);
}

/**
 * Reads `0x480: 0x…`, `0x480=0x…`, `480h …`, `IA32_VMX_BASIC 0x…`, `msr[480] = hhhhhhhh'hhhhhhhh` (with a backtick),
 * `cpu0 msr 0x480 NAME = 0x…`, `cpu0 msr 0x492 NAME : EIO` and their mixtures, several on a line if need be. A line
 * that is none of these gives an empty list; a value on the line is never changed or completed.
 */
export function msrClaims(line: string): MsrClaim[] {
  // No form works without one of these, and most lines of a log have none.
  if (!/[=:x`hH\t]|VMX_|FEAT/.test(line)) return [];
  const claims: MsrClaim[] = [];
  let position = at(PREFIX, line, 0)?.[0].length ?? 0;
  let cpu: number | undefined;
  const named = at(CPU, line, position);
  if (named !== null && Number(named[1]) <= MAX_CPU) {
    cpu = Number(named[1]);
    position += named[0].length;
  }
  while (position < line.length && claims.length < 64) {
    const found = claimAt(line, position);
    if (found === undefined) break;
    if (isVmxMsr(found.claim.index)) claims.push(cpu === undefined ? found.claim : { ...found.claim, cpu });
    if (found.claim.said.kind === "broken") break;
    const gap = at(BETWEEN, line, found.end);
    if (gap === null) break;
    position = found.end + gap[0].length;
  }
  return claims;
}

function claimAt(line: string, start: number): { claim: MsrClaim; end: number } | undefined {
  let position = start + (at(WORD, line, start)?.[0].length ?? 0);
  const subject = subjectAt(line, position) ?? labelledSubject(line, position);
  if (subject === undefined) return undefined;
  const { index } = subject;
  position = subject.end;
  if (subject.disagrees !== undefined && isVmxMsr(index)) {
    const message = `the line names MSR 0x${index.toString(16)} and ${subject.disagrees}, which are two`;
    return {
      claim: { index, column: start + 1, said: { kind: "broken", message, expected: describeMsr(index) } },
      end: position,
    };
  }
  const separator = at(SEPARATOR, line, position);
  if (separator === null) return undefined;
  const strong = /[:=]/.test(separator[0]);
  position += separator[0].length;
  const value = valueAt(line, position, strong, subject.sure);
  if (value?.said.kind === "value" && isNumber(value.said.msr, index)) return undefined;
  return value === undefined ? undefined : { claim: { index, column: position + 1, said: value.said }, end: value.end };
}

const isNumber = (msr: Msr, index: number): boolean =>
  msr.state === "value" && isNumberOfMsr({ hi: msr.hi.value, lo: msr.lo.value }, index);

interface Subject {
  readonly index: number;
  readonly end: number;
  /** False for a bare number, which only a clear value makes an MSR. */
  readonly sure: boolean;
  /** A name on the line that belongs to another MSR. */
  readonly disagrees?: string;
}

function subjectAt(line: string, start: number): Subject | undefined {
  const bracketed = at(BRACKETED, line, start);
  const numbered = bracketed ?? at(INDEX, line, start);
  const bare = numbered ?? at(BARE_INDEX, line, start);
  if (bare !== null) {
    const index = Number.parseInt((bare[1] ?? bare[2]) as string, 16);
    if (numbered === null && !isVmxMsr(index)) return undefined;
    let end = start + bare[0].length;
    const blank = at(/\s+/y, line, end)?.[0].length ?? 0;
    const inside = at(IN_PARENTHESES, line, end);
    const name = inside?.[3] ?? at(NAME, line, end + blank)?.[0];
    if (inside?.[3] !== undefined) end += inside[0].length;
    else if (name !== undefined && blank > 0) end += blank + name.length;
    const named = name === undefined ? undefined : msrByName(name);
    const wrong = name !== undefined && named !== undefined && named !== index;
    return { index, end, sure: numbered !== null, ...(wrong ? { disagrees: name } : {}) };
  }
  const inCall = at(BRACKETED_NAME, line, start);
  const name = inCall ?? at(NAME, line, start);
  if (name === null) return undefined;
  const index = msrByName(inCall?.[1] ?? name[0]);
  if (index === undefined) return undefined;
  let end = start + name[0].length;
  const blank = at(/\s+/y, line, end)?.[0].length ?? 0;
  const inside = at(IN_PARENTHESES, line, end);
  const number = inside?.[1] ?? inside?.[2];
  if (inside !== null && number !== undefined) {
    end += inside[0].length;
    if (Number.parseInt(number, 16) !== index) return { index, end, sure: true, disagrees: `0x${number}` };
  } else if (blank > 0) {
    // `NAME 0x480 = value`: the number repeats the MSR only when it is this one and a value follows.
    const repeated = at(INDEX, line, end + blank);
    const after = repeated === null ? -1 : end + blank + repeated[0].length;
    if (
      repeated !== null &&
      Number.parseInt((repeated[1] ?? repeated[2]) as string, 16) === index &&
      at(/\s*[:=]/y, line, after)
    ) {
      end = after;
    }
  }
  return { index, end, sure: true };
}

/** A number of a VMX MSR in brackets, as printed after a name. */
const NUMBER_IN_BRACKETS = /[([]\s{0,4}(?:0x)?0{0,6}(3a|4[89][0-9a-f])h?\s{0,4}[)\]]/gi;
const LONGEST_LABEL = 80;
/** One word, and the number with what comes before a value. */
const WORD_AND_NUMBER = /[a-z_][\w.]{1,60}\s{1,8}0x0{0,5}(3a|4[89][0-9a-f])(?=\s*[:=])/iy;

/** `any words (0x485)`: the number identifies the register, whatever its name is here. */
function labelledSubject(line: string, start: number): Subject | undefined {
  NUMBER_IN_BRACKETS.lastIndex = start;
  const found = NUMBER_IN_BRACKETS.exec(line);
  if (found === null || found.index - start > LONGEST_LABEL) {
    const plain = at(WORD_AND_NUMBER, line, start);
    const index = Number.parseInt(plain?.[1] ?? "", 16);
    return plain !== null && isVmxMsr(index) ? { index, end: start + plain[0].length, sure: true } : undefined;
  }
  const index = Number.parseInt(found[1] as string, 16);
  if (!isVmxMsr(index)) return undefined;
  const label = line.slice(start, found.index);
  const name = /(?:MSR_|IA32_|VMX_|FEAT)\w{3,60}/i.exec(label)?.[0];
  const named = name === undefined ? undefined : msrByName(name);
  const wrong = name !== undefined && named !== undefined && named !== index;
  return { index, end: found.index + found[0].length, sure: true, ...(wrong ? { disagrees: name } : {}) };
}

/** `strong`: a colon or an equals sign comes before it; blanks alone need an unmistakable value. */
function valueAt(
  line: string,
  position: number,
  strong: boolean,
  sure: boolean,
): { said: MsrClaim["said"]; end: number } | undefined {
  const fault = sure ? at(FAULT, line, position) : null;
  if (fault !== null) return { said: { kind: "absent" }, end: position + fault[0].length };

  const labelled = at(LABELLED, line, position);
  if (labelled !== null) {
    const [a, b] = [isHigh(labelled[1] as string), isHigh(labelled[3] as string)];
    if (a !== b)
      return value(a ? labelled[2] : labelled[4], a ? labelled[4] : labelled[2], position + labelled[0].length);
  }
  const grouped = at(GROUPED, line, position)?.[0];
  if (grouped !== undefined) {
    const msr = msrValue(fromBigInt(BigInt(grouped.replaceAll("_", ""))));
    return { said: { kind: "value", msr, digits: 16, padded: true }, end: position + grouped.length };
  }
  const halves = at(HALVES, line, position);
  if (halves !== null && (strong || halves[0].length >= 8))
    return value(halves[1], halves[2], position + halves[0].length);

  const two = at(TWO_WORDS, line, position);
  if (two !== null) {
    const message = "two halves without a sign which is the high one";
    return { said: { kind: "broken", message, expected: "high:low, or EDX=… EAX=…" }, end: position + two[0].length };
  }
  const plain = at(PLAIN, line, position);
  if (plain !== null && isUnmistakable(line, position, plain, strong, sure)) {
    const whole = parseHexU64(plain[2] as string) as U64;
    const digits = plain[2] as string;
    const padded = /^0./.test(digits);
    const bare = plain[1] === undefined && plain[3] === undefined;
    const both = bare ? bothBases(digits) : undefined;
    const base = bare && (padded || digits.length === 16 || /[a-f]/i.test(digits)) ? ({ base: "hex" } as const) : {};
    const said = { kind: "value", msr: msrValue(whole), digits: digits.length, padded, ...base } as const;
    return { said: both === undefined ? said : { ...said, both }, end: position + plain[0].length };
  }
  const long = plain === null && strong && sure ? at(LONG_DECIMAL, line, position) : null;
  const decimal = long === null ? undefined : onlyDecimal(long[0]);
  if (long !== null && decimal !== undefined) {
    const said = { kind: "value", msr: msrValue(decimal), digits: 16, padded: false, base: "decimal" } as const;
    return { said, end: position + long[0].length };
  }
  const like = plain === null && (strong || sure) ? at(LIKE_A_NUMBER, line, position) : null;
  if (like === null) return undefined;
  return {
    said: { kind: "broken", message: brokenNumber(like[0]), expected: VALUE_EXPECTED },
    end: position + like[0].length,
  };
}

/** A prefixed number always is a value. Bare digits are when nothing but a comment follows and no word is spelt. */
function isUnmistakable(
  line: string,
  position: number,
  plain: RegExpExecArray,
  strong: boolean,
  sure: boolean,
): boolean {
  const digits = plain[2] as string;
  if (plain[1] !== undefined || plain[3] !== undefined) return strong || sure;
  if (/[ul]/i.test(plain[0])) return false;
  if (digits.length < 8 && !(strong && sure && /[0-9]|^[a-f]$/i.test(digits))) return false;
  return /^\s*(?:$|[#;,(/[|]|--)/.test(line.slice(position + plain[0].length, position + plain[0].length + 40));
}

function isHigh(label: string): boolean {
  return /^(?:edx|hi)/i.test(label);
}

function value(
  high: string | undefined,
  low: string | undefined,
  end: number,
): { said: MsrClaim["said"]; end: number } {
  const hi = Number.parseInt(high as string, 16);
  const lo = Number.parseInt(low as string, 16);
  return {
    said: { kind: "value", msr: msrValue({ hi, lo }), digits: `${high}${low}`.length, padded: /^0./.test(high ?? "") },
    end,
  };
}

function brokenNumber(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  const digits = /^(?:0x)?([0-9a-f]+)$/i.exec(text)?.[1]?.length ?? 0;
  if (digits > 16) return `${shown} has ${digits} hex digits; an MSR has at most 16`;
  return `${shown} is not an MSR value`;
}
