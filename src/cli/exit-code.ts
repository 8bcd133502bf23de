import type { Host } from "../host/host.js";

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The answer is no, or not known. */
  no: 1,
  /** Bad input or usage. */
  usage: 2,
  /** A bug of vmxlens. */
  bug: 70,
} as const;

/** Of a report on one host: not one register of it was read, so that whatever was asked stays open. */
export function knownExit({ cores }: Host): number {
  const read = cores.some(({ msrs }) => [...msrs.values()].some(({ state }) => state !== "unknown"));
  return read ? EXIT.ok : EXIT.no;
}
