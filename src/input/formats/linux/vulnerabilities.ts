import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../../hosts/reader.js";

/*
 * arch/x86/kernel/cpu/bugs.c, itlb_multihit_show_state: what it says about KVM depends on the boot CPU's VMX feature and on CR4.VMXE. The
 * words `VMX unsupported` and `VMX disabled` came in 5.8 and with the stable updates of that time; before, the line says nothing about VMX.
 */
const ITLB = /\b(?:Itlb multihit|itlb_multihit):\s{0,40}KVM: Mitigation: VMX (unsupported|disabled)\s*$/;
/** The name of the file alone, as head and tail print it, and its content on the next line. */
const ITLB_FILE = /\bvulnerabilities\/itlb_multihit(?: <==)?\s*$/;
const ITLB_CONTENT = /^\s{0,8}KVM: Mitigation: VMX (unsupported|disabled)\s*$/;
/**
 * l1tf_show_state: the part about VMX is there from the moment that kvm_intel has chosen its flush until it is removed. lscpu makes a
 * semicolon of the first colon and leaves out the others.
 */
const L1TF =
  /\b(?:L1tf|l1tf|L1TF):?\s{0,40}Mitigation[:;] PTE Inversion; VMX:? (?:conditional cache flushes|cache flushes|flush not necessary|vulnerable|EPT disabled)\b/;

/** What Linux says about its defences, as lscpu and the files of /sys show it. */
export const vulnerabilities: FactReader = {
  kind: "facts",
  name: "vulnerabilities",
  knows:
    "Lines of /sys/devices/system/cpu/vulnerabilities, as files or in lscpu: whether Linux shows vmx (itlb_multihit), and " +
    "that kvm_intel is loaded (l1tf).",
  mark: /\b(?:Itlb multihit|itlb_multihit)\b|Mitigation[:;] PTE Inversion; VMX/,
  words: ["Itlb multihit", "itlb_multihit", "PTE Inversion; VMX"],
  open: openVulnerabilities,
};

function openVulnerabilities(sink: FactSink): FactRun {
  let asked = -1;
  const flag = (line: TextLine, word: string): boolean => {
    sink.system("flag vmx", word === "unsupported" ? "no" : "yes", placeOf(line));
    return true;
  };
  return {
    line(line) {
      const waiting = asked === line.after;
      asked = -1;
      const content = waiting && !line.cut ? ITLB_CONTENT.exec(line.text)?.[1] : undefined;
      if (content !== undefined) return flag(line, content);
      const itlb = line.cut ? undefined : ITLB.exec(line.text)?.[1];
      if (itlb !== undefined) return flag(line, itlb);
      if (ITLB_FILE.test(line.text)) {
        asked = line.number;
        return true;
      }
      if (!L1TF.test(line.text)) return false;
      sink.system("module kvm_intel", "loaded", placeOf(line));
      return true;
    },
    busy: () => asked >= 0,
  };
}
