import { setFlagsFromString } from "node:v8";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { APART } from "./tools/apart.js";

// What the tests make is short-lived, and a tenth of their time went into collecting it from heaps for the young that were small.
setFlagsFromString("--max-semi-space-size=32");

/**
 * The longest, so that none of them begins when the others end: without a last run vitest only knows their sizes. Those that load all
 * modules anew follow each other, as what they leave has to be loaded again.
 */
const FIRST = [
  "test/report/zh/remnants.test.ts",
  "test/situation/replay-count.test.ts",
  "test/vmcs/repeated.test.ts",
  "test/cli/faults.test.ts",
];

/** The others are in vitest's order: the longest first, by the last run or by the size of the file. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = FIRST.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? FIRST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig(({ mode }) => {
  const apart = Object.entries(APART).find(([kind]) => kind === mode)?.[1];
  return {
    test: {
      // Machines that build many things at once are slow, and no test waits for anything: the limit is there for what hangs.
      // No test has one of its own (test/tools/time-limits.test.ts).
      testTimeout: 900_000,
      hookTimeout: 900_000,
      include: [apart ?? "test/**/*.test.ts"],
      exclude: apart === undefined ? Object.values(APART) : [],
      setupFiles: ["test/setup.ts"],
      // The code under test is pure: one module graph per worker is enough, and saves loading it again for every file.
      pool: "threads",
      isolate: false,
      maxWorkers: 2,
      sequence: { sequencer: LongestFirst },
      coverage: {
        provider: "v8",
        include: ["src/**/*.ts"],
        exclude: ["src/input/atlas/atlas-data.ts"],
        reporter: ["text-summary"],
      },
    },
  };
});
