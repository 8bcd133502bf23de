/**
 * Packs text for the page. LZMA's encoder chooses what is copied from where; the decisions are then written with the chances
 * that `src/web/unpack.ts` has for them: it runs here, too, and is given each decision instead of reading it.
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { rolldown } from "rolldown";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
/** By names that the compiler does not follow: the types of the package are its sources, which do not compile here. */
const lzma = (/** @type {string} */ file) =>
  import(pathToFileURL(join(root, "node_modules/lzma1/lib", `${file}.js`)).href);

/** Bytes as LZMA packs them, for text. */
async function lzmaPacked(/** @type {Uint8Array} */ bytes) {
  const [{ compress }, { Encoder }] = await Promise.all([lzma("index"), lzma("encoder")]);
  const configure = Encoder.prototype.configure;
  // What the package sets for all data supposes that it comes in fours; text does not, and each of its characters depends on the
  // whole one before.
  Encoder.prototype.configure = function (/** @type {unknown} */ mode) {
    configure.call(this, mode);
    this._numLiteralContextBits = 8;
    this._posStateBits = 0;
    this._posStateMask = 0;
  };
  try {
    return Uint8Array.from(compress(bytes, 9));
  } finally {
    Encoder.prototype.configure = configure;
  }
}

/** What LZMA's encoder chose: a byte (length 0), or a copy of so many bytes from so far back. */
async function choices(/** @type {Uint8Array} */ bytes) {
  const { Decoder } = await lzma("decoder");
  const packed = await lzmaPacked(bytes);
  let at = 0;
  const decoder = new Decoder();
  decoder.initDecompression({ readByte: () => packed[at++] ?? -1 }, { writeBytes() {} });
  /** @type {{ readonly length: number, readonly distance: number }[]} */
  const found = [];
  for (let done = 0; done < bytes.length; ) {
    if (decoder.codeOneChunk() !== 0) throw new Error("what was packed does not unpack");
    const now = Number(decoder.nowPos64);
    found.push(decoder.state < 7 ? { length: 0, distance: 0 } : { length: now - done, distance: decoder.rep0 + 1 });
    done = now;
  }
  return found;
}

/** The decisions in the order in which `unpack` asks for them. */
function decisions(/** @type {Uint8Array} */ bytes, /** @type {Awaited<ReturnType<typeof choices>>} */ chosen) {
  /** @type {number[]} */
  const bits = [];
  const number = (/** @type {number} */ value, /** @type {number} */ count) => {
    for (let at = count - 1; at >= 0; at--) bits.push((value >>> at) & 1);
  };
  const reversed = (/** @type {number} */ value, /** @type {number} */ count) => {
    for (let at = 0; at < count; at++) bits.push((value >>> at) & 1);
  };
  const length = (/** @type {number} */ value) => {
    if (value < 10) number(value - 2, 4);
    else if (value < 18) number(16 + value - 10, 5);
    else number(768 + value - 18, 10);
  };
  let recent = [1, 1, 1, 1];
  let at = 0;
  for (const { length: count, distance } of chosen) {
    bits.push(count === 0 ? 0 : 1);
    if (count === 0) {
      number(bytes[at++] ?? 0, 8);
      continue;
    }
    const known = recent.indexOf(distance);
    if (known === -1) {
      bits.push(0);
      length(count);
      const back = distance - 1;
      const top = 31 - Math.clz32(back);
      const slot = back < 4 ? back : (top << 1) | ((back >>> (top - 1)) & 1);
      number(slot, 6);
      const low = (slot >> 1) - 1;
      if (slot >= 14) number((back >>> 4) & ((1 << (low - 4)) - 1), low - 4);
      if (slot >= 4) reversed(back, slot < 14 ? low : 4);
    } else {
      if (known === 0) bits.push(1, 0, count === 1 ? 0 : 1);
      else if (known === 1) bits.push(1, 1, 0);
      else bits.push(1, 1, 1, known - 2);
      if (known > 0 || count > 1) length(count);
    }
    recent = [distance, ...recent.filter((_, place) => place !== (known === -1 ? 3 : known))];
    at += count;
  }
  return bits;
}

/** @type {Promise<typeof import("../src/web/unpack.ts")> | undefined} */
let unpacker;

/** The unpacker of the page, of its source. @returns {NonNullable<typeof unpacker>} */
async function bundledUnpacker() {
  const bundle = await rolldown({ cwd: root, input: join(root, "src/web/unpack.ts"), platform: "browser" });
  const { output } = await bundle.generate({ format: "iife", name: "unpacker" });
  await bundle.close();
  return runInThisContext(`${output[0].code};unpacker`, { filename: "unpack.js" });
}

/** Numbers of six bits as text: six or seven bits to a character, and no character that has a meaning in HTML. */
function characters(/** @type {readonly number[]} */ sixes, /** @type {number} */ six) {
  const characterOf = (/** @type {number} */ value) => String.fromCharCode(value + (value < 28 ? 32 : 33));
  let text = "";
  let pool = 0;
  let held = 0;
  const left = [...sixes, 0, 0];
  for (let at = 0; ; ) {
    while (held < 7 && at < left.length) {
      pool = ((pool << 6) | (left[at++] ?? 0)) & 0xffff;
      held += 6;
    }
    if (held < 7) return text;
    const seven = (pool >>> (held - 7)) & 127;
    const short = seven >> 1 < six;
    text += characterOf(short ? seven >> 1 : seven - six);
    held -= short ? 6 : 7;
  }
}

/** Parts as one packed text, which `unpack` gives back one by one. */
export async function packed(/** @type {readonly Uint8Array[]} */ parts) {
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
  unpacker ??= bundledUnpacker();
  const [{ unpack, reader, INTERVAL, SIX_BITS }, chosen] = await Promise.all([unpacker, choices(bytes)]);
  const bits = decisions(bytes, chosen);
  /** @type {number[]} */
  const out = [];
  let low = 0;
  let high = INTERVAL;
  let next = 0;
  const write = (/** @type {number} */ chance) => {
    const bit = bits[next++];
    if (bit === undefined) throw new Error("more is decided than was written");
    const middle = low + Math.floor(((high - low) * chance) / 65_536);
    if (bit === 1) high = middle;
    else low = middle + 1;
    while ((low ^ high) >>> 24 === 0) {
      out.push(high >>> 24);
      low = (low << 6) & INTERVAL;
      high = ((high << 6) & INTERVAL) | 63;
    }
    return bit;
  };
  const sizes = parts.map(({ length }) => length);
  for (const _ of unpack(sizes, write));
  out.push(low >>> 24, 63, 63, 63, 63);
  const text = characters(out, SIX_BITS);
  const back = [...unpack(sizes, reader(text))];
  if (!back.every((part, at) => Buffer.compare(part, parts[at] ?? part) === 0))
    throw new Error("what was packed does not unpack");
  return text;
}
