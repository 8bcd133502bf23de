import type { Tri } from "../../bits/tri.js";
import type { ComparedHost, RunResult } from "../../compare/hosts/compared-host.js";
import { type Judged, type PackResult, runsOn } from "../../compare/hosts/runs.js";
import type { Pack } from "../../compare/pack.js";
import { findPack, PACKS } from "../../compare/packs/all.js";
import type { Host } from "../../host/host.js";
import { coreText } from "../../situation/pick-cpu.js";
import { comparedJson } from "../json/json-compare.js";
import { kernelLabel } from "../wording/kernel-text.js";
import { caveatLines, underKernel } from "./caveats.js";
import { whoText } from "./who.js";

export interface RunRunsArgs {
  readonly subject: ComparedHost;
  /** Any name of a product; all of them if it is missing. */
  readonly product?: string;
  /** Also the requirements that are met. */
  readonly all?: boolean;
}

/**
 * Which products run on a host. Exit code 1 if the one that was asked for does not, or if that is not known; without one, if
 * none is known to run: some vendors publish too little for a yes.
 */
export function runRuns({ subject, product, all = false }: RunRunsArgs): RunResult {
  const found = product === undefined ? undefined : findPack(product);
  if (found !== undefined && "near" in found) {
    const problem = problemOf(product as string, found.near);
    return { lines: [problem], json: { format: "vmxlens-runs/1", problem, near: found.near }, exitCode: 2 };
  }
  const packs = found === undefined ? PACKS : [found];
  const results = packs.map((pack) => runsOn(subject.situation, pack));
  const one = found !== undefined;
  return {
    lines: [
      ...(one ? [] : [headLine(results, subject), ""]),
      ...results.flatMap((result) => (one ? oneLines(result, subject, all) : packLines(result, subject, all))),
      ...caveatLines([subject], packs.some(isOfKernel)),
    ],
    json: { format: "vmxlens-runs/1", subject: comparedJson(subject), products: results.map(packJson) },
    exitCode: results.some(({ verdict }) => verdict === "yes") ? 0 : 1,
  };
}

/** The same for several hosts: each product with the hosts that it runs on, then each host on its own. */
export function runRunsOnMany(
  subjects: readonly ComparedHost[],
  { product, all = false }: Omit<RunRunsArgs, "subject">,
): RunResult {
  const each = subjects.map((subject) => ({
    subject,
    result: runRuns({ subject, ...(product === undefined ? {} : { product }), all }),
  }));
  const [first] = each;
  if (first !== undefined && first.result.exitCode === 2) return first.result;
  const found = product === undefined ? undefined : findPack(product);
  const packs = found === undefined || "near" in found ? PACKS : [found];
  const labels = subjects.map(({ label }) => label);
  const rows = packs.map((pack) => {
    const verdicts = subjects.map(({ label, situation }) => ({ label, verdict: runsOn(situation, pack).verdict }));
    const parts = (["yes", "no", "unknown"] as const).flatMap((verdict) => {
      const on = verdicts.filter((one) => one.verdict === verdict).map(({ label }) => label);
      return on.length === 0 ? [] : [`${verdict} on ${whoText(on, labels)}`];
    });
    return `${pack.name} (${pack.id}): ${parts.join("; ")}`;
  });
  const details = product === undefined ? [] : each.flatMap(({ result }) => ["", ...result.lines]);
  return {
    lines: [...rows, ...details, ...(product === undefined ? caveatLines(subjects) : [])],
    json: { format: "vmxlens-runs/2", hosts: each.map(({ result }) => result.json) },
    exitCode: each.every(({ result }) => result.exitCode === 0) ? 0 : 1,
  };
}

function problemOf(name: string, near: readonly string[]): string {
  const ambiguous = PACKS.filter(({ id }) => near.includes(id) && id.startsWith(`${name.toLowerCase()}-`)).length > 1;
  if (ambiguous) return `${name} is several products: ${near.join(", ")}`;
  const hint =
    near.length === 0 ? `known are ${PACKS.map(({ id }) => id).join(", ")}` : `did you mean ${near.join(", ")}?`;
  return `no product is called ${name}; ${hint}`;
}

/** Only what KVM does depends on the kernel. */
const isOfKernel = (pack: Pack) => pack.requirements.some(({ needs }) => "kvmLoads" in needs);

function packJson({ pack, verdict, met, judged }: PackResult) {
  return {
    id: pack.id,
    name: pack.name,
    verdict,
    met,
    incomplete: pack.incomplete ?? null,
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
const VERDICTS: { readonly [T in Tri]: string } = { yes: "yes    ", no: "no     ", unknown: "unknown" };
const MARKS: { readonly [T in Tri]: string } = { yes: "met    ", no: "not met", unknown: "unknown" };

function headLine(results: readonly PackResult[], subject: ComparedHost): string {
  const count = (verdict: Tri) => results.filter((row) => row.verdict === verdict).length;
  const open = count("unknown");
  const rest = open === 0 ? "" : `; ${open} unknown`;
  return `${count("yes")} of ${results.length} products run on ${subject.label}${rest}.`;
}

/** One of several products, with the requirements that it misses. */
function packLines({ pack, verdict, met, judged }: PackResult, { situation }: ComparedHost, all: boolean): string[] {
  const shown = judged.filter((row) => all || (row.met !== "yes" && row.requirement.level === "required"));
  const open =
    pack.incomplete !== undefined && met === "yes" ? [`    ${pack.incomplete} What is published is met.`] : [];
  return [
    `${VERDICTS[verdict]}  ${pack.name} (${pack.id})${isOfKernel(pack) ? `, ${kernelLabel(situation)}` : ""}`,
    ...open,
    ...shown.map((row) => `  ${judgedLine(row, situation.host.cores)}`),
  ];
}

/** One product with the source of each requirement; requirements of one source are shown together. */
function oneLines({ pack, verdict, judged }: PackResult, subject: ComparedHost, all: boolean): string[] {
  const required = judged.filter(({ requirement }) => requirement.level === "required");
  const met = required.filter((row) => row.met === "yes").length;
  const which = pack.incomplete === undefined ? "requirements" : "published requirements";
  const lines = [
    `${pack.name} ${SAYS[verdict]} on ${isOfKernel(pack) ? underKernel(subject) : subject.label}: ${met} of ${required.length} ${which} are met.`,
  ];
  if (pack.incomplete !== undefined) lines.push(pack.incomplete);
  let source = "";
  for (const row of judged.filter((one) => all || one.met !== "yes")) {
    if (sourceText(row) !== source) lines.push("", `By ${sourceText(row)}:`);
    source = sourceText(row);
    lines.push(judgedLine(row, subject.situation.host.cores));
  }
  if (pack.note !== undefined) lines.push("", pack.note);
  if (!all && met > 0) lines.push("", "--all lists the requirements that are met as well.");
  return lines;
}

function judgedLine({ requirement, met, cores: on }: Judged, cores: Host["cores"]): string {
  const who = on.length === 0 ? "" : ` on ${on.map((i) => coreText(cores[i] as (typeof cores)[0], i)).join(", ")}`;
  const wanted = requirement.level === "wanted" ? " (runs without)" : "";
  return `  ${MARKS[met]}  ${requirement.text}${who}${wanted}`;
}

function sourceText({ requirement: { source } }: Judged): string {
  const version = source.version === undefined ? "" : `, ${source.version}`;
  return `${source.where}${version}${source.compared ? "" : " (not compared with its text)"}`;
}
