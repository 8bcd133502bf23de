import { type DumpRow, LINUX_ROWS, XEN_ROWS } from "./rows.js";

/*
 * Where in a section the words are with which the rows begin. A dump has some hundred rows, and a log can have ten thousand
 * dumps: one walk over the text finds what each row would have to search it for.
 */

/** The places of each word, by its number. */
export type WordPlaces = readonly (readonly number[] | undefined)[];

/** Letters of either case, digits and the underscore, each as a number from 1; 0 for what is in no word. */
const LETTERS = new Uint8Array(128);
for (const [at, letter] of [..."abcdefghijklmnopqrstuvwxyz0123456789_"].entries()) {
  LETTERS[letter.charCodeAt(0)] = at + 1;
  LETTERS[letter.toUpperCase().charCodeAt(0)] = at + 1;
}
const SIZE = 38;
const FIRST_DIGIT = 27;
const LAST_DIGIT = 36;

const ROWS = [...new Set([...LINUX_ROWS, ...XEN_ROWS])];
const WORDS = [...new Set(ROWS.flatMap(({ words }) => words))];
/** The tree of these words: from a place by a letter to the next place; place 0 is in no word. */
const next = new Uint16Array((WORDS.join("").length + 2) * SIZE);
/** The number of the word that ends at a place. */
const ends = new Map<number, number>();
const ROOT = 1;
let placed = ROOT;
for (const [number, word] of WORDS.entries()) {
  let at = ROOT;
  for (let letter = 0; letter < word.length; letter++) {
    const step = at * SIZE + (LETTERS[word.charCodeAt(letter)] as number);
    if (next[step] === 0) next[step] = ++placed;
    at = next[step] as number;
  }
  ends.set(at, number);
}
/** A row with the numbers of its words. */
interface Numbered {
  readonly row: DumpRow;
  readonly words: readonly number[];
}

/** Rows with what `placesOf` needs to know of each. */
export function numbered(rows: readonly DumpRow[]): readonly Numbered[] {
  return rows.map((row) => ({ row, words: row.words.map((word) => WORDS.indexOf(word)) }));
}

function letterAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? (LETTERS[code] as number) : 0;
}

/** Walks over a text once. */
export function wordPlaces(text: string): WordPlaces {
  const places: number[][] = [];
  for (let at = 0; at < text.length; at++) {
    let letter = letterAt(text, at);
    if (letter === 0) continue;
    const from = at;
    // No row begins with a digit: a value is left behind at once.
    let here = letter >= FIRST_DIGIT && letter <= LAST_DIGIT ? 0 : ROOT;
    while (letter !== 0) {
      if (here !== 0) here = next[here * SIZE + letter] as number;
      letter = at + 1 < text.length ? letterAt(text, ++at) : 0;
    }
    const word = here === 0 ? undefined : ends.get(here);
    // `__va::EPT pointer` is not the EPT pointer.
    if (word === undefined || text.startsWith("::", from - 2)) continue;
    const known = places[word];
    if (known === undefined) places[word] = [from];
    else known.push(from);
  }
  return places;
}

const NOWHERE: readonly number[] = [];

/** The places where a row may be, in the order of the text. */
export function placesOf({ words }: Numbered, places: WordPlaces): readonly number[] {
  let found: readonly number[] | undefined;
  for (const number of words) {
    const own = places[number];
    if (own !== undefined) found = found === undefined ? own : [...found, ...own].sort((a, b) => a - b);
  }
  return found ?? NOWHERE;
}
