import type { Decoded } from "../../../answers/answer.js";
import { registerText } from "../../../answers/asked/registers-read.js";
import type { Step } from "../../../answers/message.js";
import { parseHexU64 } from "../../../bits/u64.js";
import { decodeRegister } from "../../../host/decode.js";
import { msrValue } from "../../../host/msr.js";
import { registerOf } from "../../../registers/registers.js";
import { PAUSED } from "../../../vmcs/stopped/run-state.js";
import type { Match } from "../../match.js";

/*
 * Values in traces of KVM, and in what QEMU's monitor shows.
 */

const FEAT_CTL = 0x3a;
const MOST_NAMES = 12;
const MOST_VALUES = 2;

/** What guests wrote to IA32_FEAT_CTL, and what KVM gave them as capability registers. */
export function decodeTraceMsr(matches: readonly [Match, ...Match[]]): Decoded {
  const seen = new Set<string>();
  const says: string[] = [];
  for (const { groups } of matches) {
    const index = Number.parseInt(groups.msr ?? "", 16);
    const value = parseHexU64(groups.value ?? "");
    const key = `${groups.access} ${groups.msr} ${groups.value}`;
    if (value === undefined || registerOf(index) === undefined || seen.has(key)) continue;
    seen.add(key);
    const vcpus = matches.filter(({ groups: one }) => one.msr === groups.msr && one.value === groups.value).length;
    const did = groups.access === "write" ? "A guest wrote" : "KVM gave a guest";
    const often = vcpus > 1 ? ` (${vcpus} times)` : "";
    says.push(`${did}${often}: ${registerText(decodeRegister(index, msrValue(value)), MOST_NAMES)}`);
  }
  const ofFeatCtl = matches.some(({ groups }) => Number.parseInt(groups.msr ?? "", 16) === FEAT_CTL);
  return {
    what: `These are the guest's own registers, not the host's. ${says.slice(0, MOST_VALUES).join(" ")}${ofFeatCtl ? PER_CPU : ""}`,
    ...(ofFeatCtl ? { steps: [UPDATE_OVMF] } : {}),
  };
}

/** KVM keeps 0 until the guest writes: vmx_set_msr, MSR_IA32_FEAT_CTL. */
const PER_CPU =
  " In a guest it is the guest's firmware that writes it, once on every virtual CPU: one for which it did not, as one that is added while the guest runs, keeps 0, and has neither VMX nor SGX.";
const UPDATE_OVMF: Step = {
  text: "Where CPUs are added: update the guest's firmware (OVMF), or give the guest neither vmx nor sgx.",
};

/** The monitor's answers to `info status` and `info kvm`. */
export function decodeMonitorKvm([{ groups }]: readonly [Match, ...Match[]]): Decoded {
  const paused = groups.why === undefined ? undefined : PAUSED[groups.why.toLowerCase()];
  if (paused !== undefined) {
    const [says, text, command] = paused;
    return { what: `QEMU holds the virtual CPUs of this machine: ${says}.`, steps: [{ text, commands: [command] }] };
  }
  if (/^enabled$/i.test(groups.state ?? "")) return {};
  return {
    gravity: "degrades",
    what: `QEMU's monitor says that this machine runs without KVM (${groups.state}): QEMU emulates its CPU (TCG), which is many times slower.`,
    steps: [{ text: "Start it with KVM.", commands: ["-accel kvm -cpu host"] }],
  };
}
