import type { Host } from "../model/host.js";
import type { Diagnostic } from "./diagnostic.js";

/** What a reader got out of a text. `hosts` is empty when it found no machine in it. */
export interface Reading {
  readonly hosts: readonly Host[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What every reader says about itself; `vmxlens` prints it and the documentation lists it. */
interface ReaderRow {
  /** Short name, the value of `--format`. */
  readonly name: string;
  /** One sentence: which facts the format holds, and which it cannot hold. */
  readonly knows: string;
}

/**
 * A reader of a format made of lines. It sees every line of the text once and in order, so that a text of any size is
 * read in bounded memory.
 */
export interface LineReader extends ReaderRow {
  readonly kind: "lines";
  readonly open: (file: string | undefined) => LineRun;
}

/** One pass of a line reader over one text. */
export interface LineRun {
  /**
   * Takes a line and its number from 1. Returns how much the line speaks for the format: 0 when it says nothing, 1 for
   * a line that belongs to it, more for one that no other format has. Must take linear time and must not throw.
   */
  readonly line: (text: string, number: number) => number;
  /** `cut`: the last line had no line end, as in a truncated text. */
  readonly end: (cut: boolean) => Reading;
}

/** A reader that needs the whole text, as JSON does. */
export interface DocumentReader extends ReaderRow {
  readonly kind: "document";
  /** Whether a text that begins like this is in the format; `head` has up to 64 Ki characters. */
  readonly recognise: (head: string) => boolean;
  readonly read: (text: string, file: string | undefined) => Reading;
}

export type Reader = LineReader | DocumentReader;
