import { parseHexU64, testBit } from "../../bits/u64.js";
import { msrValue } from "../../host/msr.js";
import { partialMsr } from "../../host/partial-msr.js";
import { type FactReader, placeOf } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import { msrByName } from "../text/msr-names.js";

const FEAT_CTL = 0x3a;
const TURBOSTAT = /\bcpu(\d{1,4}): (MSR_IA32_FEAT\w{3,30}): 0x([0-9a-f]{8,16}) \((UN-)?Locked( SGX)?/;
const CHIPSEC = /\bcpu(\d{1,4}): IA32_Feature_Control Lock = ([01])\b/;

/** IA32_FEATURE_CONTROL in the output of turbostat and chipsec. */
export const featureControl: FactReader = {
  kind: "facts",
  name: "feature-control",
  knows: "IA32_FEATURE_CONTROL alone: whole from turbostat, the lock bit of each CPU from chipsec; no VMX capability.",
  recognisedBy: "cpuN: MSR_IA32_FEATURE_CONTROL: 0x… (Locked …), or cpuN: IA32_Feature_Control Lock = 1",
  mark: /\bcpu\d{1,4}: (?:MSR_IA32_FEAT|IA32_Feature_Control Lock)/,
  words: ["MSR_IA32_FEAT", "IA32_Feature_Control"],
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
      const chipsec = CHIPSEC.exec(text);
      if (chipsec === null || Number(chipsec[1]) > MAX_CPU) return false;
      const locked = chipsec[2] === "1";
      const msr = partialMsr(locked ? [0] : [], locked ? [] : [0]);
      sink.msr(Number(chipsec[1]), FEAT_CTL, msr, placeOf(line, chipsec.index + 1));
      return true;
    },
  }),
};
