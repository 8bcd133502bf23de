import { REGISTERS, type RegisterRow } from "../spec/registers.js";
import type { Desk } from "./evidence.js";
import { type FactReader, type FactRun, placeOf } from "./reader.js";

/** The VMX block of Xen's boot log, as xl dmesg and serial consoles show it. */
export const xenLog: FactReader = {
  kind: "facts",
  name: "xen",
  knows:
    "Xen's boot log: the features Xen uses, after its own checks and options. They are not the CPU's, and a feature that " +
    "is not listed may be there: older versions print fewer.",
  recognisedBy: "VMX: Supported advanced features:, and the list below it",
  mark: /\bVMX: Supported advanced features:|\(XEN\).{0,48}\bCPU0: .{4,80} stepping [0-9a-f]{2}\s*$|\bHVM: VMX enabled\b/,
  words: ["VMX: Supported", "CPU0: ", "HVM: VMX enabled"],
  open: openLog,
};

const PREFIX = /^(?:\(XEN\) ?)?(?:\[[^\]]{1,40}\] ?)?/;
const BRAND = /\bCPU0: (.{4,80}?) stepping [0-9a-f]{2}\s*$/;
/** The features that current Xen knows, as it words them. */
const WORDS: ReadonlySet<string> = new Set(
  (REGISTERS as readonly RegisterRow[]).flatMap(({ bits }) => bits.flatMap((row) => row.xenBoot ?? [])),
);
/** More than Xen has. */
const MAX_FEATURES = 64;

function openLog(desk: Desk): FactRun {
  /** Lines since the title that are not items: another program may write to the same console. */
  let strangers = -1;
  let items = 0;
  /** Whether the console puts (XEN) before each line. */
  let prefixed = false;

  return {
    line(line) {
      const { text } = line;
      if (text.includes("VMX: Supported advanced features:")) {
        strangers = 0;
        items = 0;
        prefixed = text.startsWith("(XEN)");
        return true;
      }
      const bare = text.replace(PREFIX, "");
      if (strangers >= 0) {
        const item = /^ ?- (\S.{0,78}?)\s*$/.exec(bare);
        const isItem = item !== null && (prefixed ? text.startsWith("(XEN)") : WORDS.has(item[1] as string));
        if (isItem) {
          if (line.cut || items >= MAX_FEATURES) return false;
          items++;
          const feature = item[1] as string;
          if (feature === "none") desk.log.note(placeOf(line), "Xen uses none of the advanced VMX features");
          else desk.xen(feature, placeOf(line, text.indexOf(feature) + 1));
          return true;
        }
        // "HVM: …" ends the list.
        strangers = /^(?:HVM|VMX|mwait|Brought|Platform)/.test(bare) || strangers >= 8 ? -1 : strangers + 1;
      }
      if (bare.startsWith("HVM: VMX enabled")) {
        desk.cpu("unnamed", { features: { vmx: true } }, placeOf(line));
        return true;
      }
      const brand = BRAND.exec(text);
      if (brand === null || line.cut) return false;
      desk.machine({ name: brand[1] as string }, placeOf(line));
      return true;
    },
    busy: () => strangers >= 0,
  };
}
