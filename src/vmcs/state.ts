import type { U64 } from "../bits/u64.js";
import type { Value64 } from "./value64.js";

/** One entry of the VM-entry MSR-load area (SDM volume 3, 26.7.2). */
export interface MsrLoadEntry {
  /** MSR index: bits 31:0 of the entry. */
  readonly index: number;
  /** Bits 63:32 of the entry, where known. */
  readonly reserved?: number;
  readonly value: U64;
}

/** What the failed instruction or the VM exit reported. */
export type Reported =
  /** VMLAUNCH or VMRESUME gave VMfailValid with this VM-instruction error. */
  | { readonly kind: "vmfail"; readonly error: number }
  /** A VM exit whose reason has bit 31 set: VM entry failed after the control and host checks. */
  | { readonly kind: "entry-failure"; readonly reason: number; readonly qualification?: U64 }
  /** Something other than a failed VM entry: the dump shows the VMCS as the last VM exit left it. */
  | { readonly kind: "other"; readonly reason?: number }
  | { readonly kind: "unknown" };

/** A VMCS, as far as the source gives it. A field that is missing from the map is not known. */
export interface Vmcs {
  /** By encoding of the whole field. */
  readonly fields: ReadonlyMap<number, Value64>;
  /** Contents of the VM-entry MSR-load area, in order, where the source shows them. */
  readonly msrLoad?: readonly MsrLoadEntry[];
  readonly reported?: Reported;
  /** Values that belong to the guest but are not in the VMCS, by name, as the source prints them. */
  readonly asides?: { readonly [name: string]: string };
}
