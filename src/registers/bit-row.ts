import type { SourceId } from "./sources.js";

/**
 * One named bit of a VMX capability register.
 *
 * `bit` counts in the 32-bit control word for the pin, primary, secondary, exit and entry controls (the word whose
 * allowed-0 settings are in MSR bits 31:0 and whose allowed-1 settings are in bits 63:32), and in the 64-bit
 * MSR itself for every other register.
 */
export interface BitRow {
  readonly bit: number;
  /** The project's key: the kernel's short name where the kernel has one, else derived from the SDM name. */
  readonly key: string;
  /** Name in the Intel SDM, short form. */
  readonly sdm: string;
  /** Linux macro (asm/vmx.h, asm/msr-index.h). */
  readonly linux?: string;
  /** Linux `VMX_FEATURE_` name without the prefix (asm/vmxfeatures.h). */
  readonly feature?: string;
  /** Name on the `vmx flags` line of /proc/cpuinfo in the newest release known. */
  readonly cpuinfo?: string;
  /** QEMU `-cpu` property. */
  readonly qemu?: string;
  /** QEMU's C macro (target/i386/cpu.h). */
  readonly qemuMacro?: string;
  /** libvirt CPU feature. */
  readonly libvirt?: string;
  /** Xen macro. */
  readonly xen?: string;
  /** Text of Xen's boot log line. */
  readonly xenBoot?: string;
  /** ia32-doc identifier. */
  readonly ia32doc?: string;
  /** Label printed by QEMU's vmxcap script. */
  readonly vmxcap?: string;
  /** Where the meaning of the bit is taken from; without it, the source of the bit's register. */
  readonly source?: SourceId;
}

/** A field of several bits of a 64-bit MSR. `high` and `low` are its first and last bit, as in `44:32`. */
export interface FieldRow {
  readonly high: number;
  readonly low: number;
  readonly key: string;
  /** What the SDM says that the field holds. */
  readonly sdm: string;
  readonly unit: FieldUnit;
  readonly source?: SourceId;
}

/**
 * How the number in a field is to be read: `id` an identifier, `bytes`, `memoryType` an encoding as in the PAT,
 * `tscShift` a timer that counts when that bit of the time-stamp counter changes, `msrs` a list length in steps of 512,
 * `mask` one bit per function, `count` and `index` as they are.
 */
export type FieldUnit = "id" | "bytes" | "memoryType" | "tscShift" | "count" | "msrs" | "index" | "mask";

/** A bit that processors set and that the sources of names do not name. `bit` counts as in `BitRow`. */
export interface UnnamedRow {
  readonly bit: number;
  /** On which processors it was seen set. */
  readonly seen?: string;
  /** What some other public text calls it: a hint, not a name to rely on. */
  readonly hint?: string;
  readonly source: SourceId;
}
