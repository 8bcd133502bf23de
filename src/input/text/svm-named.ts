/*
 * What shows that the CPU is AMD's or Hygon's, which have SVM in place of VMX.
 */

/** A CPU of AMD or Hygon, by its name or by a line of its module. */
export const SVM_CPU =
  /\b(?:AuthenticAMD|HygonGenuine)\b|\bkvm_amd: (?!SVM not supported by CPU \d{1,5}, not|CPU \d{1,5} isn't|\S{0,40} failed)|\b(?:AMD )?(?:EPYC(?!-(?:IBPB|Rome|Milan|v\d)| hardcoded)|Ryzen|Threadripper|Opteron|Athlon(?:\(tm\))?|Phenom(?!en))(?:[ -](?:PRO )?(?=[\w-]{0,7}\d)[\w-]{1,8}\b){0,2}|(?<![-\w.])(?:AMD )?Zen ?[1-5]\+?(?![-.\w])|\bAMD (?:FX|A\d{1,2}|\d{4}[A-Z]{0,2}(?:3D)?)\b[\w-]{0,10}|(?<!\bIntel(?:\/| \/ | or (?:an )?| and ))\bAMD (?:platforms?|hosts?|CPUs?|processors?|machines?|servers?|laptops?)\b|\bCPU is (?:an )?AMD\b|\b(?:SVM: )?kvm: Nested (?:Virtualization|Paging) enabled|\bSVMDIS\b|MSR_VM_CR|VMRUN WITH VMCB|\bAM[2-5]\+? (?:X[2-6] |Phenom|Athlon)|\bsocket AM[2-5]\b/i;
export const INTEL_CPU =
  /\bGenuineIntel\b|\bIntel\(R\)|\bIntel (?:Core|Xeon|Celeron|Pentium|Atom|CPU|machines?\b|hosts?\b|servers?\b|laptops?\b)|\bi[3579]-\d{3,5}|\bXeon\b/i;
/** AMD-V by its own name, in a text without a word of Intel's. */
const SVM_WORDS = /\bAMD[ -](?:SVM|V)\b|\bSVM(?: mode)?(?=[^.\n]{0,24}\b(?:BIOS|UEFI|enabled|active|on)\b)/i;
export const VTX_WORDS = /\bIntel\b|\bVT-?[xd]\b|\bvmx\b|\bkvm[_-]intel\b/i;

/** svm is looked for alone, and found. */
export const SVM_COUNTED =
  /\bgrep (?:-\w{1,4} |--count ){0,3}["']?svm["']? \/proc\/cpuinfo[^\n]{0,20}\n\s{0,8}[1-9]\d{0,3}\s{0,4}$/m;

/** kvm-ok takes the module's name from the flag that it found, and so does the init script of the package kvm. */
export const SVM_HINT = /^\s{0,8}(?:HINT:\s{1,8}(?:sudo )?modprobe|\*?\s{0,3}Loading kvm module) kvm_amd\b/m;

/** lsmod has its module, which loads on no other CPU. */
const SVM_LOADED = /^\s{0,8}kvm_amd\s{2,24}\d{4,8}\s/m;

/** Only a module that was loaded can be removed. */
const SVM_REMOVED = /\b(?:rmmod|modprobe -r) kvm[-_]amd\b/;

/** Boards with a chipset for AMD's sockets AM4 and AM5. */
const SVM_BOARD =
  /\b(?:ASUS|ASRock|MSI|Gigabyte|AORUS|TUF|PRIME|ROG|MAG|MPG)\b[^\n]{0,30}\b(?:A[35]20|A620|B[345]50|B650|B8[45]0|X[34]70|X[5-8]70)(?:[EIM]|M?-\w{1,8})?\b|\b(?:A[35]20|A620|B[345]50|B650|B8[45]0|X[34]70|X[5-8]70)(?:[EIM]|M?-\w{1,8})? (?:mother|main)?board\b/i;

/** In place of a name. */
export const SVM_FLAG = "svm among its flags";

/** What shows that the CPU is AMD's or Hygon's: its name, or AMD-V alone. */
export function svmNamed(text: string): string | undefined {
  if (INTEL_CPU.test(text)) return undefined;
  const found = SVM_CPU.exec(text) ?? (VTX_WORDS.test(text) ? null : SVM_WORDS.exec(text));
  return (
    (found ?? SVM_BOARD.exec(text))?.[0].trim() ??
    (SVM_COUNTED.test(text) || SVM_HINT.test(text) || SVM_LOADED.test(text)
      ? SVM_FLAG
      : SVM_REMOVED.test(text) && !VTX_WORDS.test(text)
        ? "kvm_amd was loaded"
        : undefined)
  );
}
