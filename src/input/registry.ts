import { aida64 } from "./aida64.js";
import { msrList } from "./msr-list.js";
import type { Reader } from "./reader.js";
import { snapshot } from "./snapshot.js";

/**
 * Every format that `readHost` knows. A new reader is its own file plus its row here; where two readers claim the same
 * lines equally often, the one further up is believed.
 */
export const READERS: readonly Reader[] = [snapshot, aida64, msrList];

/** Throws `RangeError` on a name that no reader has. */
export function readerByName(name: string): Reader {
  const reader = READERS.find((r) => r.name === name);
  if (reader === undefined) {
    throw new RangeError(`no format ${JSON.stringify(name)}; known: ${READERS.map((r) => r.name).join(", ")}`);
  }
  return reader;
}
