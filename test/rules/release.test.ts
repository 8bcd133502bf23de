import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_RELEASE,
  formatRange,
  inRange,
  LONGTERM,
  RELEASES,
  type Release,
  releaseIndex,
  resolveRelease,
} from "../../src/rules/release.js";

const releases = fc.constantFrom(...RELEASES) as fc.Arbitrary<Release>;

describe("resolveRelease", () => {
  it("answers every text with a release or an error, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^v?\d{0,4}\.\d{0,4}[-.+~_ a-z0-9]*$/)), (text) => {
        const resolved = resolveRelease(text);
        if (resolved.release === undefined) expect(resolved.error).not.toBe("");
        else expect(RELEASES).toContain(resolved.release);
      }),
      { numRuns: 2000 },
    );
  });

  it("maps a version to the newest tabulated release that is not newer, and says when that is another", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 30 }),
        fc.nat({ max: 40 }),
        fc.constantFrom("", ".0", ".8", "-rc1", "+", "-13-amd64"),
        (major, minor, rest) => {
          const resolved = resolveRelease(`${major}.${minor}${rest}`);
          const number = (text: string) => text.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0);
          const older = RELEASES.filter((release) => number(release) <= major * 1000 + minor);
          expect(resolved.release).toBe(older.at(-1));
          if (resolved.release === undefined) expect(resolved.error).toContain(`${major}.${minor}`);
          else {
            expect(resolved.exact).toBe(resolved.release === `${major}.${minor}`);
            expect(resolved.note === undefined).toBe(resolved.exact);
          }
        },
      ),
    );
  });

  it.each([
    ["6.1", "6.1", true],
    ["v6.12.8", "6.12", true],
    ["5.14.0-611.el9.x86_64", "5.10", false],
    ["6.1.0-56-cloud-amd64", "6.1", true],
    [" 7.3.4-1~bpo13+1 ", "7.3", true],
    ["5.6.4", "5.6", true],
    ["9.99", "7.3", false],
  ])("takes %s for %s", (text, release, exact) => {
    expect(resolveRelease(text)).toMatchObject({ release, exact });
  });

  it.each(["", "6", "6.", "six", "6.x", "5.5", "4.19.0", "6.1\n6.2", "1e3.1", "-6.1", "6.1rc1"])(
    "has no release for %j",
    (text) => {
      expect(resolveRelease(text).release).toBeUndefined();
    },
  );
});

describe("ranges of releases", () => {
  it("contain what lies between their ends, both included", () => {
    fc.assert(
      fc.property(releases, releases, releases, (release, since, until) => {
        const index = releaseIndex(release);
        expect(inRange(release, { since })).toBe(index >= releaseIndex(since));
        expect(inRange(release, { until })).toBe(index <= releaseIndex(until));
        expect(inRange(release, { since, until })).toBe(index >= releaseIndex(since) && index <= releaseIndex(until));
        expect(inRange(release, undefined)).toBe(true);
      }),
    );
  });

  it("are worded", () => {
    expect(formatRange(undefined)).toBe("all releases");
    expect(formatRange({ since: "6.1" })).toBe("6.1 and later");
    expect(formatRange({ until: "6.1" })).toBe("up to 6.1");
    expect(formatRange({ since: "6.1", until: "6.1" })).toBe("6.1 only");
    expect(formatRange({ since: "5.10", until: "6.1" })).toBe("5.10 to 6.1");
  });

  it("stand in order, the default being the newest long-term release", () => {
    const numbers = RELEASES.map((release) => release.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(LONGTERM.at(-1)).toBe(DEFAULT_RELEASE);
    for (const release of LONGTERM) expect(RELEASES).toContain(release);
  });
});
