import { parseHexU64 } from "../bits/u64.js";
import { ABSENT, msrValue } from "../model/msr.js";
import { MAX_CPU } from "./cpu-ranges.js";
import type { Place } from "./diagnostic.js";
import type { Desk } from "./evidence.js";
import { describeMsr, isVmxMsr } from "./msr-names.js";
import { type FactReader, type FactRun, placeOf } from "./reader.js";

/** First and last line of what the script of `vmxlens collect` prints. */
export const COLLECT_HEADER = "# vmxlens-collect 1";
export const COLLECT_END = "# end of vmxlens-collect";

/**
 * The output of `vmxlens collect`. Its own lines are read here; /proc/cpuinfo, parameters, CPUID and kernel messages
 * stand in it as they are, for their own readers.
 */
export const collect: FactReader = {
  kind: "facts",
  name: "collect",
  knows:
    "The output of vmxlens collect: the VMX MSRs of every CPU with their faults, /proc/cpuinfo, kernel release, module " +
    "parameters, CPUID where its device was there, kernel messages about VMX.",
  recognisedBy: COLLECT_HEADER,
  mark: /^# (?:end of )?vmxlens-collect\b/,
  open: openCollect,
};

const MSR = /^msr (\d{1,4}) 0x([0-9a-f]{1,8}) (?:([0-9a-f]{16})|(fault)|failed: (.{1,100}))\s*$/;

function openCollect(desk: Desk): FactRun {
  let inside: Place | undefined;

  const notWhole = (): void => {
    if (inside === undefined) return;
    desk.log.warning(inside, "the output of vmxlens collect is not whole: its last line is missing", COLLECT_END);
    inside = undefined;
  };

  return {
    line(line) {
      const { text } = line;
      if (text.startsWith("# vmxlens-collect")) {
        notWhole();
        const version = /^# vmxlens-collect (\d{1,4})\s*$/.exec(text)?.[1];
        if (version !== "1") {
          desk.log.error(placeOf(line), "not a version of vmxlens collect that is known here", COLLECT_HEADER);
          return version !== undefined;
        }
        desk.nextMachine();
        inside = placeOf(line);
        return true;
      }
      if (text.startsWith(COLLECT_END)) {
        inside = undefined;
        return true;
      }
      const msr = MSR.exec(text);
      if (msr !== null) {
        const [, cpu, digits, value, fault, trouble] = msr;
        const index = Number.parseInt(digits as string, 16);
        if (Number(cpu) > MAX_CPU || !isVmxMsr(index)) return true;
        const at = placeOf(line, 5);
        const known = value === undefined ? undefined : parseHexU64(value);
        if (known !== undefined) desk.msr(Number(cpu), index, msrValue(known), at);
        else if (fault !== undefined) desk.msr(Number(cpu), index, ABSENT, at);
        else
          desk.log.warning(
            at,
            `MSR ${describeMsr(index)} of CPU ${cpu} was not read: ${trouble}`,
            "root, and modprobe msr",
          );
        return true;
      }
      const kernel = /^kernel: (\S{1,100})\s*$/.exec(text);
      if (kernel !== null && !line.cut) {
        desk.system("kernel", kernel[1] as string, placeOf(line, 9));
        return true;
      }
      const missing = /^missing: (.{1,200})$/.exec(text);
      if (missing === null) return false;
      desk.log.warning(placeOf(line), `not collected: ${missing[1]}`);
      return true;
    },
    busy: () => inside !== undefined,
    end: notWhole,
  };
}
