import { BadFile } from "./elf.js";
import { concat, undoBranchFilter, withoutBranchFilter } from "./xz-filter.js";

/** What a file may grow to: a kernel image with debug information is 100 MB, no module comes near. */
const LARGEST = 256 * 1024 * 1024;

type Format = "gzip" | "xz" | "zstd";

/** Kinds of compression by the first bytes of a file. */
const MAGIC: readonly (readonly [Format, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

function formatOf(bytes: Uint8Array): Format | undefined {
  return MAGIC.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))?.[0];
}

/**
 * A file as it was before gzip, XZ or Zstandard, by its first bytes; any other file as it is. The decompressors are
 * loaded when they are needed. Throws `BadFile` when the data is damaged or grows beyond `LARGEST`.
 */
export async function decompress(bytes: Uint8Array): Promise<Uint8Array> {
  const format = formatOf(bytes);
  if (format === undefined) return bytes;
  try {
    if (format === "zstd") return await unzstd(bytes);
    return format === "gzip" ? await collect(gunzip(bytes)) : await unxz(bytes);
  } catch (error) {
    if (error instanceof BadFile) throw error;
    throw new BadFile(`the ${format} data is damaged: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function unzstd(bytes: Uint8Array): Promise<Uint8Array> {
  // The decompressor does not look at the errors of its own streams, so it gets all at once, and room for all of it.
  const room = zstdSize(bytes);
  if (room > LARGEST) throw tooLarge();
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const result = decoder.decode(bytes, room);
  if (result.length === 0) throw new BadFile("the zstd data is damaged");
  return result;
}

const ZSTD_FRAME = 0xfd2f_b528;
/** Frames that hold nothing: any of sixteen numbers. */
const ZSTD_SKIPPED = 0x184d_2a50;
/** What one compressed block may grow to. */
const ZSTD_BLOCK = 128 * 1024;

/** The most that Zstandard data can grow to, by its frames and blocks (RFC 8878, section 3). Throws `BadFile`. */
function zstdSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size = 0;
  let at = 0;
  try {
    while (at < bytes.length) {
      const magic = view.getUint32(at, true);
      if ((magic & ~15) >>> 0 === ZSTD_SKIPPED) {
        at += 8 + view.getUint32(at + 4, true);
        continue;
      }
      if (magic !== ZSTD_FRAME) throw new BadFile("the zstd data is damaged");
      const descriptor = view.getUint8(at + 4);
      const single = (descriptor >> 5) & 1;
      const sized = [single, 2, 4, 8][descriptor >> 6] ?? 0;
      at += 5 + (1 - single) + ([0, 1, 2, 4][descriptor & 3] ?? 0) + sized;
      for (let last = false; !last; ) {
        const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
        last = (header & 1) === 1;
        const kind = (header >> 1) & 3;
        const length = header >> 3;
        if (kind === 3) throw new BadFile("the zstd data is damaged");
        size += kind === 2 ? ZSTD_BLOCK : length;
        at += 3 + (kind === 1 ? 1 : length);
        if (at > bytes.length) throw new BadFile("the zstd data is cut off");
      }
      at += (descriptor & 4) === 0 ? 0 : 4;
    }
  } catch (error) {
    if (error instanceof RangeError) throw new BadFile("the zstd data is cut off", { cause: error });
    throw error;
  }
  return size;
}

async function unxz(bytes: Uint8Array): Promise<Uint8Array> {
  const module = await import("xz-decompress");
  const { XzReadableStream } = "XzReadableStream" in module ? module : (module as { default: typeof module }).default;
  const plain = withoutBranchFilter(bytes);
  const result = await collect(new XzReadableStream(streamOf(plain?.bytes ?? bytes)));
  if (plain !== undefined) undoBranchFilter(result, plain.blocks);
  return result;
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice());
      controller.close();
    },
  });
}

function gunzip(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return streamOf(bytes).pipeThrough(new DecompressionStream("gzip"));
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(pieces);
    size += value.length;
    if (size > LARGEST) {
      await reader.cancel();
      throw tooLarge();
    }
    pieces.push(value);
  }
}

function tooLarge(): BadFile {
  return new BadFile(`more than ${LARGEST / 1024 / 1024} MB when decompressed`);
}
