import { parseHexU64, testBit } from "../../bits/u64.js";
import { msrValue } from "../../host/msr.js";
import { partialMsr } from "../../host/partial-msr.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, placeOf, type TextLine } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { msrByName } from "../text/msr-names.js";

const FEAT_CTL = 0x3a;
const TURBOSTAT = /\bcpu(\d{1,4}): (MSR_IA32_FEAT\w{3,30}): 0x([0-9a-f]{8,16}) \((UN-)?Locked( SGX)?/;
/** Of tboot's log. */
const TBOOT = /\bTBOOT: IA32_FEATURE_CONTROL_MSR: ([0-9a-f]{8})(?![0-9a-f])/;
const CHIPSEC = /\bcpu(\d{1,4}): IA32_Feature_Control Lock = ([01])\b/;

/** The three bits in words, as firmware tools print them. */
const IN_WORDS =
  /\b(?:VMX(?:ON)? (in(?:side)?|outside(?: of)?) SMX(?: operation)?|(ENABLE_VMX_INSIDE_SMX|ENABLE_VMX_OUTSIDE_SMX)|(?:IA32_)?FEATURE_CONTROL (?:MSR )?(register is locked|lock(?:ed)?(?: bit)?)|(register is locked))[^:=\n]{0,24}[:=] {0,4}(true|false|yes|no|1|0|enabled|disabled|set|clear(?:ed)?|locked|unlocked)\b/i;
const SAYS_1 = /^(?:true|yes|1|enabled|set|locked)$/i;

/** IA32_FEATURE_CONTROL in the output of turbostat and chipsec. */
export const featureControl: FactReader = {
  kind: "facts",
  name: "feature-control",
  knows:
    "IA32_FEATURE_CONTROL alone: whole from turbostat, the lock bit of each CPU from chipsec, lock and VMX bits in words " +
    "from firmware tools; no VMX capability.",
  mark: /\bcpu\d{1,4}: (?:MSR_IA32_FEAT|IA32_Feature_Control Lock)|\bVMX(?:ON)? (?:in|out)|ENABLE_VMX_(?:IN|OUT)SIDE_SMX|FEATURE_CONTROL |FEATURE_CONTROL_MSR: |register is locked/,
  words: [
    "MSR_IA32_FEAT",
    "IA32_Feature_Control",
    "VMXON ",
    "VMX in",
    "VMX out",
    "ENABLE_VMX_",
    "FEATURE_CONTROL ",
    "FEATURE_CONTROL_MSR",
    "register is locked",
  ],
  open: (sink) => ({
    line(line) {
      const { text } = line;
      const turbostat = TURBOSTAT.exec(text);
      if (turbostat !== null) {
        const [, cpu, name, digits, unlocked] = turbostat as unknown as [string, string, string, string, string?];
        const value = parseHexU64(digits);
        if (Number(cpu) > MAX_CPU || value === undefined || msrByName(name) !== FEAT_CTL) return false;
        const at = placeOf(line, turbostat.index + 1);
        if (testBit(value, 0) === (unlocked !== undefined)) {
          sink.log.warning(at, "the lock bit of the value and the word behind it disagree; neither is used");
          return true;
        }
        sink.msr(Number(cpu), FEAT_CTL, msrValue(value), at);
        return true;
      }
      const tboot = TBOOT.exec(text);
      const [, digits = ""] = tboot ?? [];
      const measured = parseHexU64(digits);
      if (tboot !== null && measured !== undefined) {
        sink.msr("unnamed", FEAT_CTL, msrValue(measured), placeOf(line, tboot.index + 1));
        return true;
      }
      const chipsec = CHIPSEC.exec(text);
      if (chipsec === null && inWords(sink, line)) return true;
      if (chipsec === null || Number(chipsec[1]) > MAX_CPU) return false;
      const locked = chipsec[2] === "1";
      const msr = partialMsr(locked ? [0] : [], locked ? [] : [0]);
      sink.msr(Number(chipsec[1]), FEAT_CTL, msr, placeOf(line, chipsec.index + 1));
      return true;
    },
  }),
};

function inWords(sink: FactSink, line: TextLine): boolean {
  const found = IN_WORDS.exec(line.text);
  if (found === null || (line.cut && found.index + found[0].length >= line.text.trimEnd().length)) return false;
  const [, side, name, , , value] = found as unknown as [string, string?, string?, string?, string?, string?];
  const where = (side ?? name ?? "").toLowerCase();
  const bit = where === "" ? 0 : where.includes("out") ? 2 : 1;
  const set = SAYS_1.test(value as string);
  sink.msr("unnamed", FEAT_CTL, partialMsr(set ? [bit] : [], set ? [] : [bit]), placeOf(line, found.index + 1));
  return true;
}
