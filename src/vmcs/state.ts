import type { U64 } from "../bits/u64.js";
import type { FactName, MemoryName } from "./checks/expr.js";
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
  /** VMLAUNCH or VMRESUME failed and the VM-instruction error is 0: an outer hypervisor refused without one. */
  | { readonly kind: "no-number" }
  /** VMRUN gave VMEXIT_INVALID: an AMD CPU, which has no VMCS. */
  | { readonly kind: "vmrun" }
  | { readonly kind: "unknown" };

/** Facts that are not in the VMCS. A member that is missing is not known. */
export interface KnownFacts {
  readonly state?: { readonly [F in FactName]?: boolean };
  readonly memory?: { readonly [M in MemoryName]?: U64 };
  /** IA32_TME_ACTIVATE bits 39:36: physical-address bits taken by key identifiers. */
  readonly tmeKeyBits?: number;
}

/** A VMCS, as far as the source gives it. A field that is missing from the map is not known. */
export interface Vmcs {
  /** By encoding of the whole field. */
  readonly fields: ReadonlyMap<number, Value64>;
  /** Contents of the VM-entry MSR-load area, in order, where the source shows them. */
  readonly msrLoad?: readonly MsrLoadEntry[];
  /** One entry of that area, where the source shows only the one that failed; its number counts from 1. */
  readonly msrEntry?: MsrLoadEntry & { readonly number: number };
  /** What the source says about the processor and about memory at the VM entry. */
  readonly known?: KnownFacts;
  readonly reported?: Reported;
  /** Values that belong to the guest but are not in the VMCS, by name, as the source prints them. */
  readonly asides?: { readonly [name: string]: string };
}
