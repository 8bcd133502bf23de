import type { TextVerdict } from "../../answers/answer.js";
import type { ExplainContext } from "../context.js";
import { auditOf } from "../decoders/audit.js";
import { exitShown } from "../decoders/exit.js";

/** A longer text is a log, and a log says that something failed. */
const LONGEST = 200_000;
/** What every list of fields that people paste has some of. */
const FIELDS =
  /\bVMCS|\b(?:k?guest|k?host)[_. ]?(?:CR[034]|RIP|RSP|(?:CS|TR)(?:_(?:AR|BASE|LIMIT|SELECTOR))?)\b|\b(?:VMX?[_ -]?)?(?:entry|exit)[_ -]?(?:ctls?|controls?)\b/i;
/** Fewer lines of a list are a few values in prose. */
const LEAST_LINES = 8;

/** The audit of a VMCS that a text holds without a word about what failed. */
export function dumpVerdict(text: string | undefined, context: ExplainContext): TextVerdict | undefined {
  if (text === undefined || text.length > LONGEST || !FIELDS.test(text)) return undefined;
  const { dumps } = context.dumps();
  const [dump] = dumps;
  if (dump === undefined || dump.lines[1] - dump.lines[0] + 1 < LEAST_LINES) return undefined;
  // A header gives each field its encoding.
  const numbered = [...dump.vmcs.fields].filter(([encoding, { lo, hi }]) => hi.value === 0 && lo.value === encoding);
  if (numbered.length > 2) return undefined;
  const { what, values, steps, causes } = auditOf(context, undefined, {});
  const exit = what === undefined ? exitShown(dump.vmcs.fields) : undefined;
  if (exit !== undefined) {
    return {
      says: `A list of VMCS fields (lines ${dump.lines[0]} to ${dump.lines[1]}) after a VM exit. ${exit.what}`,
      steps: (exit.steps ?? []).slice(0, 2),
      evidence: [],
      line: dump.lines[0],
      covers: [],
    };
  }
  const conclusion = what ?? values?.[0]?.value;
  if (conclusion === undefined) return undefined;
  const [cause] = causes ?? [];
  return {
    says: `A list of VMCS fields (lines ${dump.lines[0]} to ${dump.lines[1]}). ${conclusion}`,
    steps: (steps ?? []).slice(0, 2),
    evidence: cause === undefined ? [] : [cause.text],
    line: dump.lines[0],
    covers: [],
  };
}
