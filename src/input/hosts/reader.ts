import type { Host } from "../../host/host.js";
import type { Diagnostic, Place } from "../text/diagnostic.js";
import type { JsonHandler } from "../text/json-scan.js";
import type { XmlHandler } from "../text/xml-scan.js";
import type { FactSink } from "./evidence.js";

/** What a reader got out of a text. `hosts` is empty when it found no machine in it. */
export interface Reading {
  readonly hosts: readonly Host[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What every reader says about itself. */
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
  /**
   * Begins a pass over one text; `file` is its name, for diagnostics and `Host.source`. `mayHaveMark`: whether a line may have
   * the mark of a fact reader.
   */
  readonly open: (file: string | undefined, mayHaveMark: (line: string) => boolean) => LineRun;
}

/** Lines that were read where they are: how many, what they speak for the format, and where the next begins. */
export interface LinesAhead {
  readonly at: number;
  readonly lines: number;
  readonly weight: number;
  /** Number of the line behind the last that was passed over, or of that one if none follows; 0 if none was. */
  readonly resumed: number;
  /** Whether one that was passed over has words in it. */
  readonly words: boolean;
}

/** Lines that say nothing: they must be given to `line`, or they may be passed over behind a line of the format, or anywhere. */
export type Passing = "nowhere" | "behind" | "at once";

/** One pass of a line reader over one text. */
export interface LineRun {
  /**
   * Takes a line and its number from 1. Returns how much the line speaks for the format: 0 when it says nothing, 1 for
   * a line that belongs to it, more for one that no other format has. Must take linear time and must not throw.
   */
  readonly line: (text: string, number: number) => number;
  /**
   * As `line`, for as many whole lines from `start` on as it can read where they are in `text`, so that no strings are made
   * of them. It stops before the first that it leaves to `line`. The result is valid until the next call.
   *
   * @param passing Where it may pass over lines that say nothing to this reader or any other.
   */
  readonly linesAt?: (text: string, start: number, number: number, passing: Passing) => LinesAhead;
  /** Whether a line that the run did not claim begins something that the next line may end. */
  readonly waits?: () => boolean;
  /** `cut`: the last line had no line end, as in a truncated text. */
  readonly end: (cut: boolean) => Reading;
}

/** A reader that needs the whole text, as JSON does. */
export interface DocumentReader extends ReaderRow {
  readonly kind: "document";
  /** Whether a text that begins like this is in the format; `head` has up to 64 Ki characters. */
  readonly recognise: (head: string) => boolean;
  /** Reads the whole text; `file` is its name, for diagnostics and `Host.source`. Must not throw. */
  readonly read: (text: string, file: string | undefined) => Reading;
}

/** A line without what mailers, terminals and loggers put around it. */
export interface TextLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Number of the line before, which is not the one before this where quoted-printable was unfolded. */
  readonly after: number;
  /**
   * The text ends here without a line end, so that the last word may be a part of one: a value that nothing follows
   * must not be taken.
   */
  readonly cut: boolean;
}

/**
 * A reader that hands in facts line by line. It may find its lines anywhere in a text, between those of other formats,
 * and what all readers say is put together into one host. This is what a new format most often needs.
 */
export interface FactReader extends ReaderRow {
  readonly kind: "facts";
  /** What every line that begins something of the format matches; a line that does not costs nothing more. */
  readonly mark: RegExp;
  /**
   * Every line with the mark has one of these words, unless the mark holds only at the beginning of a line. A long
   * log is searched for them, so they should be rare in others.
   */
  readonly words?: readonly string[];
  /** Wrapped lines: one that has the mark and was not taken is tried again together with the line after it. */
  readonly unwraps?: true;
  /** Begins a pass over one text, whose facts go to the sink. */
  readonly open: (sink: FactSink) => FactRun;
}

/** One pass of a fact reader over one text. */
export interface FactRun {
  /** Gives whether the line belongs to the format. Must take linear time and must not throw. */
  readonly line: (line: TextLine) => boolean;
  /** True while lines without the mark are wanted as well, as inside a list. */
  readonly busy?: () => boolean;
  /** The text is over: what the run still holds back has to be handed in now. */
  readonly end?: () => void;
}

/** A reader of JSON documents, which may be anywhere in a text; it sees all of them. */
export interface JsonReader extends ReaderRow {
  readonly kind: "json";
  /** Begins a pass over one text, whose facts go to the sink. */
  readonly open: (sink: FactSink) => JsonHandler & {
    /** How many things of the format it has found so far. */
    readonly claims: () => number;
  };
}

/** A reader of XML elements, which may be anywhere in a text. */
export interface XmlReader extends ReaderRow {
  readonly kind: "xml";
  /** Names of the elements it wants to see. */
  readonly elements: readonly string[];
  /** Begins a pass over one text, whose facts go to the sink. */
  readonly open: (sink: FactSink) => XmlHandler & {
    /** How many things of the format it has found so far. */
    readonly claims: () => number;
    /** The text is over: what the pass still holds back has to be handed in now. */
    readonly end: () => void;
  };
}

/** Where a part of a line is. */
export function placeOf(line: TextLine, column = 1): Place {
  return { line: line.number, column };
}

/** A reader of any kind, as a row of `READERS`. */
export type Reader = LineReader | DocumentReader | FactReader | JsonReader | XmlReader;
