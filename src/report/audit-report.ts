import { checkHas, checkList, checkNumber, checkText } from "../bits/misuse.js";
import type { AuditResult } from "../vmcs/audit.js";
import type { Check } from "../vmcs/checks/check-row.js";
import { fieldsOf } from "../vmcs/checks/inputs.js";
import type { VmcsDump } from "../vmcs/dumps/dump.js";
import { decodeField } from "../vmcs/fields/decode.js";
import { fieldByEncoding, fieldName } from "../vmcs/fields/fields.js";
import { entryEvidence, type Finding } from "../vmcs/finding.js";
import type { Fix } from "../vmcs/fix.js";
import { describeInput } from "../vmcs/missing-inputs.js";
import { describeReported } from "../vmcs/reported.js";
import { format64 } from "../vmcs/value64.js";
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
  deduced: "no",
  valid: "yes",
  "nothing-found": "unknown",
  "not-enough": "unknown",
  unexplained: "unknown",
  "no-vmx": "unknown",
} as const satisfies Record<AuditResult["verdict"], Style>;

/** The verdicts with which a VM entry is not known to pass. */
export function isBad({ verdict, conditional }: AuditResult): boolean {
  return (verdict !== "valid" && verdict !== "nothing-found") || conditional.length > 0;
}

/** What the report of an audit shows besides the conclusion. */
export interface AuditReportOptions {
  /** Every failing check with its own facts and changes, in the order of the manual. */
  readonly all?: boolean;
}

/** The conclusion, the cause with its facts and changes, what follows from it, and what could not be judged. */
export function auditReport(
  audited: AuditedDump,
  cpu: string,
  width: number,
  { all = false }: AuditReportOptions = {},
): Line[] {
  checkHas(audited, "result", "audited", "{ dump, result }, with what auditVmcs(dump.vmcs) returns");
  checkText(cpu, "cpu", "a name for the CPU");
  checkNumber(width, "width", "a number of columns");
  const { dump, result, fix } = audited;
  const [first, last] = dump.lines;
  const name = dump.name === undefined ? "" : `${dump.name}, `;
  const lines: Line[] = [
    ...wrap(styled(VERDICT_STYLES[result.verdict], result.headline), width),
    BLANK,
    ...labelled(
      [
        ["VMCS", `${name}lines ${first} to ${last}, format ${dump.format}, ${dump.vmcs.fields.size} fields`],
        ["reported", describeReported(result.reported)],
        ["CPU", cpu],
      ],
      width,
    ),
  ];
  if (all) for (const finding of result.findings) lines.push(BLANK, ...findingLines(finding, width));
  else lines.push(...groupLines(result, width));
  if (fix !== undefined) lines.push(BLANK, ...fixLines(fix, width));
  lines.push(BLANK, ...countLines(result, dump.vmcs.fields, width));
  return lines;
}

const MOST_GROUPS = 4;

/** A cause with its facts once, and what fails because of it in one line. */
function groupLines({ groups, findings }: AuditResult, width: number): Line[] {
  const lines: Line[] = [];
  const shown = new Set<string>();
  for (const group of groups.slice(0, MOST_GROUPS)) {
    const finding = findings.find(({ check }) => check === group.primary);
    if (finding === undefined) continue;
    for (const id of group.checks) shown.add(id);
    lines.push(BLANK, ...findingLines(finding, width, group.change?.text));
    const others = group.checks.filter((id) => id !== group.primary.id);
    if (others.length > 0) lines.push(...wrap(others.join(", "), width, ["  ", styled("label", "also fails: ")]));
  }
  const rest = findings.filter(({ check }) => !shown.has(check.id));
  for (const finding of rest.filter(({ check }) => check.failure.kind === "undefined"))
    lines.push(BLANK, ...findingLines(finding, width));
  const more = rest.filter(({ check }) => check.failure.kind !== "undefined").map(({ check }) => check.id);
  if (more.length > 0) lines.push(BLANK, ...wrap(more.join(", "), width, [styled("label", "fails, too: "), ""]));
  return lines;
}

/** One failing check: the rule, how it comes about, the facts once, and the changes, the wanted one first. */
function findingLines(
  { check, outcome, cause, evidence, changes, fitsReport, known, leftToCpu }: Finding,
  width: number,
  wanted?: string,
): Line[] {
  const fit = fitsReport === "no" ? " (not what was reported)" : "";
  const lines: Line[] = [
    ...wrap(
      [
        styled("error", check.id),
        ` — ${OUTER.test(check.id) ? (check.note ?? "") : `SDM ${check.sdm}`}: ${outcome}${fit}${leftToCpu === true ? ", left to the CPU" : ""}`,
      ],
      width,
    ),
    ...wrap(cause === undefined ? check.text : `${check.text} ${cause}`, width, "  "),
  ];
  const rows: Inline[][] = evidence.map(({ name, value, decoded }) => [name, styled("strong", value), decoded ?? ""]);
  if (rows.length > 0) lines.push(...table(rows, { width, indent: 2 }));
  const texts = changes.map(({ text }) => text);
  const ordered = wanted === undefined ? texts : [wanted, ...texts.filter((text) => text !== wanted)];
  for (const [index, text] of ordered.slice(0, MOST_CHANGES).entries()) {
    lines.push(...wrap(text, width, ["  ", styled("label", index === 0 ? "change: " : "or: ")]));
  }
  for (const { where, cured } of known)
    lines.push(...wrap(`${where}: ${cured}`, width, ["  ", styled("label", "seen in ")]));
  return lines;
}

const MOST_CHANGES = 3;
/** Checks of a hypervisor, which no manual has. */
const OUTER = /^(?:kvm|virtualbox|hyper-v)\./;

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

/** The values that a check looks at, as far as they are known. */
function lookedAt(check: Check, fields: VmcsDump["vmcs"]["fields"], width: number): Line[] {
  const rows = [...fieldsOf(check.rule)].flatMap((encoding): Inline[][] => {
    const row = fieldByEncoding(encoding);
    const value = fields.get(encoding);
    return row === undefined || value === undefined
      ? []
      : [[fieldName(row), styled("strong", format64(value)), decodeField(row, value).summary]];
  });
  return rows.length === 0 ? [] : table(rows, { width, indent: 2 });
}

function countLines(result: AuditResult, fields: VmcsDump["vmcs"]["fields"], width: number): Line[] {
  const { assumptions, agreed, suspects, conditional, entry, verdict, failing } = result;
  const { passes, fails, undecided, notApplicable } = result.counts;
  const lines: Line[] = [];
  if (entry !== undefined && verdict !== "invalid") {
    const { name, value } = entryEvidence(entry.number, entry);
    lines.push(...wrap(`${name}: ${value}`, width), BLANK);
  }
  for (const { check, where } of verdict === "invalid" ? [] : conditional.slice(1))
    lines.push(...wrap(`${check.id} fails ${where}.`, width));
  if (verdict === "deduced") {
    const [only] = suspects;
    if (only !== undefined) lines.push(...lookedAt(only.check, fields, width));
    if (only !== undefined)
      lines.push(...wrap(`To confirm it: ${only.missing.map(describeInput).join(", ")}.`, width), BLANK);
  }
  lines.push(
    ...wrap(
      `Checks: ${fails} failed, ${passes} passed, ${notApplicable} do not apply, ${undecided} cannot be judged.`,
      width,
    ),
  );
  // Where the cause is found there is nothing to collect.
  const collect = verdict === "invalid" && failing?.fitsReport === "yes" ? [] : result.collect;
  if (collect.length > 0) {
    lines.push([{ text: "To judge more, collect:" }]);
    const rows = collect
      .slice(0, MOST_COLLECTED)
      .map(({ input, checks }): Inline[] => [String(checks), describeInput(input)]);
    lines.push(...table(rows, { width, indent: 2, right: [0] }));
    if (collect.length > MOST_COLLECTED) lines.push([{ text: `  and ${collect.length - MOST_COLLECTED} more` }]);
  }
  if (agreed.length > 0) {
    const judged = agreed.length === 1 ? "1 check was" : `${agreed.length} checks were`;
    lines.push(...wrap(`${judged} judged by what all Intel CPUs of the atlas have in common.`, width));
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
    groups: result.groups.map(({ primary, checks, change, sentence }) => ({
      primary: primary.id,
      sentence,
      checks,
      ...(change === undefined ? {} : { change: { text: change.text, fields: change.fields } }),
    })),
    coverage: {
      known: result.coverage.known,
      of: result.coverage.of,
      missing: result.coverage.missing.map((encoding) => `0x${encoding.toString(16).padStart(4, "0")}`),
    },
    suspects: result.suspects.map(({ check, missing }) => ({ id: check.id, missing })),
    conditional: result.conditional.map(({ check, where }) => ({ id: check.id, where })),
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
  // Neither a failure nor a success: too little is known, or the reported failure has no cause in the values.
  const open = audited.filter(({ result }) => result.findings.length === 0 && isBad(result));
  const cases = audited.map(({ dump, result }, index) => {
    const name = escapeXml(dump.name ?? `${dump.format} dump ${index + 1}, lines ${dump.lines.join(" to ")}`);
    const order = result.groups.map(({ primary }) => primary);
    const place = ({ check }: Finding) => (order.includes(check) ? order.indexOf(check) : order.length);
    const failures = [...result.findings]
      .sort((a, b) => place(a) - place(b))
      .map(({ check, paragraph }) => `<failure type="${escapeXml(check.id)}" message="${escapeXml(paragraph)}"/>`);
    if (failures.length === 0 && isBad(result))
      failures.push(`<error type="${result.verdict}" message="${escapeXml(result.headline)}"/>`);
    return `  <testcase classname="vmxlens.audit" name="${name}">${failures.join("")}</testcase>`;
  });
  const suite = `<testsuite name="${escapeXml(file)}" tests="${audited.length}" failures="${failed.length}" errors="${open.length}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${[suite, ...cases, "</testsuite>"].join("\n")}\n`;
}
