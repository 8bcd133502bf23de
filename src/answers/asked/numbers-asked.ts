import { cpuidLeafText } from "../../input/text/cpuid-leaf.js";
import { runExitText } from "../../kvm/run-exits.js";
import { answer, type TextVerdict } from "../answer.js";

const LONGEST = 4_000;

/** A number in a text without a message: why KVM_RUN came back, or CPUID leaf 1. Undefined where it has neither. */
export function numbersAsked(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  const says = text === undefined || text.length > LONGEST ? undefined : (runExitText(text) ?? cpuidLeafText(text));
  return says === undefined ? undefined : answer(says, []);
}
