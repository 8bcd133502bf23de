import { KERNELS, type KernelRow, kernelRow, type Release } from "../../rules/kernels.js";
import { kernelTables, rowHolds } from "./tables.js";

/** The upstream state that a kernel is most like, and how many facts of the tables differ. */
export interface LikeKernel {
  readonly release: Release;
  readonly differ: number;
}

/** How many facts part two kernels; a structure whose fields moved counts once. */
function parting(a: KernelRow, b: KernelRow): number {
  let count = 0;
  for (const { name, rows, detail, silent, beside } of kernelTables()) {
    if (detail === true || silent === true || beside === true) continue;
    const differ = rows.filter((row) => rowHolds(row, a) !== rowHolds(row, b)).length;
    count += name === "layouts" ? Math.min(1, differ) : differ;
  }
  return count;
}

/** The upstream state whose facts a vendor's kernel shares most; of equally near ones the newest. */
export function likeKernel(release: Release): LikeKernel {
  const kernel = kernelRow(release);
  let best: LikeKernel | undefined;
  for (const row of KERNELS as readonly (KernelRow & { readonly id: Release })[]) {
    if (row.line !== "upstream") continue;
    const differ = parting(kernel, row);
    if (best === undefined || differ <= best.differ) best = { release: row.id, differ };
  }
  return best as LikeKernel;
}
