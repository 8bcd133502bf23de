import { describe, expect, it, vi } from "vitest";
import { judgedOnce } from "../../src/vmcs/repeated.js";
import type { Vmcs } from "../../src/vmcs/state.js";

vi.mock("../../src/vmcs/fields/field-names.js", async (original) => {
  const real = await original<typeof import("../../src/vmcs/fields/field-names.js")>();
  return { ...real, nearFields: vi.fn(real.nearFields) };
});

// Other files of tests have loaded the modules without the one that counts.
vi.resetModules();
const { readVmcs } = await import("../../src/vmcs/dumps/read.js");
const { nearFields } = await import("../../src/vmcs/fields/field-names.js");

const ENTRY = '{"index":"0xc0000080","value":"0x500"},';
function searches(text: string): { readonly searched: number; readonly dumps: number; readonly expected: unknown[] } {
  const search = vi.mocked(nearFields);
  search.mockClear();
  const { dumps } = readVmcs(text);
  const expected = dumps.flatMap(({ diagnostics }) => diagnostics.map((entry) => entry.expected));
  return { searched: search.mock.calls.length, dumps: dumps.length, expected };
}

describe("names that no field has", () => {
  it("are searched for once, however many objects have them", () => {
    const { searched, dumps, expected } = searches(`[${ENTRY.repeat(200)}`);
    expect([dumps, searched]).toEqual([200, 2]);
    expect([...new Set(expected)]).toEqual([
      "GUEST_PML_INDEX, EPTP_INDEX, LAST_PID_POINTER_INDEX",
      "CR3_TARGET_VALUE0, CR3_TARGET_VALUE1, CR3_TARGET_VALUE2",
    ]);
  });

  it("are not all searched for where objects have many", () => {
    const { searched, expected } = searches(
      `[${Array.from({ length: 300 }, (_, i) => `{"GUEST_WRONG_${i}":0},`).join("")}`,
    );
    expect(searched).toBe(100);
    expect(expected[0]).toMatch(/^GUEST_/);
    expect(expected[299]).toMatch(/^a field name/);
  });
});

describe("a VMCS that comes again", () => {
  const dump = (value: number, reason = 0): Vmcs => ({
    fields: new Map([[0x6800, { lo: { value, unknown: 0 }, hi: { value: 0, unknown: 0 } }]]),
    reported: { kind: "other", reason },
  });

  it("is judged once, and another one again", () => {
    const judge = vi.fn((vmcs: Vmcs) => [vmcs]);
    const once = judgedOnce(judge);
    const first = once(dump(1));
    const others = [dump(2), dump(1, 1), { ...dump(1), msrLoad: [] }, { fields: dump(1).fields }];
    for (const other of others) expect(once(other)).toEqual([other]);
    for (const again of [dump(1), dump(2), dump(1)]) expect(once(again)).toEqual([again]);
    expect(once(dump(1))).toBe(first);
    expect(judge).toHaveBeenCalledTimes(1 + others.length);
  });

  it("is kept while it is one of the last", () => {
    const judge = vi.fn((vmcs: Vmcs) => [vmcs]);
    const once = judgedOnce(judge);
    for (let i = 0; i < 100; i++) once(dump(i));
    for (let i = 0; i < 100; i++) expect(once(dump(i))).toEqual([dump(i)]);
    expect(judge).toHaveBeenCalledTimes(200);
  });
});
