import { parseHexU64, type U64 } from "../../../bits/u64.js";
import { word } from "../../../bits/word.js";
import { type Msr, msrValue } from "../../../host/msr.js";
import { orAbsent } from "../../../host/partial-msr.js";
import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../../hosts/reader.js";

/** The VMX capabilities that Intel's HAXM writes to the system log when it is built to do so. */
export const haxm: FactReader = {
  kind: "facts",
  name: "haxm",
  knows:
    "HAXM's capability log: IA32_VMX_BASIC and MISC, CR0 and CR4, EPT whole; of the controls what may be 1. What must be " +
    "1 only on CPUs without TRUE registers, for HAXM mixes the two.",
  mark: /\bVMX (?:basic info|misc info|exit ctls|entry ctls|pin ctls|cpu prim ctrls|cpu sec ctrl|fixed CR[04] bits|EPT\/VPID caps) {1,12}: 0x|\bfc_msr [0-9a-f]/,
  words: ["VMX ", "fc_msr "],
  unwraps: true,
  open: openHaxm,
};

const WHOLE = /\bVMX (basic info|misc info|EPT\/VPID caps) {1,12}: 0x([0-9A-Fa-f]{1,16})(?![0-9A-Fa-f])/;
const PAIR =
  /\bVMX (exit ctls|entry ctls|pin ctls|cpu prim ctrls|cpu sec ctrl|fixed CR0 bits|fixed CR4 bits) {1,12}: 0x([0-9A-Fa-f]{1,16}), (?:0x)?([0-9A-Fa-f]{1,16})(?![0-9A-Fa-f])/;
const FEAT_CTL = /\bfc_msr ([0-9a-f]{1,8})(?![0-9a-f])/;

const WHOLE_INDEX: { readonly [label: string]: number } = {
  "basic info": 0x480,
  "misc info": 0x485,
  "EPT/VPID caps": 0x48c,
};
const CONTROLS: { readonly [label: string]: readonly [number, number?] } = {
  "pin ctls": [0x481, 0x48d],
  "cpu prim ctrls": [0x482, 0x48e],
  "cpu sec ctrl": [0x48b],
  "exit ctls": [0x483, 0x48f],
  "entry ctls": [0x484, 0x490],
};
const FIXED: { readonly [label: string]: number } = { "fixed CR0 bits": 0x486, "fixed CR4 bits": 0x488 };

function openHaxm(sink: FactSink): FactRun {
  /** Whether the CPU has TRUE registers; HAXM then prints their values with default1 bits of the plain ones put in. */
  let hasTrue: boolean | undefined;
  const isCut = (line: TextLine, found: RegExpExecArray): boolean =>
    line.cut && found.index + found[0].length >= line.text.trimEnd().length;

  const pair = (line: TextLine, label: string, first: U64, second: U64, column: number): void => {
    const at = placeOf(line, column);
    const fixed = FIXED[label];
    if (fixed !== undefined) {
      sink.msr("unnamed", fixed, msrValue(first), at);
      sink.msr("unnamed", fixed + 1, msrValue(second), at);
      return;
    }
    const [plain, trueIndex] = CONTROLS[label] as readonly [number, number?];
    if (first.hi !== 0 || second.hi !== 0) return;
    const whole = msrValue({ hi: second.lo, lo: first.lo });
    const upper: Msr = { state: "value", hi: word(second.lo), lo: word(0, -1) };
    if (trueIndex === undefined) sink.msr("unnamed", plain, orAbsent(whole), at);
    else {
      sink.msr("unnamed", plain, hasTrue === false ? whole : upper, at);
      if (hasTrue === true) sink.msr("unnamed", trueIndex, upper, at);
    }
  };

  return {
    line(line) {
      const { text } = line;
      const whole = WHOLE.exec(text);
      if (whole !== null) {
        const value = parseHexU64(whole[2] as string);
        if (value === undefined || isCut(line, whole)) return false;
        const index = WHOLE_INDEX[whole[1] as string] as number;
        if (index === 0x480) hasTrue = ((value.hi >>> 23) & 1) === 1;
        sink.msr("unnamed", index, orAbsent(msrValue(value)), placeOf(line, whole.index + 1));
        return true;
      }
      const two = PAIR.exec(text);
      if (two !== null) {
        const [first, second] = [parseHexU64(two[2] as string), parseHexU64(two[3] as string)];
        if (first === undefined || second === undefined || isCut(line, two)) return false;
        pair(line, two[1] as string, first, second, two.index + 1);
        return true;
      }
      const control = FEAT_CTL.exec(text);
      if (control === null || isCut(line, control)) return false;
      const lo = Number.parseInt(control[1] as string, 16);
      sink.msr("unnamed", 0x3a, { state: "value", hi: word(0, -1), lo: word(lo) }, placeOf(line, control.index + 1));
      return true;
    },
  };
}
