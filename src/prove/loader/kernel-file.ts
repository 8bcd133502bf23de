import { decompress } from "./decompress.js";
import { BadFile, type Elf, readElf } from "./elf.js";

/** Places in the header of a bzImage (Documentation/arch/x86/boot.rst of the kernel). */
const SETUP_SECTORS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const MAGIC = 0x202;
const VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

/**
 * The kernel in a vmlinuz (a bzImage, which boot loaders start) or in a vmlinux (the ELF file inside), compressed or not.
 * Throws `BadFile`.
 */
export async function readKernelFile(bytes: Uint8Array): Promise<Elf> {
  const file = await decompress(bytes);
  if (!isBzImage(file)) return readElf(file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint16(VERSION, true) < 0x0208) throw new BadFile("a bzImage too old to say where its kernel is");
  const sectors = file[SETUP_SECTORS] || 4;
  const start = (sectors + 1) * 512 + view.getUint32(PAYLOAD_OFFSET, true);
  const length = view.getUint32(PAYLOAD_LENGTH, true);
  if (start + length > file.length) throw new BadFile("the kernel in the bzImage is cut off");
  // Four bytes after it hold its size.
  return readElf(await decompress(file.subarray(start, start + length - 4)));
}

/** Whether a file begins as what boot loaders start. */
export function isBzImage(file: Uint8Array): boolean {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return (
    file.length >= PAYLOAD_LENGTH + 4 &&
    view.getUint16(BOOT_FLAG, true) === 0xaa55 &&
    view.getUint32(MAGIC, true) === 0x5372_6448
  );
}
