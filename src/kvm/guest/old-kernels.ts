import type { Fact } from "../../rules/held.js";

/*
 * Facts about kernels older than every modelled one. Answers about a message need them; nothing is replayed with them.
 */

export const OLD_KERNELS = {
  /**
   * Hyper-V's enlightened VMCS, switched on for a guest, removed controls from what user space may set after KVM had
   * reported them to user space; and a value was compared with what the vCPU had (nested_enable_evmcs).
   */
  evmcsTakesControls: {
    held: { before: "5.6" },
    text: "switching on the enlightened VMCS for a guest removes controls after KVM reported them to user space",
  },
  /** Defects in what user space may set, on Hyper-V among others. */
  restoreDefects: {
    held: { before: "5.3" },
    text: "user space cannot set every value that KVM reported",
  },
} as const satisfies { readonly [name: string]: Fact & { readonly text: string } };
