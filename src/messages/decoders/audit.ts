import { atlasAgreement } from "../../vmcs/atlas-agreement.js";
import { type AuditResult, auditVmcs } from "../../vmcs/audit.js";
import type { VmcsDump } from "../../vmcs/dumps/dump.js";
import { reportedFromCode } from "../../vmcs/dumps/ended.js";
import { describeInput } from "../../vmcs/missing-inputs.js";
import type { Cause, Decoded, NamedValue } from "../answer.js";
import type { ExplainContext } from "../context.js";
import type { Step } from "../message.js";
import { DUMP_VMCS } from "../rows/shared-advice.js";
import { listText } from "./bits.js";

const MOST_DUMPS = 3;

/** Adds what the audit of a dump in the text finds, or says what to collect. */
export function auditOf(context: ExplainContext, code: number | undefined, decoded: Decoded): Decoded {
  const { dumps } = context.dumps();
  const full = dumps.filter(({ format }) => format !== "qemu" && format !== "virtualbox" && format !== "kvm");
  const chosen = full.length > 0 ? full : dumps;
  if (chosen.length === 0) return withCollect(decoded, code);
  const results = chosen.slice(0, MOST_DUMPS).map((dump) => ({ dump, result: audit(dump, code, context) }));
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const values: NamedValue[] = [];
  for (const { dump, result } of results) {
    const lines = `lines ${dump.lines[0]} to ${dump.lines[1]}`;
    values.push({ name: `audit of the ${dump.format} dump in ${lines}`, value: withIds(result) });
    const finding = result.failing;
    if (finding === undefined) continue;
    causes.push({ text: finding.paragraph, certainty: full.length > 0 ? "certain" : "likely" });
    for (const change of finding.changes.slice(0, 2)) steps.push({ text: `In the VMCS: ${change.text}.` });
  }
  const found = causes.length > 0;
  if (!found && full.length > 0) {
    const missing = results[0]?.result.collect.slice(0, 3).map((row) => describeInput(row.input)) ?? [];
    if (missing.length > 0)
      steps.push({
        text: `To judge the checks that are left, give ${context.host === undefined ? "the CPU (--host)" : listText(missing)}.`,
      });
  }
  const shown = full.length > 0 ? results.find(({ result }) => result.failing !== undefined) : undefined;
  return {
    ...decoded,
    // What the dump shows is the answer; that an entry failed is known.
    ...(shown === undefined ? {} : { what: [shown.result.headline, decoded.what].filter(Boolean).join(" ") }),
    values: [...(decoded.values ?? []), ...values],
    // What the VMCS shows leaves no room for guesses.
    causes: [
      ...causes,
      ...(decoded.causes ?? []).filter((row) => !found || full.length === 0 || row.certainty !== "possible"),
    ],
    steps: [...steps, ...(full.length === 0 ? [DUMP_VMCS] : []), ...(decoded.steps ?? [])],
    ...(full.length > 0 ? { onlySteps: true as const } : {}),
    depends:
      full.length > 0 && !found && context.host === undefined
        ? ["the VMX registers of the CPU (--host), for the checks on controls, CR0 and CR4"]
        : [],
    sources: [...(decoded.sources ?? []), "the audit of this project (checks of SDM volume 3C, VM entries)"],
  };
}

/** The conclusion, with the ids of the checks that say it. */
function withIds({ headline, groups }: AuditResult): string {
  const ids = groups.map(({ primary }) => primary.id).filter((id) => !headline.includes(id));
  return ids.length === 0 ? headline : `${headline} (${ids.join(", ")})`;
}

function audit(dump: VmcsDump, code: number | undefined, context: ExplainContext): AuditResult {
  const reported = code === undefined ? undefined : reportedFromCode(code);
  const known = dump.vmcs.reported;
  const use =
    reported !== undefined && (known === undefined || known.kind === "unknown" || known.kind === "other")
      ? { reported }
      : {};
  // As the command `audit`: without a named CPU, the facts that all CPUs share decide.
  const agreed = context.host === undefined ? { agreedCaps: atlasAgreement() } : {};
  return auditVmcs(dump.vmcs, context.host?.cores[0], { ...use, ...agreed });
}

function withCollect(decoded: Decoded, code: number | undefined): Decoded {
  if (code === undefined) return decoded;
  return {
    ...decoded,
    depends: [...(decoded.depends ?? []), "the VMCS: it shows which check failed, and is not in the text"],
  };
}
