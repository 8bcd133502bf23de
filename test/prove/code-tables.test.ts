import { describe, expect, it } from "vitest";
import { bugRows, exceptionRows, jumpLabels } from "../../src/prove/kernel/code-tables.js";
import type { KernelTypes } from "../../src/prove/kernel/types.js";

/* Tables beside code: entries are relative to their own addresses. */

const AT = 0xc010_0000;
const types = (faultHandlers: boolean): KernelTypes =>
  ({
    faultHandlers,
    bug: { size: 12, address: { offset: 0, size: 4 }, flags: { offset: 10, size: 2 }, format: undefined },
  }) as unknown as KernelTypes;

/** Words of four bytes, those of addresses relative to where they lie. */
function table(...words: readonly (number | { readonly to: number })[]) {
  const view = new DataView(new ArrayBuffer(4 * words.length));
  for (const [i, word] of words.entries())
    view.setInt32(4 * i, typeof word === "number" ? word : (word.to - (AT + 4 * i)) | 0, true);
  return { view, address: AT };
}

describe("rows of __ex_table", () => {
  it("of 5.16 and later name a kind and a register", () => {
    const rows = exceptionRows(
      [table({ to: 0x100 }, { to: 0x200 }, 0x60b, { to: 0x300 }, { to: 0x400 }, 9)],
      types(false),
      () => undefined,
    );
    expect(rows.get(0x100)).toEqual({ fixup: 0x200, reads: true, safe: true, errorRegister: 6 });
    expect(rows.get(0x300)).toEqual({ fixup: 0x400, reads: true, safe: false });
    expect(rows.get(0x101)).toBeUndefined();
  });

  it("before that name the function that handles the fault", () => {
    const names = new Map([
      [0x5000, "ex_handler_default"],
      [0x6000, "ex_handler_rdmsr_unsafe"],
    ]);
    const rows = exceptionRows(
      [table({ to: 0x100 }, { to: 0x200 }, { to: 0x5000 }, { to: 0x300 }, { to: 0x400 }, { to: 0x6000 })],
      types(true),
      (lo) => names.get(lo),
    );
    expect(rows.get(0x100)).toEqual({ fixup: 0x200, reads: false, safe: true });
    expect(rows.get(0x300)).toEqual({ fixup: 0x400, reads: true, safe: false });
  });
});

it("a row of __bug_table says whether the kernel goes on, and whether it warns once", () => {
  const rows = bugRows([table({ to: 0x100 }, 0, 0x0003_0000, { to: 0x200 }, 0, 0)], types(false));
  expect(rows.get(0x100)).toEqual({ warning: true, once: true });
  expect(rows.get(0x200)).toEqual({ warning: false, once: false });
  expect(rows.get(0x300)).toBeUndefined();
});

it("only places of a jump table are jumps that look at a key", () => {
  const labels = jumpLabels([table({ to: 0x100 }, { to: 0x200 }, { to: 0x300 }, -1)]);
  expect(labels.get(0x100)).toBeTypeOf("function");
  expect(labels.get(0x104)).toBeUndefined();
});
