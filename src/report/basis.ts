import type { ParamsGiven } from "../kvm/load/params.js";
import { hexIndex } from "../registers/registers.js";
import { kernelsText } from "../situation/kernels-text.js";
import { coreText } from "../situation/pick-cpu.js";
import { split } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { labelled } from "./layout.js";
import { olderStates } from "./older-states.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";
import {
  contradictedText,
  kernelLabel,
  kernelReason,
  kernelText,
  ruledOutTexts,
  tellApart,
} from "./wording/kernel-text.js";

export function hostName({ host }: Pick<Situation, "host">): string {
  return host.name ?? host.codename ?? host.id ?? "an unnamed CPU";
}

function cpuText({ host }: Situation): string {
  const [core] = host.cores;
  const parts: string[] = [];
  if (host.codename !== undefined && host.name !== undefined) parts.push(host.codename);
  if (host.vendor === undefined) parts.push("vendor not known");
  else if (host.vendor !== "GenuineIntel") parts.push(`vendor ${host.vendor.trim()}`);
  parts.push(core.signature === undefined ? "signature not known" : `signature ${hexIndex(core.signature)}`);
  if (core.microcode !== undefined) parts.push(`microcode ${hexIndex(core.microcode)}`);
  return parts.join(", ");
}

function coresText({ host }: Situation): string | undefined {
  if (host.cores.length > 1) {
    return `${host.cores.map(coreText).join(", ")}; the boot CPU is one of the first`;
  }
  const [core] = host.cores;
  return core.coreTypes.length === 0 ? undefined : coreText(core, 0);
}

/** Parameters, build options and facts about the machine that were given. */
function givenTexts(situation: Situation): readonly (readonly [label: string, text: string])[] {
  const params = split(situation, ({ options }) => paramsText(options.params))
    .map(({ releases, answer }, _, all) =>
      all.length === 1 || answer === "" ? answer : `${answer} (under ${kernelsText(releases)})`,
    )
    .filter((text) => text !== "");
  const config = Object.entries(situation.config ?? {}).map(([name, value]) => `${name}=${value ? "y" : "n"}`);
  const machine = Object.entries(situation.machine ?? {}).map(
    ([name, value]) => `${name}=${value === undefined ? "unknown" : value ? 1 : 0}`,
  );
  return [
    ...(params.length > 0 ? [["params", params.join("; ")] as const] : []),
    ...(config.length > 0 ? [["config", config.join(" ")] as const] : []),
    ...(machine.length > 0 ? [["machine", machine.join(" ")] as const] : []),
  ];
}

function paramsText(params: ParamsGiven = {}): string {
  return (["kvm_intel", "kvm"] as const)
    .flatMap((module) => Object.entries(params[module] ?? {}).map(([name, value]) => `${module}.${name}=${value}`))
    .join(" ");
}

/** Defaults that describe no host in particular. */
function takenForGranted({ config, machine = {} }: Situation): string {
  const parts: string[] = [];
  if (config === undefined) parts.push("Debian's build options (--config)");
  const facts = [
    ...("tboot" in machine ? [] : ["not booted through tboot"]),
    ...("enlightenedVmcs" in machine ? [] : ["no enlightened VMCS"]),
  ];
  if (facts.length > 0) parts.push(`${facts.join(", ")} (--machine)`);
  return parts.join("; ");
}

/** The kernel, what was ruled out, and how to distinguish the others. */
function kernelRows(situation: Situation): (readonly [label: string, text: Inline])[] {
  const reason = kernelReason(situation);
  const rows: (readonly [string, Inline])[] = [
    ["kernel", [kernelText(situation), reason === "" ? "" : styled("dim", ` (${reason})`)]],
  ];
  const older = olderStates(situation);
  if (older !== undefined) rows.push(["", styled("dim", older)]);
  const out = ruledOutTexts(situation);
  if (out.length > 0) rows.push(["", `ruled out by the host itself: ${out.join("; ")}`]);
  const contradicted = contradictedText(situation);
  if (contradicted !== undefined) rows.push(["", styled("unknown", contradicted)]);
  const command = tellApart(situation);
  if (command !== undefined) rows.push(["", ["to distinguish them: ", styled("command", command)]]);
  return rows;
}

/** The subject of an answer, at its beginning: `i9-7900X, Linux 6.12: `; without `replayed` no kernel has a say. */
export function subject(situation: Situation, replayed = true): Inline {
  const name = styled("title", hostName(situation));
  return replayed ? [name, ", ", styled("title", kernelLabel(situation)), ": "] : [name, ": "];
}

/** The end of every report: what the answer rests on and assumes; `replayed`: by a kernel. */
export function basisLines(situation: Situation, width: number, replayed = true): Line[] {
  const { assumed, notes, source, contradictions } = situation;
  const rows: (readonly [string, Inline])[] = [["CPU", cpuText(situation)]];
  const cores = coresText(situation);
  if (cores !== undefined) rows.push(["cores", cores]);
  if (source !== undefined) rows.push(["source", source]);
  if (replayed) rows.push(...kernelRows(situation), ...givenTexts(situation));
  for (const [index, { id, text }] of assumed.entries()) {
    rows.push([index === 0 ? "assumed" : "", [styled("unknown", id), `: ${text}`]]);
  }
  if (assumed.length > 0) rows.push(["", [styled("command", "--assume none"), " drops these"]]);
  const taken = replayed ? takenForGranted(situation) : "";
  if (taken !== "") rows.push([assumed.length === 0 ? "assumed" : "", styled("dim", taken)]);
  for (const note of notes) {
    rows.push(contradictions.includes(note) ? ["conflict", styled("unknown", note)] : ["note", note]);
  }
  return [BLANK, [styled("heading", "Based on")], ...labelled(rows, width)];
}
