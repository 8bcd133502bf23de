import type { Finding } from "../host/finding.js";
import type { Replay } from "../kvm/replay.js";
import type { Certainty, Message } from "../rules/machine.js";
import type { KernelFinding } from "../why/kernels/kernel-findings.js";
import { wrap } from "./layout.js";
import { type Inline, type Line, type Style, spaces, styled } from "./text.js";

const ORDER = ["error", "warning", "note"] as const;

/** Findings about the values and about the kernel, the worst first. `sources` adds what says so. */
export function findingLines(
  found: readonly (Finding | KernelFinding)[],
  width: number,
  options: { readonly sources?: boolean } = {},
): Line[] {
  const sorted = ORDER.flatMap((severity) => found.filter((one) => one.severity === severity));
  const column = Math.max(0, ...sorted.map(({ severity }) => severity.length)) + 2;
  return sorted.flatMap(({ severity, text, id, source }) => {
    const label = [styled(severity satisfies Style, severity), spaces(column - severity.length)];
    const rest = options.sources === true ? [`${text}.`, styled("dim", ` [${id}; ${source}]`)] : `${text}.`;
    return wrap(rest, width, label);
  });
}

/**
 * The kernel's messages in the order of printing, as `dmesg` shows them. `perhaps`: those that unknown input decides
 * about too, though the module loads.
 */
export function messageLines(replayed: Replay, width: number, perhaps: boolean): Line[] {
  const all = allMessages(replayed);
  const shown = perhaps ? all : all.filter(({ certain }) => certain !== false);
  return shown.flatMap(({ text, certain, level }) => {
    const style: Style = level === 3 ? "error" : level === 4 ? "warning" : "dim";
    return wrap([styled(style, text), certaintyText(certain)], width, "  ", 4);
  });
}

/** What is put behind a step of the kernel that may not happen, a blank before it. */
export function certaintyText(certain: Certainty): Inline {
  if (certain === true) return "";
  return styled("unknown", certain === false ? " (perhaps)" : ` (${certain})`);
}

/** Messages of boot, of loading KVM and of the check of further CPUs. */
export function allMessages({ cpu, compatibility }: Replay): readonly Message[] {
  return [...cpu.boot.messages, ...cpu.load.messages, ...compatibility.flatMap(({ messages }) => messages)];
}
