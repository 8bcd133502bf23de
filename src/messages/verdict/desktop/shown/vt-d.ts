import { saysOn } from "../../../../input/prose/said-on.js";
import type { FoundVerdict } from "../../../answer.js";
import { changesOf } from "../../../open-steps.js";
import { aboutIommu } from "../subject.js";

/*
 * The IOMMU (VT-d) beside VT-x: people confuse the two.
 */

const LOG_OF_XEN = /^\(XEN\)[^\n]{0,400}$/gm;

/** A text that shows VT-x and misses the IOMMU. Xen prints lines about both on any machine. */
export const iommuBeside = (text: string): ReturnType<typeof aboutIommu> => aboutIommu(text.replace(LOG_OF_XEN, ""));

/** VT-d is on by the text, and VT-x is not said to be. */
const VTD_ON =
  /\bVT-?d\b(?![^.\n]{0,40}(?:n['’]t|\b(?:not|disabled)\b))[^.\n]{0,40}\b(?:enabled|on|activated|ticked|checked)\b|\b(?:enabled|turned on|activated|ticked|checked|have)\b[^.\n]{0,30}\bVT-?d\b/i;

/** An answer that VT-x is to be switched on, where VT-d is. */
export function withVtd(found: FoundVerdict, text: string): FoundVerdict {
  return VTD_ON.test(text) && !saysOn(text) && found.steps.some((step) => changesOf(step) === "firmware")
    ? {
        ...found,
        says: `${found.says} VT-d, which the text has on, is another setting (the IOMMU): VT-x has one of its own.`,
      }
    : found;
}
