import { answer, type TextVerdict } from "../../../answers/answer.js";

/* GPUs of Intel's that guests share (GVT-g). */

type Says = Omit<TextVerdict, "covers">;

const KVMGT = /\bkvmgt\b|\benable_gvt\b/;
const NO_GVT_GPU = /\bUnsupported device\. GVT-g is disabled\b/;
/** A virtual GPU, or a guest that uses it. */
const GVT_RUNS = /\bgvt: vgpu ?\d{1,3}\b|\bVM\(\d{1,3}\): \w+|\bi915\/gvt\/\w{2,20}\.c:\d{1,5}/;
const NO_GVT = /\bNo such device\b/;
const GVT_LOG = "sudo dmesg | grep -iE 'gvt|i915' | tail -40";
export function kvmgt(text: string): Says | undefined {
  if (NO_GVT_GPU.test(text))
    return answer(
      "GVT-g shares an Intel GPU among guests, and has nothing to do with VT-x: i915 says that it has none for this GPU.",
      [],
    );
  if (!KVMGT.test(text)) return undefined;
  const runs = GVT_RUNS.exec(text)?.[0];
  const about = "kvmgt belongs to GVT-g, which shares an Intel GPU among guests: it has nothing to do with VT-x.";
  if (runs === undefined && NO_GVT.test(text))
    return answer(
      `${about} \`No such device\` means that i915 has no GVT-g for this GPU, or was not started with enable_gvt=1.`,
      [
        {
          text: "See whether i915 has it, and what it says.",
          commands: ["cat /sys/module/i915/parameters/enable_gvt; sudo dmesg | grep -iE 'gvt|i915' | tail"],
        },
      ],
    );
  return answer(
    `${about} ${runs === undefined ? "What goes wrong with it is in i915." : `It runs there ("${runs}"), so a guest runs, too: what goes wrong is in i915.`}`,
    [{ text: "See what i915 says at that moment.", commands: [GVT_LOG] }],
  );
}
