import { someOf, table, wrap } from "../report/layout.js";
import { BLANK, type Line, styled } from "../report/text.js";
import type { RefusedVcpus } from "./answer.js";
import type { Changed, Drifting, Unlike } from "./drift.js";
import { count, several } from "./text.js";

/* Drift as text for people. */

const title = (text: string): Line => [styled("title", text)];
const MOST_ROWS = 40;
/** How many names an answer lists. */
const MOST_NAMES = 5;

/** What `fleet drift` finds. */
export interface DriftFound {
  readonly model: readonly Drifting[];
  readonly microcode: readonly Drifting[];
  /** Within the values of a label, if one was asked for. */
  readonly within?: { readonly label: string; readonly rows: readonly Drifting[] };
  readonly last: readonly Changed[];
  /** Hosts that may drift: not all of what they offer is known. */
  readonly open: number;
  readonly vcpus: readonly RefusedVcpus[];
}

export function driftReport(
  { model, microcode, within, last, open, vcpus }: DriftFound,
  width: number,
): readonly Line[] {
  const of = (rows: readonly Drifting[], one: string, more = one) =>
    several(
      rows.reduce((n, { hosts }) => n + hosts, 0),
      `host ${one}`,
      `hosts ${more}`,
    );
  const answers = [
    of(model, "unlike its model", "unlike their model"),
    of(microcode, "with other microcode"),
    ...(within === undefined ? [] : [of(within.rows, `unlike its ${within.label}`, `unlike their ${within.label}`)]),
    several(last.length, "host changed", "hosts changed"),
  ];
  return [
    ...wrap([styled("title", `Drift: ${answers.join(", ")} since the last collection.`)], width),
    ...(open === 0
      ? []
      : wrap(
          [styled("unknown", `${several(open, "host")} may drift: not all of what nested guests get there is known.`)],
          width,
        )),
    BLANK,
    ...driftLines("Unlike most of the same model, kernel and parameters in what nested guests get", model, width),
    BLANK,
    ...driftLines("Microcode unlike that of most of the same model, kernel and parameters", microcode, width),
    ...(within === undefined
      ? []
      : [
          BLANK,
          ...driftLines(
            `Unlike most hosts with the same ${within.label} in what nested guests get`,
            within.rows,
            width,
          ),
        ]),
    BLANK,
    ...changedLines(last, width),
    BLANK,
    ...vcpuLines(vcpus, width),
  ];
}

function driftLines(heading: string, rows: readonly Drifting[], width: number): readonly Line[] {
  const all = rows.reduce((n, row) => n + row.hosts, 0);
  return [
    title(`${heading}: ${rows.length === 0 ? "none" : `${several(all, "host")} in ${several(rows.length, "group")}`}`),
    ...table(
      rows
        .slice(0, MOST_ROWS)
        .map((row) => [
          row.hosts === 1 ? row.firstHost : `${row.firstHost} and ${count(row.hosts - 1)} more`,
          `unlike ${count(row.mostHosts)} of ${count(row.whole)}`,
          `${unlikeText(row)} (${kindText(row)})`,
        ]),
      { width, indent: 2 },
    ),
    ...(rows.length > MOST_ROWS ? [[{ text: `  and ${rows.length - MOST_ROWS} groups more; --json has them` }]] : []),
  ];
}

function changedLines(rows: readonly Changed[], width: number): readonly Line[] {
  return [
    title(
      `Unlike themselves when they were collected before: ${rows.length === 0 ? "none" : several(rows.length, "host")}`,
    ),
    ...table(
      rows.map(({ host, before, now, unlike }) => [
        host,
        `since ${before.collected}`,
        `${differenceText(unlike)} (${before.kernel === now.kernel ? now.kernel : `${before.kernel} before, ${now.kernel} now`})`,
      ]),
      { width, indent: 2 },
    ),
  ];
}

/** What a group has that most of its kind do not. */
export function unlikeText({ unlike, value, most }: Pick<Drifting, "unlike" | "value" | "most">): string {
  return unlike === undefined ? `${value} instead of ${most}` : differenceText(unlike);
}

function differenceText(unlike: Unlike | undefined): string {
  if (unlike === undefined) return "something else";
  const { verdict, lacks, has, unknown, registers } = unlike;
  if (verdict === "no") return "no VMX for nested guests";
  const parts = [
    ...(verdict === "yes" ? ["VMX for nested guests"] : []),
    ...(verdict === "unknown" ? ["VMX for nested guests is not known"] : []),
    ...[
      ["lacks", lacks],
      ["has", verdict === "yes" ? [] : has],
      ["not known:", verdict === "unknown" ? [] : unknown],
    ].flatMap(([what, ids]) => (ids?.length === 0 ? [] : [`${what} ${someOf(ids as readonly string[], MOST_NAMES)}`])),
  ];
  if (parts.length > 0) return parts.join("; ");
  return registers.length === 0 ? "something else" : `other bits in ${someOf(registers, MOST_NAMES)}`;
}

/** What the hosts of a group have in common. */
export function kindText({ kind, model, kernel, params }: Drifting): string {
  if (model === "" && kernel === "") return kind;
  return [model === "" ? "no name" : model, kernel === "" ? "no kernel" : kernel, ...paramWords(params)].join(", ");
}

/** `nested=Y` */
function paramWords(params: string): readonly string[] {
  if (params === "") return [];
  const modules = JSON.parse(params) as { readonly [module: string]: { readonly [name: string]: string } };
  return Object.values(modules).flatMap((values) => Object.entries(values).map(([name, value]) => `${name}=${value}`));
}

function vcpuLines(found: readonly RefusedVcpus[], width: number): readonly Line[] {
  const bad = found.filter(({ refusedPairs }) => refusedPairs > 0).sort((a, b) => b.refusedPairs - a.refusedPairs);
  const open = found.reduce((n, { openPairs }) => n + openPairs, 0);
  const pairs = bad.reduce((n, { refusedPairs }) => n + refusedPairs, 0);
  const more = open === 0 ? "" : `; of ${several(open, "pair")} it is not known`;
  const text = `A vCPU added after a live migration is refused by the guest's KVM ("Inconsistent VMCS config") between ${several(pairs, "pair")} of hosts${more}`;
  return [
    ...wrap([styled("title", text)], width),
    ...table(
      bad.slice(0, MOST_ROWS).map(({ within, refusedPairs, groups }) => [
        within,
        several(refusedPairs, "pair"),
        someOf(
          groups
            .filter(({ l1Id }) => l1Id !== "")
            .map(({ firstHost, hosts: n }) => `${firstHost}${n === 1 ? "" : ` and ${count(n - 1)} like it`}`),
          4,
        ),
      ]),
      { width, indent: 2, right: [1] },
    ),
  ];
}
