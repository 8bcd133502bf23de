import fc from "fast-check";

/*
 * Any characters, lone surrogates aside. fast-check's own unit "binary" is the same, and keeps a table of all 1.1 million of
 * them for as long as the run lasts.
 */

const anyCharacter = fc
  .nat({ max: 0x10_f7ff })
  .map((number) => String.fromCodePoint(number < 0xd800 ? number : number + 0x800));

/** A text of any characters, of at most `maxLength` of them. */
export const anyText = (maxLength?: number): fc.Arbitrary<string> =>
  fc.string({ unit: anyCharacter, ...(maxLength === undefined ? {} : { maxLength }) });
