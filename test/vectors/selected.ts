import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { RestoreCase } from "../oracles/vectors/restore-case.js";
import type { VectorCase } from "../oracles/vectors/vector-case.js";

/** The committed cases; tools/gen-goldens-vectors.ts chooses them. */
export const SELECTED = join(import.meta.dirname, "selected.jsonl.gz");

let parsed: readonly VectorCase[] | undefined;

export function selectedCases(): readonly VectorCase[] {
  parsed ??= gunzipSync(readFileSync(SELECTED))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as VectorCase);
  return parsed;
}

/** The committed part of the restore vectors; tools/gen-restore-vectors.ts chooses it. */
export const RESTORE_SELECTED = join(import.meta.dirname, "restore.jsonl.gz");

export function selectedRestoreCases(): readonly RestoreCase[] {
  return gunzipSync(readFileSync(RESTORE_SELECTED))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RestoreCase);
}
