import { type Msr, msrBit } from "../../../host/msr.js";
import { type FactReader, placeOf } from "../../hosts/reader.js";
import type { Place } from "../../text/diagnostic.js";
import { joinSet } from "../msr-list.js";
import { printedValue, type RdmsrCall, rdmsrCalls } from "../rdmsr-command.js";

/** How many CPUs a line of `uniq -c` is about. */
const COUNT = /^\s{0,20}(\d{1,5})\s{1,8}\S/;

/** The firmware's lock of all CPUs, behind `sort` or `uniq`. */
export const lockCounts: FactReader = {
  kind: "facts",
  name: "lock-counts",
  knows:
    "rdmsr -a 0x3a behind sort or uniq: the bits of IA32_FEAT_CTL that all CPUs share, and on how many VMX is locked on and on how many it is not; not on which.",
  mark: /\brdmsr\b/,
  words: ["rdmsr"],
  open(sink) {
    let call: RdmsrCall | undefined;
    let at: Place | undefined;
    let seen: Msr[] = [];
    let [on, off, uncounted] = [0, 0, false];
    const end = (): void => {
      if (at !== undefined && seen.length > 0) {
        sink.msr("all", 0x3a, joinSet(seen).msr, at);
        if (on > 0 && off > 0) sink.system("locks differ", uncounted ? "0 0" : `${on} ${off}`, at);
      }
      call = undefined;
      seen = [];
      [on, off, uncounted] = [0, 0, false];
    };
    return {
      line(line) {
        const msr = call === undefined ? undefined : printedValue(call, line.text);
        if (call !== undefined && msr !== undefined && msr !== "broken") {
          const count = call.counted ? COUNT.exec(line.text)?.[1] : undefined;
          uncounted ||= count === undefined;
          seen.push(msr);
          const [lock, vmx] = [msrBit(msr, 0), msrBit(msr, 2)];
          if (lock === "yes" && vmx === "yes") on += Number(count ?? 1);
          else if (lock === "no" || vmx === "no") off += Number(count ?? 1);
          return true;
        }
        if (call !== undefined && line.text.trim() !== "") end();
        const [found, ...others] = rdmsrCalls(line.text);
        if (found?.index !== 0x3a || !found.everyCpu || found.prints !== "set" || others.length > 0) return false;
        call = found;
        at = placeOf(line);
        return true;
      },
      busy: () => call !== undefined,
      end,
    };
  },
};
