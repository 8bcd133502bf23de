import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import { FIRMWARE_OFF } from "../../../../why/questions/next-steps.js";

/*
 * The firmware setup, as people copy it: `Virtualization Technology: Disabled`.
 */

const OFF =
  /(?<!\b(?:[Ii]f|[Ww]hen|[Ww]hether|[Uu]nless|[Nn]ot|[Cc]heck|[Ss]hould|[Cc]an|[Cc]ould|was)\b[^.\n]{0,40})\b(?:Virtual(?:i[sz]ation)? Tech(?:nology)?(?: \(VT-?[xX]\))?|Vanderpool|VT-?[xX]) ?["'”]?(?:[:=-]| is| was|\.{2,30}| ->|)? ?["'“[(<]?(?:set to )?(?:Disabled|OFF)\b(?! by\b)/;
const SETUP = /\b(?:BIOS|UEFI|firmware|[Ss]etup|RBSU|F1[02]?|F2|Processor Settings|System Configuration)\b/;

/** A program finds no KVM, and the text has the reason. */
export const offInSetup = (found: FoundVerdict, first: Recognised, text: string): FoundVerdict | undefined =>
  OFF.test(text) && SETUP.test(text)
    ? {
        ...found,
        says: `${first.what} The text has virtualization off in the firmware setup: KVM needs it on.`,
        steps: [FIRMWARE_OFF],
        covers: [...found.covers, first.message as string],
      }
    : undefined;
