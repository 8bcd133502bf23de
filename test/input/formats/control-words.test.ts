import { describe, expect, it } from "vitest";
import { msrOf } from "../../../src/host/host.js";
import { msrBit } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { REGISTERS, type RegisterRow } from "../../../src/registers/registers.js";

/* Lists of controls in words: every vocabulary, every word for yes and no, and what is no such list. */

const bits = (text: string, index = 0x48b) => {
  const { host } = readHost(`${text}\n`);
  if (host === undefined) return {};
  const msr = msrOf(host.cores[0], index);
  return Object.fromEntries(
    [33, 37, 39, 46].map((bit) => [bit, msrBit(msr, bit)]).filter(([, is]) => is !== "unknown"),
  );
};

describe("a list of controls in words", () => {
  it.each([
    ["VMX capabilities:", "  Enable EPT: yes", "  Enable VPID: yes", "  Unrestricted guest: no"],
    ["Checking VMX support", "✓ EPT", "✓ VPID", "✗ unrestricted guest"],
    ["VMX features", "[x] EPT", "[x] SECONDARY_EXEC_ENABLE_VPID", "[fail] SECONDARY_EXEC_UNRESTRICTED_GUEST"],
    ["EPT supported: Yes", "VPID supported: Yes", "Unrestricted guest supported: No"],
    ["EPT ............ found", "VPID ........... found", "unrestricted guest missing"],
    ["VMX capability", "vmx-ept = 1", "vmx-vpid = 1", "vmx-unrestricted-guest = 0"],
    ["* EPT [supported]", "* VPID [supported]", "* unrestricted guest [not supported]"],
  ])("%s", (...lines) => {
    expect(bits(lines.join("\n"))).toEqual({ 33: "yes", 37: "yes", 39: "no" });
  });

  it("of other registers", () => {
    const { host } = readHost("VMX capabilities\nVirtual NMIs: true\nINVVPID: true\nuse MSR bitmaps: false\n");
    const core = host?.cores[0];
    if (core === undefined) throw new RangeError("no host");
    expect(msrBit(msrOf(core, 0x481), 37)).toBe("yes");
    expect(msrBit(msrOf(core, 0x48c), 32)).toBe("yes");
    expect(msrBit(msrOf(core, 0x482), 60)).toBe("no");
  });

  it.each([
    ["what was chosen", "VMCS controls\nEPT: 1\nVPID: 1\nunrestricted guest: 0"],
    ["one line", "EPT: yes"],
    ["a sentence", "It fails with unrestricted guest not supported"],
    ["switches without a title", "ept 1\nvpid 1\nunrestricted_guest 0"],
  ])("%s is none", (_, text) => {
    expect(bits(text)).toEqual({});
  });

  it("knows every name that means one bit, in every vocabulary", () => {
    const once = new Map<string, number>();
    const rows = (REGISTERS as readonly RegisterRow[]).filter(
      ({ isTrue, layout }) => isTrue !== true && layout === "controls",
    );
    const names = rows.flatMap(({ index, bits }) =>
      bits.flatMap(({ bit, sdm, linux, cpuinfo, qemu }) =>
        [sdm, linux, cpuinfo, qemu].flatMap((name) => (name === undefined ? [] : [{ name, index, bit }])),
      ),
    );
    for (const { name } of names) once.set(name.toLowerCase(), (once.get(name.toLowerCase()) ?? 0) + 1);
    let read = 0;
    for (const { name, index, bit } of names) {
      const { host } = readHost(`VMX capabilities\nEPT: yes\nVPID: yes\n${name}: yes\n`);
      const msr = host === undefined ? undefined : msrOf(host.cores[0], index);
      // A name that several bits bear is used for none.
      const is = msr === undefined ? "unknown" : msrBit(msr, bit + 32);
      expect(is, name).not.toBe("no");
      if (is === "yes") read++;
    }
    expect(read).toBeGreaterThan(names.length * 0.8);
  });
});
