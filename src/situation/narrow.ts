import type { Host } from "../host/host.js";
import { type Replay, replay } from "../kvm/replay.js";
import type { Release } from "../rules/release.js";
import type { VerifyItem } from "./evidence/item.js";
import { verifyItems } from "./evidence/items.js";
import type { Candidate } from "./situation.js";

/** A statement of the machine that a kernel would not have made it make. */
export interface Contradiction {
  /** `ipi_virt on the vmx flags line`. */
  readonly what: string;
  /** As the machine shows it. */
  readonly reported: string;
  /** The kernels that contradict it. */
  readonly kernels: readonly Release[];
}

/** What the evidence of a machine leaves of the kernels that it can be. */
export interface Narrowed {
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /** Kernels that were ruled out, each under the statement that says most; empty if none was. */
  readonly ruledOut: readonly Contradiction[];
  /** Set if every kernel is contradicted: the one with the fewest contradictions, and those. Nothing is ruled out then. */
  readonly contradicted?: { readonly nearest: Release; readonly by: readonly Contradiction[] };
  /** The replays of the candidates that are left, where they can replace those of the situation. */
  readonly replays?: readonly [Replay, ...Replay[]];
  /** Whether something that the machine reported differs under every kernel. */
  readonly differs?: true;
}

/**
 * Rules out kernels by what the machine itself reported under its own: the names on its `vmx flags` line, parameters and
 * their values, messages and their wording, the nested MSRs. A statement that no candidate fits says something about the
 * registers and nothing about the kernel. `made`: replays of candidates that exist already.
 */
export function narrowed(
  host: Host,
  candidates: readonly [Candidate, ...Candidate[]],
  made: ReadonlyMap<Release, Replay> = new Map(),
): Narrowed {
  if (!hasEvidence(host)) return { candidates, ruledOut: [] };
  const replays = candidates.map(
    ({ release, options }) => made.get(release) ?? replay(host, { ...options, startFromOffered: false }),
  );
  const differing = replays.map((replayed) => contradictions(host, replayed));
  const ids = new Set(differing.flatMap((items) => [...items.keys()]));
  const conflicting = [...ids].filter((id) => !differing.every((items) => items.has(id)));
  const differs = conflicting.length < ids.size ? { differs: true as const } : {};
  const against = differing.map((items) => conflicting.filter((id) => items.has(id)));
  const kept = candidates.filter((_, at) => against[at]?.length === 0);
  const [first, ...more] = kept;
  if (first === undefined) {
    const fewest = Math.min(...against.map((list) => list.length));
    const at = against.findIndex((list) => list.length === fewest);
    const by = (against[at] ?? []).map((id) => statement(differing[at]?.get(id) as VerifyItem, kernelsAgainst(id)));
    return {
      candidates,
      ruledOut: [],
      contradicted: { nearest: (candidates[at] as Candidate).release, by },
      ...differs,
    };
  }
  if (more.length + 1 === candidates.length) return { candidates, ruledOut: [], ...differs, ...replaysOf(candidates) };
  return { candidates: [first, ...more], ruledOut: ruledOut(), ...differs, ...replaysOf([first, ...more]) };

  function kernelsAgainst(id: string): readonly Release[] {
    return candidates.filter((_, at) => differing[at]?.has(id)).map(({ release }) => release);
  }

  /** Each excluded kernel is listed under the statement that rules out most. */
  function ruledOut(): Contradiction[] {
    const counted = conflicting.map((id) => ({ id, kernels: kernelsAgainst(id) }));
    counted.sort((a, b) => b.kernels.length - a.kernels.length);
    const listed = new Set<Release>();
    return counted.flatMap(({ id, kernels }) => {
      const fresh = kernels.filter((kernel) => !listed.has(kernel));
      for (const kernel of fresh) listed.add(kernel);
      const item = differing.find((items) => items.has(id))?.get(id) as VerifyItem;
      return fresh.length === 0 ? [] : [statement(item, fresh)];
    });
  }

  function replaysOf(left: readonly Candidate[]): Pick<Narrowed, "replays"> {
    if (candidates.some(({ options }) => options.startFromOffered === true)) return {};
    return { replays: replays.filter((_, at) => left.includes(candidates[at] as Candidate)) as [Replay, ...Replay[]] };
  }
}

/** Whether the machine reported something that a replay reports, too. */
export function hasEvidence({ observed, params }: Host): boolean {
  return (
    observed?.vmxFlags !== undefined ||
    observed?.cpuFlags !== undefined ||
    observed?.vmx !== undefined ||
    observed?.loadError !== undefined ||
    observed?.modules?.kvm_intel === true ||
    (observed?.messages?.length ?? 0) > 0 ||
    (observed?.nestedMsrs?.size ?? 0) > 0 ||
    params !== undefined
  );
}

/** What differs, by id; the name of the kernel is the question, and 0x3a was read after boot. */
function contradictions(host: Host, replayed: Replay): ReadonlyMap<string, VerifyItem> {
  const items = verifyItems(host, replayed).filter(
    ({ verdict, kind }) => verdict === "differ" && kind !== "kernel" && kind !== "feat-ctl",
  );
  return new Map(items.map((item) => [item.id, item]));
}

function statement({ what, reported }: VerifyItem, kernels: readonly Release[]): Contradiction {
  return { what, reported, kernels };
}
