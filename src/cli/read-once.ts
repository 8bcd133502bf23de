import type { World } from "./world.js";

/** In bytes. More of one input is not kept: a file is read again, and the rest of standard input cannot be. */
const MOST_KEPT = 16 * 1024 * 1024;

/** The bytes of one input, from its beginning. */
export type Source = () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * The same world, in which a text that several readers want is read once: what was read of a file or of standard input is
 * kept for the next reader. What no reader asks for is not read, as it may have no end.
 */
export function readingOnce(world: World): World {
  const sources = new Map<string, Source>();
  return {
    ...world,
    stdin: kept(world.stdin, false),
    keep(path, open) {
      const source = sources.get(path) ?? kept(open, true);
      sources.set(path, source);
      return source;
    },
  };
}

function kept(open: Source, again: boolean): () => AsyncIterable<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let rest: AsyncIterator<Uint8Array> | Iterator<Uint8Array> | undefined;
  const iterate = (): AsyncIterator<Uint8Array> | Iterator<Uint8Array> => {
    const source = open();
    return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  };
  return async function* () {
    if (length > MOST_KEPT && again) {
      yield* open();
      return;
    }
    yield* pieces;
    rest ??= iterate();
    for (;;) {
      const next = await rest.next();
      if (next.done === true) return;
      length += next.value.length;
      if (length <= MOST_KEPT) pieces.push(next.value);
      else pieces = [];
      yield next.value;
    }
  };
}
