import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { INSTRUCTIONS, loadDecoder } from "../src/prove/machine/decoder.js";
import {
  DATA_BYTES,
  type Instance,
  instanceOf,
  MEMORY,
  type Outcome,
  placeOf,
  runInstance,
} from "./judge/instances.js";

/*
 * npm run judge -- [COUNT] [FIRST SEED]: runs random instances of all instructions in the interpreter and in Unicorn, and
 * prints where they disagree. PYTHON names a Python that has the package `unicorn`; without it there is a message and
 * nothing is judged. Exit code 1 on a disagreement.
 */

const [count = 20_000, first = 1] = process.argv.slice(2).map(Number);
const script = fileURLToPath(new URL("./judge/other_judge.py", import.meta.url));
const python = spawn(process.env.PYTHON ?? "python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: python.stdout });
let verdict = "";
lines.on("line", (line) => {
  verdict = line;
  process.stdout.write(`${line}\n`);
});
const closed = once(python, "close");
python.stdin.on("error", () => {});

const decoder = await loadDecoder();
const size = new Uint8Array(4);
new DataView(size.buffer).setUint32(0, DATA_BYTES, true);
await write(size);
await write(MEMORY);
const kinds = new Map<string, number>();
let made = 0;
for (let seed = first; made < count; seed++) {
  const instance = instanceOf(decoder, seed);
  const outcome = instance === undefined ? undefined : runInstance(decoder, instance);
  if (instance === undefined || outcome === undefined || outcome.stop === "other") continue;
  made++;
  kinds.set(instance.name, (kinds.get(instance.name) ?? 0) + 1);
  if (!(await write(record(instance, outcome)))) break;
}
python.stdin.end();
await closed;
const parsed = JSON.parse(verdict || "{}") as { missing?: string; disagreements?: number };
if (parsed.missing !== undefined)
  process.stdout.write(`skipped: no Python package ${parsed.missing} (set PYTHON to one that has it)\n`);
else {
  const left = Object.keys(INSTRUCTIONS).filter((name) => !kinds.has(name) && name in decoder.iced.Mnemonic);
  process.stdout.write(`${kinds.size} mnemonics: ${[...kinds].map(([name, n]) => `${name} ${n}`).join(", ")}\n`);
  process.stdout.write(`not among the instances: ${left.join(", ")}\n`);
}
process.exitCode = (parsed.disagreements ?? 0) > 0 ? 1 : 0;

async function write(bytes: Uint8Array): Promise<boolean> {
  if (python.stdin.destroyed) return false;
  // Python may be gone already: that is an error of the pipe, and its last line says why.
  if (!python.stdin.write(bytes)) await Promise.race([once(python.stdin, "drain").catch(() => {}), closed]);
  return true;
}

/** One instance with what the interpreter made of it, as `HEAD` in `other_judge.py` reads it. */
function record(instance: Instance, outcome: Outcome): Uint8Array {
  const changed: [number, number, number][] = [];
  for (let i = 0; i < DATA_BYTES; i++) {
    const mask = outcome.unknownMemory[i] ?? 0;
    const byte = outcome.memory[i] ?? 0;
    if (byte !== MEMORY[i] || mask !== 0) changed.push([i, byte, mask]);
  }
  const bytes = new Uint8Array(4 + 4 + 1 + 15 + 128 + 4 + 1 + 4 + 128 + 128 + 4 + 4 + 2 + 4 * changed.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const u32 = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const u64 = (value: bigint) => {
    view.setBigUint64(at, value, true);
    at += 8;
  };
  u32(instance.seed);
  u32(placeOf(instance.seed));
  bytes[at++] = instance.bytes.length;
  bytes.set(instance.bytes, at);
  at += 15;
  for (const value of instance.registers) u64(value);
  u32(instance.flags);
  bytes[at++] = outcome.stop === "divide" ? 1 : 0;
  u32(outcome.rip);
  for (const value of outcome.registers) u64(value);
  for (const value of outcome.unknown) u64(value);
  u32(outcome.flags);
  u32(outcome.unknownFlags);
  view.setUint16(at, changed.length, true);
  at += 2;
  for (const [offset, byte, mask] of changed) {
    view.setUint16(at, offset, true);
    bytes[at + 2] = byte;
    bytes[at + 3] = mask;
    at += 4;
  }
  return bytes;
}
