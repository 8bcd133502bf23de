/**
 * Something a reader has to say about its input. `error`: a part could not be read. `warning`: it was read, and is
 * doubtful or incomplete. `note`: how it was read.
 */
export interface Diagnostic {
  readonly severity: "error" | "warning" | "note";
  readonly file?: string;
  /** From 1. A diagnostic about the whole text is at line 1, column 1, or at its end. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  readonly message: string;
  /** What would have been read without complaint. */
  readonly expected?: string;
}

/** Where something is in a text; line and column count as in a `Diagnostic`. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The beginning of a text: the place of a diagnostic about all of it. */
export const TEXT_START: Place = Object.freeze({ line: 1, column: 1 });

/**
 * Further diagnostics of one reader would not help; the last one says how many were left out. Errors are counted separately,
 * so that a hundred warnings do not hide that nothing was read.
 */
const LIMIT = 100;

/** A function is called only when the diagnostic is kept, which a noisy text makes worth while. */
type Message = string | (() => string);

type Expected = string | undefined | (() => string);

/** Where diagnostics go. */
export interface DiagnosticSink {
  /** A part could not be read; `expected` says what would have been read without complaint. */
  readonly error: (at: Place, message: Message, expected?: Expected) => void;
  /** A part was read, and is doubtful or incomplete. */
  readonly warning: (at: Place, message: Message, expected?: Expected) => void;
  /** How a part was read. */
  readonly note: (at: Place, message: Message, expected?: Expected) => void;
}

/** Collects the diagnostics of one reader over one text; memory stays bounded whatever the text holds. */
export interface DiagnosticLog extends DiagnosticSink {
  /** For what counts only where no other reader finds anything in the text, such as that it is not of this reader's format. */
  readonly ifAlone: DiagnosticSink;
  /** In the order of the text. */
  readonly list: () => Diagnostic[];
}

const ONLY_ALONE = new WeakSet<Diagnostic>();

/** Whether a diagnostic came by `DiagnosticLog.ifAlone`. */
export function countsOnlyAlone(diagnostic: Diagnostic): boolean {
  return ONLY_ALONE.has(diagnostic);
}

/** An empty log; `file` is the name of the text in each of its diagnostics. */
export function diagnosticLog(file: string | undefined): DiagnosticLog {
  const kept: Diagnostic[] = [];
  const count = { error: 0, warning: 0, note: 0 };
  let dropped = 0;
  const add = (
    alone: boolean,
    severity: Diagnostic["severity"],
    at: Place,
    message: Message,
    expected?: Expected,
  ): void => {
    if (count[severity] >= LIMIT) {
      dropped++;
      return;
    }
    count[severity]++;
    const diagnostic: Diagnostic = {
      severity,
      ...(file === undefined ? {} : { file }),
      line: at.line,
      column: at.column,
      message: typeof message === "string" ? message : message(),
      ...(expected === undefined ? {} : { expected: typeof expected === "string" ? expected : expected() }),
    };
    if (alone) ONLY_ALONE.add(diagnostic);
    kept.push(diagnostic);
  };
  const sink = (alone: boolean): DiagnosticSink => ({
    error: (at, message, expected) => add(alone, "error", at, message, expected),
    warning: (at, message, expected) => add(alone, "warning", at, message, expected),
    note: (at, message, expected) => add(alone, "note", at, message, expected),
  });
  return {
    ...sink(false),
    ifAlone: sink(true),
    list: () => {
      const sorted = [...kept].sort((a, b) => a.line - b.line || a.column - b.column);
      const last = sorted.at(-1);
      if (dropped > 0 && last !== undefined) {
        const left: Diagnostic = {
          ...last,
          severity: "note",
          message: `${dropped} more diagnostics like these were left out`,
        };
        ONLY_ALONE.add(left);
        sorted.push(left);
      }
      return sorted;
    },
  };
}
