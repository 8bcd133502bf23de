import { createRequire } from "node:module";
import type { LoadedProver, ProofFiles } from "../prove/prover.js";

/**
 * Loads a kernel's files for the command line. The decoder comes by `require`: for `import`, Node reads its megabyte of code once
 * more to find the names in it, which takes longer than all the rest of loading.
 */
export async function loadProver(files: ProofFiles): Promise<LoadedProver> {
  const { loadDecoder } = await import("../prove/machine/decoder.js");
  await loadDecoder(() => createRequire(import.meta.url)("iced-x86"));
  const prover = await import("../prove/prover.js");
  return await prover.loadProver(files);
}
