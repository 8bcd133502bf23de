import type { Cause, Decoded, NamedValue } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { listText } from "../../bits/list-text.js";
import { atlasAgreement } from "../../vmcs/atlas-agreement.js";
import { type AuditResult, auditVmcs } from "../../vmcs/audit.js";
import type { VmcsDump } from "../../vmcs/dumps/dump.js";
import { reportedFromCode } from "../../vmcs/dumps/ended.js";
import { describeInput } from "../../vmcs/missing-inputs.js";
import { isPartOfState } from "../../vmcs/stopped/register-block.js";
import type { ExplainContext } from "../context.js";
import { registerBlock } from "../register-block.js";
import { DROP_VMX, DUMP_VMCS } from "../rows/shared-advice.js";

const MOST_DUMPS = 3;

/** Of a VMCS that KVM filled for QEMU, no field can be set by who runs the guest. */
const OF_KVM: Step = {
  text: "KVM and QEMU made this state, and its fields can be set by them alone: update the host's kernel and QEMU.",
};
const AFTER_MIGRATION: Step = {
  text: "After a migration or a restored snapshot: start the guest anew; to migrate it, give it a CPU model that both hosts have, and both the same QEMU and kernel.",
  commands: ["vmxlens migrate HOST-A HOST-B"],
};

/**
 * Adds what the audit of a dump in the text finds, or says what to collect.
 *
 * @param isOfQemu The dump belongs to a guest of QEMU, whose user cannot change a field.
 */
export function auditOf(
  context: ExplainContext,
  code: number | undefined,
  decoded: Decoded,
  isOfQemu = false,
): Decoded {
  const { dumps } = context.dumps();
  const full = dumps.filter(({ format }) => format !== "qemu" && format !== "virtualbox" && format !== "kvm");
  const chosen = full.length > 0 ? full : dumps;
  const results = chosen
    .slice(0, MOST_DUMPS)
    .map((dump) => ({ dump, result: audit(dump, code, context) }))
    // Source code that names a field or two is not a dump.
    .filter(({ result: { coverage, findings } }) => coverage.known > 0 || findings.length > 0);
  if (results.length === 0) return withCollect(decoded, code);
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const values: NamedValue[] = [];
  for (const { dump, result } of results) {
    const lines = `lines ${dump.lines[0]} to ${dump.lines[1]}`;
    values.push({ name: `audit of the ${dump.format} dump in ${lines}`, value: withIds(result) });
    const finding = result.failing;
    if (finding === undefined) continue;
    causes.push({ text: finding.paragraph, certainty: full.length > 0 ? "certain" : "likely" });
    if (isOfQemu) continue;
    // Each cause has a change of its own; for one check alone, each of two changes does.
    const own = result.groups.find(({ checks }) => checks.includes(finding.check.id));
    const [first = own, ...others] =
      own === undefined ? result.groups : [own, ...result.groups.filter((one) => one !== own)];
    const alone = (first?.checks.length ?? 1) === 1 && others.length === 0;
    const changes = alone
      ? [
          finding.changes
            .slice(0, 2)
            .map(({ text }) => text)
            .join("; or "),
        ]
      : [first, ...others].slice(0, 2).map((group) => group?.change?.text ?? "");
    for (const text of changes.filter((one) => one !== "")) steps.push({ text: `In the VMCS: ${text}.` });
  }
  if (isOfQemu && causes.length > 0) {
    steps.push(...(context.anywhere.has("migration") ? [AFTER_MIGRATION] : []), OF_KVM);
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
  const broken = isOfQemu && full.length === 0 ? results.find(({ result }) => result.failing !== undefined) : undefined;
  const headline = shown?.result.headline ?? ofRegisters(broken?.result);
  return {
    ...decoded,
    // What the dump shows is the answer; that an entry failed is known.
    ...(headline === undefined ? {} : { what: [headline, decoded.what].filter(Boolean).join(" ") }),
    values: [...(decoded.values ?? []), ...values],
    // What the VMCS shows leaves no room for guesses.
    causes: [
      ...causes,
      ...(decoded.causes ?? []).filter((row) => !found || full.length === 0 || row.certainty !== "possible"),
    ],
    steps: [...steps, ...(full.length === 0 ? [DUMP_VMCS] : []), ...(isOfQemu && found ? [] : (decoded.steps ?? []))],
    ...(full.length > 0 ? { onlySteps: true as const } : {}),
    depends:
      full.length > 0 && !found && context.host === undefined
        ? ["the VMX registers of the CPU (--host), for the checks on controls, CR0 and CR4"]
        : [],
    sources: [...(decoded.sources ?? []), "the audit of this project (checks of SDM volume 3C, VM entries)"],
  };
}

/** The rule that the registers of the guest break, where the VMCS itself is not shown. */
function ofRegisters(result: AuditResult | undefined): string | undefined {
  const finding = result?.failing;
  return finding === undefined
    ? undefined
    : [`The registers of the guest break a rule of VM entry: ${finding.check.text}`, finding.cause]
        .filter(Boolean)
        .join(" ");
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

/** Segments of a CPU after reset, with the pointer of a guest that ran: a saved state was loaded in part. */
export function withPart(decoded: Decoded, context: ExplainContext): Decoded {
  const reset = context.anywhere.has("guest-reset");
  const block = reset || context.anywhere.has("migration") ? registerBlock(context) : undefined;
  if (block === undefined || !isPartOfState(block)) return decoded;
  if (reset)
    return {
      ...decoded,
      what: `The segments are those of a CPU just after reset, and RIP (0x${block.rip.toString(16)}) is that of a guest that ran: the reset in the text was carried out in part. ${decoded.what ?? ""}`,
      causes: (decoded.causes ?? []).filter(({ certainty }) => certainty === "certain"),
      steps: [OF_KVM, DROP_VMX],
      onlySteps: true,
    };
  return {
    ...decoded,
    what: `The segments are those of a CPU just after reset, and RIP (0x${block.rip.toString(16)}) is that of a guest that ran: only a part of the state that was to be loaded (the text speaks of a migration or a snapshot) came to be set. ${decoded.what ?? ""}`,
    // What is left are guesses about a state that is explained.
    causes: (decoded.causes ?? []).filter(({ certainty }) => certainty === "certain"),
    steps: decoded.steps?.includes(AFTER_MIGRATION) ? decoded.steps : [AFTER_MIGRATION, OF_KVM],
    onlySteps: true,
  };
}
