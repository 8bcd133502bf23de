import { StoreError } from "./store.js";

/*
 * The bytes of an input as they come: their limits, their beginning, and what they are.
 */

/** The first line of a text of this length decides whether it is JSON Lines. */
export const HEAD = 65_536;
/** A text with hosts in any format is read as a whole. */
export const MOST_TEXT = 256 * 1024 * 1024;

export function tooLarge(source: string, maxBytes: number): StoreError {
  return new StoreError(`${source} is larger than ${maxBytes} bytes; give --max-bytes to read more`);
}

export async function* limited(
  pieces: AsyncIterable<Uint8Array>,
  source: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > maxBytes) throw tooLarge(source, maxBytes);
    yield piece;
  }
}

export async function headOf(
  pieces: AsyncIterable<Uint8Array>,
): Promise<readonly [Uint8Array, AsyncGenerator<Uint8Array>]> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  let done = false;
  while (length < HEAD && !done) {
    const next = await iterator.next();
    if (next.done === true) done = true;
    else {
      length += next.value.length;
      // Nothing is asked for behind the last of them before it is read.
      first.push(length < HEAD ? Buffer.from(next.value) : next.value);
    }
  }
  async function* all() {
    yield* first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  return [Buffer.concat(first), all()];
}

export async function whole(pieces: AsyncIterable<Uint8Array>, source: string): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > MOST_TEXT) throw new StoreError(`${source} is larger than ${MOST_TEXT} bytes and no JSON Lines`);
    all.push(Buffer.from(piece));
  }
  return Buffer.concat(all);
}

/** JSON Lines: one of the first two lines is a whole object, or the first does not end within what is looked at. */
export function isJsonLines(head: string, cut: boolean): boolean {
  const text = head.trimStart();
  if (!text.startsWith("{")) return false;
  const [first = "", second = "", ...rest] = text.split("\n", 3);
  if (second === "" && rest.length === 0 && cut && !text.includes("\n")) return true;
  // The first line may be the one that is damaged.
  return isObject(first) || isObject(second);
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
