import { describe, expect, it } from "vitest";
import { atlas, atlasHost, findCpu, findFeature, RELEASES, readHost, why, writeSnapshot } from "../src/index.js";
import { replay } from "../src/kvm/index.js";

const { cpu } = replay(atlasHost("intel-50654-skylakex"), { release: "6.12" });

describe("the library", () => {
  it("answers the questions of its README by the names it exports", () => {
    expect(cpu.bit("cpu_based_2nd_exec_ctrl", "EPT")).toBe("yes");
    const found = findFeature("mode-based execute control for EPT");
    expect(found.kind).toBe("one");
    if (found.kind === "one") expect(why(atlasHost("intel-50654-skylakex"), found.feature).lostAt).toBe("kvm");
    expect(findCpu("skylake-x").kind).toBe("one");
    expect(atlas()).toHaveLength(130);
    expect(RELEASES).toContain("7.3");
  });

  it("assumes nothing", () => {
    expect(replay(atlasHost("intel-50654-skylakex")).loads).toBe("unknown");
  });

  it("reads what it writes", () => {
    const host = atlasHost("intel-50654-skylakex");
    const { host: again } = readHost(writeSnapshot(host));
    expect(again?.cores[0].msrs).toEqual(host.cores[0].msrs);
  });
});

describe("a misspelt name", () => {
  it("does not compile, and throws where it is run all the same", () => {
    // @ts-expect-error the control is called EPT
    expect(() => cpu.bit("cpu_based_2nd_exec_ctrl", "EPTT")).toThrow(RangeError);
    // @ts-expect-error a control of another word
    expect(() => cpu.bit("pin_based_exec_ctrl", "EPT")).toThrow(RangeError);
    // @ts-expect-error the word is called cpu_based_exec_ctrl
    expect(() => cpu.word("cpu_based_exec_ctl")).toThrow(RangeError);
    // @ts-expect-error no parameter has that name
    expect(() => cpu.bit("params", "unrestricted_gest")).toThrow(RangeError);
    // @ts-expect-error as in a condition
    expect(() => cpu.holds({ bit: ["vmx_capability.ept", "EPT_1GB_PAGES"] })).toThrow(RangeError);
    // @ts-expect-error 6.15 is not modelled
    expect(() => replay(atlasHost("intel-50654-skylakex"), { release: "6.15" })).toThrow(RangeError);
  });

  it("numbers go for bits without a name", () => {
    expect(cpu.bit("vmentry_ctrl", 12)).toBe("yes");
    expect(() => cpu.bit("vmentry_ctrl", 32)).toThrow(RangeError);
  });
});
