import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import { INTEL_CPU, SVM_CPU } from "../../../../input/text/svm-named.js";

/*
 * Modules of KVM that people built or loaded by hand.
 */

/** The vendor's module was loaded, and then it worked. */
const MENDED =
  /\bmodprobe kvm[-_](?<module>intel|amd)\b[^\0]{0,40}?\b(?<!\b(?:not|n['’]t|never) )(?:fix(?:es|ed)?|solv(?:es|ed)|resolv(?:es|ed)|help(?:s|ed))\b(?! me\b)/i;

/** The module that both vendors share, and those of the vendors. */
const SHARED_PART = /\bmodprobe (?:-v )?kvm\b(?![-_])/i;
const OF_INTEL = /\bkvm[-_]intel\b/i;
const OWN_PART = /\bkvm[-_](?:intel|amd)\b/i;

/** The module was taken out to try without it. */
const TAKEN_OUT =
  /\b(?:I|we)(?:['’]ve| have)? (?:rmmod(?:d?ed)?|unload(?:ed)?|removed)(?: the)?(?: module)? kvm[-_]intel\b/i;

/** The kernel's configuration has the module. */
const AS_MODULE = /\bCONFIG_KVM_INTEL=m\b/;

/** kvm_intel.ko alone, inserted by insmod. */
const INSERTED = /\binsmod [^\n]{0,120}kvm[-_]intel\.ko/;
const KVM_INSERTED = /\binsmod [^\n]{0,120}\bkvm\.ko/;

/** insmod loads no other module, and then the symbols of kvm.ko are not there. */
export function insertedAlone(found: FoundVerdict, text: string, first: Recognised): FoundVerdict | undefined {
  const isUnknown = first.message === "module-version" && /Unknown symbol/.test(first.matched);
  if (!isUnknown || !INSERTED.test(text) || KVM_INSERTED.test(text)) return undefined;
  return {
    ...found,
    says: "kvm_intel.ko did not find the symbols of kvm.ko: insmod loads no other module, so kvm.ko was not loaded before it, or it is of another build. The CPU had not been checked yet.",
    steps: [
      {
        text: "Insert kvm.ko of the same build first, or let modprobe load both.",
        commands: ["lsmod | grep kvm", "sudo modprobe irqbypass; sudo insmod kvm.ko && sudo insmod kvm-intel.ko"],
      },
    ],
    covers: [...found.covers, "module-version"],
  };
}

/** What is asked for at boot: NixOS, /etc/modules and modules-load.d. */
const ASKED_AT_BOOT =
  /\bboot\.(?:initrd\.)?kernelModules ?= ?\[[^\]\n]{0,120}\bkvm[-_](?<module>intel|amd)\b|\/etc\/modules(?:-load\.d\/[\w.-]{1,40})?["'`]?:? ?\n?\s{0,4}kvm[-_](?<module2>intel|amd)\b/;

/** The other vendor's module is asked for. */
function otherVendorsModule(found: FoundVerdict, text: string, first: Recognised): FoundVerdict | undefined {
  const groups = ASKED_AT_BOOT.exec(text)?.groups;
  const asked = groups?.module ?? groups?.module2;
  const [isAmd, isIntel] = [SVM_CPU.test(text), INTEL_CPU.test(text)];
  const own = isAmd === isIntel ? undefined : isAmd ? "amd" : "intel";
  if (asked === undefined || own === undefined || asked === own) return undefined;
  return {
    ...found,
    says: `${first.what} The text asks for kvm_${asked} at boot, and its CPU is one of ${own === "amd" ? "AMD, whose module is kvm_amd" : "Intel, whose module is kvm_intel"}.`,
    steps: [
      {
        text: `Name kvm_${own} in its place, and load it; refused, it has the reason in the kernel log.`,
        commands: [`sudo modprobe kvm_${own}; sudo dmesg | grep -iE 'kvm|vmx|svm' | tail`],
      },
    ],
    covers: [...found.covers, first.message as string],
  };
}

/** What follows from it, where KVM is missing. `isOpen`: nothing else shows why it is. */
export function loadedByHand(
  found: FoundVerdict,
  text: string,
  first: Recognised,
  isOpen: boolean,
): FoundVerdict | undefined {
  if (first.message === "modprobe-not-found" && AS_MODULE.test(text) && OF_INTEL.test(first.matched))
    return {
      ...found,
      says: "This kernel was built with kvm_intel as a module (CONFIG_KVM_INTEL=m), and the file is not in its directory: the modules were not installed, or the kernel that runs is another one.",
      steps: [
        {
          text: "Install its modules: those of your own kernel from its source, else the package of the distribution.",
          commands: ["uname -r; sudo make modules_install; sudo depmod"],
        },
      ],
      covers: [...found.covers, first.message],
    };
  const other = otherVendorsModule(found, text, first);
  if (other !== undefined) return other;
  const mended = MENDED.exec(text)?.groups?.module?.toLowerCase();
  if (mended !== undefined)
    return {
      ...found,
      says: `${found.says} The text says that loading kvm_${mended} by hand mends it: the module was not loaded, and nothing keeps it from loading.`,
      steps: [
        {
          text: "Have it loaded at every boot.",
          commands: [`echo kvm_${mended} | sudo tee /etc/modules-load.d/kvm.conf`],
        },
      ],
    };
  if (TAKEN_OUT.test(text))
    return {
      ...found,
      says: "There is no /dev/kvm, as kvm_intel was taken out by hand: QEMU emulates the CPU as long as it is out.",
      steps: [],
      covers: [...found.covers, "emulation-chosen", first.message as string],
    };
  return isOpen && first.outcome === "no device" && SHARED_PART.test(text) && !OWN_PART.test(text)
    ? {
        ...found,
        says: `${found.says} \`modprobe kvm\` loads what both vendors share, and succeeds without VT-x: the device comes with kvm_intel (on AMD, kvm_amd).`,
      }
    : undefined;
}
