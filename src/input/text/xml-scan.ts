import type { Place } from "./diagnostic.js";

/** Gets the tags of the XML in a text as they are read, only those with a name that was asked for. */
export interface XmlHandler {
  readonly open: (name: string, attributes: ReadonlyMap<string, string>, at: Place) => void;
  /** `text`: what is before the closing tag on its line, for an element without elements inside. */
  readonly close: (name: string, text: string, at: Place) => void;
  readonly comment: (text: string, at: Place) => void;
}

/** Finds XML tags in a text made of lines, whatever is around them. */
export interface XmlScanner {
  /** Whether a tag, or the beginning of one, is on the line. */
  readonly line: (text: string, number: number) => boolean;
  /** Whether a tag has begun that the next line may end. */
  readonly isOpen: () => boolean;
}

/** A tag that mailers have wrapped is put together again, up to this many lines and characters. */
const MAX_LINES = 8;
const MAX_TAG = 2000;

const TAG =
  /<(\/?)([A-Za-z][\w:.-]{0,63})((?:\s{1,200}[\w:.-]{1,64}\s{0,20}=\s{0,20}(?:'[^'<>]{0,500}'|"[^"<>]{0,500}"))*)\s{0,200}(\/?)>/y;
const COMMENT = /<!--(.{0,500}?)-->/y;
const BEGINNING = /<\/?([A-Za-z][\w:.-]{0,63})?[^<>]{0,2000}$/y;
const ATTRIBUTE = /([\w:.-]{1,64})\s{0,20}=\s{0,20}(?:'([^'<>]{0,500})'|"([^"<>]{0,500})")/g;

export function xmlScanner(isWanted: (name: string) => boolean, handler: XmlHandler): XmlScanner {
  let carry = "";
  let carried = 0;
  let carriedFrom = 0;

  return {
    line(raw, number) {
      if (carry === "" && !raw.includes("<")) return false;
      const text = carry === "" ? raw : `${carry} ${raw.trimStart()}`;
      const lineOf = carry === "" ? number : carriedFrom;
      let found = carry !== "";
      let behind = 0;
      for (let i = text.indexOf("<"); i >= 0; i = text.indexOf("<", i + 1)) {
        const at = { line: lineOf, column: i + 1 };
        const tag = exec(TAG, text, i);
        if (tag !== null) {
          const [whole, slash, name, attributes, empty] = tag as unknown as [string, string, string, string, string];
          if (isWanted(name)) {
            found = true;
            if (slash === "") handler.open(name, parseAttributes(attributes), at);
            if (slash !== "" || empty !== "") handler.close(name, text.slice(behind, i).trim().slice(0, 200), at);
          }
          i += whole.length - 1;
          behind = i + 1;
          continue;
        }
        const comment = exec(COMMENT, text, i);
        if (comment !== null) {
          handler.comment((comment[1] as string).trim(), at);
          i += comment[0].length - 1;
          behind = i + 1;
          continue;
        }
        const beginning = exec(BEGINNING, text, i);
        const name = beginning?.[1];
        if (name !== undefined && isWanted(name) && carried < MAX_LINES && text.length - i <= MAX_TAG) {
          carriedFrom = lineOf;
          carry = text.slice(i);
          carried++;
          return true;
        }
      }
      carry = "";
      carried = 0;
      return found;
    },
    isOpen: () => carry !== "",
  };
}

function exec(re: RegExp, text: string, position: number): RegExpExecArray | null {
  re.lastIndex = position;
  return re.exec(text);
}

function parseAttributes(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name, single, double] of text.matchAll(ATTRIBUTE)) {
    attributes.set(name as string, (single ?? double) as string);
  }
  return attributes;
}
