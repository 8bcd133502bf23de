import { kernelName } from "../rules/release.js";
import type { Situation } from "../situation/situation.js";

/** `Linux 6.12`, `RHEL 9.4`, or `Linux 6.6 or 6.12` for a kernel that can be either. */
export function kernelLabel({ candidates }: Pick<Situation, "candidates">): string {
  const names = candidates.map(({ release }) => kernelName(release));
  return orList(
    names.map((name, at) => (at > 0 && names[at - 1]?.startsWith("Linux ") ? name.replace(/^Linux /, "") : name)),
  );
}

/** `Linux 6.12`, with what was asked for where that is something else. */
export function kernelText(situation: Pick<Situation, "candidates" | "kernel">): string {
  const { note } = situation.kernel;
  return `${kernelLabel(situation)}${note === undefined ? "" : ` (${kernelReason(situation)})`}`;
}

/** Why these kernels, in one clause. */
export function kernelReason({ kernel }: Pick<Situation, "kernel">): string {
  const note = kernel.note === undefined ? "" : `: ${kernel.note}`;
  switch (kernel.from) {
    case "asked":
      return kernel.note ?? "asked for";
    case "host":
      return `the host runs ${kernel.text}${note}`;
    default:
      return "the newest long-term release known; --kernel takes another";
  }
}

/** `a, b or c` */
export function orList(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
