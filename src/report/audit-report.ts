import { checkHas, checkList, checkNumber, checkText } from "../bits/misuse.js";
import type { AuditResult } from "../vmcs/audit.js";
import type { VmcsDump } from "../vmcs/dumps/dump.js";
import type { Finding } from "../vmcs/finding.js";
import type { Fix } from "../vmcs/fix.js";
import { describeInput } from "../vmcs/missing-inputs.js";
import { describeReported } from "../vmcs/reported.js";
import { labelled, table, wrap } from "./layout.js";
import { BLANK, type Inline, type Line, type Style, styled } from "./text.js";
import { visible } from "./visible.js";

/** One VMCS and what the audit said about it. */
export interface AuditedDump {
  readonly dump: VmcsDump;
  readonly result: AuditResult;
  readonly fix?: Fix | undefined;
}

const VERDICT_STYLES = {
  invalid: "no",
  valid: "yes",
  "nothing-found": "unknown",
  unexplained: "unknown",
} as const satisfies Record<AuditResult["verdict"], Style>;

/** The failing check first, then the other ones, then what could not be judged and what to collect. */
export function auditReport(audited: AuditedDump, cpu: string, width: number): Line[] {
  checkHas(audited, "result", "audited", "{ dump, result }, with what auditVmcs(dump.vmcs) returns");
  checkText(cpu, "cpu", "a name for the CPU");
  checkNumber(width, "width", "a number of columns");
  const { dump, result, fix } = audited;
  const [first, last] = dump.lines;
  const name = dump.name === undefined ? "" : `${dump.name}, `;
  const lines: Line[] = [
    ...labelled(
      [
        ["VMCS", `${name}lines ${first} to ${last}, format ${dump.format}, ${dump.vmcs.fields.size} fields`],
        ["reported", describeReported(result.reported)],
        ["CPU", cpu],
      ],
      width,
    ),
    BLANK,
    ...wrap(styled(VERDICT_STYLES[result.verdict], result.headline), width),
  ];
  for (const finding of result.findings) lines.push(BLANK, ...findingLines(finding, width));
  if (fix !== undefined) lines.push(BLANK, ...fixLines(fix, width));
  lines.push(BLANK, ...countLines(result, width));
  return lines;
}

function findingLines({ check, outcome, paragraph, evidence, changes, fitsReport }: Finding, width: number): Line[] {
  const fit = fitsReport === "no" ? " (not what was reported)" : "";
  const lines: Line[] = [
    ...wrap([styled("error", check.id), ` — SDM ${check.sdm}: ${outcome}${fit}`], width),
    ...wrap(paragraph, width, "  "),
  ];
  const rows: Inline[][] = evidence.map(({ name, value, decoded }) => [name, styled("strong", value), decoded ?? ""]);
  if (rows.length > 0) lines.push(...table(rows, { width, indent: 2 }));
  for (const [index, change] of changes.entries()) {
    lines.push(...wrap(change.text, width, ["  ", styled("label", index === 0 ? "change: " : "or: ")]));
  }
  return lines;
}

function fixLines({ changes, left }: Fix, width: number): Line[] {
  const rows: Inline[][] = changes.map(({ name, from, to, because }) => [
    styled("strong", name),
    `${from} → ${to}`,
    styled("dim", because.join(", ")),
  ]);
  const title = changes.length === 0 ? "No change of fields mends this" : "Smallest set of changes that passes";
  const lines: Line[] = [[styled("heading", title)], ...table(rows, { width, indent: 2 })];
  if (left.length > 0) lines.push(...wrap(`not to be mended by fields: ${left.join(", ")}`, width, "  "));
  return lines;
}

const MOST_COLLECTED = 8;

function countLines({ counts, collect, assumptions, agreed }: AuditResult, width: number): Line[] {
  const { passes, fails, undecided, notApplicable } = counts;
  const lines = wrap(
    `${fails} of the checks fail, ${passes} pass, ${notApplicable} do not apply, ${undecided} cannot be judged.`,
    width,
  );
  if (collect.length > 0) {
    lines.push([{ text: "To judge more, collect:" }]);
    const rows = collect
      .slice(0, MOST_COLLECTED)
      .map(({ input, checks }): Inline[] => [String(checks), describeInput(input)]);
    lines.push(...table(rows, { width, indent: 2, right: [0] }));
    if (collect.length > MOST_COLLECTED) lines.push([{ text: `  and ${collect.length - MOST_COLLECTED} more` }]);
  }
  if (agreed.length > 0) {
    lines.push(
      ...wrap(`${agreed.length} checks were judged by what all Intel CPUs of the atlas have in common.`, width),
    );
  }
  for (const { text } of assumptions) lines.push(...wrap(text, width, [styled("label", "assumed "), ""]));
  return lines;
}

/** Plain data for `--json` and JUnit. */
export function auditJson(audited: AuditedDump) {
  checkHas(audited, "result", "audited", "{ dump, result }, with what auditVmcs(dump.vmcs) returns");
  const { dump, result, fix } = audited;
  return {
    ...(dump.name === undefined ? {} : { name: dump.name }),
    format: dump.format,
    lines: dump.lines,
    verdict: result.verdict,
    headline: result.headline,
    reported: describeReported(result.reported),
    findings: result.findings.map(({ check, outcome, fitsReport, evidence, changes, paragraph }) => ({
      id: check.id,
      sdm: check.sdm,
      outcome,
      fitsReport,
      paragraph,
      evidence,
      changes: changes.map((change) => ({ text: change.text, fields: change.fields })),
    })),
    ...(fix === undefined ? {} : { fix: { changes: fix.changes, left: fix.left } }),
    counts: result.counts,
    undecided: result.undecided.map(({ check, missing, ruledOut }) => ({ id: check.id, missing, ruledOut })),
    collect: result.collect,
    agreed: result.agreed,
    assumptions: result.assumptions,
    diagnostics: dump.diagnostics,
  };
}

const XML: { readonly [character: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeXml = (text: string) => visible(text).replace(/[&<>"]/g, (character) => XML[character] as string);

/** One JUnit test case for each VMCS. */
export function auditJunit(file: string, audited: readonly AuditedDump[]): string {
  checkText(file, "file", "a name for messages");
  checkList(audited, "result", "audited", "{ dump, result }, with what auditVmcs(dump.vmcs) returns");
  const failed = audited.filter(({ result }) => result.findings.length > 0);
  const cases = audited.map(({ dump, result }, index) => {
    const name = escapeXml(dump.name ?? `${dump.format} dump ${index + 1}, lines ${dump.lines.join(" to ")}`);
    const failures = result.findings.map(
      ({ check, paragraph }) => `<failure type="${escapeXml(check.id)}" message="${escapeXml(paragraph)}"/>`,
    );
    return `  <testcase classname="vmxlens.audit" name="${name}">${failures.join("")}</testcase>`;
  });
  const open = `<testsuite name="${escapeXml(file)}" tests="${audited.length}" failures="${failed.length}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${[open, ...cases, "</testsuite>"].join("\n")}\n`;
}
