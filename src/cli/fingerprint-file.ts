import path from "node:path";
import type { Host } from "../host/host.js";
import { writeSnapshot } from "../input/formats/snapshot.js";
import { fileKind, inputChunks, replaceFile } from "./files.js";
import type { World } from "./world.js";

/*
 * A fingerprint is a snapshot: a host as it was read, which every command accepts as HOST. So an old one can be looked at,
 * explained and compared by any of them.
 */

/** Where the fingerprint of this machine is kept if no file is named: the state folder of the XDG base directories. */
export function defaultFingerprint(env: World["env"]): string | undefined {
  const { XDG_STATE_HOME: state, HOME: home } = env;
  // The specification has a relative path ignored.
  if (state !== undefined && path.isAbsolute(state)) return path.join(state, "vmxlens", "fingerprint.json");
  return home === undefined || home === ""
    ? undefined
    : path.join(home, ".local", "state", "vmxlens", "fingerprint.json");
}

interface Kept {
  /** Missing when there is no such file. */
  readonly host?: Host;
  /** It is a snapshot, which we may have written. */
  readonly own: boolean;
}

/** Reads what was kept; any text that a host can be read from will do. */
export async function readFingerprint(file: string, world: World): Promise<Kept | { readonly problem: string }> {
  if (fileKind(file, world) === undefined) return { own: false };
  const { readHostStream } = await import("../input/read.js");
  const { host, format, diagnostics } = await readHostStream(inputChunks(file, world), { file, flagsProve: false });
  const [first] = diagnostics.filter(({ severity }) => severity === "error");
  if (host === undefined)
    return { problem: `${file} is not a fingerprint: ${first?.message ?? "no host was found in it"}` };
  if (format === "snapshot" && first !== undefined) {
    return { problem: `${file}:${first.line}:${first.column} is damaged: ${first.message}` };
  }
  return { host, own: format === "snapshot" };
}

/** Writes the host as a snapshot, with the folders it lies in. An old file is replaced whole. */
export function storeFingerprint(file: string, host: Host, world: World): void {
  replaceFile(file, writeSnapshot(host), world);
}
