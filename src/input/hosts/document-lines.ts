import { type JsonHandler, jsonScanner } from "../text/json-scan.js";
import { type XmlHandler, xmlScanner } from "../text/xml-scan.js";
import type { FactSink } from "./evidence.js";
import type { JsonReader, XmlReader } from "./reader.js";

/*
 * Readers of documents that may be anywhere in a text, as readers of its lines.
 */

export interface Claims {
  /** Whether something has begun that the next line may end. */
  readonly isOpen: () => boolean;
  readonly line: (text: string, number: number) => boolean;
  readonly end: () => void;
  readonly claims: () => { readonly name: string; readonly claims: number }[];
}

/** Readers that begin when there is something for one of them. */
function begunOnce<Run extends { readonly claims: () => number }>(
  readers: readonly { readonly name: string; readonly open: (sink: FactSink) => Run }[],
  sink: (name: string) => FactSink,
) {
  let all: { readonly name: string; readonly run: Run }[] | undefined;
  return {
    runs: () => (all ??= readers.map((reader) => ({ name: reader.name, run: reader.open(sink(reader.name)) }))),
    begun: () => all !== undefined,
    claims: () => (all ?? []).map(({ name, run }) => ({ name, claims: run.claims() })),
  };
}

/** The readers of JSON: every document goes to all of them. */
export function jsonReaders(readers: readonly JsonReader[], sink: (name: string) => FactSink): Claims {
  const { runs, claims } = begunOnce(readers, sink);
  const handler: JsonHandler = {
    scalar(path, value, at) {
      for (const { run } of runs()) run.scalar(path, value, at);
    },
    close(path, at) {
      for (const { run } of runs()) run.close(path, at);
    },
    end() {
      for (const { run } of runs()) run.end();
    },
  };
  const scanner = jsonScanner(handler);
  return {
    isOpen: scanner.isOpen,
    line: readers.length === 0 ? () => false : scanner.line,
    end: scanner.end,
    claims,
  };
}

/** The readers of XML: an element that one of them wants goes to all. */
export function xmlReaders(readers: readonly XmlReader[], sink: (name: string) => FactSink): Claims {
  const { runs, claims, begun } = begunOnce(readers, sink);
  const handler: XmlHandler = {
    open(name, attributes, at) {
      for (const { run } of runs()) run.open(name, attributes, at);
    },
    close(name, text, at) {
      for (const { run } of runs()) run.close(name, text, at);
    },
    comment(text, at) {
      for (const { run } of runs()) run.comment(text, at);
    },
  };
  const isWanted = (name: string): boolean => readers.some(({ elements }) => elements.includes(name));
  const scanner = xmlScanner(isWanted, handler);
  return {
    isOpen: scanner.isOpen,
    line: readers.length === 0 ? () => false : scanner.line,
    end() {
      if (begun()) for (const { run } of runs()) run.end();
    },
    claims,
  };
}
