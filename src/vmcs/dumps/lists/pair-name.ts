import { fieldByMeaning, type NamedField, namedField } from "../../fields/field-names.js";
import { fieldByEncoding, splitEncoding } from "../../fields/fields.js";
import { isCapabilityMsr } from "./list-line.js";
import { WORD } from "./number.js";
import { registerIn } from "./registers.js";

/** What lines before this one say about it. */
export interface PairContext {
  /** Names of the braces that are open. */
  readonly open: string[];
  /** The part of the VMCS that a heading named. */
  part?: "guest" | "host" | undefined;
}

/** So many words before a value can be its name. */
const NAME_WORDS = 10;

export const TOKEN = /0[xX][0-9a-fA-F]+|[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9A-Za-z]*/g;
/** Names of the parts of a record: `{ .field = GUEST_CR0, .value = 0x31 }`. */
const VALUE_WORD = /^(?:value|val|data|v)$/i;
/** What unions and newtypes call the number in them: `guest_cr0.all`, `Cr0 { bits: 49 }`. */
const WHOLE_WORD = /^(?:bits|raw|all|flags|inner|asuint(?:32|64)?|quadpart|u|u64)$/i;
/** KVM's own number, which is not the CPU's. */
const OF_KVM = /\bKVM[ _]exit/i;
/** Which of the processor-based controls. */
const ORDINAL = /^(?:sec|secondary|tertiary|2nd|3rd)$/i;
/** Not the controls of the entry. */
const FAILED = /\bfail(?:ed|ure)?[ _]entry\W{0,4}$/i;
/** Where a member lies in its structure, as debuggers show it. */
const OFFSET = /\+0x[0-9a-f]{1,8}/gi;

/** What a value belongs to. */
export interface Named {
  /** What is where the name should be; a known field has the name as it is written. */
  readonly name: string;
  /** The field, where the name or the encoding means one. */
  readonly field?: NamedField;
  /** An encoding beside the name or in its place. */
  readonly encoding?: number;
  /** The field was found by the words of the name only. */
  readonly byMeaning?: true;
  /** The name is that of a register; nothing in it says that it is a field of a VMCS. */
  readonly plain?: true;
  /** The name is a value of its own: `field=GUEST_CR0 value=0x31`. */
  readonly record?: true;
}

/** The name at the end of what comes before a value. */
export function nameIn(key: string, context: PairContext, subject: string): Named | undefined {
  const words = (key.includes("+0x") ? key.replace(OFFSET, " ") : key).match(TOKEN);
  if (words === null) return undefined;
  let count = words.length;
  const record = count > 1 && VALUE_WORD.test(words[count - 1] as string);
  if (record) count--;
  else if (/[{,;|\t]/.test(key)) {
    // Only the last part; what is before it belongs to something else.
    const last = (key.split(/[{,;|\t]+(?=[^{,;|\t]*\w)/).at(-1) as string).match(TOKEN)?.length ?? 0;
    words.splice(0, count - last);
    count = last;
  }
  if (FAILED.test(key)) return undefined;
  if (count === 0 || (OF_KVM.test(key) && /reason/i.test(words[count - 1] as string))) return undefined;
  const tail = words.slice(Math.max(0, count - NAME_WORDS), count);
  // bpftrace's maps are indexed in decimal.
  const member = /@\w{0,40}\[(\d{1,5})\]\s{0,4}$/.exec(key)?.[1];
  if (member !== undefined) {
    const index = decimalEncoding(member);
    return { name: member, ...(index === undefined ? {} : { encoding: index, ...fieldAt(index) }) };
  }
  const found = fieldIn(tail, context, subject) ?? wholeIn(tail, context, subject);
  if (found !== undefined) return record ? { ...found, record } : found;
  const encoding = encodingOf(tail.at(-1) as string, tail.length === 1);
  if (encoding !== undefined) return { name: tail.at(-1) as string, encoding };
  // One that is short in decimal is known as one by those around it.
  if (tail.length === 1 && /^\d{1,3}$/.test(tail[0] as string)) return { name: tail[0] as string };
  const name = [...tail].reverse().find((word) => /^[A-Za-z]/.test(word));
  return name === undefined ? undefined : { name: spelled(key, tail, name) };
}

/** Where the last letter or digit of a text ends. */
function lettersEnd(text: string): number {
  let end = text.length;
  while (end > 0 && WORD[text.charCodeAt(end - 1)] !== 1) end--;
  return end;
}

/** The whole name as written, where it is one of several words. */
function spelled(key: string, tail: readonly string[], name: string): string {
  if (name.includes("_") || tail.length > 5) return name;
  const text = /(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9 /-]{0,60}$/.exec(key.slice(0, lettersEnd(key)))?.[0];
  return text ?? name;
}

/** The field of a union whose member holds all of it. */
function wholeIn(tail: readonly string[], context: PairContext, subject: string): Found | undefined {
  if (!WHOLE_WORD.test(tail.at(-1) as string)) return undefined;
  if (tail.length > 1) {
    const found = fieldIn(tail.slice(0, -1), context, subject);
    if (found !== undefined) return found;
  }
  const name = context.open.at(-1);
  return name === undefined || name === ""
    ? undefined
    : fieldIn([name], { ...context, open: context.open.slice(0, -1) }, "");
}

type Found = Pick<Named, "name" | "field" | "encoding" | "byMeaning" | "plain">;
/** A log has the same few names on thousands of lines. */
const remembered = new Map<string, Found | undefined>();
const REMEMBERED_MOST = 4096;

function fieldIn(tail: readonly string[], context: PairContext, subject: string): Found | undefined {
  const key = `${tail.join(" ")}|${subject}|${context.part}|${context.open.join(" ")}`;
  if (remembered.has(key)) return remembered.get(key);
  if (remembered.size >= REMEMBERED_MOST) remembered.clear();
  const found = searchField(tail, context, subject);
  remembered.set(key, found);
  return found;
}

function searchField(tail: readonly string[], context: PairContext, subject: string): Found | undefined {
  const length = tail.length;
  for (let first = 0; first < length; first++) {
    const words = tail.slice(first);
    const head = words[0] as string;
    // An encoding, with a name behind it or alone.
    const encoding = encodingOf(head, words.length === 1 && length === 1);
    const row = encoding === undefined ? undefined : fieldByEncoding(encoding);
    if (row !== undefined && encoding !== undefined) {
      const name = words.slice(1).join("_");
      return { name: name === "" ? head : name, field: { row, high: encoding !== row.encoding }, encoding };
    }
    const field = namedField(words.join("_"));
    if (field !== undefined && (words.length > 1 || !/^[0-9]/.test(head))) {
      // `secondary procbased ctls` are not `procbased ctls`.
      const whole = first > 0 && ORDINAL.test(tail[first - 1] as string) ? tail.slice(first - 1).join("_") : "";
      const further = whole === "" ? undefined : rowOf(fieldByMeaning(whole));
      return further === undefined ? { name: words.join("_"), field } : { name: whole, field: further };
    }
    // A name with its encoding behind it.
    if (words.length > 1) {
      const last = encodingOf(
        words.at(-1) as string,
        /^[0-9a-f]{4}$/i.test(words.at(-1) as string) && words.length === 2,
      );
      const behind = last === undefined ? undefined : fieldByEncoding(last);
      const before = behind === undefined ? undefined : words.slice(0, -1).join("_");
      if (behind !== undefined && before !== undefined && last !== undefined && first === length - 2)
        return { name: before, field: { row: behind, high: last !== behind.encoding }, encoding: last };
    }
  }
  const last = tail.at(-1) as string;
  const outer = [...context.open, subject].filter((word) => word !== "");
  for (let first = outer.length - 1; first >= 0; first--) {
    for (const before of [outer.slice(first), [context.part ?? "", ...outer.slice(first)]]) {
      const name = [...before, last].filter((word) => word !== "").join("_");
      const field = namedField(name) ?? rowOf(fieldByMeaning(name));
      if (field !== undefined) return { name: last, field };
    }
  }
  if (context.part !== undefined) {
    const name = `${context.part}_${tail.length === 2 ? tail.join("_") : last}`;
    const field = namedField(name) ?? rowOf(fieldByMeaning(name));
    if (field !== undefined) return { name: last, field };
  }
  const register = registerIn(tail, context, subject);
  if (register !== undefined) return register;
  const byMeaning = rowOf(fieldByMeaning(tail.length > 4 ? last : tail.join("_"))) ?? rowOf(fieldByMeaning(last));
  return byMeaning === undefined ? undefined : { name: tail.join("_"), field: byMeaning, byMeaning: true as const };
}

function rowOf(row: NamedField["row"] | undefined): NamedField | undefined {
  return row === undefined ? undefined : { row, high: false };
}

function fieldAt(encoding: number): Pick<Named, "field"> {
  const row = fieldByEncoding(encoding);
  return row === undefined ? {} : { field: { row, high: encoding !== row.encoding } };
}

/** `26656` for 0x6820: five digits are an encoding in decimal only. */
export function decimalEncoding(word: string): number | undefined {
  if (!/^\d{5}$/.test(word)) return undefined;
  const encoding = Number(word);
  return fieldByEncoding(encoding) === undefined ? undefined : encoding;
}

/** `0x6820`; `6820` only where it is the whole name. */
function encodingOf(word: string, alone: boolean): number | undefined {
  const digits = /^0x([0-9a-f]{1,8})$/i.exec(word)?.[1] ?? (alone ? /^([0-9a-f]{4})h?$/i.exec(word)?.[1] : undefined);
  if (digits === undefined) return alone ? decimalEncoding(word) : undefined;
  const encoding = Number.parseInt(digits, 16);
  // A capability MSR in a list of them is not a field.
  if (isCapabilityMsr(encoding)) return undefined;
  // A short number beside other words counts something: `CPU(0x00)`.
  return digits.length < 3 && (!alone || splitEncoding(encoding) === undefined) ? undefined : encoding;
}
