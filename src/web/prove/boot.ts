import { openPacked } from "../open-packed.js";

/* Runs the script of the page; the decoder, which lies behind it, is unpacked when it is asked for. */

declare global {
  /** What iced-x86 is given in place of its file, see tools/build-prove-page.js. */
  var vmxlensDecoder: () => Uint8Array | undefined;
}

const packed = openPacked();
globalThis.vmxlensDecoder = packed.next;
packed.runNext();
