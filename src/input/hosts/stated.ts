import type { Host } from "../../host/host.js";
import type { Msr } from "../../host/msr.js";

/** What a host's text says besides the facts: where each one is, and where the text contradicts itself. */
export interface StatedText {
  /** The first line that says something about this, as in `Evidence.about`; a message by its words. */
  readonly lineOf: (about: string) => number | undefined;
  /** One sentence each, with both lines. */
  readonly contradictions: readonly string[];
}

/** By the map of MSRs of each kind of core, which stays the same object when facts are added to a host. */
const kept = new WeakMap<ReadonlyMap<number, Msr>, StatedText>();

/** The most that are kept of one text, whose memory is bounded. */
const MAX_CONTRADICTIONS = 50;

export function keepStated({ cores }: Host, text: StatedText): void {
  for (const { msrs } of cores) kept.set(msrs, text);
}

/** What the text of a host says besides; undefined for a host that was made of no text. */
export function statedOf({ cores }: Host): StatedText | undefined {
  return cores.map(({ msrs }) => kept.get(msrs)).find((text) => text !== undefined);
}

/** Keeps a contradiction, as a diagnostic words it; of very many the first. */
export function addContradiction(list: string[], line: number, message: string): void {
  const text = `line ${line}: ${message}`;
  if (list.length < MAX_CONTRADICTIONS && !list.includes(text)) list.push(text);
}
