import { registerOf } from "../../registers/registers.js";
import type { OwnMachine } from "../../situation/evidence/own-machine.js";
import type { Recognised, TextVerdict } from "../answer.js";

/*
 * Registers that VMX has no part in (prefetchers, power limits), read and written with the tools that also read those of VMX.
 */

const WRITTEN = /\b(?:wrmsr|msr-cmd(?:\.exe)?)\b[^\n]{0,40}?\b0x(?<msr>[0-9a-f]{2,8})\b/gi;
/** IA32_FEAT_CTL has answers of its own. */
const FEAT_CTL = 0x3a;
/** What such a text asks about, where it is VT-x after all; lscpu has lines with such names. */
const ASKS = /\bVT-?x\b|\bvirtuali[sz]ation\b(?!(?: type)?:)|\bnest(?:ed|ing)\b|\bKVM\b|\bkvm_(?:intel|amd)\b|\bVMX\b/;

/** The registers that a text writes, where none of them is one of VMX. */
export function otherRegister(
  text: string | undefined,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || ASKS.test(text)) return undefined;
  const written = [...text.matchAll(WRITTEN)].map(({ groups }) => Number.parseInt(groups?.msr ?? "", 16));
  const [first] = written;
  if (first === undefined || written.some((msr) => msr === FEAT_CTL || registerOf(msr) !== undefined)) return undefined;
  const outer = machine?.situation.host.observed?.outer;
  return {
    says: `MSR 0x${first.toString(16)} is not a register of VMX: VT-x is not involved.${
      machine?.situation.host.cores[0].cpuid.features.hypervisor === true
        ? ` The machine is a guest${outer === undefined ? "" : ` (${outer})`}: its hypervisor decides what a write does, and most drop it or refuse it. The register of the CPU itself is written on the host.`
        : ""
    }`,
    steps: [],
    evidence: [],
  };
}

/** Only such registers are what the messages are about, and VT-x is not asked about. */
export const isOfOtherRegister = (recognised: readonly Recognised[], text: string | undefined): boolean =>
  recognised.length > 0 &&
  text !== undefined &&
  recognised.every(({ outcome }) => outcome === "not VMX") &&
  !ASKS.test(text);
