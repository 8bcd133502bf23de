import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Machines that build many things at once are slow; no test waits for anything.
    testTimeout: 60_000,
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    // The code under test is pure: one module graph per worker is enough, and saves loading it again for every file.
    pool: "threads",
    isolate: false,
    maxWorkers: 2,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/input/atlas/atlas-data.ts"],
      reporter: ["text-summary"],
    },
  },
});
