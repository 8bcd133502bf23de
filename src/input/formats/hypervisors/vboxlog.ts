import { parseHexU64 } from "../../../bits/u64.js";
import { msrValue } from "../../../host/msr.js";
import { orAbsent, partialMsr } from "../../../host/partial-msr.js";
import { type CpuidRegisters, factsFromCpuid, nameFromCpuid, vendorFromCpuid } from "../../hosts/cpuid-facts.js";
import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf } from "../../hosts/reader.js";
import { isVmxMsr, msrByName } from "../../text/msr-names.js";

/** VBox.log of VirtualBox 4 to 7: the block that HM prints when a virtual machine starts. */
export const vboxlog: FactReader = {
  kind: "facts",
  name: "vboxlog",
  knows:
    "VirtualBox's VBox.log: IA32_FEATURE_CONTROL and every VMX MSR to 0x491, by name and whole, of one CPU; an MSR that " +
    "VirtualBox did not read appears as 0; the host's CPUID from the lines marked Hst.",
  mark: /\b(?:HM|HWACCM): MSR_I?A32_|\bHM: Enabled VMX|\bHst: |\bGst: |\bNEM: /,
  words: ["HM: Enabled VMX", "MSR_IA32_", "MSR_A32_", "Hst: ", "Gst: ", "NEM: "],
  unwraps: true,
  open: openLog,
};

/** 4.3 misspells the name of one. */
const MSR = /\b(?:HM|HWACCM): MSR_I?A32_(\w{3,40})\s{0,60}= ?(?:0x)?([0-9a-fA-F]{1,16})(?!\w)/;
const CPUID =
  /\b(Gst|Hst): (?:([0-9a-fA-F]{8})\/([0-9a-fA-F]{4}))? {1,20}([0-9a-fA-F]{8}) ([0-9a-fA-F]{8}) ([0-9a-fA-F]{8}) ([0-9a-fA-F]{8})(?![0-9a-fA-F])/;
/** More leaves than a log has. */
const MAX_LEAVES = 1024;

function openLog(sink: FactSink): FactRun {
  const leaves = new Map<number, CpuidRegisters>();
  let first: { line: number; column: number } | undefined;
  /** Leaf of the line before, for which a `Hst:` line that names none is. */
  let guest: { readonly key: number; readonly line: number } | undefined;
  let nem = false;
  let msrs = false;

  return {
    line(line) {
      const { text, number } = line;
      const found = MSR.exec(text);
      if (found !== null) {
        const index = msrByName(found[1] as string);
        const value = parseHexU64(found[2] as string);
        // SMM_MONITOR_CTL and the like.
        if (index === undefined || !isVmxMsr(index) || value === undefined) return index === undefined;
        if (line.cut && found.index + found[0].length >= text.trimEnd().length) return false;
        msrs = true;
        const at = placeOf(line, found.index + found[0].length - (found[2] as string).length + 1);
        sink.msr("unnamed", index, orAbsent(msrValue(value)), at);
        return true;
      }
      // VirtualBox locks the register where the firmware has not, and refuses where the bit is 0.
      if (msrs && /\bHM: Enabled VMX\s*$/.test(text)) {
        sink.msr("unnamed", 0x3a, partialMsr([0, 2]), placeOf(line));
        return true;
      }
      const leaf = CPUID.exec(text);
      if (leaf !== null) {
        if (line.cut) return false;
        const [who, base, sub, ...registers] = leaf.slice(1) as (string | undefined)[];
        const key =
          base === undefined
            ? guest?.line === line.after
              ? guest.key
              : undefined
            : Number.parseInt(base, 16) * 65_536 + Number.parseInt(sub as string, 16);
        if (key === undefined) return true;
        if (who === "Gst") guest = { key, line: number };
        else if (leaves.size < MAX_LEAVES && !leaves.has(key)) {
          first ??= placeOf(line);
          const [eax, ebx, ecx, edx] = registers.map((word) => Number.parseInt(word as string, 16));
          leaves.set(key, { eax, ebx, ecx, edx } as CpuidRegisters);
        }
        return true;
      }
      if (text.includes("NEM: ")) nem = true;
      return false;
    },
    end() {
      if (nem && !msrs) {
        sink.log.note(
          { line: 1, column: 1 },
          "VirtualBox ran on top of another hypervisor (NEM): it cannot read VMX MSRs then and prints none",
        );
      }
      if (first === undefined) return;
      const lookup = (leaf: number, subleaf: number): CpuidRegisters | undefined => leaves.get(leaf * 65_536 + subleaf);
      const [name, vendor] = [nameFromCpuid(lookup), vendorFromCpuid(lookup)];
      sink.machine({ ...(name === undefined ? {} : { name }), ...(vendor === undefined ? {} : { vendor }) }, first);
      const signature = lookup(1, 0)?.eax;
      sink.cpu("unnamed", { ...factsFromCpuid(lookup), ...(signature === undefined ? {} : { signature }) }, first);
    },
  };
}
