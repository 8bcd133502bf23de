import { KERNELS, type KernelRow, type Release } from "../rules/kernels.js";

/** A modelled kernel, by name. */
export type Modelled = KernelRow & { readonly id: Release };

export const MODELLED: readonly Modelled[] = KERNELS;
