/**
 * Words of the page's scripts as one or two bytes. LZMA spends a match on every "the " and "register"; with the most frequent
 * ones written as one byte each and the next ones as two, what is left packs into 4 % less.
 */

/** The bytes that words become, in the order in which `boot.ts` counts them: no script contains one. */
const SINGLE = [...range(0x80, 0xff), ...range(0x01, 0x08), ...range(0x0e, 0x13)].map((code) =>
  String.fromCharCode(code),
);
/** Each makes one word of every byte from 0x80 on that is behind it. */
const BEFORE = range(0x14, 0x1f).map((code) => String.fromCharCode(code));
const BYTES = [
  ...SINGLE,
  ...BEFORE.flatMap((before) => range(0x80, 0xff).map((code) => before + String.fromCharCode(code))),
];
/** What one use of a word costs beyond its bytes, as it ends the copies on both sides: measured. */
const SPENT = 0.7;
/** So many words are taken before the rest is counted anew. */
const AT_ONCE = 8;

function range(/** @type {number} */ first, /** @type {number} */ last) {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

/** Each word as the number of letters that it shares with the one before it, at most nine, and its others. */
export function frontCoded(/** @type {readonly string[]} */ words) {
  return words
    .map((word, at) => {
      const before = words[at - 1] ?? "";
      let shared = 0;
      while (shared < 9 && shared < word.length && word[shared] === before[shared]) shared++;
      return shared + word.slice(shared);
    })
    .join("");
}

/** @returns {{ readonly words: readonly string[], readonly shorten: (text: string) => string }} */
export function frequentWords(/** @type {string} */ text) {
  if ([...SINGLE, ...BEFORE].some((byte) => text.includes(byte)))
    throw new Error("a script holds a byte that is kept for words");
  /** @type {string[]} */
  const words = [];
  let left = text;
  while (words.length < BYTES.length) {
    /** @type {Map<string, number>} */
    const saved = new Map();
    const length = words.length < SINGLE.length ? 1 : 2;
    for (const [word] of left.matchAll(/ ?[A-Za-z]{2,} ?/g))
      saved.set(word, (saved.get(word) ?? -4) + word.length - length - SPENT);
    const best = [...saved].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1)).slice(0, AT_ONCE);
    if (best.length === 0) break;
    for (const [word] of best) {
      const byte = BYTES[words.length];
      if (byte === undefined) break;
      left = left.replaceAll(word, byte);
      words.push(word);
    }
  }
  // The list itself packs better sorted; which byte a word has does not matter.
  const sorted = [words.slice(0, SINGLE.length).sort(), words.slice(SINGLE.length).sort()].flat();
  const byteOf = new Map(sorted.map((word, at) => [word, BYTES[at] ?? word]));
  return {
    words: sorted,
    shorten: (part) => words.reduce((now, word) => now.replaceAll(word, byteOf.get(word) ?? word), part),
  };
}
