import type { U64 } from "../../bits/u64.js";
import { msrValue } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, placeOf, type TextLine } from "../hosts/reader.js";
import { type RegisterValue, registerValues } from "../text/register-values.js";

/*
 * People write the value of a register into a sentence: "IA32_FEATURE_CONTROL is 5 on this box". A sentence can also say what
 * a value would be or should be, or what it means, and then it says nothing about a machine.
 */

/** A word of a sentence; a line without one before the name is a row of a list, which has a reader of its own. */
const PROSE = /\b(?!(?:cpu|processor|core|msr|rdmsr|chipsec)\d{0,4}\b)[a-z]{2,}(?=[ ,])/i;
/** The sentence can begin with the command: "rdmsr 0x480 returns 3da0500000012 on my laptop". */
const PROSE_BEHIND = /^ [a-z]{2,12} [a-z]{2}/i;
const QUESTION_BEHIND = /^[.,;]? [a-z]{2,12}\b[^=:]{0,60}\?/i;
/** Before it in the sentence: then no machine has the value. */
const HYPOTHETICAL =
  /\b(?:if|when|whenever|where|unless|whether|until|should|must|shall|would|could|might|may|expect(?:s|ed)?|suppose[ds]?|assum\w{1,6}|require[sd]?|needs?|ensure|make sure|e\.g|example|usually|normally|typically|set|setting|write|writing|wrote|writes|wrmsr|not)\b[^.!?;]{0,200}$/i;
const HYPOTHETICAL_ELSEWHERE =
  /(?:如果|假如|应该?[是为]|应当|需要|必须|设[置为成]|写[入成]|改[成为]|если|долж|нужно|установ|запис|(?<!\w)(?:wenn|falls|soll|sollte|muss|setze|schreib\w{1,3}|si|doit|devrait|debe|debería|deve|écri\w{1,3}|escrib\w{1,3}|escrev\w{1,3})(?!\w)|もし|べき|必要|設定|書き)[^.!?;。！？；]{0,200}$/i;
/** Behind it: it is what a value means, or one of several. */
const MEANING =
  /^(?: ?(?:\/|\||or\b|and 0x)|,? (?:means?|would|indicates?|then|which means|in (?:the )?(?:manual|SDM|docs?)|bedeutet|heißt|signifie|significa)\b| ?[,，]?(?:表示|代表|意味|означает))/i;
/** Of some CPUs alone. */
const OF_SOME =
  /^ (?:for|on|of) (?:the )?(?:first |last |some )?(?:\d{1,3} )?(?:CPUs?|cores?|processors?|threads?) ?[#\d]/i;
/** Shorter ones in other places than of IA32_FEAT_CTL are parts or numbers of something else. */
const WHOLE_DIGITS = 9;
const FEAT_CTL = 0x3a;
const OF_VTX = /\b(?:MSRs?|rdmsr|VT-?x|VMX|KVM\w*|BIOS|firmware)\b|virtuali/i;
/** A value that firmware leaves: nothing but bits that the register has, and of those that VMX needs not none. */
const isSetting = ({ hi, lo }: U64): boolean => hi === 0 && (lo & 7) !== 0 && (lo & ~0x17ff07) === 0;

/** The value of a register in a sentence. */
export const msrSentence: FactReader = {
  kind: "facts",
  name: "msr-sentence",
  knows: "The value of one register in a sentence: IA32_FEATURE_CONTROL is 5, MSR 0x3a reads 0x1.",
  mark: /(?:IA32|VMX)_[A-Z]|(?:\b(?:MSR|register)|readmsr(?:32|64)?|rdmsrl?(?:_safe)?(?: -{1,2}\w{1,9}){0,3}) ?\(?0x0{0,5}(?:3a|4[89])|\b(?:MSR|register) (?:3a|4[89][0-9a-f])h\b|\b0x0{0,5}4[89][0-9a-f](?![\w`'])|feature[ _-]control (?:MSR|register)/i,
  words: [
    "IA32_",
    "VMX_",
    "vmx_",
    "0x48",
    "0x49",
    "MSR 3",
    "MSR 4",
    "msr 3",
    "msr 4",
    "register 4",
    "MSR 0x",
    "msr 0x",
    "MSR (0x",
    "register 0x",
    "rdmsr",
    "readmsr",
    "ReadMsr",
    "eature control ",
    "eature Control ",
    "feature_control ",
  ],
  open: (sink) => ({
    line(line) {
      const { text } = line;
      if (text.length > 2000) return false;
      let took = false;
      for (const found of registerValues(text)) took = take(sink, line, found) || took;
      return took;
    },
  }),
};

function take(sink: FactSink, line: TextLine, found: RegisterValue): boolean {
  const { text } = line;
  const { index, value, bareIndex, isRead, bareDigits, joint, fillers, start, end } = found;
  const before = text.slice(0, start);
  const after = text.slice(end);
  if (HYPOTHETICAL.test(before) || HYPOTHETICAL_ELSEWHERE.test(before)) return false;
  // "MSR 0x3a 0x5" and "0x480 is 5" are of tables and of other things.
  if (joint === "blanks" || (bareIndex && !(index === FEAT_CTL ? OF_VTX.test(text) : value.hi !== 0))) return false;
  // Of controls this is the low half alone: no CPU lets none be 1.
  if (value.hi === 0 && registerOf(index)?.layout === "controls") return false;
  if (bareDigits > 1 && bareDigits < WHOLE_DIGITS && !isRead && !(index === FEAT_CTL && isSetting(value))) return false;
  if (OF_SOME.test(after) || MEANING.test(after)) return false;
  const isSaid =
    joint === "elsewhere" ||
    joint === "arrow" ||
    joint === "verb" ||
    QUESTION_BEHIND.test(after) ||
    (!bareIndex && PROSE_BEHIND.test(after));
  if (fillers === 0 && !PROSE.test(before) && !isSaid) return false;
  // More digits may have been behind the end of a cut text.
  if (line.cut && end === text.trimEnd().length) return false;
  sink.msr("unnamed", index, msrValue(value), placeOf(line, start + 1));
  return true;
}
