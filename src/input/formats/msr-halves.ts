import { partialMsr } from "../../host/partial-msr.js";
import { type FactReader, placeOf } from "../hosts/reader.js";
import { msrByName } from "../text/msr-names.js";

/*
 * The halves of a capability MSR one by one, as hypervisors print them while they adjust controls: `IA32_VMX_PINBASED_CTLS high bits
 * mask: 0x7f`, `VMX_EXIT_CTLS allowed1 = 0x…, allowed0 = 0x…`.
 */

const NAME = /\b(?:MSR_)?(?:IA32_|VMX_)\w{3,60}/;
/** What the upper half and the lower half are called; the lower one holds the bits that must be 1. */
const HALF =
  /(?:\b(high|hi|upper|allowed[-_ ]?1|may[- ]be[- ](?:1|one))|\b(low|lo|lower|allowed[-_ ]?0|must[- ]be[- ](?:1|one)))(?:[- ](?:settings?|bits?|half|word|mask|dword|part)){0,3}\s{0,4}[:=]\s{0,4}0x([0-9a-f]{1,8})(?![\w`'])/gi;

export const msrHalves: FactReader = {
  kind: "facts",
  name: "msr-halves",
  knows:
    "The two halves of a VMX capability MSR on their own, beside its name: high or allowed-1, low or allowed-0; nothing else.",
  mark: /(?:IA32_|VMX_)\w{3,60}.{1,60}(?:high|hi|upper|low|lo|lower|allowed[-_ ]?[01]|be[- ](?:1|one)).{0,30}0x/i,
  words: ["IA32_", "VMX_"],
  open: (sink) => ({
    line(line) {
      const name = NAME.exec(line.text);
      const index = name === null ? undefined : msrByName(name[0]);
      if (name === null || index === undefined) return false;
      const rest = line.text.slice(name.index + name[0].length);
      let found = false;
      for (const { 0: whole, 1: high, 3: digits, index: place } of rest.matchAll(HALF)) {
        // A value at the end of a text that was cut may be a part of one.
        if (line.cut && place + whole.length >= rest.trimEnd().length) continue;
        const value = Number.parseInt(digits as string, 16);
        const bits = Array.from({ length: 32 }, (_, bit) => bit);
        const at = (bit: number) => bit + (high === undefined ? 0 : 32);
        const ones = bits.filter((bit) => ((value >>> bit) & 1) === 1);
        const zeros = bits.filter((bit) => ((value >>> bit) & 1) === 0);
        sink.msr("unnamed", index, partialMsr(ones.map(at), zeros.map(at)), placeOf(line));
        found = true;
      }
      return found;
    },
  }),
};
