import type { KernelConfig } from "../rules/condition.js";
import type { Release } from "../rules/release.js";
import type { Axis } from "./kernel-axis.js";
import type { Modelled } from "./modelled.js";

/** The kernels that a text can mean, of those whose rules are known. */
export interface KernelSet {
  /** As it was written. */
  readonly text: string;
  /** What was understood: `RHEL 9.4`, `Ubuntu 5.15`, `Linux 6.12.9`. */
  readonly name: string;
  /** Oldest first. */
  readonly candidates: readonly [Release, ...Release[]];
  /** How they were found; see `KERNEL_BASES`. */
  readonly basis: KernelBasis;
  /** Where it can be another than the one that was named: why, in one clause. */
  readonly note?: string;
  /** Older states of the series that was named without a stable release. */
  readonly olderStates?: readonly Release[];
  /** Built for 32 bits. */
  readonly bits32?: true;
  /** Build options in which the vendor's kernels are known to differ from Debian's. */
  readonly config?: Partial<KernelConfig>;
}

/** How a name leads to modelled kernels. */
export const KERNEL_BASES = {
  exact: "it is modelled",
  series: "the newest known state of the series",
  states: "which stable release it is does not follow from its name",
  between: "not modelled; the releases around it are",
  backports: "a vendor's kernel, with code from newer releases",
  newer: "newer than every kernel that is modelled",
  older: "older than every kernel that is modelled",
} as const;
export type KernelBasis = keyof typeof KERNEL_BASES;

/** What a name leads to, or a sentence that says why there is nothing. */
export type Answer = Found | { readonly error: string };
export type Found = Pick<KernelSet, "basis" | "note" | "olderStates"> & {
  readonly ids: readonly Release[];
  readonly name?: string;
};

export const exactly = ({ id }: Modelled): Found => ({ ids: [id], basis: "exact" });

/** Newer than all that is known: the newest, extrapolated. */
export function newerThanAll({ upstream }: Axis, what: string): Found {
  const { id } = upstream.at(-1) as Modelled;
  return {
    ids: [id],
    basis: "newer",
    note: `${what} is newer than every kernel that is modelled: every answer is as of ${id}`,
  };
}
