import { answer, type Recognised, type TextVerdict } from "../../../answer.js";

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

/** What VT-x off in the firmware means, where the text asks for that. */
export function wantsOff(text: string, recognised: readonly Recognised[]): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || recognised.length > 0 || OTHER.test(text)) return undefined;
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
