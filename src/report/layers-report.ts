import { checkNumber, checkText } from "../bits/misuse.js";
import { findings } from "../host/findings.js";
import { hasSvm } from "../host/host.js";
import type { Replay } from "../kvm/replay.js";
import { replays, split, splitText } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { checkSituation } from "../situation/situation.js";
import { LAYERS, type Layer } from "../why/features.js";
import { type KernelFindingId, kernelFindings } from "../why/kernels/kernel-findings.js";
import { layerStep } from "../why/layer-step.js";
import { type FeatureLayers, type LayerAnswer, layers, layersOf } from "../why/layers.js";
import { foreignAnswer } from "../why/questions/about.js";
import { type TracedReplay, tracedReplays } from "../why/traced-replay.js";
import { basisLines, subject } from "./basis.js";
import { GROUP_TITLES, type Group, groupOf } from "./feature-groups.js";
import { findingLines, messageLines } from "./findings-report.js";
import { clipped, table, wrap } from "./layout.js";
import { perKernel, perKernelText } from "./per-kernel.js";
import { BLANK, type Inline, type Line, plainText, type Span, spaces, styled } from "./text.js";
import { loadVerdict, plainReason, verdict } from "./verdict.js";
import { readCommand } from "./wording/read-command.js";
import { decisiveBits, loadUnknowns, type UnknownSource, unknownsOf, unknownText } from "./wording/reason-text.js";

/**
 * The verdict, what to read, the matrix of features and layers, findings, kernel messages, and what it rests on. `said`: what
 * the words of the text say about whether KVM works.
 */
export function layersReport(situation: Situation, width: number, said?: string): Line[] {
  checkSituation(situation);
  checkNumber(width, "width", "a number of columns");
  if (said !== undefined) checkText(said, "said");
  const traces = tracedReplays(situation);
  const matrix = layers(situation);
  const each = (render: (traced: TracedReplay) => readonly Line[]) =>
    perKernel(situation, width, (index) => render(traces[index] as TracedReplay));
  const own = (traced: TracedReplay) => (traces.length === 1 ? matrix : layersOf(traced.replayed));
  const answer = situationVerdict(situation);
  const words = said === undefined ? [] : wrap(`With the words of the text: ${said}`, width);
  // On another vendor's CPU every cell is no, and on another architecture.
  if (traces.every(({ replayed }) => hasSvm(replayed.host)) || foreignAnswer(situation.read) !== undefined)
    return [...wrap([subject(situation), answer], width), ...words, ...basisLines(situation, width)];
  const lines: Line[] = [
    ...wrap([subject(situation), answer], width),
    ...words,
    ...situation.contradictions
      .filter((text) => !plainText(answer).includes(text))
      .flatMap((text) => wrap([styled("unknown", "Conflict"), `: ${text}`], width)),
    ...each((traced) => unknownLines(traced, own(traced), width)),
    BLANK,
    ...matrixLines(matrix, width),
    ...splitLines(matrix, width),
  ];
  // What unread registers may make the kernel print or refuse is left to `replay`.
  const kernel = perKernelText(situation, (index) =>
    kernelFindings((traces[index] as TracedReplay).replayed).filter(
      ({ id, certain }) => certain || !LEFT_TO_REPLAY.includes(id),
    ),
  );
  const found = [...findings(situation.read), ...kernel];
  if (found.length > 0) lines.push(BLANK, [styled("heading", "Findings")], ...findingLines(found, width));
  const messages = each(({ replayed }) => messageLines(replayed, width, false));
  if (messages.length > 0) lines.push(BLANK, [styled("heading", "Kernel log")], ...messages);
  const hint = [
    styled("command", "vmxlens why FEATURE"),
    " explains one row, ",
    styled("command", "vmxlens replay"),
    " every step.",
  ];
  lines.push(BLANK, ...wrap(hint, width));
  return [...lines, ...basisLines(situation, width)];
}

/** The answer in a few sentences; of several kernels, whether KVM loads whichever it is. */
export function situationVerdict(situation: Situation): Inline {
  const [traced, ...others] = tracedReplays(situation);
  return others.length === 0 ? verdict(traced, situation, layers(situation)) : setVerdict(situation);
}

/** Does KVM load, and if not, why. */
export function loadVerdictOf(situation: Situation): Inline {
  const { each } = replays(situation);
  return each.length === 1 ? loadVerdict(each[0], situation) : setVerdict(situation);
}

/** Does KVM load, whichever kernel it is. */
function setVerdict(situation: Situation): Inline {
  const { each, loads } = replays(situation);
  const [first] = each;
  const answers = split(situation, (_, index) => (each[index] as Replay).loads);
  if (answers.length > 1)
    return [styled("unknown", "It depends on the kernel whether kvm_intel loads"), `: ${splitText(answers)}.`];
  const all = `whichever of these ${each.length} kernels it is`;
  if (loads === "yes") return [styled("yes", "kvm_intel loads"), `, ${all}.`];
  const plain = hasSvm(first.host) ? undefined : plainReason({ ...first, loads }, situation);
  const end = plain === undefined ? "." : `: ${plain}`;
  if (loads === "no") return [styled("no", "kvm_intel does not load"), `, ${all}${end}`];
  return [styled("unknown", "Not known whether kvm_intel loads"), `, ${all}${end}`];
}

/** Cells for which the kernels that it can be give different answers. */
function splitLines(matrix: readonly FeatureLayers[], width: number): Line[] {
  const rows = matrix.flatMap(({ feature, split: under }) =>
    LAYERS.flatMap((layer): Inline[][] => {
      const answers = under[layer];
      if (answers === undefined) return [];
      const shown = answers.map(({ releases, answer }) => ({ releases, answer: CELLS[answer][0] }));
      return [[feature.id, styled("dim", LAYER_HEADS[layer][0]), splitText(shown)]];
    }),
  );
  if (rows.length === 0) return [];
  return [BLANK, [styled("heading", "It depends on the kernel")], ...table(rows, { width, indent: 2 })];
}

const LEFT_TO_REPLAY: readonly KernelFindingId[] = ["kernel-warns", "unchecked-msr-access", "kvm-refuses"];

/** Heads of the columns: the whole name, and a letter where there is no room. */
export const LAYER_HEADS: { readonly [L in Layer]: readonly [wide: string, narrow: string] } = {
  silicon: ["CPU", "C"],
  firmware: ["firmware", "F"],
  boot: ["vmx flags", "V"],
  kvm: ["KVM", "K"],
  param: ["param", "P"],
  nested: ["L1", "N"],
};

/** `emulated`: offered to L1 by KVM although the CPU does not have it. */
export type Shown = LayerAnswer | "emulated";

const CELLS: { readonly [C in Shown]: readonly [wide: string, narrow: string] } = {
  yes: ["yes", "y"],
  no: ["no", "n"],
  unknown: ["?", "?"],
  none: ["-", "-"],
  emulated: ["emul", "e"],
};

/** The answer of a layer for a feature, as it is shown. */
export function shownCell({ cells }: FeatureLayers, layer: Layer): Shown {
  return layer === "nested" && cells.nested === "yes" && cells.silicon === "no" ? "emulated" : cells[layer];
}

const ID_WIDTH = 26;
const LEAST_NAME = 30;

/**
 * The matrix in groups, with its legend. Below about 70 columns cells and titles are single letters.
 */
export function matrixLines(layers: readonly FeatureLayers[], width: number): Line[] {
  const wide = width >= 2 + ID_WIDTH + LAYERS.reduce((sum, layer) => sum + LAYER_HEADS[layer][0].length + 2, 0);
  const size = wide ? 0 : 1;
  const widths = LAYERS.map((layer) => Math.max(LAYER_HEADS[layer][size].length, wide ? 4 : 1));
  const gap = wide ? 2 : 1;
  const cellsWidth = widths.reduce((sum, one) => sum + one + gap, 0);
  const idWidth = Math.max(6, Math.min(ID_WIDTH, width - 2 - cellsWidth));
  const nameWidth = width - 2 - idWidth - cellsWidth - gap;
  const titles: Span[] = LAYERS.map((layer, i) =>
    styled("label", spaces(gap) + LAYER_HEADS[layer][size].padEnd(widths[i] as number)),
  );
  const lines: Line[] = [];
  let narrowTitles = true;
  for (const group of Object.keys(GROUP_TITLES) as Group[]) {
    const rows = layers.filter(({ feature }) => groupOf(feature.id) === group);
    if (rows.length === 0) continue;
    const title = clipped(GROUP_TITLES[group], idWidth + 2);
    lines.push([styled("strong", title.padEnd(idWidth + 2)), ...(narrowTitles ? titles : [])]);
    narrowTitles = false;
    for (const row of rows) {
      const cells = LAYERS.map((layer, i): Span => {
        const shown = shownCell(row, layer);
        const text = spaces(gap) + CELLS[shown][size].padEnd(widths[i] as number);
        return shown === "none" ? styled("dim", text) : styled(shown === "emulated" ? "unknown" : shown, text);
      });
      const name =
        nameWidth >= LEAST_NAME ? [{ text: spaces(gap) }, styled("dim", clipped(row.feature.name, nameWidth))] : [];
      lines.push([{ text: `  ${clipped(row.feature.id, idWidth).padEnd(idWidth)}` }, ...cells, ...name]);
    }
  }
  return [...lines, ...legendLines(layers, wide, width)];
}

function legendLines(layers: readonly FeatureLayers[], wide: boolean, width: number): Line[] {
  const used = new Set(layers.flatMap((row) => LAYERS.map((layer) => shownCell(row, layer))));
  const size = wide ? 0 : 1;
  const parts: string[] = [];
  if (!wide) parts.push(LAYERS.map((layer) => `${LAYER_HEADS[layer][1]} ${LAYER_HEADS[layer][0]}`).join(", "));
  if (used.has("unknown")) parts.push("? unknown (a deciding register was not read)");
  if (used.has("none")) parts.push("- no say at this layer");
  parts.push("L1 what KVM offers a nested hypervisor");
  if (used.has("emulated")) parts.push(`${CELLS.emulated[size]} the CPU lacks it, KVM emulates it for L1`);
  return wrap(styled("dim", parts.join("; ")), width, "  ");
}

/** What was not read and would decide the unknown cells, and how to read it. */
function unknownLines(traced: TracedReplay, layers: readonly FeatureLayers[], width: number): Line[] {
  const open = layers.filter(({ cells }) => LAYERS.some((layer) => cells[layer] === "unknown"));
  if (open.length === 0 || hasSvm(traced.replayed.host)) return [];
  const sources = [...loadUnknowns(traced)];
  for (const { feature, cells } of open) {
    for (const layer of LAYERS) {
      if (cells[layer] !== "unknown") continue;
      const step = layerStep(traced, feature, layer, cells[layer]);
      for (const bit of decisiveBits(step)) sources.push(...unknownsOf(traced, bit));
    }
  }
  const many = open.length === 1 ? "1 feature is" : `${open.length} features are`;
  const lines = wrap(`${many} not known at some layer: ${shortUnknown(sources)}.`, width);
  return [...lines, ...howToTell(sources, width)];
}

/** More registers than this are counted. */
const MOST_REGISTERS = 3;

/** The unknown sources as one text; of many registers, how many. */
function shortUnknown(sources: readonly UnknownSource[]): string {
  const count = new Set(sources.flatMap(({ msr }) => msr ?? [])).size;
  if (count <= MOST_REGISTERS) return unknownText(sources);
  const others = sources.filter(({ msr }) => msr === undefined);
  const registers = `${count} registers were not read, or not whole`;
  return others.length === 0 ? registers : `${registers}; ${unknownText(others)}`;
}

/** Commands and options that make the unknown known. */
export function howToTell(sources: readonly UnknownSource[], width: number): Line[] {
  const indices = [...new Set(sources.flatMap(({ msr }) => msr ?? []))].sort((a, b) => a - b);
  const facts = [...new Set(sources.flatMap(({ fact }) => fact ?? []))];
  const vendor = sources.some(({ text }) => text.includes("the vendor is"));
  const lines: Line[] = [];
  if (indices.length > 0) {
    lines.push(...wrap(["to read it: ", styled("command", readCommand(indices))], width, "  "));
  }
  if (vendor) lines.push(...wrap(["if it is so: ", styled("command", "--assume vendor=intel")], width, "  "));
  for (const fact of facts) {
    const option = `--machine ${fact.replaceAll("_", "-")}=1`;
    lines.push(...wrap(["to decide it: ", styled("command", option)], width, "  "));
  }
  return lines;
}
