/*
 * Writes schema/snapshot.schema.json, the published JSON schema of the snapshot, from the valibot schema that reads it.
 *
 *   gen-schema [--check]   with --check only compares, and exits 1 when the file is not up to date
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { SNAPSHOT_FORMAT, SNAPSHOT_SCHEMA } from "../src/input/formats/snapshot-schema.js";
import { jsonSchemaOf } from "./json-schema.js";

const target = path.join(import.meta.dirname, "../schema/snapshot.schema.json");
const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: `vmxlens snapshot, format ${SNAPSHOT_FORMAT}`,
  description:
    "VMX MSRs, CPUID facts, module parameters and kernel release of one machine. Register values are hex strings.",
  ...jsonSchemaOf(SNAPSHOT_SCHEMA),
};
// Lists of words on one line each, as the formatter has them.
const text = `${JSON.stringify(schema, undefined, 2).replace(/\[\s+("[^[\]{}]+")\s+\]/g, (_, words: string) => `[${words.replace(/\s+/g, " ")}]`)}\n`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("schema/snapshot.schema.json is not what the reader accepts; run npm run gen:schema");
    process.exitCode = 1;
  }
} else writeFileSync(target, text);
