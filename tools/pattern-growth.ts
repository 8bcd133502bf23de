import { type AST, RegExpParser } from "@eslint-community/regexpp";

/*
 * Whether a backtracking matcher can take more than linear time for a pattern. The pattern becomes an automaton, one state
 * for each character in it, and one more for the search for a place where the match begins. Where a repeated word leads
 * from one loop into another and round in both of them, the matcher tries every way to divide a long repetition between
 * the two: quadratic time. Where it leads round one loop in two ways, exponential time (A. Weber and H. Seidl, On the
 * degree of ambiguity of finite automata, 1991).
 *
 * No fault of these two kinds is missed but in two cases: something that repeats a bounded number of times is taken to
 * repeat thrice at most, which changes no growth, and look-behinds are taken to cost nothing, for which they must be
 * bounded. Too much is found where nothing can follow that lets the match fail; what only accepts is left out.
 */

/** What there is to say about a pattern. */
export interface PatternGrowth {
  readonly growth: "linear" | "polynomial" | "exponential" | "undecided";
  /** The loops, or what could not be decided. */
  readonly text: string;
}

/** Bounded repetitions are cut to this many. */
const MOST_COPIES = 3;
/** More states of a product than this are not searched. */
const MOST_NODES = 3_000_000;

/** What has to hold between two characters. */
const AT_START = 1;
const AT_LINE_START = 2;
const AT_END = 4;
const AT_LINE_END = 8;
const BOUNDARY = 16;
const NO_BOUNDARY = 32;

/** A way into or out of a part, or past it, and the conditions on it; `ways` is 2 where there is more than one. */
interface Way {
  readonly to: number;
  readonly under: number;
  readonly ways: number;
}

/** A part of the pattern: its first and last characters, and the ways past it without one. */
interface Part {
  readonly first: readonly Way[];
  readonly last: readonly Way[];
  readonly past: readonly Way[];
}

interface State {
  /** One bit for each class of characters. */
  readonly chars: bigint;
  readonly word: boolean;
  readonly newline: boolean;
  readonly raw: string;
  /** Target and number of ways. */
  readonly next: Map<number, number>;
}

class Undecided extends Error {}

type Ranges = readonly (readonly [number, number])[];

const MAX = 0xffff;
const WORD: Ranges = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const NEWLINE: Ranges = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];
const SPACE: Ranges = [
  ...[
    [9, 13],
    [32, 32],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
  ],
  ...[
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ],
] as unknown as Ranges;
const DIGIT: Ranges = [[48, 57]];

function inverted(ranges: Ranges): Ranges {
  const result: [number, number][] = [];
  let from = 0;
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > from) result.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= MAX) result.push([from, MAX]);
  return result;
}

/** Both cases of ASCII letters. */
function caseless(ranges: Ranges): Ranges {
  const more = ranges.flatMap(([low, high]): [number, number][] => {
    const both: [number, number][] = [];
    for (const [from, to, shift] of [
      [65, 90, 32],
      [97, 122, -32],
    ] as const) {
      const [a, b] = [Math.max(low, from), Math.min(high, to)];
      if (a <= b) both.push([a + shift, b + shift]);
    }
    return both;
  });
  return [...ranges, ...more];
}

function rangesOf(node: AST.Node, ignoreCase: boolean): Ranges {
  switch (node.type) {
    case "Character":
      return ignoreCase ? caseless([[node.value, node.value]]) : [[node.value, node.value]];
    case "CharacterClassRange":
      return ignoreCase ? caseless([[node.min.value, node.max.value]]) : [[node.min.value, node.max.value]];
    case "CharacterSet": {
      if (node.kind === "any") return inverted(NEWLINE);
      if (node.kind === "property") throw new Undecided("a property of Unicode");
      const ranges = { space: SPACE, digit: DIGIT, word: WORD }[node.kind];
      return node.negate ? inverted(ranges) : ranges;
    }
    case "CharacterClass": {
      const ranges = node.elements.flatMap((element) => rangesOf(element, ignoreCase));
      return node.negate ? inverted(ranges) : ranges;
    }
    default:
      throw new Undecided(node.raw);
  }
}

/** Judges a pattern as written between the slashes. */
export function patternGrowth(source: string, flags: string): PatternGrowth {
  try {
    return judge(build(source, flags));
  } catch (error) {
    if (error instanceof Undecided) return { growth: "undecided", text: error.message };
    throw error;
  }
}

interface Automaton {
  readonly states: readonly State[];
  /** States in which the match is complete whatever follows. */
  readonly accepting: ReadonlySet<number>;
}

function build(source: string, flags: string): Automaton {
  const ignoreCase = flags.includes("i");
  const multiline = flags.includes("m");
  const pattern = new RegExpParser().parsePattern(source, 0, source.length, { unicode: flags.includes("u") });
  const classes = classesOf(pattern, ignoreCase);
  const states: State[] = [];
  const START = 0;
  const state = (chars: bigint, raw: string): number => {
    const word = (chars & classes.word) !== 0n;
    const newline = (chars & classes.newline) !== 0n;
    return states.push({ chars, word, newline, raw, next: new Map() }) - 1;
  };
  state(0n, "the beginning");

  const feasible = (from: number, to: number, under: number): boolean => {
    const [a, b] = [states[from] as State, states[to] as State];
    if ((under & AT_END) !== 0 || ((under & AT_START) !== 0 && from !== START)) return false;
    if ((under & AT_LINE_START) !== 0 && from !== START && !a.newline) return false;
    if ((under & AT_LINE_END) !== 0 && !b.newline) return false;
    if ((under & BOUNDARY) !== 0 && a.word === b.word) return false;
    return (under & NO_BOUNDARY) === 0 || a.word === b.word;
  };
  const connect = (lasts: readonly Way[], firsts: readonly Way[]): void => {
    for (const last of lasts) {
      for (const first of firsts) {
        if (!feasible(last.to, first.to, last.under | first.under)) continue;
        const { next } = states[last.to] as State;
        next.set(first.to, Math.min(2, (next.get(first.to) ?? 0) + last.ways * first.ways));
      }
    }
  };

  const chars = (node: AST.Node): Part => {
    const set = classes.setOf(node);
    const ways = classes.kinds
      .map((kind) => set & kind)
      .filter((part) => part !== 0n)
      .map((part): Way => ({ to: state(part, node.raw), under: 0, ways: 1 }));
    return { first: ways, last: ways, past: [] };
  };
  const sequence = (a: Part, b: Part): Part => {
    connect(a.last, b.first);
    return {
      first: merged([...a.first, ...crossed(b.first, a.past)]),
      last: merged([...b.last, ...crossed(a.last, b.past)]),
      past: merged(crossed(a.past, b.past)),
    };
  };
  const optional = (part: Part): Part => ({ ...part, past: [EMPTY] });
  const loop = (part: Part): Part => {
    connect(part.last, part.first);
    return part;
  };
  const repeated = (element: AST.Element, min: number, max: number): Part => {
    if (max === 0) return NOTHING;
    const least = Math.min(min, MOST_COPIES);
    let rest = NOTHING;
    if (max === Number.POSITIVE_INFINITY) {
      const one = loop(partOf(element));
      rest = least === 0 ? optional(one) : one;
    } else {
      // One within the other, as each is tried only behind the one before.
      for (let i = Math.min(max - min, MOST_COPIES); i > 0; i--) rest = optional(sequence(partOf(element), rest));
    }
    const copies = max === Number.POSITIVE_INFINITY ? least - 1 : least;
    for (let i = 0; i < copies; i++) rest = sequence(partOf(element), rest);
    return rest;
  };
  const assertion = (node: AST.Assertion): Part => {
    switch (node.kind) {
      case "start":
        return under(multiline ? AT_LINE_START : AT_START);
      case "end":
        return under(multiline ? AT_LINE_END : AT_END);
      case "word":
        return under(node.negate ? NO_BOUNDARY : BOUNDARY);
      case "lookahead": {
        // The matcher goes into it and never comes out at its end: a way that leads nowhere, beside the one past it.
        const { first } = alternatives(node.alternatives);
        return { first, last: [], past: [EMPTY] };
      }
      default:
        if (hasLoop(node)) throw new Undecided("a look-behind that is not bounded");
        return NOTHING;
    }
  };
  const partOf = (node: AST.Element): Part => {
    switch (node.type) {
      case "Assertion":
        return assertion(node);
      case "Quantifier":
        return repeated(node.element, node.min, node.max);
      case "Group":
      case "CapturingGroup":
        return alternatives(node.alternatives);
      case "Backreference":
        throw new Undecided("a reference back");
      default:
        return chars(node);
    }
  };
  const alternatives = (list: readonly AST.Alternative[]): Part => {
    const parts = list.map(({ elements }) => elements.map(partOf).reduce(sequence, NOTHING));
    return {
      first: parts.flatMap(({ first }) => first),
      last: parts.flatMap(({ last }) => last),
      past: merged(parts.flatMap(({ past }) => past)),
    };
  };

  const begins: Way[] = [{ to: START, under: 0, ways: 1 }];
  if (!flags.includes("y")) {
    const search = classes.kinds.map(
      (kind): Way => ({ to: state(kind, "the search for the beginning"), under: 0, ways: 1 }),
    );
    connect([...begins, ...search], search);
    begins.push(...search);
  }
  const whole = alternatives(pattern.alternatives);
  connect(begins, whole.first);
  return { states, accepting: new Set(whole.last.filter((way) => way.under === 0).map(({ to }) => to)) };
}

const EMPTY: Way = { to: -1, under: 0, ways: 1 };
const NOTHING: Part = { first: [], last: [], past: [EMPTY] };

function under(condition: number): Part {
  return { first: [], last: [], past: [{ ...EMPTY, under: condition }] };
}

function crossed(ways: readonly Way[], past: readonly Way[]): Way[] {
  return ways.flatMap((way) =>
    past.map((one) => ({ to: way.to, under: way.under | one.under, ways: Math.min(2, way.ways * one.ways) })),
  );
}

function merged(ways: readonly Way[]): Way[] {
  const result = new Map<string, Way>();
  for (const way of ways) {
    const key = `${way.to} ${way.under}`;
    const there = result.get(key);
    result.set(key, there === undefined ? way : { ...way, ways: 2 });
  }
  return [...result.values()];
}

function hasLoop(node: AST.LookaroundAssertion): boolean {
  const inside = (element: AST.Element): boolean => {
    if (element.type === "Quantifier") return element.max === Number.POSITIVE_INFINITY || inside(element.element);
    if ("alternatives" in element) return element.alternatives.some(({ elements }) => elements.some(inside));
    return false;
  };
  return node.alternatives.some(({ elements }) => elements.some(inside));
}

interface Classes {
  readonly setOf: (node: AST.Node) => bigint;
  readonly word: bigint;
  readonly newline: bigint;
  /** Letters of words, line ends and the rest, where the pattern distinguishes them; otherwise all characters. */
  readonly kinds: readonly bigint[];
}

/** Divides the characters into classes that the pattern does not distinguish. */
function classesOf(pattern: AST.Pattern, ignoreCase: boolean): Classes {
  const cuts = new Set<number>([0, MAX + 1]);
  const sets = new Map<AST.Node, Ranges>();
  let asserts = false;
  const add = (ranges: Ranges): Ranges => {
    for (const [low, high] of ranges) cuts.add(low).add(high + 1);
    return ranges;
  };
  const visit = (node: AST.Element): void => {
    if (node.type === "Quantifier") visit(node.element);
    else if ("alternatives" in node)
      for (const { elements } of node.alternatives) for (const one of elements) visit(one);
    else if (node.type === "Assertion") asserts = true;
    else if (node.type !== "Backreference") sets.set(node, add(rangesOf(node, ignoreCase)));
  };
  for (const { elements } of pattern.alternatives) for (const one of elements) visit(one);
  add(WORD);
  add(NEWLINE);
  const starts = [...cuts].sort((a, b) => a - b);
  const bits = (ranges: Ranges): bigint => {
    let set = 0n;
    for (const [i, from] of starts.slice(0, -1).entries()) {
      if (ranges.some(([low, high]) => low <= from && from <= high)) set |= 1n << BigInt(i);
    }
    return set;
  };
  const known = new Map([...sets].map(([node, ranges]) => [node, bits(ranges)]));
  const all = (1n << BigInt(starts.length - 1)) - 1n;
  const [word, newline] = [bits(WORD), bits(NEWLINE)];
  return {
    setOf: (node) => known.get(node) ?? 0n,
    word,
    newline,
    kinds: asserts ? [word, newline, all & ~word & ~newline] : [all],
  };
}

function judge({ states, accepting }: Automaton): PatternGrowth {
  const next = states.map((state) => [...state.next.keys()]);
  const loops = components(states.length, (node) => next[node] as number[]).filter(
    (nodes) => nodes.length > 1 || states[nodes[0] as number]?.next.has(nodes[0] as number),
  );
  for (const nodes of loops) {
    const twice = twoWaysRound(states, next, nodes);
    if (twice !== undefined) return { growth: "exponential", text: twice };
  }
  for (const from of loops) {
    const reached = closure(from, next);
    for (const to of loops) {
      if (to === from || !reached.has(to[0] as number)) continue;
      const text = fromLoopToLoop(states, next, accepting, from, to, reached);
      if (text !== undefined) return { growth: "polynomial", text };
    }
  }
  return { growth: "linear", text: "" };
}

function closure(from: readonly number[], next: readonly (readonly number[])[]): Set<number> {
  const seen = new Set(from);
  for (const node of seen) for (const one of next[node] as readonly number[]) seen.add(one);
  return seen;
}

/** A word that leads round a loop in two ways. */
function twoWaysRound(
  states: readonly State[],
  next: readonly (readonly number[])[],
  nodes: readonly number[],
): string | undefined {
  const inside = new Set(nodes);
  const raw = (node: number) => (states[node] as State).raw;
  for (const node of nodes) {
    for (const [to, ways] of (states[node] as State).next) {
      if (ways > 1 && inside.has(to)) return `${raw(to)} behind ${raw(node)} in two ways`;
    }
  }
  const size = states.length;
  const pairs = (node: number): number[] => {
    const result: number[] = [];
    const [a, b] = [Math.floor(node / size), node % size];
    for (const x of next[a] as readonly number[]) {
      if (!inside.has(x)) continue;
      for (const y of next[b] as readonly number[]) {
        if (inside.has(y) && ((states[x] as State).chars & (states[y] as State).chars) !== 0n)
          result.push(x * size + y);
      }
    }
    return result;
  };
  const same = nodes.map((node) => node * size + node);
  for (const group of components(size * size, pairs, same)) {
    const apart = group.find((node) => Math.floor(node / size) !== node % size);
    if (apart !== undefined && group.some((node) => Math.floor(node / size) === node % size)) {
      return `${raw(Math.floor(apart / size))} or ${raw(apart % size)} in the same loop`;
    }
  }
  return undefined;
}

/** A word that leads round one loop, round another, and from the one into the other. */
function fromLoopToLoop(
  states: readonly State[],
  next: readonly (readonly number[])[],
  accepting: ReadonlySet<number>,
  from: readonly number[],
  to: readonly number[],
  reached: ReadonlySet<number>,
): string | undefined {
  const [inFrom, inTo] = [new Set(from), new Set(to)];
  const reaching = closureBack(to, next);
  const between = (node: number) => reached.has(node) && reaching.has(node);
  const size = states.length;
  if (from.length * to.length * size > MOST_NODES) throw new Undecided("loops of too many parts");
  const key = (a: number, b: number, c: number) => (a * size + b) * size + c;
  const chars = (node: number) => (states[node] as State).chars;
  const triples = (node: number): number[] => {
    const c = node % size;
    const b = Math.floor(node / size) % size;
    const a = Math.floor(node / size / size);
    const result: number[] = [];
    for (const x of next[a] as readonly number[]) {
      if (!inFrom.has(x)) continue;
      for (const z of next[c] as readonly number[]) {
        const both = inTo.has(z) ? chars(x) & chars(z) : 0n;
        if (both === 0n) continue;
        for (const y of next[b] as readonly number[]) {
          if (between(y) && (chars(y) & both) !== 0n) result.push(key(x, y, z));
        }
      }
    }
    // Where the word is over it begins again.
    if (b === c) result.push(key(a, a, c));
    return result;
  };
  const starts = from.flatMap((p) => to.filter((q) => !accepting.has(q)).map((q) => key(p, p, q)));
  for (const group of components(size ** 3, triples, starts)) {
    const there = new Set(group);
    for (const node of group) {
      const c = node % size;
      const a = Math.floor(node / size / size);
      if (Math.floor(node / size) % size !== a || accepting.has(c) || !there.has(key(a, c, c))) continue;
      return `${(states[a] as State).raw} and ${(states[c] as State).raw}`;
    }
  }
  return undefined;
}

function closureBack(to: readonly number[], next: readonly (readonly number[])[]): Set<number> {
  const back: number[][] = next.map(() => []);
  for (const [node, targets] of next.entries()) for (const one of targets) (back[one] as number[]).push(node);
  return closure(to, back);
}

/** The strongly connected components of a graph that is given by its edges, as far as `starts` lead (Tarjan). */
function components(size: number, edges: (node: number) => readonly number[], starts?: readonly number[]): number[][] {
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const result: number[][] = [];
  const roots = starts ?? Array.from({ length: size }, (_, node) => node);
  for (const root of roots) {
    if (index.has(root)) continue;
    const work: { readonly node: number; readonly targets: readonly number[]; at: number }[] = [];
    const enter = (node: number): void => {
      index.set(node, index.size);
      low.set(node, index.size - 1);
      stack.push(node);
      onStack.add(node);
      work.push({ node, targets: edges(node), at: 0 });
    };
    enter(root);
    for (let frame = work.at(-1); frame !== undefined; frame = work.at(-1)) {
      const target = frame.targets[frame.at++];
      if (target !== undefined) {
        if (!index.has(target)) enter(target);
        else if (onStack.has(target)) lower(low, frame.node, index.get(target) as number);
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent !== undefined) lower(low, parent.node, low.get(frame.node) as number);
      if (low.get(frame.node) !== index.get(frame.node)) continue;
      const at = stack.lastIndexOf(frame.node);
      const group = stack.splice(at);
      for (const node of group) onStack.delete(node);
      result.push(group);
    }
    if (index.size > MOST_NODES) throw new Undecided("a product of too many states");
  }
  return result;
}

function lower(low: Map<number, number>, node: number, value: number): void {
  if (value < (low.get(node) as number)) low.set(node, value);
}
