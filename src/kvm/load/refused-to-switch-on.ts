/*
 * A crash of kvm_intel where it switches VT-x on.
 */

/** Where a CPU gets VT-x switched on: a write of IA32_FEAT_CTL, and VMXON. */
const SWITCHES_ON = /^(?:vmx_)?(?:hardware_enable|enable_virtualization_cpu)$|^(?:kvm_)?cpu_vmxon$/;
const SLEPT = /\b(?:suspend|resum|sleep|hibernat|S3\b|standby)/i;

interface Refused {
  readonly says: string;
  readonly steps: readonly { readonly text: string; readonly commands?: readonly string[] }[];
}

/** A general protection fault in one of the functions above; the text says whether the machine slept. */
export function refusedToSwitchOn(fn: string, text: string): Refused | undefined {
  if (!SWITCHES_ON.test(fn)) return undefined;
  const slept = SLEPT.test(text);
  return {
    says: `in function ${fn} of kvm_intel, which switches VT-x on for one CPU. The CPU refused that: as a rule its IA32_FEAT_CTL is locked with VMX off${slept ? ", as some firmware leaves it after sleep" : ""}.`,
    steps: [
      {
        text: "Read IA32_FEAT_CTL of every CPU: 1 is locked off; 5 and 7 are good.",
        commands: ["sudo modprobe msr; sudo rdmsr -a 0x3a"],
      },
      { text: `Update the firmware${slept ? "; until then, restart in place of sleep" : ""}.` },
    ],
  };
}
