import { describe, expect, it } from "vitest";
import { configOf } from "../../src/kvm/kernel-config.js";
import { paramsOf, programsFor } from "../../src/kvm/programs.js";
import { KERNELS } from "../../src/rules/kernels.js";

describe("build options that are the kernel's own", () => {
  // Rules would be compiled once more for options that only look different.
  it.each(KERNELS.map(({ id }) => id))("are one object in %s, however they are given", (release) => {
    const own = configOf(release);
    expect(configOf(release, {})).toBe(own);
    expect(configOf(release, { ...own })).toBe(own);
    expect(programsFor(release, configOf(release, { ...own }))).toBe(programsFor(release, own));
    expect(paramsOf(release, { ...own })).toBe(paramsOf(release));
  });

  it("are another object where one differs", () => {
    const own = configOf("6.12");
    expect(configOf("6.12", { CONFIG_HYPERV: false })).toEqual({ ...own, CONFIG_HYPERV: false });
  });
});
