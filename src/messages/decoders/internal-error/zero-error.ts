import type { Decoded } from "../../../answers/answer.js";
import type { VmcsDump } from "../../../vmcs/dumps/dump.js";
import { EXIT_REASONS } from "../../../vmcs/fields/decode-tables.js";

/*
 * "entry failed, hardware error 0x0" beside a dump: what the dump shows says whether an entry was tried at all.
 */

const [RIP, RFLAGS, CS, GDTR_LIMIT] = [0x681e, 0x6820, 0x0802, 0x4810];

/** What the dumps of a text make of an error 0; undefined where they leave it open. */
export function zeroErrorBy(dumps: readonly VmcsDump[]): Decoded | undefined {
  const exited = dumps
    .flatMap(({ vmcs: { reported } }) => (reported?.kind === "other" ? [reported.reason ?? 0] : []))
    .find((reason) => reason >>> 0 < 1 << 16 && reason !== 0 && EXIT_REASONS[reason] !== undefined);
  if (exited !== undefined)
    return {
      what: `No VM entry was refused for its state: the dump's exit reason is ${exited} (${EXIT_REASONS[exited]}), an ordinary VM exit, so this VMCS was entered, and 0 names no error. KVM took CF or ZF behind VMLAUNCH or VMRESUME for a failure: a fault of this kernel, or of the hypervisor below where there is one.`,
      values: [{ name: "VM-instruction error", value: "0 (none)" }],
      onlySteps: true,
      steps: [
        {
          text: "Start the kernel that worked, or the newest one; report both versions with the dump.",
          commands: ["uname -r; systemd-detect-virt"],
        },
      ],
    };
  const isEmpty = dumps.some(({ format, vmcs: { fields } }) => {
    const isZero = (field: number) => {
      const value = fields.get(field);
      // Of a 32-bit block the high half is not known, nor are flags that KVM changes for the guest.
      return value !== undefined && (value.lo.value | (value.lo.unknown & 0xfff) | value.hi.value) === 0;
    };
    return format === "qemu" && [RIP, RFLAGS, CS, GDTR_LIMIT].every(isZero);
  });
  return isEmpty
    ? {
        what: "No VM entry was carried out: RIP, RFLAGS and the segments all read 0, which no guest has (bit 1 of RFLAGS is always 1), and the error is 0. KVM could not read or load its VMCS: VMPTRLD, VMREAD or VMWRITE failed before, as under a hypervisor below that has a fault there.",
        values: [{ name: "VM-instruction error", value: "0 (none)" }],
        onlySteps: true,
        steps: [
          {
            text: "Read which instruction failed first, in the log of the kernel that runs KVM.",
            commands: ["sudo dmesg | grep -iE 'vmptrld|vmclear|vmread|vmwrite|vmxon' | head -3; systemd-detect-virt"],
          },
        ],
      }
    : undefined;
}

/** Beside a hypervisor that takes VT-x while its machines run. */
export const TAKEN: Decoded = {
  what: "KVM's VMLAUNCH or VMRESUME failed without an error's number while another hypervisor runs beside it: VirtualBox and VMware take VT-x for their own machines, and the two cannot have it at once.",
  values: [{ name: "VM-instruction error", value: "0 (none)" }],
  onlySteps: true,
  steps: [
    {
      text: "Stop the machines of the other hypervisor, then start the guest of KVM anew.",
      commands: ["VBoxManage list runningvms; lsmod | grep -E 'vbox|vmmon'"],
    },
  ],
};
