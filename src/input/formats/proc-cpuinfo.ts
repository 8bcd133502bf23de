import { FEAT_CTL_VENDORS, isSvmVendor } from "../../host/host.js";
import { CPU_FLAGS, VMX_FLAGS_LINE } from "../../linux/vmx-features.js";
import { isVmxFlag, vmxFlagOrder } from "../../linux/vmx-flag-bits.js";
import { formatHeld } from "../../rules/held.js";
import { CPUINFO_FEATURES, type CpuinfoBlock, factsFromCpuinfo, signatureFromCpuinfo } from "../hosts/cpuinfo.js";
import type { FactSink, FlagList } from "../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import type { Place } from "../text/diagnostic.js";

/** /proc/cpuinfo, or any of its lines. */
export const procCpuinfo: FactReader = {
  kind: "facts",
  name: "cpuinfo",
  knows:
    `/proc/cpuinfo of Linux: by the vmx flags line (${formatHeld(VMX_FLAGS_LINE.held)}) which of the features with a name the CPU allows, ` +
    "never what must be 1; a name that is missing counts only where every release in question prints it; CPUID bits that " +
    "the flags line proves, signature, microcode.",
  mark: /^\s{0,8}(?:processor|vendor_id|cpu family|model name|model|stepping|microcode|cpuid level|address sizes|flags|vmx flags)[\t ]{1,24}:|^\s{0,8}(?:[*-] )?flags ?: {0,4}fpu\b|\bclearcpuid=/,
  words: ["clearcpuid="],
  open: openCpuinfo,
};

/** The list in a list of a person's own. */
const ITEM = /^\s{0,8}(?:[*-] )?flags ?:(?= {0,4}fpu\b)/;
const FIELD = /^\s{0,8}([A-Za-z][\w ()/-]{0,24}?)[\t ]{1,24}:(?:\s(.*))?$/;
/** A further line of a wrapped list of flags. */
const FLAGS_ONLY = /^\s*[a-z0-9_]{1,24}(?:\s+[a-z0-9_]{1,24})*\s*$/;
/**
 * Flags that Linux prints after word 4, which has smx and hypervisor: with one of them the list was not cut off
 * before that.
 */
const BEHIND_WORD_4 = [
  "lahf_lm",
  "fsgsbase",
  "tpr_shadow",
  "xsaveopt",
  "dtherm",
  "arat",
  "smep",
  "erms",
  "cpuid_fault",
  "epb",
  "pti",
  "ssbd",
];

/** Names that facts are made of, and longer ones that begin like them: what a line broken inside a word is judged by. */
const NAMES_THAT_MATTER: ReadonlySet<string> = new Set([
  ...CPUINFO_FEATURES,
  ...CPU_FLAGS.map(({ flag }) => flag),
  ...BEHIND_WORD_4,
  ...["sse", "sse2", "ssse3", "ssbd", "xsaveopt", "xsavec"],
]);

/**
 * The words of a further line. A terminal breaks it in the middle of a word, lscpu as well and then indents it, a mailer
 * between words: two parts that make a known name together are one word.
 */
function appendWords(list: string[], words: readonly string[], isName: (word: string) => boolean): void {
  const [first, ...others] = words;
  const last = list.at(-1);
  if (first === undefined || last === undefined) {
    list.push(...words);
    return;
  }
  if (isName(last + first) && !isName(first)) list.splice(-1, 1, last + first, ...others);
  else list.push(...words);
}

/** The CPU flags of a further line. */
export function appendCpuFlags(list: string[], words: readonly string[]): void {
  appendWords(list, words, (word) => NAMES_THAT_MATTER.has(word));
}

/** What is known of one logical CPU, by the names of /proc/cpuinfo. */
export interface Block {
  readonly at: Place;
  readonly fields: Map<string, { readonly value: string; readonly at: Place }>;
  flags: string[] | undefined;
  vmxFlags: string[] | undefined;
  /** The lists whose last line may be a part of one. */
  cut: boolean;
  /** A line that may have been more of the flags was not taken. */
  doubtful: boolean;
  /** A line that looked like a continuation and was none. */
  damaged: boolean;
}

/** A block before its first field is read. */
export function openBlock(line: TextLine): Block {
  return {
    at: placeOf(line),
    fields: new Map(),
    flags: undefined,
    vmxFlags: undefined,
    cut: false,
    doubtful: false,
    damaged: false,
  };
}

function openCpuinfo(sink: FactSink): FactRun {
  let block: Block | undefined;
  /** The list that the line before belongs to. */
  let growing: "flags" | "vmxFlags" | undefined;
  let before = 0;
  let clearsCpuid = false;
  /** The line before was blank. */
  let spaced = false;

  const close = (): void => {
    if (block !== undefined) emit(sink, block, clearsCpuid);
    block = undefined;
    growing = undefined;
  };

  const continues = (line: TextLine): boolean => {
    if (block === undefined || growing === undefined || !FLAGS_ONLY.test(line.text)) return false;
    const words = line.text.trim().split(/\s+/);
    if (growing === "vmxFlags") {
      const list = [...(block.vmxFlags ?? [])];
      appendWords(list, words, isVmxFlag);
      if (!list.slice(block.vmxFlags?.length ?? 0).every(isVmxFlag)) {
        block.damaged ||= words.some(isVmxFlag);
        return false;
      }
      block.vmxFlags = list;
    } else {
      if (before < 50) return false;
      // Prose has no digits and underscores in a third of its words, and not several names of flags.
      const typical = words.filter((word) => /[\d_]/.test(word)).length * 3 >= words.length;
      if (!typical && words.filter((word) => NAMES_THAT_MATTER.has(word)).length < 2) {
        block.doubtful = true;
        return false;
      }
      appendCpuFlags(block.flags ?? [], words);
    }
    if (line.cut) block.cut = true;
    before = line.text.length;
    return true;
  };

  return {
    line(line) {
      if (line.text.includes("clearcpuid=")) clearsCpuid = true;
      const ofOne = !(/\bvmx\b/.test(line.text) && /\bsvm\b/.test(line.text));
      const field = FIELD.exec(ofOne ? line.text.replace(ITEM, "flags :") : line.text);
      if (field === null) {
        // One blank line may come from a text in double space; the next CPU begins with its number anyway.
        if (block !== undefined && line.text.trim() === "" && !spaced) {
          spaced = true;
          return false;
        }
        spaced = false;
        if (continues(line)) return true;
        close();
        return false;
      }
      spaced = false;
      const key = field[1] as string;
      const whole = field[2] ?? "";
      // Those who explain the file write comments behind the values.
      const value = whole.split(" # ", 1)[0] as string;
      if (key === "processor" || block?.fields.has(key) === true) close();
      block ??= openBlock(line);
      const at = placeOf(line, line.text.length - whole.length + 1);
      block.fields.set(key, { value, at });
      growing = undefined;
      if (key === "flags" || key === "vmx flags") {
        growing = key === "flags" ? "flags" : "vmxFlags";
        block[growing] = value.split(/\s+/).filter((word) => word !== "");
        before = line.text.length;
      }
      if (line.cut) block.cut = true;
      return true;
    },
    busy: () => block !== undefined,
    end: close,
  };
}

/** Hands in what a block says. `clearsCpuid`: the command line has `clearcpuid=`. */
export function emit(sink: FactSink, block: Block, clearsCpuid: boolean): void {
  const lastKey = [...block.fields.keys()].at(-1);
  const text = (key: string): string | undefined => {
    const field = block.fields.get(key);
    // The last field of a cut text may be a part of one.
    return field === undefined || (block.cut && lastKey === key) ? undefined : field.value;
  };
  const number = (key: string): number | undefined => {
    const found = /^\s*(0x[0-9a-f]{1,8}|\d{1,9})\s*$/i.exec(text(key) ?? "");
    return found === null ? undefined : Number(found[1]);
  };
  const cpu = number("processor");
  const scope = cpu === undefined || cpu > MAX_CPU ? "unnamed" : cpu;
  const cutIn = (key: string): boolean => block.cut && lastKey === key;
  // The last word of a list that is cut off may be a part of another flag.
  const flags = new Set(cutIn("flags") ? block.flags?.slice(0, -1) : block.flags);
  const { vendor, vendorId } = vendorOf(text("vendor_id") ?? (OF_AMD.some((one) => flags.has(one)) ? AMD : undefined));
  const sizes = /^(\d{1,3}) bits physical, (\d{1,3}) bits virtual/.exec(text("address sizes") ?? "");
  const info: CpuinfoBlock = {
    cpu: cpu ?? 0,
    ...given("vendor", vendorId),
    ...given("family", number("cpu family")),
    ...given("model", number("model")),
    ...given("stepping", number("stepping")),
    ...given("microcode", number("microcode")),
    ...given("cpuidLevel", number("cpuid level")),
    ...(sizes === null ? {} : { addressBits: { physical: Number(sizes[1]), linear: Number(sizes[2]) } }),
    flags,
  };
  const passedWord4 = BEHIND_WORD_4.some((flag) => flags.has(flag));
  const name = text("model name")?.replace(/ +/g, " ").trim();
  const signature = signatureFromCpuinfo(info);
  sink.machine(
    {
      ...given("signature", signature),
      ...given("name", name === "" ? undefined : name),
      ...given("vendor", vendor),
      ...(passedWord4 && !clearsCpuid ? { hypervisor: flags.has("hypervisor") } : {}),
    },
    block.at,
  );
  const facts = factsFromCpuinfo(info, clearsCpuid || !passedWord4);
  sink.cpu(scope, { ...facts, ...given("signature", signature), ...given("microcode", info.microcode) }, block.at);
  if (block.flags === undefined && OF_QEMU.test(name ?? ""))
    sink.cpu(scope, { features: { hypervisor: true } }, block.at);
  if (block.flags !== undefined) {
    const at = block.fields.get("flags")?.at ?? block.at;
    const names = [...flags].filter((flag) => CPU_FLAGS.some((row) => row.flag === flag));
    const whole = !cutIn("flags") && !block.doubtful && passedWord4;
    if (flags.has("svm")) sink.system("flag svm", "yes", at);
    else if (whole && isSvmVendor(vendor) && !isAbridged(block.flags)) sink.system("flag svm", "no", at);
    sink.cpuFlags(scope, { names, whole, ...(clearsCpuid || isAbridged(block.flags) ? { picked: true } : {}) }, at);
  }
  if (block.vmxFlags !== undefined) vmxFlags(sink, scope, block, cutIn("vmx flags"));
}

/** What QEMU calls CPUs of its models, target/i386/cpu.c; no CPU is called so. */
const OF_QEMU =
  /^(?:QEMU (?:Virtual|TCG) CPU version |Common (?:32-bit )?KVM processor$|Intel (?:Xeon|Core|Atom) Processor \([A-Z]|Intel Xeon E3-?12xx\w? |Intel Celeron_4x0 |Intel Core (?:2 Duo P9xxx|i7 9xx) \(|Westmere E56xx|AMD EPYC(?:-\w{3,8})? Processor(?: \(with IBPB\))?$|AMD Opteron \S{3,8} \(Gen)/;

/** A list by hand: with dots for what was left out, or of a few names. */
function isAbridged(flags: readonly string[]): boolean {
  return flags.length < 20 || !flags.every((flag) => /^[a-z0-9_]+$/.test(flag));
}

function vmxFlags(sink: FactSink, scope: number | "unnamed", block: Block, isCut: boolean): void {
  const at = block.fields.get("vmx flags")?.at ?? block.at;
  const names = block.vmxFlags ?? [];
  const complete = isCut ? names.slice(0, -1) : names;
  const strange = complete.filter((name) => !isVmxFlag(name));
  const ascending = complete.every(
    (name, i) => i === 0 || vmxFlagOrder(name) > vmxFlagOrder(complete[i - 1] as string),
  );
  const whole = !isCut && !block.damaged && strange.length === 0 && ascending && complete.length > 0;
  if (strange.length > 0) {
    sink.log.warning(
      at,
      `no release known here prints ${strange.slice(0, 5).join(", ").slice(0, 100)} on the vmx flags line; ` +
        "names that are missing from it prove nothing then",
      "the line as /proc/cpuinfo shows it",
    );
  } else if (!whole) {
    sink.log.warning(at, "the vmx flags line is not whole: names that are missing from it prove nothing");
  }
  const list: FlagList = { names: complete.filter(isVmxFlag), whole };
  sink.vmxFlags(scope, list, at);
  // The line is printed only where X86_FEATURE_VMX is set.
  if (complete.some(isVmxFlag)) sink.cpu(scope, { features: { vmx: true } }, at);
}

/** Flags that Linux shows of AMD's CPUs alone (and Hygon's): asm/cpufeatures.h, words 1 and 6. */
const OF_AMD = ["mmxext", "fxsr_opt", "3dnowext", "extapic", "cr8_legacy"];
const AMD = "AuthenticAMD";

/** The vendor of Zhaoxin's CPUs begins and ends with blanks. */
function vendorOf(text: string | undefined): { vendor?: string; vendorId?: string } {
  if (text === undefined || text.trim() === "") return {};
  const vendor = FEAT_CTL_VENDORS.find((known) => known.trim() === text.trim()) ?? text.trim();
  return { vendor, vendorId: vendor };
}

function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: T });
}
