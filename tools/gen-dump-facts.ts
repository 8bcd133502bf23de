/*
 * Writes test/input/atlas/dumps.jsonl.gz: what the dumps behind the atlas say, read apart from the product's reader.
 *
 *   gen-dump-facts DIRECTORY
 *
 * DIRECTORY holds the dumps under their names in InstLatx64/InstLatx64.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { atlas } from "../src/input/atlas/atlas.js";
import { dumpFacts } from "../test/oracles/atlas/dump-facts.js";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: gen-dump-facts DIRECTORY");
const lines = atlas().map(({ id, source }) =>
  JSON.stringify(dumpFacts(id, source.path, readFileSync(path.join(directory, source.path)))),
);
writeFileSync(
  path.join(import.meta.dirname, "../test/input/atlas/dumps.jsonl.gz"),
  gzipSync(`${lines.join("\n")}\n`, { level: 9 }),
);
console.log(`${lines.length} dumps`);
