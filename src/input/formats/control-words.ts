import { partialMsr } from "../../host/partial-msr.js";
import { bitsNamed } from "../../registers/lookup.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";

/*
 * Lists of controls and capabilities by name, with a word beside each that says whether the CPU has it: what checking tools, course
 * work and hypervisors print. The name may be of any vocabulary. `1` and `yes` can be about the CPU or about
 * what a program chose: the title decides.
 */

/** Words that speak of what there is, whatever the list is about. */
const PLAIN: { readonly [word: string]: boolean } = {
  found: true,
  "not found": false,
  missing: false,
  supported: true,
  "not supported": false,
  unsupported: false,
  available: true,
  "not available": false,
  unavailable: false,
  present: true,
  "not present": false,
  absent: false,
  allowed: true,
  "not allowed": false,
};
/** Words that say it only below a title that speaks of capabilities. */
const BELOW_TITLE: { readonly [word: string]: boolean } = {
  yes: true,
  no: false,
  y: true,
  n: false,
  true: true,
  false: false,
  "1": true,
  "0": false,
  ok: true,
  pass: true,
  fail: false,
  "✓": true,
  "✔": true,
  "✅": true,
  "✗": false,
  "✘": false,
  "❌": false,
  x: true,
  "+": true,
};

const BEHIND =
  /^\s{0,24}(?:[*•-] {1,4})?([A-Za-z][\w /,()'.+-]{2,70}?)\s{0,40}(?:\.{2,60}|[:=|*-])?\s{0,60}[[(]?(not (?:found|supported|available|present|allowed)|found|missing|unsupported|supported|unavailable|available|present|absent|allowed|yes|no|true|false|[yn01]|ok|pass|fail|[✓✔✅✗✘❌])[\])]?[.!]?\s*$/i;
const BEFORE =
  /^\s{0,24}(?:\[\s?(x|\+|ok|pass|fail|yes|no|✓|✔|✗|✘)\s?\]|([✓✔✅✗✘❌]))\s{0,8}([A-Za-z][\w /,()'.+-]{2,70}?)\s*$/i;
const TITLE =
  /\bcapabilit|\bsupport|\bfeatures?\b|\bIA32_VMX|\bMSR\b|\bavailable\b|\bcan (?:be )?set\b|\bhas\b.{0,20}:/i;
/** A title speaks of VMX or of what there is to have. */
const OF_VMX = /\bVMX\b|\bVT-x\b|\bcapabilit|\bcontrols?\b/i;
/** Titles of lists of what was chosen: a control there says nothing about the CPU. */
const CHOSEN =
  /\bvmcs\b|\benabled controls|\bcurrent|\bactive\b|\bguest state|\bchosen|\bselected|\bexec(?:ution)? controls? *(?:=|:)/i;

export const controlWords: FactReader = {
  kind: "facts",
  name: "control-words",
  knows:
    "Lists of VMX controls and capabilities by name with found, missing, yes, no and the like beside them: whether each may " +
    "be 1; not whether it must be.",
  mark: /(?:found|missing|supported|available|present|absent|allowed|yes|no|true|false|\b[yn01]|ok|pass|fail|[✓✔✅✗✘❌])[\])]?[.!]?\s*$|^\s{0,24}(?:\[\s?(?:x|\+|ok|pass|fail|yes|no|✓|✔|✗|✘)\s?\]|[✓✔✅✗✘❌])\s|\bVMX\b|\bcapabilit|\bvmcs\b/i,
  // A title is one of these, or the first row; what follows is wanted by `busy`.
  words: ["EPT", "VPID", "nrestricted", "VMX", "apabilit"],
  open: openList,
};

interface Row {
  readonly at: ReturnType<typeof placeOf>;
  readonly index: number;
  readonly bit: number;
  readonly has: boolean;
  readonly plain: boolean;
}

/** Enough rows in a row that they are a list. */
const LEAST = 3;

function openList(sink: FactSink): FactRun {
  let rows: Row[] = [];
  let titled = false;
  let chosen = false;
  let last = 0;
  /** Lines since the last one of the list. */
  let gap = 0;

  const settle = (): void => {
    const plain = rows.filter((row) => row.plain);
    const whole = rows.length >= LEAST && titled;
    // One line alone may be a sentence about something else.
    const used = chosen ? [] : whole ? rows : titled || plain.length >= LEAST ? plain : [];
    for (const { at, index, bit, has } of used) {
      sink.msr("unnamed", index, has ? partialMsr([bit]) : partialMsr([], [bit]), at);
    }
    rows = [];
    [titled, chosen] = [false, false];
  };

  return {
    line(line) {
      if (line.number > last + 4 && (rows.length > 0 || titled || chosen)) settle();
      const row = rowOf(line);
      if (row === undefined) {
        if (rows.length > 0 && ++gap > 3) settle();
        const isTitle = OF_VMX.test(line.text) && (TITLE.test(line.text) || CHOSEN.test(line.text));
        if (!isTitle) return false;
        settle();
        chosen = CHOSEN.test(line.text);
        titled = !chosen;
        last = line.number;
        return false;
      }
      gap = 0;
      last = line.number;
      rows.push(row);
      return true;
    },
    busy: () => rows.length > 0 || titled || chosen,
    end: settle,
  };
}

function rowOf(line: TextLine): Row | undefined {
  const behind = BEHIND.exec(line.text);
  const before = behind === null ? BEFORE.exec(line.text) : null;
  const name = behind?.[1] ?? before?.[3];
  const word = (behind?.[2] ?? before?.[1] ?? before?.[2])?.toLowerCase();
  if (name === undefined || word === undefined || line.cut) return undefined;
  const plain = Object.hasOwn(PLAIN, word) ? PLAIN[word] : undefined;
  const has = plain ?? BELOW_TITLE[word];
  const place = placeNamed(name);
  if (has === undefined || place === undefined) return undefined;
  return { at: placeOf(line), ...place, has, plain: plain !== undefined || /\bsupport|\bavailable\b/i.test(name) };
}

const AROUND =
  /^(?:supports?|has|cpu (?:has|supports)|check(?:ing)?(?: for)?|vmx(?=:| - )) |^VMX[:-] ?| (?:support(?:ed|s)?|available|capabilit(?:y|ies)|feature|is|are|present)$/i;

/** The one bit that a name means: the allowed-1 bit of a control, or the capability itself. */
function placeNamed(text: string): { readonly index: number; readonly bit: number } | undefined {
  let name = text.trim().replace(/ ?\((?:bit )?\d{1,2}\)$|^bit \d{1,2}:? /i, "");
  for (let turn = 0; turn < 3; turn++) {
    const matches = bitsNamed(name).filter(({ register }) => register.index !== 0x3a);
    const [match] = matches;
    if (match !== undefined) {
      const { register, row } = match;
      if (matches.length > 1 || register.layout === "fixed1" || register.layout === "fixed0") return undefined;
      return { index: register.index, bit: register.layout === "controls" ? row.bit + 32 : row.bit };
    }
    const bare = name.replace(AROUND, "").trim();
    if (bare === name) return undefined;
    name = bare;
  }
  return undefined;
}
