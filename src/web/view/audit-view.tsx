import { useEffect, useMemo, useState } from "preact/hooks";
import { parseHexU64 } from "../../bits/u64.js";
import { auditReport } from "../../report/audit-report.js";
import { hostName } from "../../report/basis.js";
import { FIRST_STATE } from "../../report/page/state.js";
import { atlasAgreement } from "../../vmcs/atlas-agreement.js";
import { auditVmcs } from "../../vmcs/audit.js";
import type { VmcsDump } from "../../vmcs/dumps/dump.js";
import { decodeField } from "../../vmcs/fields/decode.js";
import type { FieldRow } from "../../vmcs/fields/field-row.js";
import { FIELDS, type FieldType, fieldName, splitEncoding, widthOf } from "../../vmcs/fields/fields.js";
import type { Finding } from "../../vmcs/finding.js";
import { format64, known64, type Value64 } from "../../vmcs/value64.js";
import type { Model } from "../model.js";
import type { Reading } from "../reading.js";
import { t } from "../texts.js";
import { Command, Lines, withoutFirstPart } from "./spans.js";

interface AuditProps {
  readonly model: Model;
  readonly reading: Reading | undefined;
}

const EMPTY: VmcsDump = { vmcs: { fields: new Map() }, format: "list", lines: [1, 1], diagnostics: [] };
const NO_DUMPS: readonly VmcsDump[] = [];

const PARTS: readonly (readonly [FieldType, "audit_guest" | "audit_host" | "audit_control" | "audit_exit"])[] = [
  ["guest", "audit_guest"],
  ["host", "audit_host"],
  ["control", "audit_control"],
  ["read-only", "audit_exit"],
];

/** A VMCS as a form: guest, host, controls; the checks run again with every change. */
export function AuditView({ model, reading }: AuditProps) {
  const dumps = reading?.dumps ?? NO_DUMPS;
  const [at, setAt] = useState(0);
  const [empty, setEmpty] = useState(false);
  const [edits, setEdits] = useState<ReadonlyMap<number, string>>(new Map());
  useEffect(() => {
    setAt(0);
    setEdits(new Map());
  }, [dumps]);
  const dump = dumps[at] ?? (empty ? EMPTY : undefined);
  // The CPU of the text or the one that was picked; otherwise what all CPUs of the atlas share, as on the command line.
  const own = model.page.origin === "file" || model.page.id !== FIRST_STATE.host;
  const core = own ? model.situation.host.cores[0] : undefined;
  const vmcs = useMemo(() => {
    if (dump === undefined) return undefined;
    const fields = new Map<number, Value64>(dump.vmcs.fields);
    for (const [encoding, text] of edits) {
      const value = parseHexU64(text.trim());
      if (text.trim() === "") fields.delete(encoding);
      else if (value !== undefined) fields.set(encoding, known64(value));
    }
    return { ...dump.vmcs, fields };
  }, [dump, edits]);
  const result = useMemo(
    () =>
      vmcs === undefined
        ? undefined
        : auditVmcs(vmcs, core, core === undefined ? { agreedCaps: atlasAgreement() } : {}),
    [vmcs, core],
  );
  if (dump === undefined || vmcs === undefined || result === undefined) {
    return (
      <>
        <p class="note" id="answer" tabIndex={-1}>
          {t("audit_hint")}
        </p>
        <button type="button" id="empty-form" onClick={() => setEmpty(true)}>
          {t("audit_empty")}
        </button>
      </>
    );
  }
  const failing = failingFields(result.findings);
  const cpu = own ? hostName(model.situation) : "not named; using what all Intel CPUs of the atlas share";
  const edit = (row: FieldRow, text: string) => setEdits(new Map(edits).set(row.encoding, text));
  const missing = FIELDS.filter(({ encoding }) => !vmcs.fields.has(encoding) && !edits.has(encoding));
  return (
    <div class="audit">
      <section class="verdict" id="answer" tabIndex={-1} aria-label={t("verdict")}>
        <p role="status">
          <b
            class={`s-${result.verdict === "invalid" || result.verdict === "deduced" ? "no" : result.verdict === "valid" ? "yes" : "unknown"}`}
          >
            {result.headline}
          </b>
        </p>
        <Command text="vmxlens audit FILE" />
      </section>
      {dumps.length < 2 ? null : (
        <label>
          {t("audit_label")}{" "}
          <select value={at} onChange={(event) => setAt(Number(event.currentTarget.value))}>
            {dumps.map((one, index) => (
              <option key={one.lines[0]} value={index}>
                {one.name ?? `${one.lines[0]}–${one.lines[1]}`}
              </option>
            ))}
          </select>
        </label>
      )}
      <h2>{t("audit_form")}</h2>
      <div class="form">
        {PARTS.map(([type, title]) => (
          <Part
            key={type}
            title={t(title)}
            rows={FIELDS.filter(
              (row) =>
                splitEncoding(row.encoding)?.type === type &&
                (vmcs.fields.has(row.encoding) || edits.has(row.encoding) || (dump === EMPTY && COMMON.test(row.key))),
            )}
            values={vmcs.fields}
            edits={edits}
            failing={failing}
            edit={edit}
          />
        ))}
      </div>
      <label>
        {t("audit_add")}{" "}
        <select
          id="add-field"
          value=""
          onChange={(event) => {
            const row = FIELDS.find(({ key }) => key === event.currentTarget.value);
            if (row !== undefined) edit(row, "0x0");
          }}
        >
          <option value="">–</option>
          {missing.map((row) => (
            <option key={row.key} value={row.key}>
              {fieldName(row)}
            </option>
          ))}
        </select>
      </label>
      <h2>{t("audit_report")}</h2>
      <Lines
        of={withoutFirstPart(auditReport({ dump: { ...dump, vmcs }, result }, cpu, 100), true)}
        label={t("audit")}
      />
    </div>
  );
}

/** Fields of an empty form: those that a VM entry cannot do without. */
const COMMON =
  /^(?:ctl\.(?:pin|proc|proc2|exit|entry)$|guest\.(?:cr0|cr3|cr4|rflags|rip|rsp|efer|activity|interruptibility|link|cs\.|ss\.|tr\.|ldtr\.)|host\.(?:cr0|cr3|cr4|cs|ss|tr|rip|efer))/;

/** What the failing checks say, by the field that they look at. */
function failingFields(findings: readonly Finding[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { check, outcome, evidence } of findings) {
    for (const { name } of evidence) {
      const before = texts.get(name);
      texts.set(name, `${before === undefined ? "" : `${before} `}${check.text} (${check.id}, ${outcome})`);
    }
  }
  return texts;
}

interface PartProps {
  readonly title: string;
  readonly rows: readonly FieldRow[];
  readonly values: ReadonlyMap<number, Value64>;
  readonly edits: ReadonlyMap<number, string>;
  readonly failing: ReadonlyMap<string, string>;
  readonly edit: (row: FieldRow, text: string) => void;
}

function Part({ title, rows, values, edits, failing, edit }: PartProps) {
  if (rows.length === 0) return null;
  return (
    <fieldset>
      <legend>{title}</legend>
      {rows.map((row) => {
        const value = values.get(row.encoding);
        const text = edits.get(row.encoding) ?? (value === undefined ? "" : format64(value));
        const bad = text.trim() !== "" && edits.has(row.encoding) && parseHexU64(text.trim()) === undefined;
        const fails = failing.get(fieldName(row));
        const id = `field-${row.encoding.toString(16)}`;
        return (
          <div key={row.encoding} class={fails === undefined ? "field" : "field fails"}>
            <label for={id} title={row.sdm}>
              {fieldName(row)}
            </label>
            <input
              id={id}
              type="text"
              size={widthOf(row) / 4 + 3}
              value={text}
              spellcheck={false}
              aria-invalid={bad || fails !== undefined}
              aria-describedby={`${id}-says`}
              onInput={(event) => edit(row, event.currentTarget.value)}
            />
            <span id={`${id}-says`}>
              {bad
                ? t("audit_hex")
                : fails !== undefined
                  ? `✕ ${t("audit_fails")}: ${fails}`
                  : value === undefined
                    ? ""
                    : decodeField(row, value).summary}
              {fails === undefined || bad || value === undefined ? null : (
                <span class="s-dim"> {decodeField(row, value).summary}</span>
              )}
            </span>
          </div>
        );
      })}
    </fieldset>
  );
}
