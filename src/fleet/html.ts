import type { Feature } from "../why/features.js";
import type { RefusedVcpus, Summary } from "./answer.js";
import type { Drifting } from "./drift.js";
import { kindText, unlikeText } from "./drift-text.js";
import type { Losses } from "./exclusions.js";
import type { CurvePoint, Pools } from "./pools.js";
import { count, judgedLine } from "./text.js";

/*
 * A fleet as one HTML page that needs nothing else: no script, no font, no request. Every picture comes with the table of its
 * numbers. Names of hosts and labels come from outside and are escaped wherever they appear.
 */

export interface PageData {
  readonly title: string;
  readonly version: string;
  readonly summary: Summary;
  readonly features: readonly Feature[];
  readonly generations: readonly { readonly model: string; readonly hosts: number; readonly have: readonly number[] }[];
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

type Cell = string | number;

function table(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell) =>
    typeof value === "number" ? `<td class="n">${count(value)}</td>` : `<td>${escapeHtml(value)}</td>`;
  const body = rows.map(
    ([first = "", ...rest]) => `<tr><th scope="row">${escapeHtml(String(first))}</th>${rest.map(cell).join("")}</tr>`,
  );
  return `<div class="wide"><table><caption>${escapeHtml(caption)}</caption><thead><tr>${head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#667;--line:#d5d9e0;--yes:#1a7f4b;--no:#b3261e;--open:#8a6100;--bar:#2f6db5}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#14171a;--soft:#9aa3ad;--line:#343a41;--yes:#5cc489;--no:#ff8a80;--open:#e0b24a;--bar:#6ea8e6}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}caption{text-align:left;color:var(--soft);padding:.3rem 0}
th,td{border-bottom:1px solid var(--line);padding:.2rem .5rem;text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
.judged{font-weight:600;font-size:1.05rem}.warn{color:var(--open)}.heat th[scope=col]{writing-mode:vertical-rl;font-weight:400}.heat td{text-align:center;min-width:1.6rem}
svg{display:block;max-width:100%;height:auto;margin:.6rem 0}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}.yes{fill:var(--yes)}.no{fill:var(--no)}.open{fill:var(--open)}.bar{fill:var(--bar)}.axis{stroke:var(--line)}.line{fill:none;stroke:var(--bar);stroke-width:2}.most{fill:none;stroke:var(--soft);stroke-dasharray:4 3}
`;

export function fleetPage(data: PageData): string {
  const { title, version, summary, pools, curve, losses, drift, vcpus } = data;
  const judged = judgedLine(summary)
    .map(({ text }) => text)
    .join("");
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
<h1>${escapeHtml(title)}</h1>
<p class="judged${warn}">${escapeHtml(judged)}</p>
<p>${count(summary.hosts)} hosts, ${count(summary.sets)} different sets of facts, ${count(summary.kernels)} kernels, collected ${escapeHtml(summary.collected[0])} to ${escapeHtml(summary.collected[1])}.</p>
${verdictBar(summary)}
<h2>Features by CPU model, as nested guests get them</h2>
${heat(data)}
<h2>Pools</h2>
${poolBars(pools)}
${table(
  `Hosts among which a nested guest moves freely (${pools.algorithm})`,
  ["pool", "hosts", "features", "which", "a host of it"],
  pools.pools.map((pool, at) => [
    `pool ${at + 1}`,
    pool.hosts,
    pool.features.length,
    pool.features.map(({ id }) => id).join(", "),
    pool.shapes[0]?.firstHost ?? "",
  ]),
)}
<h2>More pools, more features</h2>
${curvePicture(curve, pools.of)}
${table(
  "Features times hosts that are kept, of all that there are",
  ["pools", "kept", "at most", "of"],
  curve.map((point) => [String(point.pools), point.kept, point.atMost, pools.of]),
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
</body>
</html>
`;
}

const MOST_ROWS = 100;
const WIDTH = 640;

function verdictBar({ verdicts, hosts }: Summary): string {
  let x = 0;
  const parts = (["yes", "no", "unknown"] as const).map((verdict) => {
    const width = hosts === 0 ? 0 : (WIDTH * verdicts[verdict]) / hosts;
    const shape = `<rect class="${verdict === "unknown" ? "open" : verdict}" x="${x.toFixed(1)}" y="0" width="${width.toFixed(1)}" height="22"/>`;
    x += width;
    return shape;
  });
  const words = `${count(verdicts.yes)} yes, ${count(verdicts.no)} no, ${count(verdicts.unknown)} not known`;
  return `<svg viewBox="0 0 ${WIDTH} 42" role="img" aria-label="VMX for nested guests: ${words}">${parts.join("")}<text x="0" y="38">VMX for nested guests: ${words}</text></svg>`;
}

/** The table is the picture: the part of a model's hosts that have a feature is the strength of its cell. */
function heat({ features, generations }: PageData): string {
  const used = features
    .map((feature, at) => ({ feature, at }))
    .filter(({ at }) => generations.some(({ have }) => (have[at] ?? 0) > 0));
  const head = used.map(({ feature }) => `<th scope="col">${escapeHtml(feature.id)}</th>`).join("");
  const rows = generations.slice(0, 40).map(({ model, hosts, have }) => {
    const cells = used.map(({ feature, at }) => {
      const part = hosts === 0 ? 0 : (have[at] ?? 0) / hosts;
      const text = part === 0 ? "" : part === 1 ? "\u25cf" : `${Math.max(1, Math.min(99, Math.round(part * 100)))}`;
      return `<td title="${escapeHtml(`${model}: ${feature.id} on ${count(have[at] ?? 0)} of ${count(hosts)}`)}" style="background:color-mix(in srgb,var(--yes) ${Math.round(part * 45)}%,transparent)">${text}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(model === "" ? "no name" : model)}</th><td class="n">${count(hosts)}</td>${cells.join("")}</tr>`;
  });
  return `<div class="wide"><table class="heat"><caption>A dot: all hosts of the model have it; a number: so many of a hundred; empty: none for certain</caption><thead><tr><th scope="col">model</th><th scope="col">hosts</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function poolBars({ pools }: Pools): string {
  const most = Math.max(1, ...pools.map(({ hosts }) => hosts));
  const bars = pools.map(({ hosts, features }, at) => {
    const width = ((WIDTH - 260) * hosts) / most;
    return `<rect class="bar" x="60" y="${at * 24}" width="${width.toFixed(1)}" height="18"/><text x="0" y="${at * 24 + 14}">pool ${at + 1}</text><text x="${(68 + width).toFixed(1)}" y="${at * 24 + 14}">${count(hosts)} hosts, ${features.length} features</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${Math.max(1, pools.length) * 24}" role="img" aria-label="Hosts and features of each pool, as in the table below">${bars.join("")}</svg>`;
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
