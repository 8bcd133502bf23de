import { describe, expect, it } from "vitest";
import { PREDICATES } from "../../src/kvm/load/predicates.js";
import { findFeature } from "../../src/why/find-feature.js";
import { findPlace } from "../../src/why/find-place.js";
import { rulesNaming } from "../../src/why/rules-naming.js";
import { runCli } from "../cli/run.js";

const ids = (text: string) => rulesNaming(text).map(({ id }) => id);

describe("a piece of the source leads to the rules that are about it", () => {
  it.each(["WARN_ON_ONCE(supported >> 16);", "WARN_ON_ONCE( supported>>16 )", "supported >> 16", "(supported >> 16)"])(
    "%s",
    (text) => expect(ids(text)).toEqual(["capability-pin-overflow"]),
  );

  it("the condition of a warning", () => {
    expect(ids("(funcs >> 4)")).toEqual(["capability-vmfunc-overflow"]);
    expect(ids("WARN_ON_ONCE").length).toBeGreaterThan(2);
  });

  it("a CPU feature, a build option, a question to the machine", () => {
    expect(ids("X86_FEATURE_VMX")).toContain("vmx-disabled-by-firmware");
    expect(ids("CONFIG_KVM_INTEL")).toContain("want-vmx");
    expect(ids("tboot_enabled()")).toContain("build-inside-smx");
    expect(ids("kvm_caps.has_tsc_control")).toEqual(["tsc-scaling"]);
  });

  it("but no other text does", () => {
    for (const text of ["", "()", "supported", "16", "WARN", "if (x)", "constructor", "toString()", "__proto__"]) {
      expect(ids(text), text).toEqual([]);
      expect(findFeature(text).kind, text).not.toBe("one");
    }
  });

  it("and its answer begins with their sentences", async () => {
    const { out, code } = await runCli(["why", "WARN_ON_ONCE(supported >> 16)", "skylake-x", "--kernel", "6.12"]);
    expect(out).toMatch(/^Word 0 has room for 16 pin-based bits only; [^.]*\.\s+\(init_vmx_capabilities, arch\/x86/);
    expect(code).toBe(0);
    expect(findPlace("supported >> 16")).toMatchObject({ part: { rules: ["capability-pin-overflow"] } });
  });
});

it("each predicate of KVM is about one feature or bit", () => {
  const odd = Object.keys(PREDICATES).filter((fn) => findFeature(`${fn}()`).kind !== "one");
  expect(odd).toEqual([]);
});
