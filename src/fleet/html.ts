import type { Feature } from "../why/features.js";
import type { Generation, RefusedVcpus, Summary } from "./answer.js";
import type { Drifting } from "./drift.js";
import { kindText, unlikeText } from "./drift-text.js";
import type { Losses } from "./exclusions.js";
import type { CurvePoint, Pools } from "./pools.js";
import { count, judgedLine, several, tillAll } from "./text.js";

/*
 * A fleet as one HTML page that needs nothing else: no script, no font, no request. Every picture comes with the table of its
 * numbers. Names of hosts and labels come from outside and are escaped wherever they appear.
 */

export interface PageData {
  readonly title: string;
  readonly version: string;
  readonly summary: Summary;
  readonly features: readonly Feature[];
  readonly generations: readonly Generation[];
  readonly pools: Pools;
  readonly curve: readonly CurvePoint[];
  readonly losses: Losses;
  readonly drift: readonly Drifting[];
  readonly vcpus: readonly RefusedVcpus[];
}

const escapes: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text between tags or in an attribute in quotes; an invisible character is shown as a sign. */
function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => escapes[character] as string)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
}

/** A number is aligned to the right, and a share of the whole is drawn as a bar. */
type Cell = string | number | { readonly part: number };

function table(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return `<p>${escapeHtml(caption)}: none.</p>`;
  const cell = (value: Cell) => {
    if (typeof value === "number") return `<td class="n">${count(value)}</td>`;
    if (typeof value === "string") return `<td>${escapeHtml(value)}</td>`;
    return `<td class="drawn"><i style="width:${(100 * value.part).toFixed(1)}%"></i></td>`;
  };
  const body = rows.map(
    ([first = "", ...rest]) => `<tr><th scope="row">${escapeHtml(String(first))}</th>${rest.map(cell).join("")}</tr>`,
  );
  const columns = head.map((text, at) => {
    const side = typeof rows[0]?.[at] === "number" ? ' class="n"' : "";
    return text === "" ? "<td></td>" : `<th scope="col"${side}>${escapeHtml(text)}</th>`;
  });
  return wide(
    caption,
    `<table><caption>${escapeHtml(caption)}</caption><thead><tr>${columns.join("")}</tr></thead><tbody>${body.join("")}</tbody></table>`,
  );
}

/** What is wider than the screen is scrolled, with the keyboard, too. */
const wide = (label: string, inside: string): string =>
  `<div class="wide" role="region" tabindex="0" aria-label="${escapeHtml(label)}">${inside}</div>`;

const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#667;--line:#d5d9e0;--yes:#1a7f4b;--no:#b3261e;--open:#8a6100;--bar:#2f6db5}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#14171a;--soft:#9aa3ad;--line:#343a41;--yes:#5cc489;--no:#ff8a80;--open:#e0b24a;--bar:#6ea8e6}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}p{max-width:60rem}
.wide{overflow-x:auto;margin:.8rem 0}table{border-collapse:collapse;font-size:.85rem}caption{text-align:left;color:var(--soft);padding:.3rem 0}
th,td{border-bottom:1px solid var(--line);padding:.2rem .5rem;text-align:left;vertical-align:top}caption{min-width:18rem}th{font-weight:600}tbody th{white-space:nowrap;font-weight:400}.n{text-align:right;font-variant-numeric:tabular-nums}
.judged{font-weight:600;font-size:1.05rem}.warn{color:var(--open)}.heat th{vertical-align:bottom}.heat th.up{writing-mode:vertical-rl;font-weight:400;text-align:end;vertical-align:middle}.heat td{text-align:center;min-width:1.6rem}
.drawn{min-width:9rem}.drawn i{display:block;height:1rem;margin-top:.15rem;min-width:2px;background:var(--bar)}
.verdict{display:flex;height:1.4rem;max-width:40rem;margin:.6rem 0 .2rem}.verdict i{display:block}
i.yes{background:var(--yes)}i.no{background:var(--no)}i.open{background:var(--open)}
svg{display:block;width:100%;max-width:40rem;height:auto;margin:.6rem 0}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}.bar{fill:var(--bar)}.axis{fill:none;stroke:var(--soft)}.line{fill:none;stroke:var(--bar);stroke-width:2}.most{fill:none;stroke:var(--soft);stroke-dasharray:4 3}
@media(max-width:32rem){svg text{font-size:20px}table:not(.heat) td:not(.n):not(.drawn){min-width:12rem}}
`;

export function fleetPage(data: PageData): string {
  const { title, version, summary, pools, curve, losses, drift, vcpus } = data;
  const judged = judgedLine(summary)
    .map(({ text }) => text)
    .join("");
  const points = tillAll(curve, pools.of);
  const warn = summary.verdicts.unknown > 0 || summary.notDerived > 0 ? " warn" : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="judged${warn}">${escapeHtml(judged)}</p>
<p>${several(summary.hosts, "host")}, ${several(summary.sets, "set")} of facts, ${several(summary.kernels, "kernel")}, collected ${escapeHtml(summary.collected[0])} to ${escapeHtml(summary.collected[1])}.</p>
${verdictBar(summary)}
<h2>Features by CPU model, as nested guests get them</h2>
${heat(data)}
<h2>Pools</h2>
${poolTable(pools)}
<h2>More pools, more features</h2>
${curvePicture(points, pools.of)}
${table(
  "Features times hosts that are kept, of all that there are",
  ["pools", "kept", "at most", "of"],
  points.map((point) => [String(point.pools), point.kept, point.atMost, pools.of]),
)}
<h2>Lost features, and by whom</h2>
${table(
  `All ${count(summary.verdicts.yes)} hosts that give nested guests VMX have ${losses.common.length} features in common`,
  ["feature", "have it", "lack it", "not known", "hosts that lack it"],
  losses.lost.map(({ id, have, lack, open, by }) => [
    id,
    have,
    lack,
    open,
    by
      .slice(0, 4)
      .map(({ firstHost, hosts }) => `${firstHost}${hosts > 1 ? ` (${count(hosts)})` : ""}`)
      .join(", "),
  ]),
)}
${table(
  "What the others have without some hosts",
  ["hosts left out", "features won", "which"],
  losses.without.map(({ hosts, wins }) => [count(hosts), wins.length, wins.join(", ")]),
)}
<h2>Drift</h2>
${table(
  "Hosts that offer nested guests something else than most of their model, kernel and parameters",
  ["first host", "hosts", "unlike", "of", "what is different", "model, kernel, parameters"],
  drift
    .slice(0, MOST_ROWS)
    .map((row) => [row.firstHost, row.hosts, row.mostHosts, row.whole, unlikeText(row), kindText(row)]),
)}
${table(
  "Pairs of hosts between which a vCPU added after a migration is refused by the guest's KVM",
  ["within", "hosts", "pairs refused", "pairs not known"],
  vcpus.slice(0, MOST_ROWS).map((row) => [row.within, row.hosts, row.refusedPairs, row.openPairs]),
)}
<p>Made by vmxlens ${escapeHtml(version)}. The page holds all of its data and loads nothing.</p>
</main>
</body>
</html>
`;
}

const MOST_ROWS = 100;
const MOST_MODELS = 40;
const WIDTH = 640;

function verdictBar({ verdicts, hosts }: Summary): string {
  const parts = (["yes", "no", "unknown"] as const).map((verdict) => {
    const width = hosts === 0 ? 0 : (100 * verdicts[verdict]) / hosts;
    return `<i class="${verdict === "unknown" ? "open" : verdict}" style="width:${width.toFixed(2)}%"></i>`;
  });
  const words = `VMX for nested guests: ${count(verdicts.yes)} yes, ${count(verdicts.no)} no, ${count(verdicts.unknown)} not known`;
  return `<div class="verdict" role="img" aria-label="${words}">${parts.join("")}</div><p>${words}.</p>`;
}

/** The table is the picture: the part of a model's hosts that have a feature is the strength of its cell. */
function heat({ features, generations }: PageData): string {
  const able = generations.filter((one) => one.able > 0);
  const part = ({ have, able: all }: Generation, at: number) => (have[at] ?? 0) / all;
  const columns = features.map((feature, at) => ({ feature, at, parts: able.map((one) => part(one, at)) }));
  const everywhere = columns.filter(({ parts }) => parts.length > 0 && parts.every((one) => one === 1));
  const used = columns.filter((column) => !everywhere.includes(column) && column.parts.some((one) => one > 0));
  const head = used.map(({ feature }) => `<th scope="col" class="up">${escapeHtml(feature.id)}</th>`).join("");
  const rows = generations.slice(0, MOST_MODELS).map((one) => {
    const { model, hosts, able: all, have } = one;
    const cells = used.map(({ feature, at }) => {
      const of = all === 0 ? 0 : part(one, at);
      const text = of === 0 ? "" : of === 1 ? "\u25cf" : `${Math.max(1, Math.min(99, Math.round(of * 100)))}`;
      return `<td title="${escapeHtml(`${model}: ${feature.id} on ${count(have[at] ?? 0)} of ${count(all)}`)}" style="background:color-mix(in srgb,var(--yes) ${Math.round(of * 45)}%,transparent)">${text}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(model === "" ? "no name" : model)}</th><td class="n">${count(hosts)}</td><td class="n">${count(all)}</td>${cells.join("")}</tr>`;
  });
  const more = generations.length - rows.length;
  const caption =
    "Of the hosts with VMX for nested guests. A dot: all have the feature; a number: so many of a hundred; empty: none for certain";
  const picture = `<table class="heat"><caption>${caption}</caption><thead><tr><th scope="col">model</th><th scope="col" class="n">hosts</th><th scope="col" class="n">with VMX</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
  return (
    wide("Features by CPU model", picture) +
    (more > 0 ? `<p>And ${several(more, "model")} with fewer hosts.</p>` : "") +
    (everywhere.length === 0
      ? ""
      : `<p>On all of them: ${everywhere.map(({ feature }) => escapeHtml(feature.id)).join(", ")}.</p>`)
  );
}

function poolTable({ pools, algorithm, apart }: Pools): string {
  const some = [...new Set(pools.flatMap(({ features }) => features))];
  const common = some.filter((one) => pools.every(({ features }) => features.includes(one)));
  const most = Math.max(1, ...pools.map(({ hosts }) => hosts));
  const left = apart.reduce((n, { shape }) => n + shape.hosts, 0);
  const rows = pools.map(({ hosts, features, shapes }, at): Cell[] => [
    `pool ${at + 1}`,
    hosts,
    { part: hosts / most },
    features.length,
    some
      .filter((one) => !features.includes(one))
      .map(({ id }) => id)
      .join(", "),
    shapes[0]?.firstHost ?? "",
  ]);
  return (
    table(
      `Hosts among which a nested guest moves freely (${algorithm})`,
      ["pool", "hosts", "", "features", "without", "a host of it"],
      rows,
    ) +
    (left === 0 ? "" : `<p>In no pool: ${several(left, "host")}.</p>`) +
    (common.length === 0 ? "" : `<p>All pools have: ${common.map(({ id }) => escapeHtml(id)).join(", ")}.</p>`)
  );
}

function curvePicture(curve: readonly CurvePoint[], of: number): string {
  if (curve.length === 0 || of === 0) return "";
  const height = 200;
  const last = Math.max(2, ...curve.map(({ pools }) => pools));
  const least = Math.min(...curve.map(({ kept }) => kept)) / of;
  const low = Math.max(0, least - 0.05);
  const x = (pools: number) => (40 + ((WIDTH - 60) * (pools - 1)) / (last - 1)).toFixed(1);
  const y = (kept: number) => (height - 20 - ((height - 40) * (kept / of - low)) / (1 - low)).toFixed(1);
  const path = (value: (point: CurvePoint) => number) =>
    curve.map((point, at) => `${at === 0 ? "M" : "L"}${x(point.pools)} ${y(value(point))}`).join("");
  const dots = curve
    .map((point) => `<circle class="bar" cx="${x(point.pools)}" cy="${y(point.kept)}" r="3"/>`)
    .join("");
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Features kept by number of pools, as in the table below"><path class="axis" d="M40 20V${height - 20}H${WIDTH - 20}"/><path class="most" d="${path(({ atMost }) => atMost)}"/><path class="line" d="${path(({ kept }) => kept)}"/>${dots}<text x="0" y="24">100 %</text><text x="0" y="${height - 20}">${Math.round(low * 100)} %</text><text x="40" y="${height - 4}">1 pool</text><text x="${WIDTH - 70}" y="${height - 4}">${last} pools</text></svg>`;
}
