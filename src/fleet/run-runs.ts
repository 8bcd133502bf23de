import type { Tri } from "../bits/tri.js";
import { findPack, PACKS } from "../compare/packs/all.js";
import { fleetSubjectJson } from "./fleet-json.js";
import { type Judged, type Runs, runsOn } from "./runs.js";
import { coreName, type FleetSubject, type RunResult } from "./subject.js";

export interface RunRunsArgs {
  readonly subject: FleetSubject;
  /** Any name of a product; all of them if it is missing. */
  readonly product?: string;
  /** Also the requirements that are met. */
  readonly all?: boolean;
}

/** Which products run on a host. Exit code 1 if one of those asked for does not, or nobody can tell. */
export function runRuns({ subject, product, all = false }: RunRunsArgs): RunResult {
  const found = product === undefined ? undefined : findPack(product);
  if (found !== undefined && "near" in found) {
    const near = found.near.length === 0 ? "" : `; did you mean ${found.near.join(", ")}?`;
    const problem = `no product is called ${product}${near}`;
    return { lines: [problem], json: { format: "vmxlens-runs/1", problem, near: found.near }, exitCode: 2 };
  }
  const packs = found === undefined ? PACKS : [found];
  const results = packs.map((pack) => runsOn(subject.host, pack, subject.options));
  const one = found !== undefined;
  return {
    lines: results.flatMap((result) => packLines(result, subject, { all, one })),
    json: { format: "vmxlens-runs/1", subject: fleetSubjectJson(subject), products: results.map(packJson) },
    exitCode: results.every(({ verdict }) => verdict === "yes") ? 0 : 1,
  };
}

function packJson({ pack, verdict, judged }: Runs) {
  return {
    id: pack.id,
    name: pack.name,
    verdict,
    note: pack.note ?? null,
    requirements: judged.map(({ requirement, met, cores }) => ({
      id: requirement.id,
      text: requirement.text,
      level: requirement.level,
      met,
      cores,
      source: requirement.source,
    })),
  };
}

const SAYS: { readonly [T in Tri]: string } = { yes: "runs", no: "does not run", unknown: "may run" };
const MARKS: { readonly [T in Tri]: string } = { yes: "met    ", no: "not met", unknown: "unknown" };

function packLines(
  { pack, verdict, judged }: Runs,
  { label, host }: FleetSubject,
  { all, one }: { readonly all: boolean; readonly one: boolean },
): string[] {
  const lines = [`${pack.name} ${SAYS[verdict]} on ${label}`];
  const required = judged.filter(({ requirement }) => requirement.level === "required");
  const met = required.filter((row) => row.met === "yes").length;
  if (one) lines[0] += `: ${met} of ${required.length} requirements are met`;
  const shown = judged.filter((row) => all || row.met !== "yes");
  for (const row of shown) {
    if (!one && row.requirement.level === "wanted") continue;
    lines.push(judgedLine(row, host.cores));
    if (one) lines.push(`            ${sourceText(row)}`);
  }
  if (one && pack.note !== undefined) lines.push(pack.note);
  return lines;
}

function judgedLine({ requirement, met, cores: on }: Judged, cores: FleetSubject["host"]["cores"]): string {
  const who = on.length === 0 ? "" : ` on ${on.map((i) => coreName(cores[i] as (typeof cores)[0], i)).join(", ")}`;
  const wanted = requirement.level === "wanted" ? " (runs without)" : "";
  return `  ${MARKS[met]}   ${requirement.text}${who}${wanted}`;
}

function sourceText({ requirement: { source } }: Judged): string {
  const version = source.version === undefined ? "" : `, ${source.version}`;
  return `${source.where}${version}${source.compared ? "" : " (not compared with its text)"}`;
}
