import { parseHexU64, type U64 } from "../../bits/u64.js";
import { isNumberOfMsr, isVmxMsr, msrByName } from "./msr-names.js";
import { isSupposed } from "./supposed.js";

/*
 * People write a register and its value into a sentence, and programs and debuggers print them in their own ways:
 * "IA32_FEATURE_CONTROL is 5 on this box", `rdmsr(0x3A) = 0x5`, "MSR 480h contains 00da0400`00000012". This is the one grammar of
 * these: a register, words between, a verb or a sign, a value.
 */

/** A register with a value behind it. */
export interface RegisterValue {
  readonly index: number;
  readonly value: U64;
  /** The register is a bare number: `0x480`. */
  readonly bareIndex: boolean;
  /** The register is what a command or a function reads: `rdmsr 0x480`. */
  readonly isRead: boolean;
  /** Digits without 0x or h. */
  readonly bareDigits: number;
  readonly joint: "sign" | "arrow" | "verb" | "elsewhere" | "blanks";
  /** Words between the register and the verb. */
  readonly fillers: number;
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
}

const SUBJECT =
  /(?<![\w`])(?:\w{0,20}(?<call>rd|read_?)msr\w{0,6} ?\( ?(?:(?<called>[A-Z]\w{3,42})|(?:0x)?0{0,5}(?<number>3a|4[89][0-9a-f])h?) ?\)|(?<name>(?:MSR_)?IA32_(?:FEAT|VMX_)\w{2,40}|(?:MSR_)?VMX_[A-Z]\w{3,40})|(?:(?:MSR|register)|(?<command>\w{0,20}rdmsrl?(?:_safe)?(?: -{1,2}\w{1,9}){0,3})) ?\(?(?:0x0{0,5}(?<of>3a|4[89][0-9a-f])|(?<ofh>3a|4[89][0-9a-f])h)[)`]?(?!\w)|(?<plain>0x0{0,5}(?:3a|4[89][0-9a-f])|(?:3a|4[89][0-9a-f])h)(?![\w`'])|feature[ _-]control (?:MSR|register))(?:(?: MSR| register)? ?[([](?:MSR )?(?:0x0{0,5}(?<beside>3a|4[89][0-9a-f])|(?<besideh>3a|4[89][0-9a-f])h|(?<besidename>[A-Z]\w{3,42}))[)\]])?/gi;
/** What closes behind a register; a colon or = behind a parenthesis is that of the words before it, as of a field of a VMCS. */
const CLOSES = /[`'"]{1,2}(?=[ =:])|[)\]](?= [a-z])/iy;
const FILLER =
  / (?:MSR|register|reg|contents?|now|currently|always|still|only|on|of|all|every|each|the|my|this|these|both|cores?|CPUs?|machine|box|host|NUC|laptop|server|board|here|there|which|that)(?=[ =:,])/iy;
const JOINT =
  /(?<sign>[ \t]{0,16}(?::?=|:)[ \t]{0,24}|\n)|(?<arrow>[ \t]{0,16}(?:[-=]>|→)[ \t]{0,24})|(?<verb> (?:always |still |only |just )?(?:(?:is )?set to|is always|is still|reads? as|(?:has |with )?(?:the |a )?value(?: of| is)?|is|was|are|has|(?:and )?(?:it )?(?:reads?|returns?|returned|gives?|gave|says?|said|prints?|printed|outputs?|shows?|showed)|holds?|contains?|equals|and (?:get|got)|(?:and )?I (?:get|got|read))(?: me| us| back| just| only| always| still| now)*(?: of)? )|(?<elsewhere> (?:ist|steht auf|hat den Wert|liefert|ergibt|zeigt|enthält|vaut|est|renvoie|retourne|affiche|donne|contient|es|vale|devuelve|muestra|contiene|é|retorna|mostra|contém|равен|равно|выда[её]т|возвращает|показывает|да[её]т|содержит|выводит|имеет значение)(?: (?:immer noch|noch immer|weiterhin|nur|toujours|encore|siempre|ainda|всегда))? | ?(?:读出来?(?:的值)?[是为]|读到(?:的是)?|(?:的)?(?:返回)?值?[是为]|返回|等于|显示为?|の値は|は) ?)|(?<blanks>[ \t]{1,16}(?=0x|[0-9a-f]{8}[`']))/iy;
const VALUE =
  /(?:(?:0x)?(?<hi>[0-9a-f]{1,8})[`'_](?<lo>[0-9a-f]{8})|0x(?<hex>[0-9a-f]{1,16})|(?<tail>[0-9a-f]{1,16})h|(?<bare>(?=[a-f]{0,15}\d)[0-9a-f]{1,16}))(?![\w:`'-]|\.\w)/iy;
const MOST_FILLERS = 8;
const FEAT_CTL = 0x3a;

/** All of a text, in its order, those that a sentence only supposes among them. */
export function registerValues(text: string): readonly RegisterValue[] {
  return [...text.matchAll(SUBJECT)].flatMap((found) => valueBehind(text, found) ?? []);
}

function valueBehind(text: string, found: RegExpExecArray): RegisterValue | undefined {
  const { index: start, groups = {} } = found;
  const index = indexOf(groups);
  if (index === undefined) return undefined;
  let at = start + found[0].length;
  const next = (part: RegExp) => {
    part.lastIndex = at;
    const taken = part.exec(text);
    at += taken?.[0].length ?? 0;
    return taken;
  };
  next(CLOSES);
  let fillers = 0;
  while (fillers < MOST_FILLERS && next(FILLER) !== null) fillers++;
  const joint = next(JOINT)?.groups ?? {};
  const [kind] = Object.keys(joint).filter((name) => joint[name] !== undefined);
  const { hi, lo, hex, tail, bare } = (kind === undefined ? null : next(VALUE))?.groups ?? {};
  const digits = hi === undefined ? (hex ?? tail ?? bare) : `${hi}${lo}`;
  const value = digits === undefined ? undefined : parseHexU64(digits);
  if (value === undefined || isNumberOfMsr(value, index)) return undefined;
  return {
    index,
    value,
    bareIndex: groups.plain !== undefined,
    isRead: (groups.call ?? groups.command) !== undefined,
    bareDigits: bare?.length ?? 0,
    joint: kind as RegisterValue["joint"],
    fillers,
    start,
    end: at,
  };
}

/** The register by its name or number; where both are there and differ, none. */
function indexOf(groups: Record<string, string | undefined>): number | undefined {
  const numberOf = (hex: string | undefined) => (hex === undefined ? undefined : Number.parseInt(hex, 16));
  const { called, name, number, of, ofh, plain, beside, besideh, besidename } = groups;
  const own = called ?? name;
  const index = own === undefined ? (numberOf(number ?? of ?? ofh ?? plain) ?? FEAT_CTL) : msrByName(own);
  const second = numberOf(beside ?? besideh) ?? (besidename === undefined ? undefined : msrByName(besidename));
  return index !== undefined && isVmxMsr(index) && (second === undefined || second === index) ? index : undefined;
}

/** The registers of a text, where each has one value. */
export function registersInWords(text: string): ReadonlyMap<number, U64> {
  return oneEach(registerValues(text));
}

/** Without those that a sentence only supposes or wants. */
export function registersShown(text: string): ReadonlyMap<number, U64> {
  return oneEach(
    text.split("\n").flatMap((line) => registerValues(line).filter(({ start, end }) => !isSupposed(line, start, end))),
  );
}

function oneEach(values: readonly RegisterValue[]): ReadonlyMap<number, U64> {
  const found = new Map<number, U64>();
  const several = new Set<number>();
  for (const { index, value } of values) {
    const before = found.get(index);
    if (before !== undefined && (before.hi !== value.hi || before.lo !== value.lo)) several.add(index);
    found.set(index, value);
  }
  for (const index of several) found.delete(index);
  return found;
}
