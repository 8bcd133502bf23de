import { withCore } from "../../situation/changed.js";
import { coreText } from "../../situation/pick-cpu.js";
import type { Situation } from "../../situation/situation.js";

/** One host of a comparison. */
export interface ComparedHost {
  /** Who it is, for people; different for each host of a comparison. */
  readonly label: string;
  readonly situation: Situation;
}

/** `a, b and c` */
export function listed(names: readonly string[], before: "and" | "or" = "and"): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} ${before} ${last}`;
}

/** What a command of several hosts gives its caller to print. */
export interface RunResult {
  /** Plain text, without ends of line. */
  readonly lines: readonly string[];
  readonly json: unknown;
  /** 0 fine, 1 the answer is no or not known, 2 bad input. */
  readonly exitCode: 0 | 1 | 2;
}

/** Each kind of core of a host as a host of its own; the host itself if there is one kind. */
export function coreHosts(compared: ComparedHost): readonly [ComparedHost, ...ComparedHost[]] {
  const { situation, label } = compared;
  const [, ...rest] = situation.host.cores;
  if (rest.length === 0) return [compared];
  const each = situation.host.cores.map((core, index) => ({
    label: `${label} ${coreText(core, index)}`,
    situation: withCore(situation, index),
  }));
  return each as [ComparedHost, ...ComparedHost[]];
}
