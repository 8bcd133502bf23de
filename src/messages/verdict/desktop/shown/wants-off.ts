import { answer, type Recognised, type TextVerdict } from "../../../../answers/answer.js";

/*
 * Texts that want VT-x off in the firmware setup, or ask what is lost with it off.
 */

/** A longer text shows what fails. */
const LONGEST = 3_000;

const WANTS =
  /\b(?:option|setting|switch|way|need|want|how)\b[^.\n]{0,30}\b(?:disabl(?:e|ing)|turn(?:ing)? off|switch(?:ing)? off) (?:the )?(?:Intel )?(?:VT(?!-d)(?:-x)?|virtuali[sz]ation(?![- ]based)|VMX)\b/i;
const ASKS_LOSS =
  /\b(?:disabl(?:e|ed|ing)|turn(?:ed|ing)? off|switch(?:ed|ing)? off) (?:the )?(?:Intel )?(?:VT(?!-d)(?:-x)?|virtuali[sz]ation(?![- ]based)|VMX)\b[^\n]{0,80}\b(?:prevents?|affects?|still (?:use|run|work)|lose|lack)\b/i;
/** Windows' own hypervisor is what it is about. */
const OTHER = /\bVBS\b|\bhypervisorlaunchtype\b|\bnested\b|\bmemory integrity\b/i;

const NESTED_OFF =
  /\b(?:disabl(?:e|es|ed|ing)|turn(?:s|ed|ing)? off|switch(?:es|ed|ing)? off)\b[^.\n]{0,24}\bnest(?:ed|ing)\b/i;
const WANTED = /\bCVE-\d{4}-|\bmitigat\w{1,4}|\b(?:how (?:to|do|can)|want to|need to|check|verify|make sure)\b/i;

/** What VT-x off in the firmware means, where the text asks for that. */
export function wantsOff(text: string, recognised: readonly Recognised[]): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || recognised.length > 0) return undefined;
  if (NESTED_OFF.test(text) && WANTED.test(text) && !/\benabl\w{1,3}\b/i.test(text))
    return answer(
      "With nested off in kvm_intel (kvm_amd) KVM gives no guest vmx (svm), whatever its CPU model asks for, so none can run guests of its own. It is a parameter of the module: it counts from the next load on, and guests that run keep what they have.",
      [
        {
          text: "Set it on every host, load the module again with no virtual machine running, and read it back: N or 0 is off.",
          commands: [
            "printf 'options kvm_intel nested=0\\noptions kvm_amd nested=0\\n' | sudo tee /etc/modprobe.d/kvm-nested-off.conf",
            "grep . /sys/module/kvm_*/parameters/nested",
          ],
        },
      ],
    );
  if (OTHER.test(text)) return undefined;
  if (ASKS_LOSS.test(text))
    return answer(
      "With VT-x off in the firmware setup VirtualBox, VMware, Hyper-V and KVM start no guest. VT-d is a switch of its own, for devices that are passed to guests: it can stay off.",
      [],
    );
  return WANTS.test(text)
    ? answer(
        "VT-x is off for good only where the firmware locks IA32_FEAT_CTL (0x3a) without bit 2: then nothing that runs later can use it before the next reset. A firmware setup without that option cannot be replaced by a setting of Windows or Linux, which only keeps their own hypervisor from starting.",
        [
          {
            text: "On Linux, read how the firmware leaves it: 1 is locked off, 5 is locked on.",
            commands: ["sudo rdmsr -a 0x3a"],
          },
        ],
      )
    : undefined;
}
