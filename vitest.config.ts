import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What mostly waits for a process of its own. At the end of a run it would leave a core idle. */
const FIRST = ["test/linear/linear.test.ts", "test/web/page.test.ts"];

/** What walks through the built pages with a browser: `npm run check:page`, and no part of `npm test`. */
const PAGES = "test/page/**/*.test.ts";

/** The others are in vitest's order: the longest first, by the last run or by the size of the file. */
class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = FIRST.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? FIRST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    // Machines that build many things at once are slow, and no test waits for anything: the limit is there for what hangs.
    // No test has one of its own (test/tools/time-limits.test.ts).
    testTimeout: 900_000,
    hookTimeout: 900_000,
    include: [mode === "page" ? PAGES : "test/**/*.test.ts"],
    exclude: mode === "page" ? [] : [PAGES],
    setupFiles: ["test/setup.ts"],
    // The code under test is pure: one module graph per worker is enough, and saves loading it again for every file.
    pool: "threads",
    isolate: false,
    maxWorkers: 2,
    sequence: { sequencer: WaitingFirst },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/input/atlas/atlas-data.ts"],
      reporter: ["text-summary"],
    },
  },
}));
