import fc from "fast-check";
import { it } from "vitest";
import { COMMANDS } from "../../src/cli/shell/command-table.js";
import { tries } from "../deep.js";
import { expectAnswer, oddArguments, runOdd } from "./odd-arguments.js";

/* `vmxlens fleet` is tried in test/fleet/odd-arguments.store.test.ts: it needs a store. */
const NAMES = Object.keys(COMMANDS).filter((name) => name !== "fleet");

it.each(NAMES)("%s answers any words, or says what is wrong with them", async (name) => {
  await fc.assert(
    fc.asyncProperty(oddArguments(name), async (odd) => {
      expectAnswer(odd, await runOdd(odd));
    }),
    { numRuns: tries(60) },
  );
});
