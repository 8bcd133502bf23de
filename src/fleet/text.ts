import { labelled, someOf, table, wrap } from "../report/layout.js";
import { BLANK, type Inline, type Line, styled } from "../report/text.js";
import type { Drifting, FeatureCount, RefusedVcpus, Summary, Who } from "./answer.js";
import type { Losses } from "./exclusions.js";
import type { CurvePoint, Pools } from "./pools.js";

/* Answers about a fleet as text for people. What cannot be judged comes first. */

/** `12,345` */
export function count(n: number): string {
  return n.toLocaleString("en-US");
}

/** `1 host`, `2 hosts` */
export function several(n: number, one: string, more = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : more}`;
}

const hosts = (n: number): string => several(n, "host");
const title = (text: string): Line => [styled("title", text)];

const UNREAD: { readonly [what: string]: string } = {
  vendor: "no vendor",
  kernel: "no kernel",
  "0x3a": "no 0x3a (IA32_FEATURE_CONTROL)",
  registers: "no VMX registers",
};

/** The one line that has to be read before any other. */
export function judgedLine({ hosts: all, verdicts, unread, notDerived }: Summary): Line {
  if (all === 0) return [styled("warning", "No host: the store is empty, or no host fits.")];
  const left = notDerived === 0 ? "" : `${hosts(notDerived)} not derived yet (vmxlens fleet ingest does it). `;
  if (verdicts.unknown === 0 && notDerived === 0) return [styled("yes", `All ${hosts(all)} can be judged.`)];
  const why = unread.map(({ what, hosts: n }) => `${UNREAD[what] ?? what} ${count(n)}`).join(", ");
  const head = verdicts.unknown === 0 ? "" : `${count(verdicts.unknown)} of ${hosts(all)} cannot be judged: ${why}.`;
  return [styled("warning", `${left}${head}`.trim())];
}

export function summaryLines(summary: Summary, width: number): readonly Line[] {
  const { hosts: all, sets, kernels, collected, verdicts } = summary;
  return [
    judgedLine(summary),
    ...labelled(
      [
        [
          "VMX for nested guests",
          `${count(verdicts.yes)} yes, ${count(verdicts.no)} no, ${count(verdicts.unknown)} not known`,
        ],
        ["fleet", `${hosts(all)}, ${several(sets, "set")} of facts, ${several(kernels, "kernel")}`],
        ["collected", collected[0] === collected[1] ? collected[0] : `${collected[0]} to ${collected[1]}`],
      ],
      width,
    ),
  ];
}

export function whoLines({ sure, unsure, hosts: all, rows }: Who, asked: string, width: number): readonly Line[] {
  const more = sure + unsure - rows.length;
  return [
    title(
      `${count(sure)} of ${hosts(all)}: ${asked}${unsure === 0 ? "" : `; of ${count(unsure)} more it is not known`}`,
    ),
    ...table(
      rows.map(({ host, model, kernel, sure: is }) => [host, is ? "" : styled("unknown", "not known"), kernel, model]),
      { width, indent: 2 },
    ),
    ...(more > 0 && rows.length > 0 ? [[{ text: `  and ${hosts(more)} more; --limit shows them` }]] : []),
  ];
}

export function featureLines(counts: readonly FeatureCount[], width: number): readonly Line[] {
  const rows = counts.map(({ feature, yes, no, unknown }): Inline[] => [
    feature.id,
    styled("yes", count(yes)),
    no === 0 ? "" : styled("no", count(no)),
    unknown === 0 ? "" : styled("unknown", count(unknown)),
    feature.name,
  ]);
  return table([["feature", "have", "lack", "not known", ""], ...rows], { width, indent: 2, right: [1, 2, 3] });
}

const MOST_ROWS = 40;

export function lossLines({ common, lost, without, exact }: Losses, whole: number, width: number): readonly Line[] {
  const forced = lost.map(({ id, lack, open, by }): Inline[] => [
    styled("no", id),
    count(lack),
    open === 0 ? "" : `${count(open)} not known`,
    `${someOf(
      by.map(({ firstHost, hosts: n }) => (n === 1 ? firstHost : `${firstHost} and ${count(n - 1)} like it`)),
      3,
    )}`,
  ]);
  const won = without.map(({ hosts: n, wins, shapes }): Inline[] => [
    count(n),
    count(wins.length),
    `${someOf(wins, 8)}; without ${someOf(
      shapes.map(({ firstHost }) => firstHost),
      3,
    )}`,
  ]);
  return [
    title(
      `${hosts(whole)} that give nested guests VMX have ${common.length} features in common; ${lost.length} are lost`,
    ),
    ...wrap(common.join(", "), width, "  "),
    ...(forced.length === 0 ? [] : [BLANK, title("Lost, and by which hosts")]),
    ...table(forced, { width, indent: 2, right: [1] }),
    ...(won.length === 0
      ? []
      : [
          BLANK,
          title(
            `Hosts to leave out, and what the others then have${exact ? "" : " (cheapest feature first; a better choice may exist)"}`,
          ),
        ]),
    ...table(won, { width, indent: 2, right: [0, 1] }),
  ];
}

export function poolLines(pools: Pools, curve: readonly CurvePoint[], width: number): readonly Line[] {
  const part = (kept: number) => (pools.of === 0 ? "100.0" : ((100 * kept) / pools.of).toFixed(1));
  const rows = pools.pools.map((pool, at): Inline[] => [
    `pool ${at + 1}`,
    hosts(pool.hosts),
    `${pool.features.length} features`,
    pool.baseline.possible === "yes" ? "" : styled("unknown", "may have no common set: not everything was read"),
    `as ${someOf(
      pool.shapes.map(({ firstHost }) => firstHost),
      3,
    )}`,
  ]);
  const apart = new Map<string, number>();
  for (const { shape, because } of pools.apart) apart.set(because, (apart.get(because) ?? 0) + shape.hosts);
  const bound = pools.exact
    ? "no division keeps more"
    : `no division into as many keeps more than ${part(pools.atMost)} %`;
  return [
    title(
      `${pools.pools.length} ${pools.pools.length === 1 ? "pool keeps" : "pools keep"} ${part(pools.kept)} % of the features; ${bound}`,
    ),
    ...table(rows, { width, indent: 2, right: [1] }),
    ...[...apart].map(([because, n]): Line => [{ text: `  in none: ${hosts(n)}, ${because}` }]),
    BLANK,
    title("Pools and features"),
    ...table(
      curve.map((point) => [
        String(point.pools),
        `${part(point.kept)} %`,
        point.exact ? "the most there can be" : `at most ${part(point.atMost)} %`,
      ]),
      { width, indent: 2, right: [0, 1] },
    ),
    ...wrap(`How: ${pools.algorithm}.`, width),
  ];
}

export function driftLines(heading: string, rows: readonly Drifting[], width: number): readonly Line[] {
  const all = rows.reduce((n, row) => n + row.hosts, 0);
  return [
    title(`${heading}: ${rows.length === 0 ? "none" : `${hosts(all)} in ${several(rows.length, "group")}`}`),
    ...table(
      rows
        .slice(0, MOST_ROWS)
        .map((row) => [
          row.hosts === 1 ? row.firstHost : `${row.firstHost} and ${count(row.hosts - 1)} more`,
          `unlike ${count(row.mostHosts)} of ${count(row.whole)}`,
          `${row.value} instead of ${row.most}, in ${row.kind}`,
        ]),
      { width, indent: 2 },
    ),
    ...(rows.length > MOST_ROWS ? [[{ text: `  and ${rows.length - MOST_ROWS} groups more; --json has them` }]] : []),
  ];
}

export function vcpuLines(found: readonly RefusedVcpus[], width: number): readonly Line[] {
  const bad = found.filter(({ refusedPairs }) => refusedPairs > 0).sort((a, b) => b.refusedPairs - a.refusedPairs);
  const open = found.reduce((n, { openPairs }) => n + openPairs, 0);
  const pairs = bad.reduce((n, { refusedPairs }) => n + refusedPairs, 0);
  return [
    title(
      `A vCPU added after a live migration is refused by the guest's KVM ("Inconsistent VMCS config") between ${several(pairs, "pair")} of hosts${open === 0 ? "" : `; of ${count(open)} pairs it is not known`}`,
    ),
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
