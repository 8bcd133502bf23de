import { describe, expect, it } from "vitest";
import { count, NOT_CHECKED } from "../../tools/count-tests.js";

const result = (passed: number, failed: number, more = {}) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: 0,
  success: failed === 0,
  testResults: [],
  ...more,
});

describe("count", () => {
  it("ends with the number of tests and checks, and is well when all passed", () => {
    expect(count([result(7, 0)], ["check:node=0", "check:place=0"])).toEqual({
      lines: ["9 passed, 0 failed"],
      ok: true,
    });
  });

  it("is not well when a test, a check or a whole file failed, or nothing ran", () => {
    expect(count([result(7, 1)], [])).toEqual({ lines: ["7 passed, 1 failed"], ok: false });
    expect(count([result(7, 0)], ["check:node=1"])).toEqual({
      lines: ["check:node failed, see above", "7 passed, 1 failed"],
      ok: false,
    });
    const broken = { success: false, testResults: [{ status: "failed", assertionResults: [] }] };
    expect(count([result(7, 0, broken)], [])).toEqual({ lines: ["7 passed, 1 failed"], ok: false });
    expect(count([result(0, 0)], []).ok).toBe(false);
  });

  it("adds up several runs, each of which must have run, passed and left its result", () => {
    expect(count([result(7, 0), result(2, 0)], ["check:node=0"])).toEqual({ lines: ["10 passed, 0 failed"], ok: true });
    expect(count([result(7, 0), result(2, 1)], [])).toEqual({ lines: ["9 passed, 1 failed"], ok: false });
    expect(count([result(7, 0), result(0, 0)], []).ok).toBe(false);
    expect(count([result(7, 0), undefined], [])).toEqual({ lines: ["7 passed, 1 failed"], ok: false });
    expect(count([], ["check:node=0"]).ok).toBe(false);
  });

  it("says what was skipped and what could not be checked, and counts neither", () => {
    expect(count([result(7, 0, { numPendingTests: 2 })], [`check:node=${NOT_CHECKED}`])).toEqual({
      lines: ["2 tests were skipped", "check:node could not check everything, see above", "7 passed, 0 failed"],
      ok: true,
    });
  });
});
