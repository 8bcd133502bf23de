import { parseHexU64 } from "../../bits/u64.js";
import { msrValue } from "../../host/msr.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, placeOf, type TextLine } from "../hosts/reader.js";
import { isNumberOfMsr, isVmxMsr, msrByName } from "../text/msr-names.js";

/*
 * People write the value of a register into a sentence: "IA32_FEATURE_CONTROL is 5 on this box". A sentence can also say what
 * a value would be or should be, or what it means, and then it says nothing about a machine.
 */

const SUBJECT =
  /(?<!\w)(?:(?:MSR_)?(IA32_(?:FEAT|VMX_)\w{2,40})|(?:MSR|register|rdmsr(?: -{1,2}\w{1,9}){0,3}|(?:[a-z_]{0,20}_)?rdmsrl?(?:_safe)?|_{0,2}readmsr|AsmReadMsr(?:32|64)) ?\(?0x0{0,5}(3a|4[89][0-9a-f])[)`]?|feature[ _-]control (?:MSR|register))(?: ?[([](?:MSR )?0x0{0,5}(3a|4[89][0-9a-f])[)\]])?/gi;
/** A word of a sentence; a line without one before the name is a row of a list, which has a reader of its own. */
const PROSE = /\b(?!(?:cpu|processor|core|msr|rdmsr|chipsec)\d{0,4}\b)[a-z]{2,}(?=[ ,])/i;
/** The sentence can begin with the command: "rdmsr 0x480 returns 3da0500000012 on my laptop". */
const VERB = /^ [a-z]/i;
const ARROW = /^ (?:->|=>|→)/;
const PROSE_BEHIND = /^ [a-z]{2,12} [a-z]{2}/i;
/** What is between the name and the verb. */
const FILLER =
  /^ (?:MSR|register|reg|value|contents?|now|currently|always|still|only|on|of|all|every|each|the|my|this|these|both|cores?|CPUs?|machine|box|host|NUC|laptop|server|board|here|there|which|that)(?=[ =:,])/i;
const VALUE =
  /^(?: ?[=:]| (?:->|=>|→)| (?:is|was|are|reads?|returns?|returned|gives?|gave|says?|said|prints?|printed|outputs?|has|holds?|contains?|equals|shows?|is set to|is always|is still|reads? as|has the value|has value|(?:and )?I (?:get|got)|and (?:get|got)|and it (?:returns?|returned|gives?|gave|reads?|says?|shows?|prints?|printed)))(?: me)? (?:of )?(?:0x([0-9a-f]{1,16})|([0-9a-f]{1,16})h|([0-9]|(?=[a-f]{0,15}\d)[0-9a-f]{9,16}))(?![\w:`'-]|\.\w)/i;
/** In other languages; some write no spaces. */
const VALUE_ELSEWHERE =
  /^(?: (?:ist|steht auf|hat den Wert|liefert|ergibt|zeigt|enthält|vaut|est|renvoie|retourne|affiche|donne|contient|es|vale|devuelve|muestra|contiene|é|retorna|mostra|contém|равен|равно|выда[её]т|возвращает|показывает|да[её]т|содержит|выводит|имеет значение)(?: (?:immer noch|noch immer|weiterhin|nur|toujours|encore|siempre|ainda|всегда))? | ?(?:读出来?(?:的值)?[是为]|读到(?:的是)?|(?:的)?(?:返回)?值?[是为]|返回|等于|显示为?|の値は|は) ?)(?:0x([0-9a-f]{1,16})|([0-9a-f]{1,16})h|([0-9]|(?=[a-f]{0,15}\d)[0-9a-f]{9,16}))(?![\w:`'-]|\.\w)/i;
/** rdmsr prints hexadecimal without a prefix. */
const PRINTED =
  /^ (?:->|=>|→|=|returns?|returned|gives?|gave|prints?|printed|says?|reads?|shows?|zeigt|liefert|renvoie|affiche|devuelve|retorna|показывает|返回|显示) ([0-9a-f]{1,16})(?![\w:`'-]|\.\w)/i;
/** What closes behind a name; a colon or = behind a parenthesis is that of the words before it, as of a field of a VMCS. */
const AROUND = /^(?:[`'"]{1,2}(?=[ =:])|[)\]](?= [a-z]))/;
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
const MOST_FILLERS = 8;

const FEAT_CTL = 0x3a;

/** The value of a register in a sentence. */
export const msrSentence: FactReader = {
  kind: "facts",
  name: "msr-sentence",
  knows: "The value of one register in a sentence: IA32_FEATURE_CONTROL is 5, MSR 0x3a reads 0x1.",
  mark: /IA32_(?:FEAT|VMX_)|(?:\b(?:MSR|register)|readmsr(?:32|64)?|rdmsrl?(?:_safe)?(?: -{1,2}\w{1,9}){0,3}) ?\(?0x0{0,5}(?:3a|4[89])|feature[ _-]control (?:MSR|register)/i,
  words: [
    "IA32_",
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
      for (const found of text.matchAll(SUBJECT)) took = take(sink, line, found) || took;
      return took;
    },
  }),
};

function take(sink: FactSink, line: TextLine, found: RegExpExecArray): boolean {
  const { text } = line;
  const before = text.slice(0, found.index);
  if (HYPOTHETICAL.test(before) || HYPOTHETICAL_ELSEWHERE.test(before)) return false;
  const index = indexOf(found);
  if (index === undefined) return false;
  let rest = text.slice(found.index + found[0].length).replace(AROUND, "");
  let fillers = 0;
  for (; fillers < MOST_FILLERS; fillers++) {
    const filler = FILLER.exec(rest);
    if (filler === null) break;
    rest = rest.slice(filler[0].length);
  }
  const elsewhere = VALUE_ELSEWHERE.exec(rest);
  const value = VALUE.exec(rest) ?? elsewhere ?? (/rdmsr/i.test(found[0]) ? PRINTED.exec(rest) : null);
  if (value === null) return false;
  const after = rest.slice(value[0].length);
  if (OF_SOME.test(after)) return false;
  const isSaid = elsewhere !== null || ARROW.test(value[0]) || (VERB.test(value[0]) && PROSE_BEHIND.test(after));
  if (fillers === 0 && !PROSE.test(before) && !isSaid) return false;
  if (MEANING.test(after)) return false;
  // More digits may have been behind the end of a cut text.
  if (line.cut && value[0].length === rest.trimEnd().length) return false;
  const whole = parseHexU64((value[1] ?? value[2] ?? value[3]) as string);
  if (whole === undefined || isNumberOfMsr(whole, index)) return false;
  sink.msr("unnamed", index, msrValue(whole), placeOf(line, found.index + 1));
  return true;
}

/** The register by its name or number; where both are there and differ, none. */
function indexOf([, name, number, beside]: RegExpExecArray): number | undefined {
  const named = name === undefined ? undefined : msrByName(name);
  if (name !== undefined && named === undefined) return undefined;
  const index = named ?? (number === undefined ? FEAT_CTL : Number.parseInt(number, 16));
  const same = beside === undefined || Number.parseInt(beside, 16) === index;
  return same && isVmxMsr(index) ? index : undefined;
}
