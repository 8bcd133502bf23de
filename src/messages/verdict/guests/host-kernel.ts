import { answer, type TextVerdict } from "../../../answers/answer.js";

/*
 * Faults of the host's kernel while KVM runs guests: a check in another part of it, and its sleep.
 */

type Says = Omit<TextVerdict, "covers">;

/** Of the host's KVM, and not of a guest's clock; it can be built into the kernel. */
const KVM_FRAME =
  /(?:^|[ \]>])(kvm_(?:(?:vcpu|vm|dev)_ioctl|arch_vcpu_ioctl_run|(?:tdp_)?mmu_\w{3,50}|set_memslot|io_bus_write|destroy_vm)|vcpu_enter_guest)\+0x[0-9a-f]{1,6}\/0x/;
/** An oops or a warning, and its trace. */
const LINES_OF_TRACE = 60;

/** The first function of KVM's in the trace behind a line. */
export const frameOfKvm = (lines: readonly string[], at: number): string | undefined =>
  lines
    .slice(at, at + LINES_OF_TRACE)
    .map((line) => KVM_FRAME.exec(line)?.[1])
    .find((name) => name !== undefined);

const WARNED = /\bWARNING: CPU: \d{1,5} PID: \d{1,8} at (?<file>[\w./+-]{1,120}:\d{1,6}) (?<fn>[\w.]{1,80})/;

/** A check outside of KVM that did not hold while KVM ran a guest. */
export function warnedBelowKvm(lines: readonly string[]): TextVerdict | undefined {
  const at = lines.findIndex((line) => WARNED.test(line));
  const frame = at < 0 ? undefined : frameOfKvm(lines, at);
  if (frame === undefined) return undefined;
  const { file, fn } = WARNED.exec(lines[at] as string)?.groups ?? {};
  return {
    says: `At line ${at + 1} a check of the kernel did not hold (${fn}, ${file}) while it worked for KVM (${frame} is in its trace), and the kernel went on. That is a fault of the kernel; KVM runs a guest there, so VT-x or AMD-V works.`,
    steps: [{ text: "Use the newest stable update of this kernel; without one, report the whole block." }],
    evidence: [],
    line: at + 1,
    covers: [],
  };
}

const ASLEEP = /\b(?:suspend\w{0,3}|sleep|S3|hibernat\w{1,4})\b/i;
const STAYS_ASLEEP = /\b(?:not|never|n['’]t|fails? to|unable to|cannot) (?:\w{2,10} )?(?:wake\w{0,3}|resume\w{0,2})\b/i;
const GUEST_RUNS =
  /\b(?:if|when|while|with) (?:an? |any |the )?(?:KVM |QEMU |libvirt )?(?:VMs?|virtual machines?|guests?) (?:is|are|was) (?:running|active|started)\b|\bwith (?:an? )?running (?:KVM |QEMU )?(?:VM|guest|virtual machine)/i;
/** A host that does not come back from its sleep while guests run. */
export const noWake = (text: string): Says | undefined =>
  ASLEEP.test(text) && STAYS_ASLEEP.test(text) && GUEST_RUNS.test(text) && /\b(?:KVM|QEMU|libvirt)\b/i.test(text)
    ? answer(
        "The host does not come back from sleep while a guest of KVM runs. KVM switches virtualization off on every CPU before, and on again at the resume: the fault is there, in a device that the guest uses, or in the firmware. No setting of VT-x or AMD-V is missing.",
        [
          { text: "Save or stop the guests before the host sleeps.", commands: ["virsh managedsave NAME"] },
          {
            text: "See whether it wakes up with KVM loaded and no guest, and what the kernel said last.",
            commands: ["journalctl -b -1 -k | tail -50"],
          },
        ],
      )
    : undefined;
