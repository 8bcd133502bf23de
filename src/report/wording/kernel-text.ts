import { listed } from "../../compare/hosts/compared-host.js";
import type { Release } from "../../rules/release.js";
import { kernelName } from "../../rules/release.js";
import { behavesLike, kernelsText } from "../../situation/kernels-text.js";
import type { Contradiction } from "../../situation/narrow.js";
import { replays } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import { linesOf } from "../../situation/vmx-flags.js";

/**
 * `Linux 6.12`, `RHEL 9.4`, or all kernels that it can be: `Linux 6.6 or 6.8`, `el9.4 or el9.5`. One that is newer than all
 * that are known says so: `Linux 7.9 as of 7.3`.
 */
export function kernelLabel({ candidates, kernel }: Pick<Situation, "candidates" | "kernel">): string {
  const label = kernelLabelOf(candidates.map(({ release }) => release));
  if (kernel.basis !== "newer" || kernel.name === undefined) return label;
  return `${kernel.name} as of ${label.replace(/^Linux /, "")}`;
}

export function kernelLabelOf(kernels: readonly Release[]): string {
  const [only, ...others] = kernels;
  if (only !== undefined && others.length === 0) return kernelName(only);
  if (kernels.length < 4) {
    const names = kernels.map(kernelName);
    const short = (name: string, at: number) =>
      names[at - 1]?.startsWith("Linux ") ? name.replace(/^Linux /, "") : name;
    return listed(names.map(short), "or");
  }
  const text = kernelsText(kernels);
  return `${/^\d/.test(text) ? "Linux " : ""}${text.replace(/, (?=[^,]*$)/, " or ")}`;
}

/** `5.14.0-427.el9 → RHEL 9.4 (behaves like 6.6)`: what was named, and what it is understood as. */
export function kernelText(situation: Pick<Situation, "candidates" | "kernel">): string {
  const { kernel, candidates } = situation;
  const label = kernelLabel(situation);
  const like = candidates.length === 1 ? behavesLike(candidates[0].release) : undefined;
  const behaves = like === undefined ? "" : ` (behaves like ${like})`;
  const { text } = kernel;
  const same = text === undefined || label === `Linux ${text}` || label === text;
  return `${same ? "" : `${text} → `}${label}${behaves}`;
}

/** Why these kernels, in one clause; empty where the name says it all. */
export function kernelReason({ kernel }: Pick<Situation, "kernel">): string {
  if (kernel.from === "default" && kernel.ruledOut.length > 0)
    return "no kernel is named; these fit what the machine shows; choose another with --kernel";
  if (kernel.from === "default") return "the newest long-term release modelled; choose another with --kernel";
  const by = kernel.from === "asked" ? "asked for" : "what the host runs";
  return kernel.note === undefined ? by : `${by}; ${kernel.note}`;
}

/** `5.10 to 6.1 (ipi_virt on the vmx flags line)`: kernels that the machine's own evidence rules out, and by what. */
export function ruledOutTexts({ kernel }: Pick<Situation, "kernel">): readonly string[] {
  return kernel.ruledOut.map((one) => `${kernelsText(one.kernels)} (${contradictionText(one)})`);
}

/** That no kernel fits, with the nearest one and what contradicts it; undefined where one does. */
export function contradictedText({ kernel }: Pick<Situation, "kernel">): string | undefined {
  if (kernel.contradicted === undefined) return undefined;
  const { nearest, by } = kernel.contradicted;
  return `what the host reports fits none of these kernels; nearest is ${nearest}, but for ${by.map(contradictionText).join("; ")}`;
}

function contradictionText({ what, reported }: Contradiction): string {
  return reported === "yes" ? what : reported === "no" ? `no ${what}` : `${what}: ${reported.slice(0, 60)}`;
}

/** Where a machine says which stable release its kernel was built from. */
const WHICH_STATE = [
  ["Ubuntu", "cat /proc/version_signature"],
  ["Debian", "cat /proc/version"],
  ["Kali", "cat /proc/version"],
] as const;

/** The one command to run on the machine that distinguishes its kernels; undefined where there is one kernel. */
export function tellApart(situation: Situation): string | undefined {
  const { kernel, candidates } = situation;
  if (candidates.length === 1) return undefined;
  const { each } = replays(situation);
  const lines = new Set(each.map((replayed) => JSON.stringify(linesOf(replayed).vmxFlags)));
  if (kernel.basis === "states") return WHICH_STATE.find(([name]) => kernel.name?.startsWith(name))?.[1] ?? "uname -r";
  return lines.size > 1 ? "grep -m1 '^vmx flags' /proc/cpuinfo" : "vmxlens collect";
}

/** `a, b or c` */
