import { labelled, someOf, table, wrap } from "../report/layout.js";
import { BLANK, type Inline, type Line, styled } from "../report/text.js";
import { LAYER_TITLES, type Layer } from "../why/features.js";
import type { FeatureCount, LostAt, Summary, Who } from "./answer.js";
import type { Losses } from "./exclusions.js";
import type { CurvePoint, Pools } from "./pools.js";
import type { Wanted } from "./sql/questions.js";

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

/** The line that has to be read before any other. */
export function judgedLine({ hosts: all, verdicts, unread, notDerived }: Summary): Line {
  if (all === 0) return [styled("warning", "The store has no hosts; vmxlens fleet ingest reads some.")];
  const left = notDerived === 0 ? "" : `${hosts(notDerived)} not derived yet (vmxlens fleet ingest does it). `;
  if (verdicts.unknown === 0 && notDerived === 0) return [styled("yes", `All ${hosts(all)} can be judged.`)];
  const why = unread.map(({ what, hosts: n }) => `${UNREAD[what] ?? what} ${count(n)}`).join(", ");
  const head = verdicts.unknown === 0 ? "" : `${count(verdicts.unknown)} of ${hosts(all)} cannot be judged: ${why}.`;
  return [styled("warning", `${left}${head}`.trim())];
}

const KEPT = {
  kvm: "kvm_intel does not load",
  nested: "nested is off",
  either: "kvm_intel does not load or nested is off",
} as const;

export function summaryLines(summary: Summary, width: number): readonly Line[] {
  const { hosts: all, sets, kernels, collected, verdicts, kept } = summary;
  if (all === 0) return [judgedLine(summary)];
  const why = kept.map(({ by, hosts: n }) => `${KEPT[by]} on ${count(n)}`).join(", ");
  return [
    judgedLine(summary),
    ...labelled(
      [
        [
          "VMX for nested guests",
          `${count(verdicts.yes)} yes, ${count(verdicts.no)} no${why === "" ? "" : ` (${why})`}, ${count(verdicts.unknown)} not known`,
        ],
        ["fleet", `${hosts(all)}, ${several(sets, "set")} of facts, ${several(kernels, "kernel")}`],
        ["collected", collected[0] === collected[1] ? collected[0] : `${collected[0]} to ${collected[1]}`],
      ],
      width,
    ),
  ];
}

export function whoLines(
  { sure, unsure, hosts: all, rows, lost: places }: Who,
  wanted: readonly Wanted[],
  layer: Layer,
  width: number,
): readonly Line[] {
  const more = sure + unsure - rows.length;
  const features = (has: boolean) => wanted.flatMap((one) => (one.has === has ? [one.feature.id] : [])).join(", ");
  const asked = [
    [features(true), sure === 1 ? "has" : "have"],
    [features(false), sure === 1 ? "lacks" : "lack"],
  ].flatMap(([ids, verb]) => (ids === "" ? [] : [`${verb} ${ids}`]));
  const place = layer === "nested" ? "for nested guests" : `(${LAYER_TITLES[layer]})`;
  const open = unsure === 0 ? "" : `; ${count(unsure)} more may, not everything was read`;
  const lost = (one: LostAt | undefined) => {
    if (one === undefined) return "";
    if (one === "off") return KEPT.nested;
    return one === "unloaded" ? KEPT.kvm : `lost at ${LAYER_TITLES[one]}`;
  };
  return [
    title(`${count(sure)} of ${hosts(all)} ${asked.join(" and ")} ${place}${open}`),
    ...(rows.length < sure + unsure
      ? wrap(places.map(({ at, hosts: n }) => `${lost(at)} on ${count(n)}`).join(", "), width, "  ")
      : []),
    ...table(
      rows.map(({ host, model, kernel, sure: is, lostAt }) => [
        host,
        is ? lost(lostAt) : styled("unknown", "not known"),
        kernel,
        model,
      ]),
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

export function lossLines({ common, lost, without, exact }: Losses, whole: number, width: number): readonly Line[] {
  const forced = lost.map(({ id, lack, open, by }): Inline[] => [
    styled("no", id),
    count(lack),
    open === 0 ? "" : styled("unknown", count(open)),
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
    ...(forced.length === 0
      ? []
      : table([["feature", "lack it", "not known", "hosts that lack it"], ...forced], {
          width,
          indent: 2,
          right: [1, 2],
        })),
    ...(won.length === 0
      ? []
      : [
          BLANK,
          title(
            `Hosts to leave out, and what the others then have${exact ? "" : " (cheapest feature first; a better choice may exist)"}`,
          ),
          ...table([["hosts", "won", "features"], ...won], { width, indent: 2, right: [0, 1] }),
        ]),
  ];
}

/** Once the pools keep everything, more of them keep no more. */
export function tillAll(curve: readonly CurvePoint[], of: number): readonly CurvePoint[] {
  const all = curve.findIndex(({ kept }) => kept === of);
  return all < 0 ? curve : curve.slice(0, all + 1);
}

const without = (ids: readonly string[]): string => (ids.length === 0 ? "" : `, not ${someOf(ids, 4)}`);

export function poolLines(pools: Pools, curve: readonly CurvePoint[], width: number): readonly Line[] {
  // Rounded down: nearly all is not all.
  const part = (kept: number) => (pools.of === 0 ? 100 : Math.floor((1000 * kept) / pools.of) / 10).toFixed(1);
  const some = [...new Set(pools.pools.flatMap(({ features }) => features))];
  const rows = pools.pools.map((pool, at): Inline[] => [
    `pool ${at + 1}`,
    hosts(pool.hosts),
    `${several(pool.features.length, "feature")}${without(some.filter((one) => !pool.features.includes(one)).map(({ id }) => id))}`,
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
    title("Features that so many pools keep"),
    ...table(
      tillAll(curve, pools.of).map((point) => [
        String(point.pools),
        `${part(point.kept)} %`,
        point.exact ? "the most there can be" : `at most ${part(point.atMost)} %`,
      ]),
      { width, indent: 2, right: [0, 1] },
    ),
    ...wrap(`How: ${pools.algorithm}.`, width),
  ];
}
