/**
 * The tests that `npm test`, which is run before every commit, leaves out: what starts a browser, a database, or processes and
 * builds by the dozen. Each kind is a job of its own, `npm run check:KIND`, which is `vitest run --mode KIND`; `.ci/run` runs and
 * counts all of them.
 */
export const APART = {
  /** Walks through the built pages with a browser. */
  page: "test/page/**/*.test.ts",
  /** Works with a real store of a fleet, which is a DuckDB database. */
  store: "test/**/*.store.test.ts",
  /** Starts processes by the dozen, or bundles the project. */
  process: "test/**/*.process.test.ts",
};
