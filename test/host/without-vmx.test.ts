import { describe, expect, it } from "vitest";
import { hasNoVmx, namedWithoutVmx } from "../../src/host/without-vmx.js";
import { atlas } from "../../src/input/atlas/atlas.js";
import { runCli } from "../cli/run.js";

describe("processors without VT-x, by their name", () => {
  it.each([
    "Intel(R) Atom(TM) CPU N270   @ 1.60GHz",
    "Intel(R) Pentium(R) 4 CPU 3.00GHz",
    "Intel(R) Pentium(R) Dual  CPU  E2160  @ 1.80GHz",
    "Pentium(R) Dual-Core CPU       E5200  @ 2.50GHz",
    "Intel(R) Celeron(R) CPU 2.40GHz",
    "Intel(R) Celeron(R) M processor         1.50GHz",
    "Intel(R) Core(TM)2 Duo CPU     E4500  @ 2.20GHz",
    "Intel(R) Core(TM)2 Quad  CPU   Q8200  @ 2.33GHz",
  ])("%s", (name) => expect(hasNoVmx(name)).toBe(true));

  it.each([
    "Intel(R) Pentium(R) 4 CPU 3.60GHz",
    "Intel(R) Pentium(R) D CPU 2.80GHz",
    "Intel(R) Celeron(R) CPU G530 @ 2.40GHz",
    "Intel(R) Celeron(R) CPU  J1900  @ 1.99GHz",
    "Intel(R) Atom(TM) CPU Z530   @ 1.60GHz",
    "Intel(R) Atom(TM) CPU  C2550  @ 2.40GHz",
    "Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz",
    "Intel(R) Pentium(R) CPU G4560 @ 3.50GHz",
  ])("not %s", (name) => expect(hasNoVmx(name)).toBe(false));

  it("is none of the atlas, whose CPUs all have it", () => {
    expect(atlas().filter(({ name }) => hasNoVmx(name))).toEqual([]);
  });

  it("is found in prose", () => {
    expect(namedWithoutVmx("on my Atom N270 netbook")).toBe("Atom N270");
    expect(namedWithoutVmx("a Celeron J4125")).toBeUndefined();
  });

  it("is what every command goes by", async () => {
    const stdin = "model name : Intel(R) Atom(TM) CPU N270   @ 1.60GHz\nflags : fpu vme de pse tsc msr pae mce\n";
    for (const command of [["why", "vmx"], ["why", "kvm"], ["why", "ept"], ["layers"], ["explain"]]) {
      const { out } = await runCli([...command, "-"], { stdin });
      expect(out.replace(/\s+/g, " ")).toContain("has no VT-x, by Intel's list of products");
      expect(out).not.toContain("firmware setup");
    }
  });
});
