import type { ProveOptions, Prover } from "../../prove/prover.js";
import { withRelease } from "../../situation/changed.js";
import type { Situation } from "../../situation/situation.js";
import type { ProofDifference, ProvedHost } from "./prove-report.js";

/** Differences whose instruction is looked for: each takes a run of its own. */
const DECIDED = 20;

/** The situation under the kernel of the module, where there are tables for it. */
export function ofModule({ resolved: { release } }: Prover, situation: Situation): Situation {
  return release === undefined ? situation : withRelease(situation, release);
}

/** What a run is asked for in a situation: its first kernel, its parameters, its machine. */
export function proveOptions({ candidates: [candidate] }: Situation): ProveOptions {
  const { params, machine, config } = candidate.options;
  return {
    release: candidate.release,
    ...(params === undefined ? {} : { params }),
    ...(machine === undefined ? {} : { machine }),
    ...(config === undefined ? {} : { config }),
  };
}

/** Runs the kernel's code over a host, compares, and finds the instruction behind each of the first differences. */
export function provedHost(prover: Prover, situation: Situation, name: string): ProvedHost {
  const options = proveOptions(situation);
  const proof = prover.prove(situation.host, options);
  const differences = proof.comparison.items
    .filter(({ verdict }) => verdict === "differ")
    .map((item, index): ProofDifference => {
      const [first] = item.bits;
      const decision =
        item.place === undefined || first === undefined || index >= DECIDED
          ? undefined
          : prover.decide(situation.host, item.place, first.bit, options);
      return { item, ...(decision === undefined ? {} : { decision }) };
    });
  return { name, situation, proof, differences };
}
