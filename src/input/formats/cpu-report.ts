import { partialMsr } from "../../host/partial-msr.js";
import { CPU_FLAGS } from "../../linux/vmx-features.js";
import { CPUID_FEATURES } from "../../registers/cpuid-features.js";
import type { CpuStatement, FactSink, MachineMarks } from "../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";

/*
 * What other systems than Linux, and programs that show a CPU, print of it: lists of features behind a title, rows of a name and
 * a word, and the line that says which CPU it is. Nothing here knows a program; a line is read by what it says.
 */

export const cpuReport: FactReader = {
  kind: "facts",
  name: "cpu-report",
  knows:
    "What other systems and programs print of a CPU: whether CPUID has VMX and a hypervisor is below; vendor, signature, name.",
  mark: /\bs?sse[23]\b|\bvmx\b|\bvt-?x\b|virtuali[sz]ation|virtual machine|vanderpool|hypervisor|hvp\b|hyper-v disabled|machdep\.cpu|\bkern\.hv_|\b(?:family|Family) \d|\d MHz, [0-9a-f]{2}-|\bid 0x[0-9a-f]{3,6}\b|vmm0 at |nvmm0: |node_cpu_flag|\bvendor_id|^\s+brand|= 0x[0-9a-f]{1,2} \(|^\s{0,24}[\w .()'/-]{2,40}:\s*$|hw\.vmm\.vmx|^\s*(?:Intel\(R\)|Microcode signature)/i,
  words: [
    ...[
      "sse2",
      "SSE2",
      "SSE3",
      "sse3",
      "vmx",
      "VMX",
      "VT-x",
      "irtuali",
      "Virtual Machine ",
      "secure virtual",
      "Vanderpool",
      "ypervisor",
    ],
    ...[
      "HYPERVISOR",
      "Hyper-V d",
      "nvmm0: ",
      "node_cpu_flag",
      "vendor_id",
      "brand",
      "family  ",
      "model  ",
      "stepping id",
      "extended ",
      "lags:",
      "eatures:",
      "HVP",
      "machdep.cpu",
      "kern.hv",
      "amily ",
      "MHz, ",
      " id 0x",
      "vmm0 at",
      "Intel(R) ",
      "Microcode",
    ],
  ],
  open: openReport,
};

// ---- Lists of features ----

const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");
const KNOWN: ReadonlySet<string> = new Set([
  ...CPUID_FEATURES.map(({ name }) => folded(name)),
  ...[
    "vme",
    "sse3",
    "htt",
    "tm",
    "tm2",
    "pbe",
    "est",
    "mon",
    "dscpl",
    "xtpr",
    "pdcm",
    "sse41",
    "nxe",
    "long",
    "em64t",
    "vtx",
    "hv",
  ],
]);
/** Where a list begins: a title, or the number that the names are the bits of. */
const LIST =
  /^\s{0,24}(?:(?:cpu(\d{1,4})(?: at \w+ \w+)?: )?[\w .()/-]{0,40}?(?:[:=\t]| {3}|\b0x[0-9a-f]{1,16}))\s{0,60}[<'"]?([a-z0-9].{30,4000})$/i;
/** The list alone, below its title. */
const TITLE = /^\s{0,24}[\w .()'/-]{2,40}:\s*$/;
const ALONE = /^\s{0,24}((?:[\w.-]{2,20}[ ,]{1,2}){9,400}[\w.-]{2,20})\s*$/;
/** Titles of lists of what a program knows, was asked for, or leaves out. */
const NOT_OF_CPU = /recogni[sz]ed|known|guest|missing|disabled|masked|target|compil|-cpu\b|baseline|require/i;
/** Linux takes vmx from its list where it found it switched off. */
const OF_LINUX: readonly string[] = ["pni", "constant_tsc", "rep_good", "lahf_lm"];
const LEAST = 6;

function listIn(
  text: string,
  titled: boolean,
): { readonly cpu: number | undefined; readonly names: readonly string[] } | undefined {
  const alone = titled ? ALONE.exec(text) : null;
  const found = alone ?? LIST.exec(text);
  if (found === null) return undefined;
  const list = (alone === null ? found[2] : alone[1]) as string;
  if (NOT_OF_CPU.test(text.slice(0, text.length - list.length))) return undefined;
  const names = list.split(/[\s,>|'"]+/).filter((name) => name !== "");
  const known = names.filter((name) => KNOWN.has(folded(name))).length;
  if (known < LEAST || known * 5 < names.length * 2 || names.some((name) => /^[+-]|^vmx-/.test(name))) return undefined;
  return { cpu: alone !== null || found[1] === undefined ? undefined : Number(found[1]), names };
}

// ---- Rows of a name and a word ----

const YES = /^(?:yes|true|1|\*|supported|present|available|enabled|on|[✓✔✅])$/i;
const WORD =
  "(yes|no|true|false|[01]|\\*|-|(?:not )?(?:supported|present|available)|unsupported|absent|unavailable|enabled|disabled|on|off|[✓✔✅✗✘❌])";
/** `VMX  *  Supports …`, `VMX: virtual machine extensions = true`, `| VT-x | Yes |`, `VMX - Virtual Machine eXtensions = 0 (1)`. */
const ROW = new RegExp(
  `^(?:\\d\\d:\\d\\d:\\d\\d\\.\\d{6} )?\\s{0,24}(?:[[|*•-]{1,2} ?)?([A-Za-z][\\w ():,®/-]{1,70}?)[\\])]?[ \\t]{0,60}(?:[:=|]|\\.{2,60}|\\t|  |\\] )[ \\t|]{0,60}\\[?${WORD}\\]?(?: ?\\(([01])\\)|, ?(enabled|disabled)|[ \\t|]{2,60}\\S.{0,80}| \\|)?[ \\t|.]{0,8}$`,
  "i",
);
/** Every word of a name that means VT-x itself, not a part of it or a feature beside it. */
const OF_VMX =
  /^(?:intel|r|vmx|vt|x|vtx|vanderpool|virtual|machine|e|e?xtensions?|virtuali[sz]ation|technology|supports?|supported|cpu|processor|has|is|instructions?|set|feature|operation|hardware)$/;
const OF_EPT = /^(?:with|ept|extended|page|tables?)$/;
const MEANS_VMX =
  /\bvmx\b|\bvt-?x\b|\bvanderpool\b|\bvirtual machine e?xtensions?\b|\bintel(?:\(r\)|®)? virtuali[sz]ation technology\b/i;
const OF_SVM = /^(?:amd|v|svm|secure|virtual|machine|virtuali[sz]ation|technology|supports?|supported|cpu|has|is)$/;
const MEANS_SVM = /\bsvm\b|\bamd-v\b/i;
const OF_HYPERVISOR = /^(?:hypervisor|hvp|present|is|guest|status|running|detected|in|under|a|bit)$/;
const MEANS_HYPERVISOR = /\bhypervisor ?(?:present|guest status|detected|bit|$)|\bhvp\b/i;

function wordsOf(name: string): readonly string[] {
  return name
    .replace(/([a-z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
}

interface Row {
  readonly what: "vmx" | "svm" | "hypervisor" | "ept";
  readonly has: boolean;
  /** What the firmware chose, where the row says it. */
  readonly on?: boolean;
}

function rowIn(text: string): Row | undefined {
  const found = ROW.exec(text);
  if (found === null) return undefined;
  const [, name, word, host, chosen] = found as unknown as [string, string, string, string?, string?];
  const words = wordsOf(name);
  const ept = /\bEPT\b|\bextended page tables\b/i.test(name);
  const what =
    ept && MEANS_VMX.test(name) && words.every((one) => OF_VMX.test(one) || OF_EPT.test(one))
      ? "ept"
      : MEANS_VMX.test(name) && words.every((one) => OF_VMX.test(one))
        ? "vmx"
        : MEANS_SVM.test(name) && words.every((one) => OF_SVM.test(one))
          ? "svm"
          : MEANS_HYPERVISOR.test(words.join(" ")) && words.every((one) => OF_HYPERVISOR.test(one) || one === "host")
            ? "hypervisor"
            : undefined;
  if (what === undefined) return undefined;
  // A hypervisor's log shows what the guest gets, and in brackets what the host has.
  const has = host === undefined ? YES.test(word) : host === "1";
  const state = (chosen ?? (what === "vmx" && /^(?:en|dis)abled$/i.test(word) ? word : undefined))?.toLowerCase();
  if (state === undefined) return { what, has };
  const on = state === "enabled";
  return { what, has: on || chosen !== undefined, on };
}

// ---- Which CPU it is ----

const FAMILY =
  /\bfamily (\d{1,3}) model (\d{1,3}) step(?:ping)? (\d{1,2})(?:,? (GenuineIntel|AuthenticAMD))?|\b(GenuineIntel|AuthenticAMD) (?:[0-9A-F]{3,6} )?family (\d{1,3}) model (\d{1,3}) step (\d{1,2})/i;
/** OpenBSD: `cpu0: NAME, 2200.41 MHz, 06-4f-00`, on newer ones `, patch 000000f0`. */
const OPENBSD =
  /^\s{0,8}cpu(\d{1,4}): (\S.{4,60}?), \d{1,5}\.\d{2} MHz, ([0-9a-f]{2})-([0-9a-f]{2})-([0-9a-f]{2})(?:, patch ([0-9a-f]{8}))?\s*$/;
/** NetBSD: `cpu0: NAME, id 0x506e3`. */
const NETBSD = /^\s{0,8}cpu(\d{1,4}): (\S.{4,60}?), id 0x([0-9a-f]{3,8})\s*$/;
const BRAND =
  /^\s{0,8}((?:\d\dth Gen )?Intel\(R\) (?=.{0,40}(?:Core|Xeon|Pentium|Celeron|Atom|CPU))[^:=]{4,60}|AMD [^:=]{4,50}Processor)\s*$/;
const MICROCODE = /^\s{0,8}Microcode signature: ([0-9A-F]{8})\s*$/;
const MACDEP =
  /^\s{0,8}machdep\.cpu\.(brand_string|vendor|family|model|stepping|signature|microcode_version): (\S.{0,60}?)\s*$/;

/** One a line, as cpuid prints them. */
const CPUID_PART =
  /^\s{2,16}(family|model|stepping id|extended family|extended model)\s{1,12}= 0x([0-9a-f]{1,2}) \(\d{1,3}\)\s*$/;

function signatureOf(family: number, model: number, stepping: number): number {
  const base = Math.min(family, 15);
  return (((family - base) << 20) | ((model >>> 4) << 16) | (base << 8) | ((model & 15) << 4) | stepping) >>> 0;
}

/** What sysctl of FreeBSD's vmm shows: each is 1 where the control may be set. */
const VMM_CAPS: { readonly [name: string]: readonly [index: number, bit: number] } = {
  halt_exit: [0x482, 7],
  pause_exit: [0x482, 30],
  monitor_trap: [0x482, 27],
  unrestricted_guest: [0x48b, 7],
  invpcid: [0x48b, 12],
  wbinvd_exit: [0x48b, 6],
};
const VMM_CAP = /^\s{0,8}hw\.vmm\.vmx\.cap\.(\w{4,24}): ([01])\s*$/;

function openReport(sink: FactSink): FactRun {
  /** The name of the CPU alone in a line: it counts with the line behind it. */
  let brand: { readonly name: string; readonly line: number } | undefined;
  let atMicrocode = -1;
  /** The line before was a title of a list. */
  let titleAt = -1;
  /** Parts of the signature as cpuid prints them, one a line. */
  let parts: { [name: string]: number } = {};

  /** A list of features has VMX. */
  let listed = false;
  /** A program of Windows printed which CPU it is. */
  let windows = false;

  const cpu = (line: TextLine, said: CpuStatement, marks: MachineMarks, scope?: number): true => {
    const at = placeOf(line);
    const hypervisor = said.features?.hypervisor;
    if (Object.keys(marks).length > 0)
      sink.machine({ ...marks, ...(hypervisor === undefined ? {} : { hypervisor }) }, at);
    if (Object.keys(said).length > 0) sink.cpu(scope === undefined || scope > MAX_CPU ? "unnamed" : scope, said, at);
    return true;
  };

  const identity = (line: TextLine): boolean => {
    const { text } = line;
    const open = OPENBSD.exec(text);
    if (open !== null) {
      const [, number, name, family, model, stepping, patch] = open as unknown as string[];
      const [f, m, s] = [family, model, stepping].map((part) => Number.parseInt(part as string, 16)) as [
        number,
        number,
        number,
      ];
      const microcode = patch === undefined ? {} : { microcode: Number.parseInt(patch, 16) };
      const signature = signatureOf(f, m, s);
      return cpu(line, { signature, ...microcode }, { name: name as string, signature }, Number(number));
    }
    const net = NETBSD.exec(text);
    if (net !== null) {
      const signature = Number.parseInt(net[3] as string, 16);
      return cpu(line, { signature }, { name: net[2] as string, signature }, Number(net[1]));
    }
    const family = FAMILY.exec(text);
    const vendor = family?.[4] ?? family?.[5];
    if (family !== null && vendor !== undefined) {
      const [f, m, s] = (family[1] === undefined ? family.slice(6, 9) : family.slice(1, 4)).map(Number) as [
        number,
        number,
        number,
      ];
      const signature = signatureOf(f, m, s);
      const named = brand !== undefined && brand.line === line.after ? { name: brand.name } : {};
      atMicrocode = line.number;
      windows ||= family[1] !== undefined;
      return cpu(line, { signature }, { ...named, vendor, signature });
    }
    const microcode = MICROCODE.exec(text);
    if (microcode !== null && atMicrocode === line.after) {
      return cpu(line, { microcode: Number.parseInt(microcode[1] as string, 16) }, {});
    }
    const decoded = CPUID_PART.exec(text);
    if (decoded !== null && !line.cut) {
      parts[decoded[1] as string] = Number.parseInt(decoded[2] as string, 16);
      const { family: f, model: m, "stepping id": s, "extended family": xf, "extended model": xm } = parts;
      if (f === undefined || m === undefined || s === undefined || xf === undefined || xm === undefined) return true;
      parts = {};
      return cpu(line, { signature: signatureOf(f === 15 ? f + xf : f, m + (xm << 4), s) }, {});
    }
    const quoted = /^\s{0,16}(vendor_id|brand)\s{0,8}= "([^"]{4,60})"\s*$/.exec(text);
    if (quoted !== null)
      return cpu(
        line,
        {},
        quoted[1] === "brand" ? { name: (quoted[2] as string).trim() } : { vendor: quoted[2] as string },
      );
    const mac = MACDEP.exec(text);
    if (mac === null) return false;
    const [, key, value] = mac as unknown as [string, string, string];
    if (key === "brand_string") return cpu(line, {}, { name: value });
    if (key === "vendor" && /^\w{12}$/.test(value)) return cpu(line, {}, { vendor: value });
    if (key === "signature" && /^\d{3,8}$/.test(value)) return cpu(line, { signature: Number(value) }, {});
    return true;
  };

  const list = (line: TextLine): boolean => {
    const found = listIn(line.text, titleAt === line.after);
    if (found === undefined) return false;
    const names = (line.cut ? found.names.slice(0, -1) : found.names).map((name) => name.toLowerCase());
    const has = (...wanted: readonly string[]): boolean => wanted.some((name) => names.includes(name));
    const vmx = has("vmx", "vt-x", "vtx");
    // A list of all that there is to know is about no CPU.
    if (vmx && has("svm")) return false;
    listed ||= vmx;
    const linux = has(...OF_LINUX);
    // What is around it in CPUID is printed, so it would be.
    const whole =
      !line.cut && names.length > 20 && has("ssse3") && has("cx16") && has("sse4.1", "sse4_1", "sse41", "tm2", "est");
    if (has("svm")) sink.system("flag svm", "yes", placeOf(line));
    const none = !vmx && whole && linux;
    if (none) sink.system("flag vmx", "no", placeOf(line));
    if (linux && vmx) {
      const flags = names.filter((name) => CPU_FLAGS.some((row) => row.flag === name));
      sink.cpuFlags("unnamed", { names: flags, whole: false }, placeOf(line));
    }
    const said = {
      ...(vmx ? { vmx } : whole && !linux && !has("svm") ? { vmx: false } : {}),
      ...(has("hypervisor", "hv", "vmm") ? { hypervisor: true } : {}),
    };
    if (Object.keys(said).length === 0) return none || has("svm");
    return cpu(line, { features: said }, {}, found.cpu);
  };

  const row = (line: TextLine): boolean => {
    const { text } = line;
    const cap = VMM_CAP.exec(text);
    if (cap !== null && !line.cut) {
      const place = VMM_CAPS[cap[1] as string];
      if (place !== undefined) {
        const [index, bit] = place;
        const bits = [bit + 32];
        // The module fills them in when it has found VT-x on.
        if (cap[2] === "1") sink.msr("unnamed", 0x3a, partialMsr([2]), placeOf(line));
        sink.msr("unnamed", index, cap[2] === "1" ? partialMsr(bits) : partialMsr([], bits), placeOf(line));
      }
      return true;
    }
    const hv = /^\s{0,8}kern\.hv_(support|vmm_present): ([01])\s*$/.exec(text);
    if (hv !== null && !line.cut) {
      const yes = hv[2] === "1";
      if (hv[1] === "vmm_present") return cpu(line, { features: { hypervisor: yes } }, {});
      // An ARM machine prints the same, and has no VMX in a list.
      if (yes && listed) sink.msr("unnamed", 0x3a, partialMsr([2]), placeOf(line));
      return true;
    }
    const vmm = /^\s{0,8}vmm0 at mainbus0: (VMX|SVM)(\/EPT)?/.exec(text);
    if (vmm !== null && !line.cut) {
      if (vmm[1] === "SVM") sink.system("flag svm", "yes", placeOf(line));
      else {
        sink.msr("unnamed", 0x3a, partialMsr([2]), placeOf(line));
        sink.msr("unnamed", 0x48b, vmm[2] === undefined ? partialMsr([], [33]) : partialMsr([33]), placeOf(line));
        cpu(line, { features: { vmx: true } }, {});
      }
      return true;
    }
    if (/^\s{0,8}nvmm0: attached, using backend x86-vmx\s*$/.test(text)) {
      sink.msr("unnamed", 0x3a, partialMsr([2]), placeOf(line));
      return cpu(line, { features: { vmx: true } }, {});
    }
    const exported = /^\s{0,8}node_cpu_flag_info\{[^}]{0,80}flag="(vmx|svm)"[^}]{0,80}\} 1\s*$/.exec(text)?.[1];
    if (exported !== undefined && !line.cut) {
      sink.system(exported === "vmx" ? "flag vmx" : "flag svm", "yes", placeOf(line));
      return true;
    }
    const smart = /^\s{0,8}"?CPU Virtualization"?\s?[:=]\s{0,24}"?(vmx|svm|none)\b/.exec(text)?.[1];
    if (smart !== undefined && !line.cut) {
      if (smart !== "svm") return cpu(line, { features: { vmx: smart === "vmx" } }, {});
      sink.system("flag svm", "yes", placeOf(line));
      return true;
    }
    // HAXM's check runs on Windows.
    if (!line.cut && /^\s{0,8}Hyper-V disabled[ \t]{1,40}-[ \t]{1,8}No\s*$/.test(text)) {
      sink.system("outer", "Windows", placeOf(line));
      return true;
    }
    const found = line.cut ? undefined : rowIn(text);
    if (found === undefined) return false;
    const { what, has, on } = found;
    if (what === "svm") {
      if (has) sink.system("flag svm", "yes", placeOf(line));
      return has;
    }
    if (what === "ept") {
      sink.msr("unnamed", 0x48b, has ? partialMsr([33]) : partialMsr([], [33]), placeOf(line));
      return has ? cpu(line, { features: { vmx: true } }, {}) : true;
    }
    if (on !== undefined) {
      sink.msr("unnamed", 0x3a, on ? partialMsr([2]) : partialMsr([0], [2]), placeOf(line));
      return has ? cpu(line, { features: { vmx: true } }, {}) : true;
    }
    // Coreinfo's own words for it.
    windows ||= /\*[ \t]{1,8}Hypervisor is present\b/.test(line.text);
    if (what === "hypervisor" && has && windows) sink.system("outer", "Windows", placeOf(line));
    return cpu(line, { features: { [what]: has } }, {});
  };

  return {
    line(line) {
      const name = BRAND.exec(line.text)?.[1];
      if (name !== undefined && !line.cut) {
        brand = { name: name.trim(), line: line.number };
        return false;
      }
      if (TITLE.test(line.text)) titleAt = NOT_OF_CPU.test(line.text) ? -1 : line.number;
      return identity(line) || list(line) || row(line);
    },
  };
}
