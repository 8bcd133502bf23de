import { kvmExit } from "../../kvm/run-exits.js";
import { answer, type TextVerdict } from "../answer.js";
import { cpuidLeafText } from "./cpuid-leaf.js";
import { registerClaimed } from "./register-claims.js";

const LONGEST = 4_000;

/** A number in a text without a message: why KVM_RUN came back, CPUID leaf 1, or a bit of a register. Undefined where it has none. */
export function numbersAsked(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  const says = text === undefined || text.length > LONGEST ? undefined : (runExitText(text) ?? cpuidLeafText(text));
  return says === undefined ? registerClaimed(text) : answer(says, []);
}

const OF_KVM_RUN = /\bKVM_RUN\b|\bkvm_run\b|\/dev\/kvm\b|\bKVM_CREATE_VCPU\b/;
const REASON = /\bexit_reason\s{0,3}(?:==?|:|is|was)\s{0,3}(?<code>0x[0-9a-f]{1,2}|\d{1,2})\b(?![.\d])/i;

/** What KVM gave back to a program that runs guests by it, where a text has the number. */
function runExitText(text: string): string | undefined {
  const code = REASON.exec(text)?.groups?.code;
  const exit = code === undefined || !OF_KVM_RUN.test(text) ? undefined : kvmExit(Number(code));
  return exit === undefined
    ? undefined
    : `As what KVM_RUN gives back, ${Number(code)} is ${exit.name}: KVM has numbers of its own, and they are not the CPU's exit reasons. VT-x works.${exit.means}`;
}
