import { answer, type TextVerdict } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";

/*
 * Why KVM runs a guest without APICv (AMD: AVIC) although both the CPU and the parameter have it, as its trace event and its source name
 * the reason. Facts: Linux, arch/x86/include/asm/kvm_host.h (enum kvm_apicv_inhibit), arch/x86/kvm/i8254.c; QEMU, kvm-pit.
 */

const NAMED = /\bAPICV_INHIBIT_REASON_(?<reason>[A-Z]\w{1,40})\b/;

const REASONS: { readonly [reason: string]: readonly [says: string, ...steps: readonly Step[]] | undefined } = {
  DISABLE: ["the parameter is off, or the CPU lacks it"],
  DISABLED: ["the parameter is off, or the CPU lacks it"],
  HYPERV: ["the guest uses AutoEOI of Hyper-V's synthetic interrupt controller (hv-synic)"],
  ABSENT: ["the local APIC is not KVM's own"],
  BLOCKIRQ: ["a debugger holds interrupts back (KVM_GUESTDBG_BLOCKIRQ)"],
  PHYSICAL_ID_ALIASED: ["two virtual CPUs have one APIC id"],
  APIC_ID_MODIFIED: ["the guest changed the id of its APIC"],
  APIC_BASE_MODIFIED: ["the guest moved its APIC"],
  NESTED: ["the guest runs a guest of its own, which AVIC does not go with"],
  IRQWIN: ["KVM waits for the moment in which an interrupt of the old controller (PIC) can be delivered"],
  PIT_REINJ: [
    "the timer (PIT) of KVM injects ticks again that were lost, which AVIC does not go with",
    {
      text: "Let it drop them, or keep the old controllers in the program (a split irqchip).",
      commands: ["-global kvm-pit.lost_tick_policy=discard", "-machine q35,kernel-irqchip=split"],
    },
  ],
  SEV: ["the guest is encrypted (SEV), which AVIC does not go with"],
  LOGICAL_ID_ALIASED: ["two virtual CPUs have one logical APIC id"],
};

const OTHER_VMM = /^(?![^\0]*\bqemu\b)[^\0]*\b(?:libkrun|crosvm|firecracker|cloud-hypervisor|kvmtool|bhyve)\b/i;

/** What the reason that a text names says; undefined where it names none. */
export function apicvInhibited(text: string): Omit<TextVerdict, "covers"> | undefined {
  const reason = NAMED.exec(text)?.groups?.reason ?? "";
  const [says, ...steps] = REASONS[reason] ?? [];
  return says === undefined
    ? undefined
    : answer(
        `KVM runs such a guest without APICv (AMD: AVIC), whatever the parameter is: ${reason} means that ${says}.`,
        // Options of QEMU change no other program.
        OTHER_VMM.test(text) ? steps.map(({ text: step }) => ({ text: step })) : steps,
      );
}
