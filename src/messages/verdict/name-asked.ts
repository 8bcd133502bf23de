import { PARAMS, type ParamRow } from "../../kvm/load/params.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { VMX_FLAGS } from "../../linux/vmx-features.js";
import { formatHeld, holdsIn, releaseOf } from "../../rules/held.js";
import { kernelName } from "../../rules/release.js";
import { type Definition, definitionOf } from "../../why/definition.js";
import type { TextVerdict } from "../answer.js";
import { kernelInWords } from "./kernel-in-words.js";
import { expressionsAsked } from "./source-expressions.js";

/*
 * Questions about a name: "what does ept_ad in vmx flags mean?"
 */

const LONGEST_LINE = 400;
const MOST_LINES = 60;
const ASKS =
  /\bwhat(?:'s| is| are| does| do| exactly)\b|\bmean(?:s|ing)?\b(?=[^.]{0,80}\?)|\bmeaning of\b|\bstands? for\b(?=[^.]{0,80}\?)|\bdifference between\b|\b(?:purpose|definition) of\b|(?:please|you|one|body) explain\b|^explain\b|\bwhich (?:bit|MSR|register|control)\b|是什么|什么意思|含义|是做什么|区别/i;
/** A name of the source or of a manual; a plain word is one only in quotes. */
const NAME = /[`"'“‘](\w[\w.-]{1,40})(?:\(\))?[`"'”’]|\b([A-Za-z]\w{0,30}_\w{1,30}|0x4[89][0-9a-f]|[A-Z]{3,12})\b/g;
/** Where a plain word is one of those that /proc/cpuinfo prints, or a parameter. */
const OF_FLAGS = /\bflags?\b|\bcpuinfo\b|\blscpu\b|\bparameters?\b|\bkvm_intel\b|\bVMX\b|\bVT-?x\b/i;
const PLAIN = /\b[a-z][a-z0-9]{2,20}\b/g;
const MOST_NAMES = 8;
/** Of more names than this each has a short answer. */
const FEW = 2;
const MOST_COMMANDS = 3;
/** A text that is one question is about the word in it. */
const SHORT = 160;

/** Words of other subjects as well. */
const COMMON: ReadonlySet<string> = new Set(["nested", "vid", "pat", "efer"]);
const isPlainName = (name: string): boolean =>
  !COMMON.has(name) && (VMX_FLAGS.some(({ flag }) => flag === name) || PARAMS.some((row) => row.name === name));

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
  /\b(?:no|not|without|missing|absent|n['’]t (?:have|see|show|find|print|list)|only)\b[^\n.?]{0,60}["'`*]?\bvmx flags\b|\bvmx flags\b[^\n.]{0,40}\b(?:missing|not|absent|n['’]t|gone)\b/i;

function withoutLine(text: string): Omit<TextVerdict, "covers"> {
  const release = kernelInWords(text);
  const isOlder = release !== undefined && holdsIn(release, { since: FEAT_CTL_AT_BOOT }) === false;
  return {
    says: `Linux prints the line \`vmx flags\` from ${releaseOf(FEAT_CTL_AT_BOOT)} on${
      isOlder
        ? `, and ${kernelName(release)} is older: nothing is missing, and it says nothing about the CPU. What the line would show is in the capability registers, 0x480 to 0x491.`
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

/** What the names that a text asks about mean; undefined where it asks about none, or about more than eight. */
export function askedName(text: string | undefined, hasRegisters: boolean): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined) return undefined;
  if (TWO_LINES.test(text)) return FLAGS_AND_VMX_FLAGS;
  if (text.length <= LONGEST_QUESTION && NO_LINE.test(text)) return withoutLine(text);
  const expressions = expressionsAsked(text);
  if (expressions !== undefined) return expressions;
  const found = new Map<string, Definition>();
  const isOfFlags = OF_FLAGS.test(text) || text.length <= SHORT;
  const look = (name: string | undefined) => {
    const definition = name === undefined || found.has(name) ? undefined : definitionOf(name);
    if (name !== undefined && definition !== undefined) found.set(name, definition);
  };
  for (const line of text.split("\n").slice(0, MOST_LINES)) {
    if (line.length > LONGEST_LINE) continue;
    for (const sentence of line.split(/(?<=[.?!]) /)) {
      if (!ASKS.test(sentence)) continue;
      for (const [, quoted, plain] of sentence.matchAll(NAME)) look(quoted ?? plain);
      if (isOfFlags) for (const [word] of sentence.matchAll(PLAIN)) if (isPlainName(word)) look(word);
    }
  }
  return found.size === 0 || found.size > MOST_NAMES ? undefined : defined(found, hasRegisters, text);
}

const LONGEST_QUESTION = 4_000;

const PARAMETER = /\bkvm(?:_intel)?[. ](\w{3,40})=\w{1,8}\b/g;
const FEW_LINES = 40;

/** What the parameters of KVM are that a text names, where nothing else is known of it. */
export function parametersNamed(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.split("\n", FEW_LINES + 1).length > FEW_LINES) return undefined;
  const found = new Map<string, Definition>();
  for (const [, name = ""] of text.matchAll(PARAMETER)) {
    const definition = PARAMS.some((row) => row.name === name) ? definitionOf(name) : undefined;
    if (definition !== undefined) found.set(name, definition);
  }
  return found.size === 0 || found.size > MOST_COMMANDS ? undefined : defined(found, false, text);
}

/** A parameter that the kernel which the text names does not have. */
function lacking(name: string, text: string): string | undefined {
  const rows: readonly ParamRow[] = PARAMS.filter((row) => row.name === name);
  const [row] = rows;
  const release = row === undefined ? undefined : kernelInWords(text);
  return row !== undefined && release !== undefined && rows.every(({ held }) => holdsIn(release, held) === false)
    ? `${kernelName(release)} has no parameter ${name}: ${row.module} has it in Linux ${formatHeld(row.held)}. Given all the same, it is ignored, and the log says so (unknown parameter).`
    : undefined;
}

function defined(
  found: ReadonlyMap<string, Definition>,
  hasRegisters: boolean,
  text: string,
): Omit<TextVerdict, "covers"> {
  const definitions = [...found.values()];
  const lacked = [...found.keys()].flatMap((name) => lacking(name, text) ?? []);
  const says = definitions.map((one) => (found.size > FEW || lacked.length > 0 ? one.short : one.says));
  if (lacked.length > 0) return { says: [...lacked, ...says].join(" "), steps: [], evidence: [] };
  return {
    says: says.join(" "),
    steps: [
      hasRegisters
        ? {
            text: "Save the text, and see what its values say.",
            commands: definitions.slice(0, MOST_COMMANDS).map(({ command }) => command.replace("HOST", "FILE")),
          }
        : {
            text: "See it on a host, or on a CPU by its name.",
            commands: definitions.slice(0, MOST_COMMANDS).map(({ command }) => command),
          },
    ],
    evidence: [],
  };
}
