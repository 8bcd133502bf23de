import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { KERNELS } from "../../src/rules/kernels.js";
import { NEWEST_RELEASE } from "../../src/rules/release.js";
import { readingList, withKernel } from "../../tools/new-release.js";
import { writeFiction, wrongWithFiction } from "../oracles/fiction/linux-7.4.js";

/*
 * A new kernel release, in short: the three edits and what the program then prints. `npm run check:new-release` also runs
 * the generators and every test in such a copy.
 */

const root = resolve(import.meta.dirname, "../..");
const place = mkdtempSync(join(tmpdir(), "vmxlens-7.4-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe("Linux 7.4, which does not exist", () => {
  // In the copy that has the fiction already, it cannot be written once more.
  it.skipIf(String(NEWEST_RELEASE) === "7.4")(
    "is three edits; kernels 7.3 7.4 says its two changes, and a vCPU that has run is frozen as in 7.3 (needs tables without it)",
    () => {
      // Not by what git knows: a copy of the project without its history is tested, too.
      for (const part of ["src", "package.json", "tsconfig.json"]) {
        cpSync(join(root, part), join(place, part), { recursive: true });
      }
      symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
      writeFiction(place);
      expect(wrongWithFiction(place)).toEqual([]);
    },
  );
});

describe("withKernel", () => {
  const table = readFileSync(join(root, "src/rules/kernels.ts"), "utf8");

  it("puts a row behind the newest upstream kernel, once", () => {
    const more = withKernel(table, "99.0");
    expect(more.length).toBeGreaterThan(table.length);
    expect(withKernel(more, "99.0")).toBe(more);
    const ids = (text: string) => [...text.matchAll(/\bid: "([^"]+)"/g)].map(([, id]) => id);
    expect(ids(table)).toEqual(KERNELS.map(({ id }) => id));
    expect(ids(more).indexOf("99.0")).toBe(ids(table).indexOf(NEWEST_RELEASE) + 1);
  });

  it("refuses a table without the newest kernel", () => {
    expect(() => withKernel("export const KERNELS = [];", "99.0")).toThrow(NEWEST_RELEASE);
  });
});

describe("the reading list", () => {
  it("has the files of boot and of KVM with their functions, and nothing that is gone", () => {
    const list = readingList();
    expect(list.get("arch/x86/kernel/cpu/feat_ctl.c")).toContain("init_ia32_feat_ctl");
    expect(list.get("arch/x86/kvm/vmx/nested.c")).toContain("nested_vmx_setup_secondary_ctls");
    expect(list.get("arch/x86/kvm/vmx/vmx.c, vmx.h")).toEqual(["setup_vmcs_config"]);
    const gone = ["detect_vmx_virtcap", "hardware_setup", "kvm_arch_init"];
    for (const functions of list.values()) expect(gone.filter((name) => functions.includes(name))).toEqual([]);
  });
});
