import { checkOptions, checkStream, kindOf, wrong } from "../bits/misuse.js";
import type { Host } from "../host/host.js";
import { READERS, readerByName } from "./formats/registry.js";
import type { Evidence } from "./hosts/evidence.js";
import { readLines } from "./hosts/read-lines.js";
import type { DocumentReader, Reader, Reading } from "./hosts/reader.js";
import { type Diagnostic, type DiagnosticLog, diagnosticLog, TEXT_START } from "./text/diagnostic.js";
import { decoder, HEAD_BYTES, isTextBetweenNuls, MAX_LINE, withoutEnding } from "./text/text.js";

/** What most people have; the help has the rest. */
const EXPECTED =
  "/proc/cpuinfo, lscpu, dmesg, rdmsr with its command, a CPUID dump, or what vmxlens collect, QEMU or libvirt print";

/** What is known of a text besides the text itself. Nothing has to be. */
export interface ReadOptions {
  /** Name for `Host.source` and the diagnostics. */
  readonly file?: string;
  /** Name of a reader; without it the formats are recognised from the text. */
  readonly format?: string;
  /** Kernel release as `uname -r` prints it, for a text that does not say on which one it was recorded. */
  readonly kernel?: string;
  /**
   * Whether a `vmx flags` or `flags` line also counts as knowledge of the registers; true if not given. Use false to
   * compare the two: then the flags are in `Host.observed` alone.
   */
  readonly flagsProve?: boolean;
  /** Gets the number of every line that says something of a machine, and the name of the reader that took it. */
  readonly onLine?: (line: number, format: string) => void;
}

/** What a text holds, and what could not be read of it. */
export interface ReadResult {
  /** The first host of the text. Missing when the text holds none; the diagnostics then have an error. */
  readonly host?: Host;
  readonly hosts: readonly Host[];
  /** Name of the reader that found most. */
  readonly format?: string;
  /** Names of all readers that found something; a text may hold several formats. */
  readonly formats: readonly string[];
  /**
   * Every single thing the text says, with its line and reader; empty for a snapshot. Collected when it is first asked for:
   * for a dump that takes longer than reading it.
   */
  readonly evidence: () => readonly Evidence[];
  /** In the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
}

const HEAD_CHARS = 65_536;
/** No snapshot comes near; a larger text is refused before it fills the memory. */
const MAX_DOCUMENT = 64 * 1024 * 1024;

/**
 * Reads a host from text or bytes in any format of `READERS`. Never throws on bad input, whatever the bytes are: it
 * gives what the text holds and diagnostics about the rest. Throws `RangeError` on an unknown `format`, and where the
 * input is neither text nor bytes.
 *
 * @example
 * import { readHost } from "vmxlens/input";
 * import { replays, situation } from "vmxlens/situation";
 *
 * // What `rdmsr` printed, one register a line.
 * const { host, diagnostics } = readHost("0x480: 0xda040000000004\n0x48b: 0x7ffff00000000", { file: "dump.txt" });
 * if (host === undefined) throw new Error(diagnostics.map(({ message }) => message).join("; "));
 *
 * const { cpu, loads } = replays(situation(host, { kernel: "6.12", assume: ["vendor=intel", "firmware=enabled"] }));
 * cpu.bit("IA32_VMX_PROCBASED_CTLS2.hi", "EPT"); // "yes"
 * loads; // "unknown"
 */
export function readHost(input: string | Uint8Array, options: ReadOptions = {}): ReadResult {
  checkOptions(options);
  if (typeof input !== "string" && !(input instanceof Uint8Array)) {
    throw wrong("text", `give a text or a Uint8Array (readHostStream reads a stream), not ${kindOf(input)}`);
  }
  const reading = openReading(options);
  reading.push(input);
  return reading.end();
}

/**
 * As `readHost`, from a stream: memory stays bounded however long the stream is. Strings and bytes must not be mixed.
 * Rejects only when the stream itself fails, and with `RangeError` on an unknown `format`.
 */
export async function readHostStream(
  chunks: AsyncIterable<string | Uint8Array>,
  options: ReadOptions = {},
): Promise<ReadResult> {
  checkStream(chunks, "chunks");
  checkOptions(options);
  const reading = openReading(options);
  for await (const chunk of chunks) {
    reading.push(chunk);
    if (reading.done()) break;
  }
  return reading.end();
}

interface OpenReading {
  readonly push: (chunk: string | Uint8Array) => void;
  /** True when nothing that follows can change the result. */
  readonly done: () => boolean;
  readonly end: () => ReadResult;
}

type Inline = Exclude<Reader, DocumentReader>;
const isDocument = (reader: Reader): reader is DocumentReader => reader.kind === "document";
const isInline = (reader: Reader): reader is Inline => reader.kind !== "document";
const DOCUMENTS = READERS.filter(isDocument);
const INLINES = READERS.filter(isInline);

function openReading(options: ReadOptions): OpenReading {
  const log = diagnosticLog(options.file);
  const forced = options.format === undefined ? undefined : readerByName(options.format);
  const documents = forced === undefined ? DOCUMENTS : [forced].filter(isDocument);
  const inlines = forced === undefined ? INLINES : [forced].filter(isInline);
  const bytes = decoder(log);

  let head = "";
  let sink: TextSink | undefined;
  const choose = (): TextSink => {
    const found = documents.find((r) => r === forced || r.recognise(head));
    if (found !== undefined) return documentSink(found, options.file, log);
    return linesSink(inlines, { ...options, head }, log);
  };
  /** NULs that nothing came after yet: at the end of a text they are its end, as a program in C writes it. */
  let nuls = 0;
  const text = (piece: string): void => {
    const bare = withoutEnding(piece, "\0");
    const before = bare === "" ? "" : "\0".repeat(Math.min(nuls, MAX_LINE));
    nuls = (bare === "" ? nuls : 0) + piece.length - bare.length;
    if (bare !== "") taken(before + bare);
  };
  const taken = (piece: string): void => {
    if (sink !== undefined) {
      sink.push(piece);
      return;
    }
    head = head === "" && piece.startsWith("\ufeff") ? piece.slice(1) : head + piece;
    if (head.length < HEAD_CHARS) return;
    if (!isBinary(head, log)) sink = choose();
    else sink = NOTHING;
    sink.push(head);
    head = "";
  };

  return {
    push(chunk) {
      text(typeof chunk === "string" ? chunk : bytes.push(chunk));
    },
    done: () => bytes.binary() || sink === NOTHING,
    end() {
      text(bytes.end());
      if (sink === undefined) {
        if (bytes.binary() || isBinary(head, log)) sink = NOTHING;
        else if (head.trim() === "") {
          log.error(TEXT_START, "the text is empty", EXPECTED);
          sink = NOTHING;
        } else sink = choose();
        sink.push(head);
      }
      const { reading, formats, evidence } = sink.end();
      const { hosts } = reading;
      const [format] = formats;
      if (hosts.length === 0 && ![...log.list(), ...reading.diagnostics].some((d) => d.severity === "error")) {
        log.error(TEXT_START, `no host in the text, read as ${format}`, readerByName(format as string).knows);
      }
      const diagnostics = [...log.list(), ...reading.diagnostics].sort(
        (a, b) => a.line - b.line || a.column - b.column,
      );
      const [host] = hosts;
      return {
        ...(host === undefined ? {} : { host }),
        hosts,
        ...(format === undefined ? {} : { format }),
        formats,
        evidence,
        diagnostics,
      };
    },
  };
}

/** Text that came as a string was never looked at as bytes. */
function isBinary(head: string, log: DiagnosticLog): boolean {
  const looked = head.slice(0, HEAD_BYTES);
  if (!looked.includes("\0") || isTextBetweenNuls(looked)) return false;
  log.error(TEXT_START, "the input is binary data (it holds NUL characters), not text", "text in UTF-8 or UTF-16");
  return true;
}

interface TextSink {
  readonly push: (text: string) => void;
  readonly end: () => {
    readonly reading: Reading;
    readonly formats: readonly string[];
    readonly evidence: () => readonly Evidence[];
  };
}

const NO_READING: Reading = { hosts: [], diagnostics: [] };
const NO_EVIDENCE = (): readonly Evidence[] => [];
const NOT_READ = { formats: [], evidence: NO_EVIDENCE } as const;
const NOTHING: TextSink = { push: () => {}, end: () => ({ reading: NO_READING, ...NOT_READ }) };

function documentSink(reader: DocumentReader, file: string | undefined, log: DiagnosticLog): TextSink {
  const pieces: string[] = [];
  let length = 0;
  return {
    push(text) {
      length += text.length;
      if (length <= MAX_DOCUMENT) pieces.push(text);
    },
    end() {
      if (length > MAX_DOCUMENT) {
        log.error(TEXT_START, `the document is longer than ${MAX_DOCUMENT} characters and was not read`);
        return { reading: NO_READING, formats: [reader.name], evidence: NO_EVIDENCE };
      }
      return { reading: reader.read(pieces.join(""), file), formats: [reader.name], evidence: NO_EVIDENCE };
    },
  };
}

function linesSink(
  readers: Parameters<typeof readLines>[0],
  options: Parameters<typeof readLines>[1],
  log: DiagnosticLog,
): TextSink {
  const sink = readLines(readers, options, log);
  return {
    push: sink.push,
    end() {
      const { hosts, diagnostics, formats, evidence, lines } = sink.end();
      if (formats.length === 0)
        log.error(TEXT_START, `no known format was recognised in ${lines} ${lines === 1 ? "line" : "lines"}`, EXPECTED);
      return { reading: { hosts, diagnostics }, formats, evidence };
    },
  };
}
