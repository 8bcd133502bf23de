import { msrBit } from "../../../host/msr.js";
import type { FactReader } from "../../hosts/reader.js";
import { placeOf } from "../../hosts/reader.js";
import type { Place } from "../../text/diagnostic.js";
import { printedValue, type RdmsrCall, rdmsrCalls } from "../rdmsr-command.js";

/** How many CPUs a line of `uniq -c` is about. */
const COUNT = /^\s{0,20}(\d{1,5})\s{1,8}\S/;

/** The firmware's lock of all CPUs behind `sort` or `uniq`; the values themselves belong to the reader of lists. */
export const lockCounts: FactReader = {
  kind: "facts",
  name: "lock-counts",
  knows:
    "rdmsr -a 0x3a behind sort or uniq: that VMX is locked on on some CPUs and not on others, and on how many; not on which.",
  mark: /\brdmsr\b/,
  words: ["rdmsr"],
  open(sink) {
    let call: RdmsrCall | undefined;
    let at: Place | undefined;
    let [on, off, uncounted] = [0, 0, false];
    const end = (): void => {
      if (at !== undefined && on > 0 && off > 0) sink.system("locks differ", uncounted ? "0 0" : `${on} ${off}`, at);
      call = undefined;
      [on, off, uncounted] = [0, 0, false];
    };
    return {
      line(line) {
        const msr = call === undefined ? undefined : printedValue(call, line.text);
        if (call !== undefined && msr !== undefined && msr !== "broken") {
          const count = call.counted ? COUNT.exec(line.text)?.[1] : undefined;
          uncounted ||= count === undefined;
          const [lock, vmx] = [msrBit(msr, 0), msrBit(msr, 2)];
          if (lock === "yes" && vmx === "yes") on += Number(count ?? 1);
          else if (lock === "no" || vmx === "no") off += Number(count ?? 1);
          return false;
        }
        if (call !== undefined && line.text.trim() !== "") end();
        const [found, ...others] = rdmsrCalls(line.text);
        if (found?.index === 0x3a && found.everyCpu && found.prints === "set" && others.length === 0) {
          call = found;
          at = placeOf(line);
        }
        return false;
      },
      busy: () => call !== undefined,
      end,
    };
  },
};
