import { paramsOf } from "../kvm/programs.js";
import { type Replay, replay } from "../kvm/replay.js";
import { withWords } from "../kvm/with-words.js";
import { withKernel } from "../situation/changed.js";
import { keepFound } from "../situation/kept.js";
import { kernelSet } from "../situation/kernels.js";
import { kernelsText } from "../situation/kernels-text.js";
import type { Candidate, Situation } from "../situation/situation.js";
import { compareRun } from "./compare-run.js";
import { foundWords } from "./found-words.js";
import type { ModuleRun } from "./kernel/run-modules.js";
import type { Proof, Prover } from "./prover.js";

/** A situation whose answers are those of the kernel's own code. */
export interface ByModule {
  readonly situation: Situation;
  readonly proof: Proof;
}

/**
 * The situation under the kernel of a module: what its own code makes of the host is the answer. What the code does not
 * decide, and reasons, come from the tables nearest to it. A sentence where the code does not run to its end.
 *
 * @param file the module's, for people.
 */
export function byModule(asked: Situation, prover: Prover, file: string): ByModule | { readonly problem: string } {
  const set = kernelSet(prover.kernel);
  const named = asked.kernel.from === "asked" || "error" in set ? asked : withKernel(asked, set);
  const [{ options }] = named.candidates;
  const proof = prover.prove(named.host, options);
  const stopped = proof.modules.stopped ?? proof.boot?.stopped;
  if (stopped !== undefined)
    return { problem: `${file}: the code did not run to its end: ${stopped.message}, at ${stopped.where}` };
  const nearest = nearestOf(named, proof);
  const found = foundWords(proof.modules, proof.boot);
  const situation: Situation = {
    ...named,
    candidates: nearest.candidates,
    notes: [...named.notes, noteOn(prover, file, nearest)],
  };
  keepFound(situation, (replayed) => withWords(replayed, found));
  return { situation, proof };
}

interface Nearest {
  readonly candidates: Situation["candidates"];
  /** Results in which they differ from the module. */
  readonly differ: number;
}

/** Of the kernels that it can be by its name, those whose tables differ least from what the module does. */
function nearestOf({ host, candidates }: Situation, { modules, boot }: Proof): Nearest {
  const counted = candidates.map((candidate) => {
    const replayed = replay(host, { ...candidate.options, startFromOffered: false });
    const { items } = compareRun(replayed, modules, boot);
    const differ = items.filter(({ verdict }) => verdict === "differ").length + absentParams(replayed, modules);
    return { candidate, differ };
  });
  const differ = Math.min(...counted.map((one) => one.differ));
  const left = counted.filter((one) => one.differ === differ).map(({ candidate }) => candidate);
  return { candidates: left as unknown as readonly [Candidate, ...Candidate[]], differ };
}

/** Parameters that a kernel has by the tables, and the module has not. */
function absentParams({ release, config }: Replay, { params }: ModuleRun): number {
  if (params.size === 0) return 0;
  const modules = new Set([...params.keys()].map((name) => name.split(".")[0]));
  return paramsOf(release, config).filter(({ module, name }) => modules.has(module) && !params.has(`${module}.${name}`))
    .length;
}

function noteOn({ kernel, hasBoot }: Prover, file: string, { candidates, differ }: Nearest): string {
  const tables = kernelsText(candidates.map(({ release }) => release));
  const agree = differ === 0 ? "which agree with it in all of that" : `which differ from it in ${differ} results`;
  const boot = hasBoot ? "the `vmx flags` line, KVM's controls" : "KVM's controls";
  return `by the code of ${file} (Linux ${kernel}) itself: whether it loads, ${boot}, parameters and what L1 gets; the rest, and reasons, are of the tables of ${tables}, ${agree}`;
}
