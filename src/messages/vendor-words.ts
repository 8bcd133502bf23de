import type { Advice } from "../answers/message.js";
import type { Circumstance, Circumstances } from "../situation/evidence/own-machine.js";

/*
 * Sentences and commands in the words for the CPU's vendor: AMD's, Intel's, or both where the text shows neither.
 */

/** On AMD's CPUs KVM's module and the flag have other names. */
const ON_AMD: readonly (readonly [RegExp, string])[] = [
  [/\bkvm_intel\b(?!\/parameters\/(?!nested))/g, "kvm_amd"],
  [/^(grep (?:-\w+ )*)vmx( \/proc\/cpuinfo)$/, "$1svm$2"],
  [/^((?:sudo )?dmesg \| grep -iE '[\w|]*)\bvmx\b/, "$1svm"],
];

/** Sentences that speak of one vendor's CPUs mean those. */
const OF_VENDOR = /\bAMD|\bSVM\b|_amd\b|\bIntel\b|IA32_|\bVMX\b/;
/** It says whose module it means. */
const NAMES_VENDOR = /\bAMD|_amd\b|\bIntel\b|_intel\b/;
/** Its one command for Intel's CPUs has its like for AMD's. */
const isEither = ({ text, commands = [] }: Advice): boolean =>
  !NAMES_VENDOR.test(text) && commands.join("; ").split("_intel").length === 2;
/** A CPU of Intel's. */
export const INTEL: readonly Circumstance[] = ["Intel", "IA32_FEAT_CTL exists", "VMX in CPUID", "vmx among the flags"];
/** What both modules do, each with its own CPU's switch: Linux, arch/x86/kvm/svm/svm.c (svm_hardware_enable). */
const OF_BOTH: readonly (readonly [RegExp, string])[] = [
  [/\bCR4\.VMXE\b/g, "EFER.SVME"],
  [/\bswitch VMX on\b/g, "switch SVM on"],
  [/\bVMX (?=could not be switched on|is on and is not the reason|is not the reason)/g, "SVM "],
];
/** A sentence about any CPU, in the words for AMD's. */
export const inAmdWords = (text: string): string =>
  text
    .split(/(?<=\. )/)
    .map((sentence) => {
      const own = OF_BOTH.reduce((said, [from, to]) => said.replace(from, to), sentence);
      return own === sentence && OF_VENDOR.test(sentence)
        ? sentence
        : own
            .replace(/\bVT-x\b/g, "AMD-V")
            .replace(/\bkvm_intel\b/g, "kvm_amd")
            .replace(/\bvmx among\b|\bCPU with vmx\b/, (words) => words.replace("vmx", "svm"));
    })
    .join("");

/** A sentence about any CPU, where the text names one of Intel's. */
export const inIntelWords = (text: string): string =>
  text
    .replace(/, the CPU is AMD's, or /g, " or ")
    .replace(/ \(on an? AMD(?: CPU)?,? kvm_amd\)| \(AMD's module is kvm_amd\)/g, "");

/** Puts a sentence about any CPU into the words for that of the text. */
export const vendorWords = ({ has }: Circumstances): ((text: string) => string) =>
  has("AMD") ? inAmdWords : has("an Intel CPU named") ? inIntelWords : (text) => text;

/** Whose CPU it is, the text does not show. */
export const inEitherWords = (text: string): string =>
  text.replace(/\bCPU with vmx\b(?! \()/, "CPU with vmx (on AMD svm)");

/** A command for the modules of both vendors; where it loads one, for either. */
const ofEither = (one: string, loadsEither: boolean): string =>
  (loadsEither ? one.replace(/^sudo modprobe kvm_intel$/, "$& || sudo modprobe kvm_amd") : one).replace(
    /^(cat \/sys\/module\/kvm_)intel(\/parameters\/nested)$/,
    "$1*$2",
  );

/** A command for AMD's module and flag. */
const ofAmd = (one: string): string => ON_AMD.reduce((text, [from, to]) => text.replace(from, to), one);

/** A command of a step in the words for the CPU's vendor. */
export function vendorCommand(step: Advice, isSo: (name: Circumstance) => boolean): (command: string) => string {
  if (isSo("AMD")) return ofAmd;
  if (INTEL.some(isSo)) return (command) => command;
  const loadsEither = isEither(step);
  return (command) => ofEither(command, loadsEither);
}

/** What only Intel's CPUs and their modules have, by their names. */
const OF_INTEL =
  /intel|vt-?[xd]\b|vmx|vmcs|vm(?:read|write|ptrld|launch|resume|xon)|hardware error|\bept\b|xeon|celeron|pentium|core ?2|\bi[3579][- ]?\d{3,5}|(?:sky|cascade|ice|cooper)[- ]?lake|haswell|broadwell|bridge-/i;
/** That virtualization is on is known before the vendor is. */
export const saysEither = (says: string, text: string | undefined): string =>
  text === undefined || OF_INTEL.test(text) || OF_VENDOR.test(says)
    ? says
    : says.replace(/(?<!\bwhether )\bVT-x (?=is on\b)/g, "VT-x (or AMD-V) ");
