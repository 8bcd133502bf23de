import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostFile, hostOfFile, NO_DOTS } from "../../src/fleet/store/host-file.js";

const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."a_:%.@/~3AÄ"), maxLength: 12 }),
  fc.integer({ min: 60, max: 300 }).map((length) => `${":".repeat(60)}${"n".repeat(length)}`),
);

describe("the file about a host", () => {
  it("is that of no other host, and no folder", () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        for (const odd of [undefined, NO_DOTS]) {
          expect(hostFile(one, odd) === hostFile(other, odd)).toBe(one === other);
          expect(hostFile(one, odd)).toMatch(/^(?!\.+$)[\w.@%~-]{0,200}$/);
        }
      }),
    );
    expect(new Set(["a:b", "a_b", "a%3Ab", "[a]b"].map((host) => hostFile(host))).size).toBe(4);
    const long = "x".repeat(250);
    expect(hostFile(`${long}1`)).not.toBe(hostFile(`${long}2`));
  });

  it("names its host", () => {
    fc.assert(
      fc.property(name, (host) => {
        const file = hostFile(host);
        if (!file.includes("~")) expect(hostOfFile(file)).toBe(host);
      }),
    );
    for (const other of ["n17", "100%", "a%2Eb", "%zz", "%C3", "a b%3A"]) expect(hostOfFile(other)).toBe(other);
  });
});
