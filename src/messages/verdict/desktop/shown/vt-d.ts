import type { FoundVerdict } from "../../../../answers/answer.js";
import { notVtd } from "../../../../answers/asked/vtd-shown.js";
import { saysOn } from "../../../../input/prose/said-on.js";
import { changesOf } from "../../../open-steps.js";
import { aboutIommu } from "../subject.js";

/*
 * The IOMMU (VT-d) beside VT-x: people confuse the two.
 */

const LOG_OF_XEN = /^\(XEN\)[^\n]{0,400}$/gm;

/** A text that shows VT-x and misses the IOMMU. Xen prints lines about both on any machine. */
export function iommuBeside(text: string): ReturnType<typeof aboutIommu> {
  const said = text.replace(LOG_OF_XEN, "");
  // A remark in a text about VT-x is not its subject.
  return count(said, IOMMU_WORDS) < count(said, VTX_WORDS) ? undefined : aboutIommu(said);
}
const IOMMU_WORDS = /\bVT-?d\b|\bIOMMU\b|\bDMAR\b|\bAMD-?Vi\b|\bpass-?through\b|\bvfio\b/gi;
const VTX_WORDS = /\bVT-?x\b|\bvmx\b|\bnest(?:ed|ing)\b|\bkvm_intel\b|\/dev\/kvm\b/gi;
const count = (text: string, words: RegExp): number => text.match(words)?.length ?? 0;

/** VT-d is on by the text, and VT-x is not said to be. */
const VTD_ON =
  /\bVT-?d\b(?![^.\n]{0,40}(?:n['’]t|\b(?:not|disabled)\b))[^.\n]{0,40}\b(?:enabled|on|activated|ticked|checked)\b|\b(?:enabled|turned on|activated|ticked|checked|have)\b[^.\n]{0,30}\bVT-?d\b/i;

/** An answer on VT-x, where the text has VT-d on, or looks for VT-d. */
export function withVtd(found: FoundVerdict, text: string): FoundVerdict {
  if (VTD_ON.test(text) && !saysOn(text) && found.steps.some((step) => changesOf(step) === "firmware"))
    return {
      ...found,
      says: `${found.says} VT-d, which the text has on, is another setting (the IOMMU): VT-x has one of its own.`,
    };
  const not = notVtd(text);
  return not === "" ? found : { ...found, says: `${found.says}${not}` };
}
