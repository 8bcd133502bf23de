import type { Host } from "../../host/host.js";
import { kernelName } from "../../rules/release.js";
import type { Candidate } from "../situation.js";
import type { Disputed } from "./disputes.js";
import { statementText } from "./statements.js";

const SHOWN = 3;

/** That a machine shows something else than a replay of it, and what to type; undefined where it does not. */
export function differingText(
  { differing: items }: Pick<Disputed, "differing">,
  { source }: Host,
  candidates: readonly Candidate[],
): string | undefined {
  const [first] = items;
  const [kernel] = candidates;
  if (first === undefined || kernel === undefined) return undefined;
  const named = candidates.length === 1 ? kernelName(kernel.release) : "every kernel that it can be";
  const shown = items.slice(0, SHOWN).map((item) => `${statementText(item)} (replay: ${item.replayed})`);
  const more = items.length > SHOWN ? `; and ${items.length - SHOWN} more` : "";
  return `the machine shows something else than ${named} would: ${shown.join("; ")}${more}; ${commandFor(source)} says why`;
}

function commandFor(source: string | undefined): string {
  if (source === "this machine") return "`vmxlens verify`";
  if (source === "standard input") return "`vmxlens verify -`";
  return `\`vmxlens verify ${source !== undefined && /^[\w./+][\w./+-]*$/.test(source) ? source : "HOST"}\``;
}
