import { referenceBoot } from "./reference-boot.js";
import { type ReferenceInput, referenceCpu } from "./reference-cpu.js";
import type { ReferenceData } from "./reference-data.js";
import { referenceLoad } from "./reference-load.js";

/**
 * What a release makes of a CPU according to the tables of facts, in the form of `out` of a vector file. It shares no
 * code and no table with the replay: it is the second opinion that the replay is held against.
 */
export function interpret(data: ReferenceData, release: string, input: ReferenceInput): unknown {
  const cpu = referenceCpu(release, input);
  const boot = referenceBoot(cpu, data);
  return { boot: boot.output, ...referenceLoad(cpu, data, boot.caps) };
}
