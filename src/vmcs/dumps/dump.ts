import type { Diagnostic } from "../../input/text/diagnostic.js";
import type { Vmcs } from "../state.js";

/** Formats in which people write a VMCS down. */
export const VMCS_FORMATS = ["linux", "xen", "haxm", "list", "json", "qemu", "virtualbox", "kvm"] as const;

/**
 * One of `VMCS_FORMATS`. `linux` and `xen` are the dumps of a failed VM entry; `qemu`, `virtualbox` and `kvm`
 * (what KVM_GET_SREGS gives) are a guest's registers, which are only a part of a VMCS; `list` is any list of fields with values.
 */
export type VmcsFormat = (typeof VMCS_FORMATS)[number];

/** One VMCS that a reader found in a text. */
export interface VmcsDump {
  readonly vmcs: Vmcs;
  readonly format: VmcsFormat;
  /** First and last line, from 1. */
  readonly lines: readonly [first: number, last: number];
  /** What the text calls it: a vCPU, a key in a JSON document, the CPU of the last VM entry. */
  readonly name?: string;
  /** What the reader has to say about this dump. */
  readonly diagnostics: readonly Diagnostic[];
}
