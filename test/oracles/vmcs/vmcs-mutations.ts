/**
 * Valid states with one field broken: the audit has to name that field first. `npx tsx test/oracles/vmcs/vmcs-mutations.ts
 * [N]` runs N of them (10,000 by default) and prints the share; the tests run a few hundred.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { U64 } from "../../../src/bits/u64.js";
import { type AuditResult, auditVmcs } from "../../../src/vmcs/audit.js";
import { fieldsOf } from "../../../src/vmcs/checks/inputs.js";
import { FIELDS, widthOf } from "../../../src/vmcs/fields/fields.js";
import { format64, known64, lowMask } from "../../../src/vmcs/value64.js";
import { parseRun } from "./vmcs-cases.js";
import { type Random, random, type State, validState } from "./vmcs-states.js";

export interface MutationRun {
  /** Mutations that fail at least one check. */
  readonly broken: number;
  /** Those whose first group changes the field that was broken. */
  readonly named: number;
  /** Those whose headline is about a check on that field: where two fields contradict each other, either may be wrong. */
  readonly spoken: number;
  readonly misses: readonly string[];
}

const MODELS = ["core2_penryn_t9600", "corei7_sandy_bridge_2600k", "corei7_skylake_x", "tigerlake"];

/** Another value of a field: a bit turned, as a slip turns it, a boundary, or anything. */
function otherValue(rng: Random, old: U64, bits: number): U64 {
  const limit = lowMask(bits);
  const at = rng.below(bits);
  const flip =
    at < 32 ? { lo: (old.lo ^ (1 << at)) >>> 0, hi: old.hi } : { lo: old.lo, hi: (old.hi ^ (1 << (at - 32))) >>> 0 };
  switch (rng.below(8)) {
    case 0:
      return { lo: 0, hi: 0 };
    case 1:
      return limit;
    case 2:
      return { lo: (rng.bits32() & limit.lo) >>> 0, hi: (rng.bits32() & limit.hi) >>> 0 };
    default:
      return flip;
  }
}

export function runMutations(wanted: number, seed: number): MutationRun {
  const cores = MODELS.map(
    (model) => parseRun(readFileSync(new URL(`../../vmcs/oracle/${model}.txt`, import.meta.url), "utf8")).core,
  );
  const rng = random(seed);
  let broken = 0;
  let named = 0;
  let spoken = 0;
  const misses: string[] = [];
  while (broken < wanted) {
    const core = rng.pick(cores);
    const state: State = validState(rng, { core });
    for (let tries = 0; tries < 20 && broken < wanted; tries++) {
      const row = rng.pick(FIELDS);
      const old = state.get(row.encoding);
      if (old === undefined || row.key.startsWith("info.")) continue;
      const value = otherValue(rng, old, widthOf(row));
      const fields = new Map([...state].map(([encoding, own]) => [encoding, known64(own)]));
      fields.set(row.encoding, known64(value));
      const result: AuditResult = auditVmcs({ fields }, core, { state: { longMode: true } });
      const [group] = result.groups;
      if (group === undefined) continue;
      broken++;
      if (fieldsOf(group.primary.rule, fieldsOf(group.primary.when)).has(row.encoding)) spoken++;
      if (group.change?.fields.some(({ encoding }) => encoding === row.encoding) === true) named++;
      else if (misses.length < 400)
        misses.push(
          `${row.key} ${format64(known64(old))} -> ${format64(known64(value))}: ${group.change?.text} | ${result.groups.map(({ checks }) => checks.length).join("+")} ${group.checks.slice(0, 3).join(",")}`,
        );
    }
  }
  return { broken, named, spoken, misses };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { broken, named, spoken, misses } = runMutations(Number(process.argv[2] ?? 10_000), 15);
  for (const miss of misses.slice(0, 60)) print(miss);
  print(`${spoken} of ${broken} have a headline about it: ${((100 * spoken) / broken).toFixed(1)} %`);
  print(`${named} of ${broken} name the broken field first: ${((100 * named) / broken).toFixed(1)} %`);
}
