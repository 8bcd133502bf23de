import fc from "fast-check";
import { expect, test } from "vitest";
import { reader, unpack } from "../../src/web/unpack.js";
import { packed } from "../../tools/pack.js";

/** What the page's own unpacker makes of packed parts. */
async function andBack(parts: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const text = await packed(parts);
  expect(text).toMatch(/^[ -;=-~]*$/);
  return [
    ...unpack(
      parts.map(({ length }) => length),
      reader(text),
    ),
  ].map((part) => Uint8Array.from(part));
}

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

test("parts come back one by one", async () => {
  const parts = [bytes("the one, "), bytes(""), bytes("the one, the other"), bytes("x".repeat(1000))];
  expect(await andBack(parts)).toEqual(parts);
});

test("copies of every length, and from near and far", async () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 0x7fff_ffff;
    return seed % below;
  };
  let text = "";
  const piece = (length: number) => Array.from({ length }, () => String.fromCharCode(random(256))).join("");
  for (let length = 2; length < 300; length += 1 + (length >> 4))
    text += piece(20) + text.slice(random(text.length) || 0).slice(0, length);
  text += piece(30_000) + text.slice(0, 5000);
  expect(await andBack([bytes(text)])).toEqual([bytes(text)]);
});

test("whatever bytes, whatever parts", async () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom("register", " of ", "the ", "VMX"), { maxLength: 80 })
      .map((words) => bytes(words.join(""))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (parts) => {
      expect(await andBack(parts)).toEqual(parts);
    }),
    { numRuns: 30 },
  );
});
