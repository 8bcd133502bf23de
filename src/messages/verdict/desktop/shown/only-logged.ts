import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import type { Advice } from "../../../../answers/message.js";
import { lowerFirst } from "../../../../bits/first-letter.js";
import { changesOf } from "../../../open-steps.js";

/*
 * People who read the log of the boot, and want no virtual machine.
 */

const LOGGED: ReadonlySet<string> = new Set(["linux-vmx-outside-txt", "linux-sgx-disabled"]);
const FIRST_PERSON = /\b(?:I|my) [a-z]/;
/** Something that VT-x is for. */
const WANTS =
  /\bkvm|\bvirt|\bVMs?\b|\bVT-?x\b|\bqemu|\blibvirt|\bdocker\b|hypervisor|\bProxmox\b|\bAndroid\b|emulat|\bWSL|\bHyper-?V\b|\bboxes\b|\bguests?\b/i;

/** What a boot ends with. */
const BOOT_ENDS =
  /\bGave up waiting for (?:the )?root\b|^\W{0,4}ALERT! [^\n]{1,80} does not exist|^\s{0,8}\(initramfs\)|\bKernel panic - not syncing: VFS\b|\bYou are in (?:emergency|rescue) mode\b/im;

const IF_WANTED: Advice = {
  text: "Only where virtual machines are to run: enable VT-x in the firmware setup, save, and switch the machine off and on.",
  changes: "firmware",
};

/** People who know that nothing there needs it. */
const NOT_NEEDED =
  /\b(?:can|may|could|should) (?:be )?(?:safely )?(?:be )?ignored?\b|\bsafe(?:ly)? (?:to )?ignored?\b|\b(?:it|this|that|KVM|virtuali[sz]ation|nesting) is ?(?:n['’]t| not) (?:\w{2,8} )?(?:needed|required|necessary)\b/i;
const IN_A_MACHINE: ReadonlySet<string> = new Set([
  "kvm-no-hardware-support",
  "kvm-vmx-not-supported",
  "any-nested-off",
]);

/** The line of a virtual machine in which none is to run. */
export function notNeeded(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
): FoundVerdict | undefined {
  const isLine = recognised.length > 0 && recognised.every(({ message }) => IN_A_MACHINE.has(message ?? ""));
  return isLine && NOT_NEEDED.test(text)
    ? {
        ...found,
        says: `${found.says} By the text nothing there needs it: then nothing has to be done.`,
        steps: found.steps.map((step) => ({
          ...step,
          text: `Only where virtual machines are to run in it: ${lowerFirst(step.text)}`,
        })),
      }
    : undefined;
}

/** What the lines mean to them. */
export function onlyLogged(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
): FoundVerdict | undefined {
  const isLogged = recognised.length > 0 && recognised.every(({ message }) => LOGGED.has(message ?? ""));
  const end = isLogged && !WANTS.test(text) ? BOOT_ENDS.exec(text)?.[0].trim() : undefined;
  if (end !== undefined)
    return {
      ...found,
      says: `The boot ends for another reason ("${end}"): nothing but virtual machines needs VT-x. ${found.says}`,
      steps: [],
    };
  return isLogged && FIRST_PERSON.test(text) && !WANTS.test(text)
    ? {
        ...found,
        says: `${found.says} Nothing but virtual machines needs VT-x: where none is to run, nothing has to be done.`,
        steps: found.steps.map((step) => (changesOf(step) === "firmware" ? IF_WANTED : step)),
      }
    : undefined;
}
