import type { Explanation, TextVerdict } from "../../../answers/answer.js";

/** The answer that the row of one message gives; the messages in `covered` add nothing to it. */
export function rowVerdict(row: Explanation, covered: readonly Explanation[]): TextVerdict {
  return {
    says: `${row.what}${refusedText(row)}`,
    steps: row.steps.slice(0, 2),
    evidence: [],
    line: row.lines[0],
    covers: idsOf(covered),
  };
}

export const idsOf = (explanations: readonly Explanation[]): readonly string[] =>
  explanations.map(({ message }) => message as string);

/** The bits that were certainly refused, by name. */
function refusedText({ bits }: Explanation): string {
  const refused = bits.filter(
    ({ role, reason }) => (role === "refused" || role === "must be 1") && reason === undefined,
  );
  if (refused.length === 0 || refused.length > 3) return "";
  const names = refused.map(
    ({ register, bit, sdm }) => `bit ${bit} of ${register}${sdm === undefined ? "" : ` (${sdm})`}`,
  );
  return ` Refused: ${names.join(", ")}.`;
}
