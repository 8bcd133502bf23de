import type { Held } from "../../rules/held.js";
import type { ControlName } from "./control-bits.js";

/**
 * When a CPU has the field: `"always"`; `"fred"` on CPUs with FRED transitions; `"cr3-targets"` as far as
 * IA32_VMX_MISC bits 24:16 count; otherwise when its capability MSRs allow at least one of the controls to be 1.
 */
export type ExistsIf = "always" | "fred" | "cr3-targets" | readonly ControlName[];

/** One VMCS component of SDM appendix B. Width and type follow from the encoding. */
export interface FieldRow {
  /** Encoding of the whole field (bit 0 clear; the high half of a 64-bit field is this plus 1). */
  readonly encoding: number;
  /** The project's key, as in `guest.cs.ar`. */
  readonly key: string;
  /** Name in the Intel SDM. */
  readonly sdm: string;
  /** Name in Linux, arch/x86/include/asm/vmx.h. */
  readonly linux?: string;
  /** Name in Xen, xen/arch/x86/include/asm/hvm/vmx/vmcs.h. */
  readonly xen?: string;
  readonly exists: ExistsIf;
  /** Where the dump of Linux shows it. */
  readonly linuxDump?: string;
  /** The kernels whose dump shows it; all if missing. */
  readonly linuxDumpHeld?: Held;
  /** Where the dump of Xen shows it. */
  readonly xenDump?: string;
  /** What the sources do not agree on. */
  readonly note?: string;
}
