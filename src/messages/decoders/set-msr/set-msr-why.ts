import type { Cause } from "../../../answers/answer.js";
import { bitText, explainBit } from "../../../answers/bits.js";
import { listText } from "../../../bits/list-text.js";
import type { U64 } from "../../../bits/u64.js";
import { QEMU_RESTORE_ORDER } from "../../../kvm/guest/restore.js";
import {
  freezeText,
  RESTORE_FREEZE,
  RESTORE_FREEZE_IN_GUEST_MODE,
  RESTORE_FREEZE_SHORTCUT,
} from "../../../kvm/guest/restore-rules.js";
import { FROM_CONFIG } from "../../../kvm/load/nested-setup.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { holdsIn, mainlineRange, releaseOf } from "../../../rules/held.js";
import { holdsInNamed } from "../../../rules/held-in-named.js";
import { kernelName } from "../../../rules/release.js";
import type { ExplainContext } from "../../context.js";
import {
  comparesWithGuest,
  controlsByCpuid,
  EVMCS_CONTROLS,
  HOST_DECIDES,
  isControls,
  type Refusal,
} from "../restore.js";

/*
 * Why KVM refuses a value that the CPU supports, as far as the shape of the value and the signs in the text show it.
 */

/** A value that a program tried to set. */
export interface SetMsr {
  readonly index: number;
  readonly asked: U64;
  readonly context: ExplainContext;
}

/** Does the value say that the control may be 1 (for VM functions: is there). */
export function askedFor({ index, asked }: SetMsr, bit: number): boolean {
  const half = isControls(index) ? asked.hi : asked.lo;
  return ((half >>> bit) & 1) === 1;
}

/**
 * Controls that an outer hypervisor is known to withhold while it passes the instruction: QEMU adds the control because
 * CPUID has the instruction.
 */
const WITHHELD = [
  {
    msr: 0x48b,
    bit: 16,
    text: `RDSEED exiting (bit 16) is the usual suspect: Hyper-V (Azure) passes the instruction RDSEED and not the control, and QEMU 4.2, or a later one on a kernel before ${releaseOf(NOT_REPLAYED.savesVmxMsrs.held.since)}, asks for the control because the instruction is there.`,
  },
] as const;

/** Bits of the value that are known to be withheld by some outer hypervisor. */
export function withheld(subject: SetMsr): readonly number[] {
  if (comparesWithGuest(subject.context) === "no") return [];
  return WITHHELD.filter((row) => row.msr === subject.index && askedFor(subject, row.bit)).map((row) => row.bit);
}

export function circumstances(subject: SetMsr, refusal: Refusal): Cause[] {
  const causes: Cause[] = [];
  const usual = withheld(subject);
  for (const row of WITHHELD) {
    if (row.msr === subject.index && usual.includes(row.bit)) causes.push({ text: row.text, certainty: "likely" });
  }
  const required = mustBeOneCause(subject, refusal);
  if (required !== undefined) causes.push(required);
  const outer = outerMustBeOne(subject);
  if (outer !== undefined && required === undefined) causes.push(outer);
  const evmcs = evmcsCause(subject);
  if (evmcs !== undefined) causes.push(evmcs);
  const cpuid = cpuidCause(subject);
  if (cpuid !== undefined) causes.push(cpuid);
  causes.push(...orderCauses(subject));
  return causes;
}

/**
 * Pin-based controls that KVM cannot work without and that the value does not allow: external-interrupt exiting, NMI
 * exiting, and with them virtual NMIs. QEMU leaves a control out when KVM reports that it must be 1.
 */
export function mustBeOne(subject: SetMsr): readonly number[] {
  const { index, context } = subject;
  if (index !== 0x48d || askedFor(subject, 0) || askedFor(subject, 3)) return [];
  if (context.release !== undefined && holdsIn(context.release, FROM_CONFIG) !== false) return [];
  return [0, 3, 5].filter((bit) => !askedFor(subject, bit));
}

function mustBeOneCause(subject: SetMsr, refusal: Refusal): Cause | undefined {
  const { context } = subject;
  const bits = mustBeOne(subject);
  if (bits.length === 0) return undefined;
  if (context.host !== undefined && refusal.refused.length > 0) return undefined;
  const names = listText(bits.map((bit) => bitText(explainBit(0x481, bit, "must be 1"))));
  const kernel = context.kernel?.text ?? (context.release === undefined ? undefined : `${kernelName(context.release)}`);
  return {
    text: `The value does not allow ${names} to be 1, although KVM cannot work without them: QEMU leaves a control out when KVM reports that it must be 1. So IA32_VMX_PINBASED_CTLS of this host has them in its must-be-1 half, as outer hypervisors (VMware) do and no processor does. Before ${releaseOf(FROM_CONFIG.since)} KVM keeps such bits for guests and refuses QEMU's value, which drops them; later it does not keep them${kernel === undefined ? "" : ` (this kernel: ${kernel})`}.`,
    certainty: kernel === undefined ? "likely" : "certain",
  };
}

/** The same with a register whose value does not show it: an outer hypervisor can demand more than a processor does. */
function outerMustBeOne({ index, context }: SetMsr): Cause | undefined {
  const { signs, release, host } = context;
  if (host !== undefined || !isControls(index) || !(signs.vmware || signs.virtualMachine)) return undefined;
  if (release !== undefined && holdsIn(release, FROM_CONFIG) !== false) return undefined;
  return {
    text: `The host is a virtual machine: its hypervisor can demand controls as 1 that no processor demands. Before ${releaseOf(FROM_CONFIG.since)} KVM keeps such must-be-1 bits for guests and refuses a value whose low half lacks them.`,
    certainty: "possible",
  };
}

/** Hyper-V's enlightened VMCS, which takes controls away after they were offered. */
export function evmcsCause(subject: SetMsr): Cause | undefined {
  const { index, context } = subject;
  const bits = (EVMCS_CONTROLS[index] ?? []).filter((bit) => askedFor(subject, bit));
  const old = holdsInNamed(context.kernel, NOT_REPLAYED.evmcsRemovesControls) && context.releaseFrom !== "given";
  if (bits.length === 0 || (context.release !== undefined && !old)) return undefined;
  if (mustBeOne(subject).length > 0) return undefined;
  const names = listText(bits.map((bit) => bitText(explainBit(index, bit, "refused"))));
  const where = context.signs.evmcs
    ? "The text shows such an option."
    : "Look for such an option in the machine's configuration.";
  return {
    text: `With Hyper-V's enlightened VMCS switched on for the guest (hv-evmcs, hv-passthrough), kernels before ${releaseOf(NOT_REPLAYED.evmcsRemovesControls.held.before)} remove ${names} after QEMU has seen them, and refuse the value. ${where}`,
    certainty: context.signs.evmcs ? (old ? "certain" : "likely") : old && index === 0x48d ? "likely" : "possible",
  };
}

function cpuidCause(subject: SetMsr): Cause | undefined {
  const { index, context } = subject;
  const guest = comparesWithGuest(context);
  if (guest === "no") return undefined;
  const rows = controlsByCpuid().filter((row) => row.msr === index && askedFor(subject, row.bit));
  if (rows.length === 0) return undefined;
  const off = rows.filter((row) => context.signs.disabled.has(row.feature));
  const virtual = context.signs.vmware || context.signs.virtualMachine;
  const counters = rows.filter((row) => row.feature === "pmu" && virtual);
  const pointed = off.length > 0 ? off : counters;
  const shown = pointed.length > 0 ? pointed : rows;
  const names = listText(shown.map((row) => `${bitText(explainBit(index, row.bit, "refused"))} with ${row.feature}`));
  const why =
    off.length > 0
      ? `The guest's configuration turns ${listText(off.map((row) => row.feature))} off and the value still has the control.`
      : counters.length > 0
        ? "In a virtual machine without virtual performance counters the guest has no PMU, so the control is gone."
        : "The guest does not have the feature, or the feature is there and an outer hypervisor (Hyper-V) does not give the control that belongs to it: QEMU up to 4.2 adds the control on its own then.";
  return {
    text: `Before ${HOST_DECIDES} KVM gives a guest some controls only together with a CPUID feature of the guest, and compares with that: ${names}. ${why}`,
    certainty: pointed.length > 0 ? (guest === "yes" ? "certain" : "likely") : guest === "yes" ? "likely" : "possible",
  };
}

/**
 * What the vCPU did before: KVM refuses what it would take from a new one. Without a word about it that is a cause to think
 * of, as QEMU sets these registers when it makes the vCPU (kvm_init_msrs in target/i386/kvm/kvm.c).
 */
export function vcpuCauses({ context: { vcpu, release } }: SetMsr): Cause[] {
  const freezes = release === undefined ? undefined : holdsIn(release, RESTORE_FREEZE.held);
  if (vcpu === undefined) {
    if (freezes === false) return [];
    return [
      {
        text: `Or the vCPU had run: since ${releaseOf(RESTORE_FREEZE.held.since)} KVM then refuses every value but the one that the vCPU has. QEMU sets the VMX registers when it makes a vCPU, so this concerns other programs. --vcpu ran, vmxon or l2 says what the vCPU had done.`,
        certainty: "possible",
      },
    ];
  }
  const causes: Cause[] = [];
  const known = freezes === true ? "certain" : "possible";
  if (vcpu.hasRun === "yes" && freezes !== false) {
    causes.push({
      text: `The vCPU had run: since ${releaseOf(RESTORE_FREEZE.held.since)} KVM then refuses every value but the one that the vCPU has. Set the VMX registers before KVM_RUN.`,
      certainty: known,
    });
  }
  const inL2 = release === undefined ? undefined : holdsIn(release, RESTORE_FREEZE_IN_GUEST_MODE.held);
  if (vcpu.guestMode === "yes" && vcpu.hasRun !== "yes" && inL2 !== false)
    causes.push({ text: freezeText(RESTORE_FREEZE_IN_GUEST_MODE), certainty: inL2 === true ? "certain" : "possible" });
  // Where a vCPU that has run takes its own value without another look, a refusal has the other reason.
  const looks =
    vcpu.hasRun !== "yes" || release === undefined || holdsIn(release, RESTORE_FREEZE_SHORTCUT.held) !== true;
  if (vcpu.vmxon === "yes" && looks) {
    causes.push({
      text: "The vCPU was in VMX operation: KVM refuses to change the VMX registers then (EBUSY), whatever the value.",
      certainty: "certain",
    });
  }
  return causes;
}

/** What follows from the order in which QEMU writes the registers. */
function orderCauses({ index, asked, context }: SetMsr): Cause[] {
  const place = QEMU_RESTORE_ORDER.indexOf(index);
  if (index === 0x480 && asked.hi === 0 && asked.lo === 0) {
    return [
      {
        text: `0 is what QEMU has when KVM does not report the register: kernels before ${releaseOf(NOT_REPLAYED.reportsVmxMsrs.held.since)} list no VMX registers for user space, and QEMU of 2019 (4.1, 4.2 before its release) sets it all the same; later ones leave the VMX registers alone then.`,
        certainty: "likely",
      },
    ];
  }
  if (place === 0) {
    const { since, until } = mainlineRange(NOT_REPLAYED.restoreDefects.held);
    return [
      {
        text: `0x48e is the first VMX register that QEMU sets, so KVM may refuse all of them: the vCPU has no VMX in KVM's view, or it is in VMX operation already. Kernels from ${since} to ${until} have defects here, on Hyper-V among others. QEMU before 5.0 restores a guest with VMX on in that order; with nested off QEMU sets none of them.`,
        certainty: holdsInNamed(context.kernel, NOT_REPLAYED.restoreDefects) ? "likely" : "possible",
      },
    ];
  }
  if (place < 0) return [];
  const earlier = listText(QEMU_RESTORE_ORDER.slice(0, place).map((msr) => `0x${msr.toString(16)}`));
  return [
    {
      text: `QEMU sets ${earlier} before it, and KVM accepted those: nested VMX as such is on for this guest, and only this register is refused.`,
      certainty: "likely",
    },
  ];
}
