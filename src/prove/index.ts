/**
 * Proving: the kernel's own modules, from the files of a distribution, run over a host's registers in an interpreter,
 * and every result compared with the tables. For a vendor's kernel whose source was not read, and for readers who
 * want proof.
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
