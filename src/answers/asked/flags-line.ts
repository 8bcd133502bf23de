import { PARAMS, type ParamRow } from "../../kvm/load/params.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { VMX_FLAGS, VMX_FLAGS_LINE } from "../../linux/vmx-features.js";
import { formatHeld, holdsIn, releaseOf } from "../../rules/held.js";
import { surelyNotIn } from "../../rules/held-in-named.js";
import { kernelName, type Release, resolveRelease } from "../../rules/release.js";
import { definitionOf } from "../../why/definition.js";
import type { TextVerdict } from "../answer.js";

/*
 * What a kernel prints or takes and an older one does not: the line `vmx flags`, and parameters.
 */

const LONGEST = 4_000;

/** The two lines of /proc/cpuinfo are asked about. */
const TWO_LINES =
  /\bdifference\b[^\n]{0,80}\bvmx flags\b|\bvmx flags\b[^\n]{0,60}\b(?:vs\.?|versus|and|or|instead of)\W{1,3}(?:the )?["'`]?flags\b[^\n]{0,80}\?/i;
const FLAGS_AND_VMX_FLAGS: Omit<TextVerdict, "covers"> = {
  says: `\`flags\` lists what CPUID says (vmx: the CPU has VT-x and, from Linux ${releaseOf(FEAT_CTL_AT_BOOT)} on, the firmware has it on) and of VMX's own only tpr_shadow, vnmi, flexpriority, ept, vpid and ept_ad. \`vmx flags\`, of Linux ${releaseOf(FEAT_CTL_AT_BOOT)} and later, lists what the capability registers 0x480 to 0x491 let a hypervisor use, as shadow_vmcs. Neither says what KVM uses: its parameters do.`,
  steps: [
    {
      text: "See what KVM made of it.",
      commands: ["grep . /sys/module/kvm_intel/parameters/*", "vmxlens layers HOST"],
    },
  ],
  evidence: [],
};

/** The second of them is missed. */
const NO_LINE =
  /\b(?:no|not|without|missing|absent|n['’]t (?:have|see|show|find|print|list))\b[^\n.?]{0,60}["'`*]?\bvmx flags\b|\bvmx flags\b[^\n.]{0,40}\b(?:missing|not|absent|n['’]t|gone|(?:prints?|gives?|shows?|returns?|outputs?) (?:nothing|no\b|empty))\b/i;

function withoutLine(text: string): Omit<TextVerdict, "covers"> {
  const named = kernelNamed(text);
  const release = kernelInWords(text);
  const isOlder =
    release === undefined ? named !== undefined && printsNone(named) : holdsIn(release, VMX_FLAGS_LINE.held) === false;
  return {
    says: `Linux prints the line \`vmx flags\` from ${releaseOf(FEAT_CTL_AT_BOOT)} on${
      isOlder
        ? `, and ${release === undefined ? `Linux ${named}` : kernelName(release)} is older: nothing is missing, and it says nothing about the CPU. What the line would show is in the capability registers, 0x480 to 0x491.`
        : ", where CPUID shows VMX, the firmware has it on, and the kernel was built with CONFIG_X86_VMX_FEATURE_NAMES; an older kernel has no such line, whatever the CPU has."
    }`,
    steps: [
      isOlder
        ? { text: "Read the registers instead.", commands: ["sudo modprobe msr; sudo rdmsr -a 0x48b", "sudo vmxlens"] }
        : { text: "See which it is.", commands: ["uname -r; grep -m1 -ow vmx /proc/cpuinfo; sudo rdmsr -a 0x3a"] },
    ],
    evidence: [],
  };
}

/** What the line `vmx flags` is beside the line `flags`, or why it is not there, where a text asks for that. */
export function flagsLineAsked(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (TWO_LINES.test(text)) return FLAGS_AND_VMX_FLAGS;
  return text.length <= LONGEST && NO_LINE.test(text) ? withoutLine(text) : undefined;
}

const ASKS_ALL =
  /\b(?:what (?:do|are|is|does)|meaning of|(?:can|could|please) [\w ]{0,16}explain|explanation of)\b[^\n]{0,120}\b(?:mean|these|those|names?|flags?|features?|all)\b|\bwhat [\w ]{0,24}\b(?:flags?|names?|features?)\b[^\n]{0,60}\bmean|什么意思|含义|是什么/i;
const LEAST = 3;
/** What each name on a `vmx flags` line is, where all are asked about. */
export function allFlagsAsked(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !ASKS_ALL.test(text.replace(LISTING, ""))) return undefined;
  const listed = [...text.matchAll(LISTING)].flatMap(([line]) => line.split(/[\s:]+/));
  const names = VMX_FLAGS.filter(({ flag }) => listed.includes(flag));
  if (names.length < LEAST) return undefined;
  const said = names.map(({ flag }) => {
    const title = /^\S+ is (?<title>.*?)\.(?: |$)/.exec(definitionOf(flag)?.short ?? "")?.groups?.title;
    return title === undefined ? flag : `${flag}: ${title.replaceAll('"', "")}`;
  });
  return {
    says: `Each name is something that the capability registers of VMX (0x480 to 0x492) let a hypervisor do on this CPU. ${said.join("; ")}. What KVM makes of it, its parameters show.`,
    steps: [
      {
        text: "What one of them is for, and what KVM uses.",
        commands: [`vmxlens explain 'what is ${names[0]?.flag}?'`, "grep . /sys/module/kvm_intel/parameters/*"],
      },
    ],
    evidence: [],
  };
}

const LISTING = /\bvmx flags\b\s{0,12}:[^\n"]{1,600}/gi;

/** The text without the names on a `vmx flags` line, which are not what it is about. */
export function withoutFlagNames(whole: string): string {
  const text = withoutCpuFlags(whole.replace(LISTING, ""));
  if (text.length > LONGEST) return text;
  let count = 0;
  const rest = text.replace(/\b[a-z]\w{1,24}\b/g, (word) => {
    if (!FLAG_NAMES.has(word)) return word;
    count += 1;
    return "";
  });
  return count < FEWEST_OF_A_LINE ? text : rest;
}
const FLAG_NAMES: ReadonlySet<string> = new Set(VMX_FLAGS.map(({ flag }) => flag));
const FEWEST_OF_A_LINE = 4;
/** The flags of a CPU, wherever they are listed: `apic` or `vmx` among them asks nothing. */
export const withoutCpuFlags = (text: string): string => text.replace(CPU_FLAGS, " ");
const CPU_FLAGS = /\bfpu (?:(?:vme|de|pse|tsc) ){2,4}(?:[a-z0-9_]{1,24}[ \n]{1,4}){8,400}/g;

/** A parameter that the kernel which the text names does not have. */
export function parameterLacked(name: string, text: string): string | undefined {
  const rows: readonly ParamRow[] = PARAMS.filter((row) => row.name === name);
  const [row] = rows;
  const release = row === undefined ? undefined : kernelInWords(text);
  return row !== undefined && release !== undefined && rows.every(({ held }) => holdsIn(release, held) === false)
    ? `${kernelName(release)} has no parameter ${name}: ${row.module} has it in Linux ${formatHeld(row.held)}. Given all the same, it is ignored, and the log says so (unknown parameter).`
    : undefined;
}

const KERNEL =
  /\b(?:kernels?|linux)(?: (?:version|release|is|was|v))?[\s:=(v"'`]{1,4}(\d{1,2}\.\d{1,3}(?:\.\d{1,3}[\w.+~-]{0,40})?)\b|\b(\d{1,2}\.\d{1,3}\.\d{1,3}-[\w.+~-]{1,40})\b/i;

/** Kernels older than the tables as well. */
function printsNone(kernel: string): boolean {
  const [, major, minor] = /^(\d{1,2})\.(\d{1,3})/.exec(kernel) ?? [];
  if (major === undefined) return false;
  return surelyNotIn({ text: kernel, major: Number(major), minor: Number(minor) }, VMX_FLAGS_LINE);
}

function kernelNamed(text: string): string | undefined {
  return KERNEL.exec(text)?.slice(1).find(Boolean);
}

/** The kernel that prose names: `kernel 5.4`, `on 5.15.0-91-generic`. */
function kernelInWords(text: string): Release | undefined {
  const found = kernelNamed(text);
  return found === undefined ? undefined : resolveRelease(found).release;
}
