import { describe, expect, it } from "vitest";
import { BadFile, type Elf, PT_LOAD } from "../../src/prove/loader/elf.js";
import { readKallsyms } from "../../src/prove/loader/kallsyms.js";

/* Tables of symbols as kernels have them, made here: names as lists of tokens, markers, tokens, and addresses in three forms. */

const BASE = 0xffff_ffff_8100_0000n;
const NAMES = Array.from({ length: 1500 }, (_unused, i) =>
  i === 700 ? "init_ia32_feat_ctl" : i === 701 ? "__SCT__x" : `f${i}`,
);
const address = (i: number) => BASE + BigInt(16 * i);

type Form = "base after" | "base before" | "distances";

/** Every character is a token of its own, but one that is the beginning of a name. */
function kernel(form: Form, padding = 0): Elf {
  const bytes: number[] = new Array<number>(64 + padding).fill(0xff);
  const u32 = (value: number) => bytes.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  const align = (to: number) => {
    while (bytes.length % to !== 0) bytes.push(0);
  };
  const u64 = (value: bigint) => {
    u32(Number(value & 0xffff_ffffn));
    u32(Number(value >> 32n));
  };
  align(8);
  if (form === "base before") {
    for (const i of NAMES.keys()) u32(16 * i);
    align(8);
    u64(BASE);
  }
  u32(NAMES.length);
  if (form === "base before") u32(0);
  const markers: number[] = [];
  const start = bytes.length;
  for (const [i, name] of NAMES.entries()) {
    if (i % 256 === 0) markers.push(bytes.length - start);
    const list = [0x74, ...[...name.replace("init_", "\x01")].map((c) => c.charCodeAt(0))];
    bytes.push(list.length, ...list);
  }
  align(4);
  for (const marker of markers) u32(marker);
  const table = bytes.length;
  const starts: number[] = [];
  for (let token = 0; token < 256; token++) {
    starts.push(bytes.length - table);
    const text = token === 1 ? "init_" : token >= 0x20 && token < 0x7f ? String.fromCharCode(token) : `<${token}>`;
    bytes.push(...[...text].map((c) => c.charCodeAt(0)), 0);
  }
  align(2);
  for (const at of starts) bytes.push(at & 255, at >>> 8);
  if (form === "distances") {
    align(4);
    for (const i of NAMES.keys()) u32(16 * i - bytes.length);
  } else if (form === "base after") {
    align(8);
    for (const i of NAMES.keys()) u32(16 * i);
    align(8);
    u64(BASE);
  }
  bytes.push(...new Array<number>(64).fill(0xff));
  const all = Uint8Array.from(bytes);
  return {
    bytes: all,
    view: new DataView(all.buffer),
    relocatable: false,
    sections: [],
    segments: [{ type: PT_LOAD, flags: 5, offset: 0, address: BASE, fileSize: all.length, memorySize: all.length }],
    section: () => undefined,
    content: () => new Uint8Array(),
  };
}

describe.each(["base after", "base before", "distances"] as const)(
  "a table of symbols with addresses as %s",
  (form) => {
    it.each([0, 2, 4, 6])(
      "is found, and gives addresses by name and names by address (%i bytes before it)",
      (padding) => {
        const symbols = readKallsyms(kernel(form, padding));
        for (const i of [0, 1, 255, 256, 700, 1499]) expect(symbols.address(NAMES[i] as string)).toBe(address(i));
        expect(symbols.address("nothing_of_this_name")).toBeUndefined();
        expect(symbols.startingWith("__SCT__")).toEqual([["__SCT__x", address(701)]]);
        expect(symbols.nameOf(Number(address(700) & 0xffff_ffffn) + 5)).toEqual({
          name: "init_ia32_feat_ctl",
          offset: 5,
        });
      },
    );
  },
);

it("a kernel without one is a file with a problem", () => {
  const none = kernel("base after");
  none.bytes.fill(0x41);
  expect(() => readKallsyms(none)).toThrow(BadFile);
});
