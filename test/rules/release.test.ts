import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KERNELS } from "../../src/rules/kernels.js";
import {
  DEFAULT_RELEASE,
  formatKernels,
  formatRange,
  LONGTERM,
  NEWEST_RELEASE,
  RELEASES,
  resolveRelease,
  upstreamState,
} from "../../src/rules/release.js";

const ids: readonly string[] = KERNELS.map(({ id }) => id);

describe("resolveRelease", () => {
  it("answers every text with a modelled kernel or an error, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^v?\d{0,4}\.\d{0,4}[-.+~_ a-z0-9]*$/)), (text) => {
        const resolved = resolveRelease(text);
        if (resolved.release === undefined) expect(resolved.error).not.toBe("");
        else expect(ids).toContain(resolved.release);
      }),
      { numRuns: 2000 },
    );
  });

  it("maps a series to the newest modelled one that is not newer, and says when that is another", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 30 }),
        fc.nat({ max: 40 }),
        fc.constantFrom("", "-rc1", "+", "-13-amd64"),
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

  it.each(ids.map((id) => [id]))("knows %s by its id", (id) => {
    expect(resolveRelease(id)).toEqual({ release: id, exact: true });
  });

  it.each([
    ["6.1", "6.1", true],
    ["v6.12.8", "6.12", true],
    ["6.12.1", "6.12.1", true],
    ["5.14.0-611.el9.x86_64", "5.10", false],
    ["5.14.0-427.13.1.el9_4.x86_64", "el9.4", true],
    ["5.14.0-427.el9.x86_64", "el9.4", true],
    ["4.18.0-553.el8_10.x86_64", "el8.10", true],
    ["6.12.0-55.24.1.el10_0", "el10.0", true],
    ["5.15.0-185-generic", "ubuntu-5.15", true],
    ["6.8.0-49-generic", "ubuntu-6.8", true],
    ["6.9.3-76060903-generic", "pop-6.9", true],
    ["6.1.21.2-microsoft-standard-WSL2", "wsl-6.1", true],
    ["5.10.218", "5.10.223", true],
    ["5.15.60", "5.15.60", true],
    ["5.15.100", "5.15.135", true],
    ["6.1.170", "6.1", true],
    [" 7.3.4-1~bpo13+1 ", "7.3", true],
    ["5.6.4", "5.6", true],
    ["99.99", NEWEST_RELEASE, false],
  ])("takes %s for %s", (text, release, exact) => {
    expect(resolveRelease(text)).toMatchObject({ release, exact });
  });

  it.each(["", "6", "6.", "six", "6.x", "5.3", "4.19.0", "6.1\n6.2", "1e3.1", "-6.1", "6.1rc1"])(
    "has no release for %j",
    (text) => {
      expect(resolveRelease(text).release).toBeUndefined();
    },
  );
});

describe("releases", () => {
  it("as ranges are worded", () => {
    expect(formatRange(undefined)).toBe("all releases");
    expect(formatRange({ since: "6.1" })).toBe("6.1 and later");
    expect(formatRange({ until: "6.1" })).toBe("up to 6.1");
    expect(formatRange({ since: "6.1", until: "6.1" })).toBe("6.1 only");
    expect(formatRange({ since: "5.10", until: "6.1" })).toBe("5.10 to 6.1");
    expect(formatKernels(["5.10", "5.15", "el9.4", "6.2"])).toBe("Linux 5.10 to 5.15 and 6.2 only");
    expect(formatKernels(["el8.4"])).toBe("RHEL 8.4");
  });

  it("stand in order, the default being the newest long-term release", () => {
    const numbers = RELEASES.map((release) => release.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(LONGTERM.at(-1)).toBe(DEFAULT_RELEASE);
    for (const release of LONGTERM) expect(RELEASES).toContain(release);
  });

  it("of a series cover each of its patch levels once", () => {
    for (const release of RELEASES) {
      for (const patch of [0, 1, 2, 3, 50, 100, 200, 400]) {
        const state = upstreamState(release, patch);
        expect([release, patch, state]).toEqual([
          release,
          patch,
          expect.stringMatching(new RegExp(`^${release}(\\.|$)`)),
        ]);
      }
    }
  });
});
