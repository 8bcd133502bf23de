import { partialMsr } from "../../../host/partial-msr.js";
import { REGISTERS, type RegisterRow } from "../../../registers/registers.js";
import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf } from "../../hosts/reader.js";

/** The VMX block of Xen's boot log, as xl dmesg and serial consoles show it. */
export const xenLog: FactReader = {
  kind: "facts",
  name: "xen",
  knows:
    "Xen's boot log: the features Xen uses, after its own checks and options. They are not the CPU's, and a feature that " +
    "is not listed may be there: older versions print fewer.",
  mark: /\bVMX: Supported advanced features:|\(XEN\).{0,48}\bCPU0: .{4,80} stepping [0-9a-f]{2}\s*$|\bHVM: VMX (?:is )?enabled\b|\bVMX: (?:EPT|VPID) is available\b|\(XEN\).{0,16}TBOOT: /,
  words: ["VMX: Supported", "TBOOT: ", "CPU0: ", "HVM: VMX ", "VMX: EPT", "VMX: VPID"],
  open: openLog,
};

const PREFIX = /^(?:\s{0,64}\(XEN\) ?)?(?:\[[^\]]{1,40}\] ?)?/;
const BRAND = /\bCPU0: (.{4,80}?) stepping [0-9a-f]{2}\s*$/;
/** The features that current Xen knows, as it words them. */
const WORDS: ReadonlySet<string> = new Set(
  (REGISTERS as readonly RegisterRow[]).flatMap(({ bits }) => bits.flatMap((row) => row.xenBoot ?? [])),
);
/** How versions before 4.0 print what later ones list. */
const BEFORE_4_0: { readonly [name: string]: string } = {
  EPT: "Extended Page Tables (EPT)",
  VPID: "Virtual-Processor Identifiers (VPID)",
};
/** More than Xen has. */
const MAX_FEATURES = 64;

function openLog(sink: FactSink): FactRun {
  /** Lines since the title that are not items: another program may write to the same console. */
  let strangers = -1;
  let items = 0;
  /** Whether the console puts (XEN) before each line. */
  let prefixed = false;
  /** After a measured launch bit 1 of IA32_FEAT_CTL is enough. */
  let measured = false;

  return {
    line(line) {
      const { text } = line;
      if (text.includes("VMX: Supported advanced features:")) {
        strangers = 0;
        items = 0;
        prefixed = /^\s*\(XEN\)/.test(text);
        return true;
      }
      const bare = text.replace(PREFIX, "");
      if (strangers >= 0) {
        const item = /^ ?- (\S.{0,78}?)\s*$/.exec(bare);
        const isItem = item !== null && (prefixed ? /^\s*\(XEN\)/.test(text) : WORDS.has(item[1] as string));
        if (isItem) {
          if (line.cut || items >= MAX_FEATURES) return false;
          items++;
          const feature = item[1] as string;
          if (feature === "none") sink.log.note(placeOf(line), "Xen uses none of the advanced VMX features");
          else sink.xen(feature, placeOf(line, text.indexOf(feature) + 1));
          return true;
        }
        // "HVM: …" ends the list.
        strangers = /^(?:HVM|VMX|mwait|Brought|Platform)/.test(bare) || strangers >= 8 ? -1 : strangers + 1;
      }
      const old = /^VMX: (EPT|VPID) is available/.exec(bare);
      if (old !== null && !line.cut) {
        sink.xen(BEFORE_4_0[old[1] as string] as string, placeOf(line));
        return true;
      }
      if (bare.startsWith("TBOOT: ")) {
        measured = true;
        return false;
      }
      if (/^HVM: VMX (?:is )?enabled/.test(bare)) {
        sink.cpu("unnamed", { features: { vmx: true } }, placeOf(line));
        // Xen locks the register if the firmware has not, and gives up without the bit.
        if (!measured) sink.msr("unnamed", 0x3a, partialMsr([0, 2], []), placeOf(line));
        return true;
      }
      const brand = BRAND.exec(text);
      if (brand === null || line.cut) return false;
      sink.machine({ name: brand[1] as string }, placeOf(line));
      return true;
    },
    busy: () => strangers >= 0,
  };
}
