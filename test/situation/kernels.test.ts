import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kernelSet, kernelSetOfHost } from "../../src/situation/kernels.js";
import { kernelsText } from "../../src/situation/kernels-text.js";
import { MODELLED } from "../../src/situation/modelled.js";
import { UNAME_VALUES, WITHOUT_ANSWER } from "./uname-values.js";

const ids: readonly string[] = MODELLED.map(({ id }) => id);
const set = (text: string) => {
  const found = kernelSet(text);
  if ("error" in found) throw new Error(found.error);
  return found;
};

/** What a name means, in a line. */
function answer(text: string): string {
  const found = kernelSet(text);
  if ("error" in found) return found.error;
  const { name, candidates, basis, note, bits32, config } = found;
  const more = [
    note,
    bits32 ? "32 bits" : undefined,
    config === undefined ? undefined : Object.keys(config).join(", "),
  ];
  return [`${name} → ${kernelsText(candidates)} (${basis})`, ...more.filter((one) => one !== undefined)].join("; ");
}

describe("the kernels that a text can mean", () => {
  it("are tried with at least 150 names", () => {
    expect(UNAME_VALUES.length).toBeGreaterThanOrEqual(150);
    expect(new Set(UNAME_VALUES.map(([text]) => text)).size).toBe(UNAME_VALUES.length);
  });

  it.each(UNAME_VALUES)("have the true one among them: %s", (text, is) => {
    const truth = is.find((id) => ids.includes(id));
    if (truth === undefined) expect(kernelSet(text)).toMatchObject({ error: expect.stringContaining("older than") });
    else expect(set(text).candidates).toContain(truth);
  });

  it.each(UNAME_VALUES.filter(([, [first]]) => ids.includes(first ?? "")))(
    "are that one alone where the name says all: %s",
    (text, [first]) => {
      const { basis, candidates, note } = set(text);
      if (basis === "exact" || basis === "series") expect(candidates).toEqual([first]);
      else if (candidates.length > 1 || basis === "newer") expect(note).toBeDefined();
    },
  );

  it("are those of test/situation/uname-answers.txt", () => {
    const path = join(import.meta.dirname, "uname-answers.txt");
    const now = UNAME_VALUES.map(([text, , why]) => `${text}\n  ${answer(text)}\n  is: ${why}\n`).join("");
    if (process.env.UPDATE_CASES === "1") writeFileSync(path, now);
    expect(now).toBe(readFileSync(path, "utf8"));
  });

  it.each(WITHOUT_ANSWER)("are none for %s, and why", (text, says) => {
    expect(kernelSet(text)).toMatchObject({ error: expect.stringMatching(says) });
  });

  it("are in the order of the tables, each once", () => {
    for (const [text] of UNAME_VALUES) {
      const found = kernelSet(text);
      if ("error" in found) continue;
      const { candidates } = found;
      expect([...candidates]).toEqual(ids.filter((id) => (candidates as readonly string[]).includes(id)));
    }
  });

  it("are every modelled kernel by its own id", () => {
    for (const { id } of MODELLED) expect(set(id).candidates).toEqual([id]);
  });

  it("say that they are extrapolated", () => {
    expect(set("7.9")).toMatchObject({
      basis: "newer",
      note: expect.stringContaining(`as of ${ids.filter((id) => /^\d/.test(id)).at(-1)}`),
    });
  });

  it("are those around a release that is not modelled", () => {
    const { basis, candidates } = set("6.10");
    expect(basis).toBe("between");
    expect(candidates.length).toBeGreaterThan(1);
  });

  it("grow with what a vendor can have taken", () => {
    const { basis, candidates } = set("6.4.0-150600.21-default");
    expect(basis).toBe("backports");
    expect(candidates).toContain("7.3");
    expect(candidates).not.toContain("5.15");
  });

  it("remember 32 bits", () => {
    expect(set("6.1.0-18-686-pae").bits32).toBe(true);
    expect(set("6.1.0-18-amd64").bits32).toBeUndefined();
  });

  it.each([
    "",
    "latest",
    "6",
    "hello",
    "6.x",
    "kernel",
    "::",
    "3.10.0-1160.el7.x86_64",
    "4.19.0-27-amd64",
    `6.${"1".repeat(500)}`,
  ])("are none for %s, in a sentence", (text) => {
    expect(kernelSet(text)).toMatchObject({ error: expect.stringMatching(/\w/) });
  });

  it("of a host are never none", () => {
    for (const text of ["", "latest", "3.10.0-1160.el7.x86_64", "4.19.0-27-amd64"]) {
      expect(kernelSetOfHost(text)).toMatchObject({ candidates: [expect.any(String)], note: expect.any(String) });
    }
  });
});

describe("kernels as text", () => {
  it("are ranges from three neighbours on", () => {
    expect(kernelsText(["7.3"])).toBe("7.3");
    expect(kernelsText(["7.2", "7.3"])).toBe("7.2, 7.3");
    const upstream = MODELLED.filter(({ line }) => line === "upstream").map(({ id }) => id);
    expect(kernelsText(upstream)).toBe(`${upstream[0]} to ${upstream.at(-1)}`);
  });
});
