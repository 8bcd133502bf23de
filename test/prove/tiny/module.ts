import { gunzipSync } from "node:zlib";
import { loadProver, type Prover } from "../../../src/prove/prover.js";
import { TINY_MODULE, TINY_TYPES } from "./tiny.js";

const plain = (text: string) => new Uint8Array(gunzipSync(Buffer.from(text, "base64")));

/** The module of our own, and the types of its kernel. */
export const tinyFiles = () => ({ module: plain(TINY_MODULE), btf: plain(TINY_TYPES) });

export async function tinyProver(): Promise<Prover> {
  const loaded = await loadProver(tinyFiles());
  if (loaded.kind === "problem") throw new RangeError(loaded.problem);
  return loaded.prover;
}
