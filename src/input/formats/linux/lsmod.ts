import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../../hosts/reader.js";

const ROW =
  /^\s{0,8}(?:# )?([a-z]\w{1,55})\s{1,40}(\d{3,9})\s{1,12}(\d{1,5})(?:\s{1,4}([\w,-]{0,400}))?(?: Live 0x[0-9a-f]{8,16}(?: \([A-Z+-]{1,8}\))?)?\s*$/;
const ASKED =
  /^\s{0,8}(?:\S{0,60}[$#>%] ?|)(?:sudo )?(?:\/s?bin\/)?lsmod ?\| ?e?grep (?:-\w{1,4} )?["']?\^?kvm(?:_intel)?["']?\s*$/;
const PROMPT = /^\s{0,4}(?:\[?[\w.@~:/-]{1,60}\]?\s?)?[$#] ?\S/;

/** The list of loaded modules, as lsmod prints it or /proc/modules holds it. */
export const lsmod: FactReader = {
  kind: "facts",
  name: "lsmod",
  knows: "lsmod: whether kvm, kvm_intel and kvm_amd are loaded; why one is not, it does not say.",
  mark: /^\s{0,8}(?:# )?kvm(?:_intel|_amd)?\s{1,40}\d{3,9}\s{1,12}\d{1,5}|lsmod ?\| ?e?grep\b/,
  words: ["lsmod"],
  open: openLsmod,
};

function openLsmod(sink: FactSink): FactRun {
  let asked: number | undefined;
  let spaced = false;
  /** The line before was of the list: modules that KVM uses may follow. */
  let listed = false;

  const row = (line: TextLine, found: RegExpExecArray): boolean => {
    const [, name, , count, users = ""] = found as unknown as [string, string, string, string, string?];
    const at = placeOf(line);
    if (name === "kvm_intel" || name === "kvm_amd") {
      sink.system(`module ${name}`, "loaded", at);
      return true;
    }
    if (name !== "kvm") return users.split(",").includes("kvm");
    sink.system("module kvm", "loaded", at);
    const using = users.split(",");
    for (const module of ["kvm_intel", "kvm_amd"] as const) {
      if (using.includes(module)) sink.system(`module ${module}`, "loaded", at);
      // A vendor's module uses kvm, so an unused kvm means that there is none.
      else if (count === "0" && !line.cut) sink.system(`module ${module}`, "missing", at);
    }
    return true;
  };

  return {
    line(line) {
      const waiting = asked === line.after;
      // A text in double space.
      if (waiting && line.text.trim() === "" && !spaced) {
        [asked, spaced] = [line.number, true];
        return false;
      }
      [asked, spaced] = [undefined, false];
      const found = ROW.exec(line.text);
      if (found !== null) {
        listed = true;
        return row(line, found);
      }
      listed = false;
      if (ASKED.test(line.text)) {
        asked = line.number;
        return true;
      }
      // The next prompt follows at once: the answer was empty.
      if (waiting && PROMPT.test(line.text)) {
        for (const module of ["kvm", "kvm_intel", "kvm_amd"] as const) {
          sink.system(`module ${module}`, "missing", placeOf(line));
        }
      }
      return false;
    },
    busy: () => asked !== undefined || listed,
  };
}
