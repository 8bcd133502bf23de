/** The part of lzma1 that is used; the package's own types are its sources, which do not compile under our options. */
export function compress(data: Uint8Array, mode?: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9): Uint8Array;
export function decompress(data: Uint8Array): Uint8Array;
