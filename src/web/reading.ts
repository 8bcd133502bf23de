import type { Explanation } from "../answers/answer.js";
import { type ReadResult, readHostStream } from "../input/read.js";
import type { Diagnostic } from "../input/text/diagnostic.js";
import { type ExplainedText, explainPieces } from "../messages/explain.js";
import { visible } from "../report/visible.js";
import { type TextRead, takenLines } from "../situation/evidence/own-machine.js";
import type { Situation } from "../situation/situation.js";
import type { VmcsDump } from "../vmcs/dumps/dump.js";
import { readVmcs, vmcsStream } from "../vmcs/dumps/read.js";
import { type LineMark, markDumps, markErrors, markFacts } from "./line-marks.js";
import type { PageHost } from "./model.js";

/** What a text holds. */
export interface Reading {
  readonly text: string;
  /** As the readers of machines left it. */
  readonly machines: TextRead;
  readonly lines: number;
  /** By number of the line, from 1; a line without a mark was ignored. */
  readonly marks: ReadonlyMap<number, LineMark>;
  readonly used: number;
  readonly hosts: readonly PageHost[];
  /** About the text as a whole. */
  readonly remarks: readonly Diagnostic[];
  readonly errors: readonly Explanation[];
  readonly dumps: readonly VmcsDump[];
  /** The part of the page that a person wants who pastes this: a text without registers is about its error or its VMCS. */
  readonly opens: "layers" | "explain" | "audit";
}

/** Characters that are read before the page may do something else. */
const PIECE = 16_384;
/** A break for the page is made when reading took so long, in milliseconds. */
const SLICE = 12;

const pause = () => new Promise<void>((resolve) => setTimeout(resolve));

/** The text in pieces, with breaks in which the page lives; ends at once when it is not wanted any more. */
async function* pieces(text: string, wanted: () => boolean): AsyncGenerator<string> {
  let since = performance.now();
  for (let at = 0; at < text.length; at += PIECE) {
    if (performance.now() - since > SLICE) {
      await pause();
      since = performance.now();
    }
    if (!wanted()) return;
    yield text.slice(at, at + PIECE);
  }
}

/**
 * Reads a text by every reader: machines, errors, VMCS dumps. Takes breaks, so that a long text does not hold up the page;
 * `undefined` when it was not wanted any more.
 */
export async function readText(text: string, name: string, wanted: () => boolean): Promise<Reading | undefined> {
  const { taken, onLine } = takenLines();
  const result = await readHostStream(pieces(text, wanted), { file: name, onLine });
  if (!wanted()) return undefined;
  await pause();
  const marks = new Map<number, LineMark>();
  for (const [line, format] of taken) marks.set(line, { kind: "used", text: format });
  markFacts(marks, result);
  const remarks: Diagnostic[] = [];
  for (const one of result.diagnostics) {
    if (one.severity === "note" || (one.line === 1 && one.column === 1)) remarks.push(one);
    else marks.set(one.line, { kind: one.severity === "error" ? "error" : "doubtful", text: visible(one.message) });
  }
  let dumps: VmcsDump[] = [];
  if (/^\s*(?:\{|\[\s*[{\]])/.test(text.slice(0, 4096))) dumps.push(...readVmcs(text, name).dumps);
  else {
    const log = vmcsStream((dump) => dumps.push(dump), name);
    for await (const piece of pieces(text, wanted)) log.push(piece);
    if (!wanted()) return undefined;
    log.end();
  }
  dumps = dumps.filter(({ vmcs }) => vmcs.fields.size > 0);
  await pause();
  const { explanations } = await explainText(text, { read: result, taken }, undefined, wanted);
  if (!wanted()) return undefined;
  const errors = explanations.filter(({ message }) => message !== undefined);
  // A text is cut into lines for the few that hold a dump.
  if (dumps.length > 0) markDumps(marks, dumps, text.split("\n"));
  markErrors(marks, errors);
  const used = [...marks.values()].filter(({ kind }) => kind === "used").length;
  const { hosts, format } = result;
  const source = format === undefined ? name : `${name} (${format})`;
  const notes = (at: number) =>
    hosts.length > 1 && at === 0 ? [`the text describes ${hosts.length} hosts; this is the first`] : [];
  return {
    text,
    machines: { read: result, taken },
    lines: lineCount(text),
    marks,
    used,
    hosts: hosts.map((host, at) => ({ id: at, host, origin: "file", source, notes: notes(at) })),
    // An error or a dump needs no machine.
    remarks: remarks.filter(({ severity }) => severity !== "error" || dumps.length + errors.length === 0),
    errors,
    dumps,
    opens: showsRegisters(result) ? "layers" : dumps.length > 0 ? "audit" : errors.length > 0 ? "explain" : "layers",
  };
}

/** Lines of a text; the end of the last one begins no other. */
function lineCount(text: string): number {
  let lines = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** A message proves something of a register, too, but a person who pastes it asks about the message. */
function showsRegisters({ evidence, hosts }: ReadResult): boolean {
  return (
    // A snapshot is nothing but a host, and has no evidence.
    (hosts.length > 0 && evidence().length === 0) ||
    hosts.some(({ observed }) => observed?.vmxFlags !== undefined) ||
    evidence().some(({ msr, format, layer }) => msr !== undefined && layer !== "guest" && format !== "kernel-log")
  );
}

/** What the errors of a text mean; on a machine if one is given. The rows of desktop products have no room in the page. */
export async function explainText(
  text: string,
  read: TextRead,
  situation: Situation | undefined,
  wanted: () => boolean = () => true,
): Promise<ExplainedText> {
  return explainPieces(pieces(text, wanted), situation === undefined ? {} : { situation }, read);
}
