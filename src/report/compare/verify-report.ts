import { checkHas, checkNumber } from "../../bits/misuse.js";
import type { Difference, Verification } from "../../compare/verify/verify.js";
import { hasSvm } from "../../host/host.js";
import { ITEM_KINDS, type ItemKind, type VerifyItem } from "../../situation/evidence/item.js";
import { kernelsText } from "../../situation/kernels-text.js";
import type { Situation } from "../../situation/situation.js";
import { checkSituation } from "../../situation/situation.js";
import { basisLines, subject } from "../basis.js";
import { clipped, table, wrap } from "../layout.js";
import { BLANK, type Inline, type Line, styled } from "../text.js";
import { kernelLabelOf } from "../wording/kernel-text.js";

/** What provides each kind, for those that the input lacks. */
const HOW_TO_GET: { readonly [K in ItemKind]?: string } = {
  kernel: "uname -r",
  "cpu-flag": "the flags of /proc/cpuinfo, whole",
  "vmx-flag": "the vmx flags of /proc/cpuinfo, whole",
  message: "dmesg",
  param: "grep . /sys/module/kvm*/parameters/*",
  nested: "KVM_GET_MSRS on /dev/kvm, or QEMU's query-cpu-model-expansion",
};

/** Differences shown one by one; the JSON has all of them. */
const MOST = 40;

/** The report of `vmxlens verify`. */
export function verifyReport(situation: Situation, found: Verification, width: number): Line[] {
  checkSituation(situation);
  checkHas(found, "counts", "found", "what verify(situation) returns");
  checkNumber(width, "width", "a number of columns");
  if (hasSvm(situation.read)) {
    const says = "Nothing to compare: the CPU has SVM instead of VMX.";
    return [...wrap([subject(situation, false), says], width), ...basisLines(situation, width)];
  }
  return [
    ...verdictLines(situation, found, width),
    ...differenceLines(found, width),
    ...unknownLines(found, width),
    ...silentLines(found, width),
    ...basisLines(situation, width),
  ];
}

const agreeText = (count: number): string => (count === 1 ? "1 agrees" : `${count} agree`);

/** One sentence: how much agrees. */
export function verdictText({ counts, releases }: Verification): string {
  const compared = counts.agree + counts.differ;
  if (compared === 0) return "Nothing could be compared.";
  const other = counts.unknown === 0 ? "" : ` ${counts.unknown} more cannot be judged.`;
  if (counts.differ === 0) {
    const all =
      compared === 1
        ? "The one item that could be compared agrees"
        : `All ${compared} items that could be compared agree`;
    return `${all} with the replay of ${kernelLabelOf(releases)}.${other}`;
  }
  const differ = counts.differ === 1 ? "1 item differs" : `${counts.differ} items differ`;
  return `${differ} from the replay of ${kernelLabelOf(releases)}, ${agreeText(counts.agree)}.${other}`;
}

function verdictLines(situation: Situation, found: Verification, width: number): Line[] {
  const { counts, items, firmwareFromFlags } = found;
  const style = counts.differ > 0 ? "no" : counts.agree > 0 ? "yes" : "unknown";
  const kinds = (Object.keys(ITEM_KINDS) as ItemKind[]).filter((kind) => items.some((item) => item.kind === kind));
  const rows = kinds.map((kind): Inline[] => {
    const of = (verdict: VerifyItem["verdict"]) =>
      items.filter((item) => item.kind === kind && item.verdict === verdict).length;
    const [agree, differ, unknown] = [of("agree"), of("differ"), of("unknown")];
    const parts: Inline[] = [
      ...(agree > 0 ? [styled("yes", agreeText(agree))] : []),
      ...(differ > 0 ? [styled("no", `${differ} ${differ === 1 ? "differs" : "differ"}`)] : []),
      ...(unknown > 0 ? [styled("unknown", `${unknown} unknown`)] : []),
    ];
    return [ITEM_KINDS[kind], parts.flatMap((part, i) => (i === 0 ? [part] : [", ", part]))];
  });
  const taken = firmwareFromFlags
    ? wrap("IA32_FEAT_CTL was not read; `vmx` among the flags shows that VMX is on.", width)
    : [];
  return [
    ...wrap([subject(situation, false), styled(style, verdictText(found))], width),
    ...taken,
    ...(rows.length === 0 ? [] : [BLANK, ...table(rows, { width, indent: 2 })]),
  ];
}

function differenceLines({ differences, fits, releases }: Verification, width: number): Line[] {
  if (differences.length === 0) return [];
  const lines: Line[] = [BLANK, [styled("heading", "Differences")]];
  for (const group of alike(differences.slice(0, MOST))) lines.push(...groupLines(group, width));
  if (differences.length > MOST)
    lines.push(...wrap(`${differences.length - MOST} more: --json lists them`, width, "  "));
  if (fits.length > 0) {
    const rows = fits.map(({ release: other, differing }): Inline[] => [
      styled("strong", other),
      differing.size === 1 ? "1 differs" : `${differing.size} differ`,
    ]);
    lines.push(BLANK, [styled("heading", `Releases that fit better than ${kernelsText(releases)}`)]);
    lines.push(...table(rows, { width, indent: 2 }));
  }
  return lines;
}

/** Differences that have the same reasons are shown together, with the reasons once. */
function alike(differences: readonly Difference[]): readonly (readonly [Difference, ...Difference[]])[] {
  const groups = new Map<string, [Difference, ...Difference[]]>();
  for (const found of differences) {
    // Unexplained differences are shown one by one.
    const key = found.reasons.length === 0 ? found.id : found.reasons.map(({ text }) => text).join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [found]);
    else group.push(found);
  }
  return [...groups.values()];
}

function groupLines(group: readonly [Difference, ...Difference[]], width: number): Line[] {
  const [{ reasons }] = group;
  const lines = group.flatMap(({ what, reported, replayed }) => [
    ...wrap(styled("strong", what), width, "  ", 4),
    ...wrap(clipped(reported, 200), width, ["    ", styled("label", "machine "), ""]),
    ...wrap(clipped(replayed, 200), width, ["    ", styled("label", "replay  "), ""]),
  ]);
  for (const [index, { text, explains }] of reasons.entries()) {
    const label = index === 0 ? "likely  " : "or      ";
    const others = explains > 1 ? styled("dim", ` (explains ${explains} of the differences)`) : "";
    lines.push(...wrap([text, others], width, ["    ", styled("label", label)]));
  }
  if (reasons.length > 0) return lines;
  const unknown = "no reason is known: please report it, with the output of --json";
  return [...lines, ...wrap(unknown, width, ["    ", styled("label", "likely  ")])];
}

function unknownLines({ items }: Verification, width: number): Line[] {
  const unknown = items.filter(({ verdict }) => verdict === "unknown");
  if (unknown.length === 0) return [];
  const byNote = new Map<string, VerifyItem[]>();
  for (const item of unknown) {
    const note = item.note ?? "what would decide was not read";
    byNote.set(note, [...(byNote.get(note) ?? []), item]);
  }
  return [
    BLANK,
    [styled("heading", "Not known")],
    ...[...byNote].flatMap(([note, list]) => {
      const names = list.slice(0, 4).map(({ what, reported }) => `${what} (${clipped(reported, 40)})`);
      const more = list.length > 4 ? ` and ${list.length - 4} more` : "";
      return wrap([`${names.join("; ")}${more}: `, styled("dim", note)], width, "  ", 4);
    }),
  ];
}

function silentLines({ silent }: Verification, width: number): Line[] {
  if (silent.length === 0) return [];
  const rows = silent.map((kind): Inline[] => [ITEM_KINDS[kind], HOW_TO_GET[kind] ?? ""]);
  return [BLANK, [styled("heading", "Not covered by this input")], ...table(rows, { width, indent: 2 })];
}
