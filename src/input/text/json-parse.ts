import type { Place } from "./diagnostic.js";

/** A JSON value with the place of each of its parts, so that a complaint can point at one. */
export type JsonNode =
  | { readonly kind: "object"; readonly at: number; readonly members: Map<string, JsonMember> }
  | { readonly kind: "array"; readonly at: number; readonly items: JsonNode[] }
  | { readonly kind: "scalar"; readonly at: number; readonly value: string | number | boolean | null };

interface JsonMember {
  /** Offset of the key. */
  readonly at: number;
  readonly node: JsonNode;
}

interface JsonComplaint {
  readonly at: number;
  readonly message: string;
  readonly expected?: string;
}

export interface ParsedJson {
  /** Missing when not even the beginning of a value was there. Incomplete when there is an error. */
  readonly node?: JsonNode;
  /** Offset behind the value: a text can go on with the next one. */
  readonly end: number;
  /** Where reading stopped; parts after it are not in `node`. */
  readonly error?: JsonComplaint;
  /** Keys that an object has twice; none of their values is kept, because nothing shows which one is meant. */
  readonly duplicates: readonly JsonComplaint[];
}

const MAX_DEPTH = 64;
/** A document of a machine has some thousands. Each costs a hundred bytes, and a kilobyte where it is wrong. */
const MAX_VALUES = 200_000;
const BLANK = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids raw control characters in strings.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const LITERALS: readonly (readonly [string, boolean | null])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

/** Thrown and caught within `parseJson` only. */
const STOP = Symbol("stop");

/**
 * Reads one JSON value from `text` at `start`. Unlike `JSON.parse` it says where everything is, keeps what came
 * before an error or a cut, notices duplicate keys, and allows another value after the first. Linear time, and bounded
 * memory besides the text.
 */
export function parseJson(text: string, start = 0): ParsedJson {
  let position = start;
  let values = 0;
  const duplicates: JsonComplaint[] = [];

  let complaint: JsonComplaint | undefined;
  const stop = (message: string, expected?: string, at = position): never => {
    complaint = { at, message, ...(expected === undefined ? {} : { expected }) };
    throw STOP;
  };
  const match = (re: RegExp): string => {
    re.lastIndex = position;
    const found = re.exec(text)?.[0] ?? "";
    position += found.length;
    return found;
  };
  const shown = (): string =>
    position >= text.length ? "the text ends here" : `unexpected ${JSON.stringify(text.slice(position, position + 1))}`;
  const want = (character: string, what: string): void => {
    match(BLANK);
    if (text[position] !== character) stop(shown(), what);
    position++;
  };

  const string = (): string => {
    const begin = position;
    position++;
    let result = "";
    for (;;) {
      result += match(PLAIN);
      const next = text[position];
      if (next === '"') {
        position++;
        return result;
      }
      if (next !== "\\") stop("a string that does not end on its line", 'a closing "', begin);
      const sequence = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(position, position + 6))?.[0];
      if (sequence === undefined) stop("an unknown escape in a string", "one of JSON's escapes");
      result += JSON.parse(`"${sequence}"`) as string;
      position += (sequence as string).length;
    }
  };

  // The containers are filled as they are read, so that a cut text keeps what came before.
  let root: JsonNode | undefined;
  const value = (depth: number, keep: (node: JsonNode) => void): void => {
    match(BLANK);
    if (depth > MAX_DEPTH) stop(`nested more than ${MAX_DEPTH} deep`);
    if (++values > MAX_VALUES) stop(`more than ${MAX_VALUES} values`);
    const at = position;
    const first = text[position];
    if (first === "{") {
      const members = new Map<string, JsonMember>();
      const twice = new Set<string>();
      keep({ kind: "object", at, members });
      position++;
      match(BLANK);
      if (text[position] === "}") {
        position++;
        return;
      }
      for (;;) {
        match(BLANK);
        if (text[position] !== '"') stop(shown(), "a key in quotes");
        const keyAt = position;
        const key = string();
        want(":", "a colon after the key");
        if (members.has(key) || twice.has(key)) {
          const shownKey = JSON.stringify(key.slice(0, 60));
          duplicates.push({
            at: keyAt,
            message: `the key ${shownKey} appears twice; it is not used`,
            expected: "each key once",
          });
          members.delete(key);
          twice.add(key);
          value(depth + 1, () => {});
        } else value(depth + 1, (node) => members.set(key, { at: keyAt, node }));
        match(BLANK);
        if (text[position] === "}") break;
        want(",", "a comma or }");
      }
      position++;
    } else if (first === "[") {
      const items: JsonNode[] = [];
      keep({ kind: "array", at, items });
      position++;
      match(BLANK);
      if (text[position] === "]") {
        position++;
        return;
      }
      for (;;) {
        value(depth + 1, (node) => items.push(node));
        match(BLANK);
        if (text[position] === "]") break;
        want(",", "a comma or ]");
      }
      position++;
    } else if (first === '"') keep({ kind: "scalar", at, value: string() });
    else {
      const literal = LITERALS.find(([name]) => text.startsWith(name, position));
      if (literal !== undefined) {
        position += literal[0].length;
        keep({ kind: "scalar", at, value: literal[1] });
        return;
      }
      const digits = match(NUMBER);
      if (digits === "") stop(shown(), "a JSON value");
      // A number at the very end may be a part of one.
      if (position >= text.length && depth > 0) stop("the text ends inside a number", "a JSON value", at);
      keep({ kind: "scalar", at, value: Number(digits) });
    }
  };

  try {
    value(0, (node) => {
      root = node;
    });
  } catch (error) {
    if (error !== STOP || complaint === undefined) throw error;
    return { ...(root === undefined ? {} : { node: root }), end: position, error: complaint, duplicates };
  }
  return { ...(root === undefined ? {} : { node: root }), end: position, duplicates };
}

/** The plain value of a node. Keys such as `__proto__` become ordinary members. */
export function jsonValue(node: JsonNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.items.map(jsonValue);
  const value = Object.create(null) as { [key: string]: unknown };
  for (const [key, member] of node.members) value[key] = jsonValue(member.node);
  return value;
}

/** The member or item at the end of a path, or the deepest one on the way that exists. */
export function jsonAt(node: JsonNode, path: readonly (string | number)[]): number {
  let at = node.at;
  let here: JsonNode = node;
  for (const step of path) {
    const found: JsonMember | undefined =
      here.kind === "object"
        ? here.members.get(String(step))
        : here.kind === "array" && here.items[Number(step)] !== undefined
          ? { at: (here.items[Number(step)] as JsonNode).at, node: here.items[Number(step)] as JsonNode }
          : undefined;
    if (found === undefined) return at;
    at = found.node.at;
    here = found.node;
  }
  return at;
}

/** Takes parts out of a tree. */
export interface JsonRemover {
  /** Takes the member or item at a path out. False when it is not there, or not any more. */
  readonly remove: (path: readonly (string | number)[]) => boolean;
  /** Closes the gaps in arrays, whose items keep their numbers until then. */
  readonly end: () => void;
}

export function jsonRemover(root: JsonNode): JsonRemover {
  const gaps = new Map<JsonNode[], Set<number>>();
  return {
    remove(path) {
      let here: JsonNode | undefined = root;
      for (const step of path.slice(0, -1)) {
        here =
          here?.kind === "object"
            ? here.members.get(String(step))?.node
            : here?.kind === "array"
              ? here.items[Number(step)]
              : undefined;
      }
      const last = path.at(-1);
      if (last === undefined || here === undefined || here.kind === "scalar") return false;
      if (here.kind === "object") return here.members.delete(String(last));
      const gone = gaps.get(here.items) ?? new Set();
      if (here.items[Number(last)] === undefined || gone.has(Number(last))) return false;
      gaps.set(here.items, gone.add(Number(last)));
      return true;
    },
    end() {
      for (const [items, gone] of gaps) {
        const kept = items.filter((_, i) => !gone.has(i));
        items.length = 0;
        for (const item of kept) items.push(item);
      }
      gaps.clear();
    },
  };
}

/** Gives line and column of any offset. */
export function placesIn(text: string): (offset: number) => Place {
  let starts: number[] | undefined;
  return (offset) => {
    if (starts === undefined) {
      starts = [0];
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  };
}
