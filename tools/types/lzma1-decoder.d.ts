/** The decoder of lzma1, in steps; the package exports only what unpacks all at once. */
export class Decoder {
  /** Bytes unpacked so far. */
  readonly nowPos64: bigint;
  initDecompression(
    input: { readByte(): number },
    output: { writeBytes(window: Uint8Array, offset: number, length: number): void },
  ): void;
  /** 0, or what ends the stream. */
  codeOneChunk(): number;
  /** Writes what was not written of the window. */
  flush(): void;
}
