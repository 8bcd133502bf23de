/** The globals, beyond the language's own, that every place the library runs in has: Node, browsers and workers. */

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBufferView | ArrayBuffer, options?: { stream?: boolean }): string;
}

declare class TextEncoder {
  encode(input?: string): Uint8Array;
  encodeInto(source: string, destination: Uint8Array): { readonly read: number; readonly written: number };
}

interface ReadableStreamReader<T> {
  read(): Promise<{ readonly done: false; readonly value: T } | { readonly done: true; readonly value?: undefined }>;
  cancel(): Promise<void>;
}

declare class ReadableStream<T = unknown> {
  constructor(source: { start(controller: { enqueue(chunk: T): void; close(): void }): void });
  getReader(): ReadableStreamReader<T>;
  pipeThrough<U>(transform: { readonly readable: ReadableStream<U>; readonly writable: unknown }): ReadableStream<U>;
}

declare class DecompressionStream {
  constructor(format: "gzip");
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: unknown;
}

declare class URLSearchParams {
  constructor(text?: string);
  append(name: string, value: string): void;
  toString(): string;
  [Symbol.iterator](): Iterator<[name: string, value: string]>;
}
