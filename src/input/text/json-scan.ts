import type { Place } from "./diagnostic.js";

export type JsonScalar =
  | { readonly kind: "string"; readonly value: string }
  /** As written: a 64-bit number would lose bits in a double. */
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "literal"; readonly value: boolean | null };

export type JsonPath = readonly (string | number)[];

/** Gets the parts of the JSON documents in a text as they are read. Paths must not be kept: they change. */
export interface JsonHandler {
  readonly scalar: (path: JsonPath, value: JsonScalar, at: Place) => void;
  /** The object or array with this path is complete. */
  readonly close: (path: JsonPath, at: Place) => void;
  /** A document ended, or broke off: at the end of the text, or where what follows is not JSON. */
  readonly end: () => void;
}

/** Finds JSON documents in a text made of lines and reads them in bounded memory. */
export interface JsonScanner {
  /** Gives whether the line belongs to a document. */
  readonly line: (text: string, number: number) => boolean;
  /** Whether a document has begun and not ended. */
  readonly isOpen: () => boolean;
  readonly end: () => void;
}

interface Frame {
  readonly array: boolean;
  count: number;
}

type Expect = "value" | "valueOrClose" | "keyOrClose" | "key" | "colon" | "commaOrClose";

const MAX_DEPTH = 64;
const MAX_STRING = 8192;
const BLANK = /[ \t\r]*/y;
const STRING_REST = /[^"\\]*(?:\\.[^"\\]*)*/y;
const NUMBER = /-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,10})?/y;
const LITERAL = /true|false|null/y;
const OBJECT = /\{\s{0,4}"/g;
const DOCUMENT_START = /\s*[{[]\s*(?:$|["{[\]}])/y;

export function jsonScanner(handler: JsonHandler): JsonScanner {
  const frames: Frame[] = [];
  const path: (string | number)[] = [];
  let expect: Expect = "value";
  /** The beginning of a string whose end is on a further line, as mailers wrap them. */
  let openString: { text: string; at: Place; key: boolean } | undefined;
  /** A number counts when what follows shows that it is complete. */
  let heldNumber: { text: string; at: Place } | undefined;

  const isOpen = (): boolean => frames.length > 0;
  const reset = (): void => {
    frames.length = 0;
    path.length = 0;
    openString = undefined;
    heldNumber = undefined;
    expect = "value";
    handler.end();
  };
  const afterValue = (): void => {
    expect = "commaOrClose";
  };
  const emit = (value: JsonScalar, at: Place): void => {
    handler.scalar(path, value, at);
    afterValue();
  };
  const settleNumber = (): void => {
    if (heldNumber === undefined) return;
    handler.scalar(path, { kind: "number", text: heldNumber.text }, heldNumber.at);
    heldNumber = undefined;
  };
  const enter = (array: boolean): void => {
    frames.push({ array, count: 0 });
    path.push(array ? 0 : "");
    expect = array ? "valueOrClose" : "keyOrClose";
  };
  const leave = (at: Place): void => {
    frames.pop();
    path.pop();
    handler.close(path, at);
    if (frames.length === 0) reset();
    else afterValue();
  };
  const takeString = (text: string, at: Place, key: boolean): void => {
    const value = unescaped(text);
    if (!key) emit({ kind: "string", value }, at);
    else {
      path[path.length - 1] = value;
      expect = "colon";
    }
  };

  /** Reads on from `position`; gives false if the text there is not JSON. */
  const read = (text: string, begin: number, number: number): boolean => {
    let position = begin;
    if (openString !== undefined) {
      const rest = match(STRING_REST, text, position);
      const whole = `${openString.text} ${rest.trimStart()}`;
      if (whole.length > MAX_STRING) return false;
      position += rest.length;
      if (text[position] !== '"') {
        openString.text = whole;
        return position >= text.length;
      }
      const { at, key } = openString;
      openString = undefined;
      takeString(whole, at, key);
      position++;
    }
    for (;;) {
      position += match(BLANK, text, position).length;
      if (position >= text.length) return true;
      const character = text[position] as string;
      const at = { line: number, column: position + 1 };
      const frame = frames.at(-1);
      if (character === "}" || character === "]") {
        const fitting = frame !== undefined && frame.array === (character === "]");
        if (!fitting || (expect !== "commaOrClose" && expect !== "keyOrClose" && expect !== "valueOrClose"))
          return false;
        settleNumber();
        leave(at);
        position++;
        if (!isOpen()) {
          // Another document may follow this one.
          const next = startOf(text, position);
          if (next < 0) return true;
          enter(text[next] === "[");
          position = next + 1;
        }
        continue;
      }
      if (expect === "commaOrClose") {
        if (character !== "," || frame === undefined) return false;
        settleNumber();
        frame.count++;
        if (frame.array) path[path.length - 1] = frame.count;
        expect = frame.array ? "value" : "key";
        position++;
        continue;
      }
      if (expect === "colon") {
        if (character !== ":") return false;
        expect = "value";
        position++;
        continue;
      }
      const wantsKey = expect === "key" || expect === "keyOrClose";
      if (character === '"') {
        const inside = match(STRING_REST, text, position + 1);
        position += 1 + inside.length;
        if (inside.length > MAX_STRING) return false;
        if (text[position] !== '"') {
          openString = { text: inside, at, key: wantsKey };
          return position >= text.length;
        }
        takeString(inside, at, wantsKey);
        position++;
        continue;
      }
      if (wantsKey) return false;
      if (character === "{" || character === "[") {
        if (frames.length >= MAX_DEPTH) return false;
        enter(character === "[");
        position++;
        continue;
      }
      const literal = match(LITERAL, text, position);
      if (literal !== "") {
        emit({ kind: "literal", value: literal === "null" ? null : literal === "true" }, at);
        position += literal.length;
        continue;
      }
      const digits = match(NUMBER, text, position);
      if (digits === "") return false;
      heldNumber = { text: digits, at };
      afterValue();
      position += digits.length;
    }
  };

  return {
    isOpen,
    line(text, number) {
      if (isOpen()) {
        if (text.trim() === "") return false;
        if (read(text, 0, number)) return true;
        reset();
        return false;
      }
      const begin = startOf(text, 0);
      if (begin < 0) return false;
      enter(text[begin] === "[");
      if (read(text, begin + 1, number)) return true;
      reset();
      return false;
    },
    end() {
      if (isOpen()) reset();
    },
  };
}

/** Where a document begins at or after a position, or -1: a bracket alone, or a brace and a key. */
function startOf(text: string, from: number): number {
  if (!text.includes("{") && !text.includes("[")) return -1;
  DOCUMENT_START.lastIndex = from;
  const found = DOCUMENT_START.exec(text);
  if (found !== null) return from + found[0].search(/[{[]/);
  OBJECT.lastIndex = from;
  return OBJECT.exec(text)?.index ?? -1;
}

function match(re: RegExp, text: string, position: number): string {
  re.lastIndex = position;
  return re.exec(text)?.[0] ?? "";
}

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, one: string) =>
    hex === undefined ? (ESCAPES[one] ?? one) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const ESCAPES: { readonly [character: string]: string } = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
