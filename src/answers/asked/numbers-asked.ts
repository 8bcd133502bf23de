import { cpuidLeafText } from "../../input/text/cpuid-leaf.js";
import { runExitText } from "../../kvm/run-exits.js";
import { answer, type TextVerdict } from "../answer.js";
import { registerClaimed } from "./register-claims.js";

const LONGEST = 4_000;

/** A number in a text without a message: why KVM_RUN came back, CPUID leaf 1, or a bit of a register. Undefined where it has none. */
export function numbersAsked(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  const says = text === undefined || text.length > LONGEST ? undefined : (runExitText(text) ?? cpuidLeafText(text));
  return says === undefined ? registerClaimed(text) : answer(says, []);
}
