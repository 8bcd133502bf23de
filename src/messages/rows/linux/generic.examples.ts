import type { ExamplesOf } from "../shape.examples.js";
import type { GENERIC_MESSAGES } from "./generic.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const GENERIC_EXAMPLES = {
  "generic-no-vmx": {
    examples: ["VMX not supported\\n", "Fatal: CPU does not support VT-x"],
    not: ["CPU doesn't support VT-d", "VT-x is disabled in BIOS."],
  },
  "generic-vmx-off": {
    examples: ["vt-x hardware acceleration disabled and unable to boot vm"],
    not: ["kvm: disabled by bios", "kvm: disabled by bios\\n"],
  },
  "feature-control-locked": {
    examples: [
      "IA32_FEATURE_CONTROL is locked (value=0000000000000005). (Disabled in bios?)",
      "[    0.054980] wrmsrl_safe (MSR_IA32_FEATURE_CONTROL, 00000007) failed error -5",
    ],
    not: ["init_ia32_feat_ctl", "writing IA32_FEAT_CTL"],
  },
  "generic-vmxon-failed": {
    examples: ["Failed to execute VMXON", "[565992.111729] [i] vmxon has failed!"],
    not: ["kvm-vmxon-faulted", "VERR_VMX_VMXON_FAILED"],
  },
  "generic-ept-exit": {
    examples: [
      "dune: exit due to EPT violation",
      "vmx: page fault failure GPA 0x4036a0000, GVA: 0x4036a0000",
      "EptSplitLargePage caused EPT Misconfiguration.",
      "when I make start, the hypervisor would encounter an `EPT Violation` forever.",
    ],
    not: [
      "bad vmexit 0x31 (EXIT_REASON_EPT_MISCONFIG)",
      "Handle unexpected EPT misconfig in selftests",
      "An EPT misconfiguration occurs if a write is allowed without a read.",
      "VM exits caused by EPT violations save the guest-linear address.",
    ],
  },
  "generic-vmlaunch-failed": {
    examples: ["VMLAUNCH failed", "[-] VMLAUNCH failed!"],
    not: ["generic-vmlaunch-failed", "VM entry failed: RIP=00007ffffffff000"],
  },
} as const satisfies ExamplesOf<typeof GENERIC_MESSAGES>;
