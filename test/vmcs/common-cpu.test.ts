import { describe, expect, it } from "vitest";
import { type CoreGroup, msrOf } from "../../src/host/host.js";
import { ABSENT, formatMsr, type Msr, msrValue } from "../../src/host/msr.js";
import { agreedCore } from "../../src/vmcs/common-cpu.js";

const core = (msrs: readonly (readonly [number, Msr])[], physAddrBits: number, nx: boolean): CoreGroup => ({
  coreTypes: [],
  msrs: new Map(msrs),
  cpuid: { features: { nx, la57: false }, physAddrBits, linAddrBits: 48 },
});

describe("what several CPUs agree on", () => {
  const a = core(
    [
      [0x485, msrValue({ lo: 0xf0, hi: 0 })],
      [0x491, ABSENT],
      [0x493, ABSENT],
      [0x480, msrValue({ lo: 1, hi: 0 })],
    ],
    46,
    true,
  );
  const b = core(
    [
      [0x485, msrValue({ lo: 0x30, hi: 0 })],
      [0x491, msrValue({ lo: 1, hi: 0 })],
      [0x493, ABSENT],
    ],
    39,
    true,
  );
  const both = agreedCore([a, b]);

  it("keeps equal bits and facts and nothing else", () => {
    expect(formatMsr(msrOf(both, 0x485))).toBe("0x?0");
    expect(msrOf(both, 0x491).state).toBe("unknown");
    expect(msrOf(both, 0x493).state).toBe("absent");
    expect(msrOf(both, 0x480).state).toBe("unknown");
    expect(both.cpuid).toEqual({ features: { nx: true, la57: false }, linAddrBits: 48 });
  });

  it("is the CPU itself when there is one", () => {
    expect(agreedCore([a]).msrs).toEqual(a.msrs);
    expect(() => agreedCore([])).toThrow(RangeError);
  });
});
