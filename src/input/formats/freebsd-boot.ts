import { word } from "../../bits/word.js";
import type { Msr } from "../../host/msr.js";
import { orAbsent, partialMsr } from "../../host/partial-msr.js";
import { featuresOfRegister } from "../hosts/cpuid-facts.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";

/** The CPU lines of FreeBSD's and DragonFly's boot messages, with the VT-x groups of `boot -v` or the short VT-x line. */
export const freebsdBoot: FactReader = {
  kind: "facts",
  name: "freebsd",
  knows:
    "FreeBSD and DragonFly boot messages: the upper half of IA32_VMX_BASIC, what each control may be set to, EPT and VPID " +
    "capabilities, CPUID bits. Not what must be 1; and of exit and entry controls nothing, for the kernel prints the " +
    "Basic word there again. The numbers are used, the names beside them are not: two are at the wrong bit.",
  mark: /VT-x: |\b(?:Pin-Based|Primary Processor|Secondary Processor|Exit|Entry) Controls=0x|Features[23]?=0x|^\s*Origin ?= ?"|^\s{0,16}CPU: \S|^\s+(?:Pin-Based|(?:Primary|Secondary) Processor|Exit|Entry|EPT|VPID)\s*$/,
  words: [
    "VT-x: ",
    "Controls=0x",
    "Features",
    "Origin",
    "CPU: ",
    "Pin-Based",
    " Processor",
    " Exit",
    " Entry",
    " EPT",
    " VPID",
  ],
  unwraps: true,
  open: openBoot,
};

const GROUP =
  /\b(Basic Features|Pin-Based Controls|Primary Processor Controls|Secondary Processor Controls|Exit Controls|Entry Controls|EPT Features|VPID Features)=0x([0-9a-fA-F]{1,8})(?![0-9a-fA-F])/;
const VTX = /VT-x: (\(disabled in BIOS\) )?(?:(Basic Features=)|([A-Z]\w{1,10}(?:,[A-Z]\w{1,10}){0,12})\s*$)/;
const CPU_LINE = /^\s{0,16}CPU: (\S.{4,80}?) +\(\d{1,5}\.\d{1,3}-MHz/;
/** Without the frequency, which a script or a person left out, only an Origin line near by makes it one. */
const CPU_NAME = /^\s{0,16}CPU: (\S.{4,80}?)\s*$/;
const ORIGIN = /^\s*Origin ?= ?"(\w{12})" {1,4}Id ?= ?0x([0-9a-f]{1,8})(?![0-9a-f])/;
/** Lines that may come between those about the CPU: wrapped parts of them, or remarks. */
const NEAR = 6;
const CPUID_WORD = /^\s*((?:AMD |Structured Extended |XSAVE )?Features[23]?)=0x([0-9a-f]{1,8})(?=<|\s*$)/;

/** Which CPUID register a line prints. */
const CPUID_LINES: { readonly [label: string]: readonly [number, number, "eax" | "ebx" | "ecx" | "edx"] } = {
  Features: [1, 0, "edx"],
  Features2: [1, 0, "ecx"],
  "AMD Features": [0x8000_0001, 0, "edx"],
  "Structured Extended Features": [7, 0, "ebx"],
  "Structured Extended Features2": [7, 0, "ecx"],
  "Structured Extended Features3": [7, 0, "edx"],
  "XSAVE Features": [0xd, 1, "eax"],
};

/** Plain and TRUE register of a group. FreeBSD reads the TRUE one where there is one; what may be 1 is the same. */
const CONTROLS: { readonly [group: string]: readonly number[] } = {
  "Pin-Based Controls": [0x481, 0x48d],
  "Primary Processor Controls": [0x482, 0x48e],
  "Secondary Processor Controls": [0x48b],
  "Exit Controls": [0x483, 0x48f],
  "Entry Controls": [0x484, 0x490],
};

/** What each name of the short line means: bits that all may be 1. In the order of printing. */
const SHORT_NAMES: readonly { readonly name: string; readonly bits: readonly (readonly [number, number])[] }[] = [
  {
    name: "PAT",
    bits: [
      [0x483, 18],
      [0x483, 19],
      [0x484, 14],
    ],
  },
  { name: "HLT", bits: [[0x482, 7]] },
  { name: "MTF", bits: [[0x482, 27]] },
  { name: "PAUSE", bits: [[0x482, 30]] },
  { name: "EPT", bits: [[0x48b, 1]] },
  { name: "UG", bits: [[0x48b, 7]] },
  { name: "VPID", bits: [[0x48b, 5]] },
  {
    name: "VID",
    bits: [
      [0x482, 21],
      [0x48b, 0],
      [0x48b, 4],
      [0x48b, 8],
      [0x48b, 9],
    ],
  },
  // Looked at only where VID is printed.
  { name: "PostIntr", bits: [[0x481, 7]] },
];

function openBoot(sink: FactSink): FactRun {
  let basic: number | undefined;
  let name: string | undefined;
  /** The last of the CPU lines; they are consecutive, so that "Features=" elsewhere is not read. */
  let cpuLines = -NEAR;
  let inList = false;

  const group = (line: TextLine, title: string, value: number, column: number): void => {
    const at = placeOf(line, column);
    if (title === "Basic Features") {
      basic = value;
      sink.msr("unnamed", 0x480, highHalf(value), at);
      return;
    }
    if (title === "EPT Features" || title === "VPID Features") {
      sink.msr("unnamed", 0x48c, title === "EPT Features" ? lowHalf(value) : highHalf(value), at);
      return;
    }
    if ((title === "Exit Controls" || title === "Entry Controls") && (basic === undefined || value === basic)) {
      const why = basic === undefined ? "may be the Basic word" : "is the Basic word";
      sink.log.note(at, `what is printed as ${title} ${why} again, which this kernel prints there; it is not used`);
      return;
    }
    const hasTrue = basic !== undefined && ((basic >>> 23) & 1) === 1;
    const [plain, trueIndex] = CONTROLS[title] as readonly [number, number?];
    sink.msr("unnamed", plain, highHalf(value), at);
    if (hasTrue && trueIndex !== undefined) sink.msr("unnamed", trueIndex, highHalf(value), at);
  };

  const cpuid = (line: TextLine): boolean => {
    const { text, number } = line;
    const brand = CPU_LINE.exec(text);
    if (brand !== null) {
      name = brand[1] as string;
      cpuLines = number;
      inList = true;
      return true;
    }
    const bare = CPU_NAME.exec(text);
    if (bare !== null) {
      name = bare[1] as string;
      cpuLines = number;
      return false;
    }
    const origin = ORIGIN.exec(text);
    if (origin !== null) {
      if (line.cut) return false;
      const vendor = origin[1] as string;
      sink.machine({ vendor, ...(name === undefined || number > cpuLines + NEAR ? {} : { name }) }, placeOf(line));
      sink.cpu("unnamed", { signature: Number.parseInt(origin[2] as string, 16) }, placeOf(line));
      cpuLines = number;
      inList = true;
      return true;
    }
    const found = CPUID_WORD.exec(text);
    const where = found === null ? undefined : CPUID_LINES[found[1] as string];
    if (found === null || where === undefined || number > cpuLines + NEAR || line.cut) {
      inList = inList && number <= cpuLines + NEAR;
      // Lines of the same list that hold no CPUID register that matters.
      if (inList && /^\s*[A-Z][\w ]{0,60}=0x/.test(text)) cpuLines = number;
      return false;
    }
    cpuLines = number;
    const features = featuresOfRegister(...where, Number.parseInt(found[2] as string, 16));
    sink.cpu("unnamed", { features }, placeOf(line));
    return true;
  };

  return {
    line(line) {
      const vtx = vtxLine(line.text);
      if (vtx !== undefined) {
        // Its groups have lines that, wrapped, look like those of CPUID.
        cpuLines = -NEAR;
        inList = false;
        // IA32_FEATURE_CONTROL bit 2 is what decides about the remark.
        const enabled = vtx[1] === undefined;
        sink.msr("unnamed", 0x3a, partialMsr(enabled ? [2] : [], enabled ? [] : [2]), placeOf(line, vtx.index + 1));
        if (vtx[3] !== undefined) shortLine(sink, line, vtx[3], vtx.index + 1);
      }
      const found = GROUP.exec(line.text);
      if (found === null) return vtx !== undefined || cpuid(line);
      if (line.cut && found.index + found[0].length >= line.text.trimEnd().length) return vtx !== undefined;
      if (found[1] === "Basic Features") basic = undefined;
      group(line, found[1] as string, Number.parseInt(found[2] as string, 16), found.index + 1);
      return true;
    },
    // The lines between CPU: and VT-x: have no common mark.
    busy: () => inList,
  };
}

/** The first VT-x line, unless it is one of some other program. */
function vtxLine(text: string): RegExpExecArray | undefined {
  const found = VTX.exec(text);
  if (found === null) return undefined;
  const names = found[3]?.split(",") ?? [];
  return names.every((name) => SHORT_NAMES.some((row) => row.name === name)) ? found : undefined;
}

/** A missing name is a 0 if the name means one bit and the list is complete. */
function shortLine(sink: FactSink, line: TextLine, list: string, column: number): void {
  const names = list.split(",");
  const order = names.map((name) => SHORT_NAMES.findIndex((row) => row.name === name));
  const whole = !line.cut && order.every((at, i) => at > (order[i - 1] ?? -1));
  const at = placeOf(line, column);
  for (const { name, bits } of SHORT_NAMES) {
    if (names.includes(name)) {
      if (line.cut && name === names.at(-1)) continue;
      for (const [index, bit] of bits) sink.msr("unnamed", index, partialMsr([bit + 32]), at);
    } else if (whole && bits.length === 1 && (name !== "PostIntr" || names.includes("VID"))) {
      const [[index, bit]] = bits as readonly [readonly [number, number]];
      const msr = partialMsr([], [bit + 32]);
      sink.msr("unnamed", index, index === 0x48b ? orAbsent(msr) : msr, at);
    }
  }
}

function highHalf(value: number): Msr {
  return { state: "value", hi: word(value), lo: word(0, -1) };
}

function lowHalf(value: number): Msr {
  return { state: "value", hi: word(0, -1), lo: word(value) };
}
