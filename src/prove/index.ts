/**
 * Proving: the kernel's own modules, from the files of a distribution, run over a host's registers in an interpreter, and
 * every result compared with the tables. For a vendor's kernel that nobody has read, and for those who believe nothing.
 *
 * @module prove
 */
export type { Comparison } from "./compare-run.js";
export {
  loadProver,
  type Proof,
  type ProofFiles,
  type ProveOptions,
  type Prover,
} from "./prover.js";
