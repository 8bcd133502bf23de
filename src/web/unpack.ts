/**
 * Unpacks what `tools/pack.js` packed: copies of what came before and single bytes, as in LZMA, and each decision between them
 * with a probability. The decisions that a text decides most (copy or byte, and the bits of a byte) get theirs from several
 * models at once: one knows the byte before, another the last two, a third the last three; two mixers weigh each by how well
 * it did so far. That is 4 % smaller than LZMA.
 *
 * All arithmetic is exact integers, or the four operations on doubles, so that every browser computes the same probabilities.
 */

/** Decides a bit, given the chance of a 1 in 65,536: read from the packed text here, given by the packer there. */
export type Decide = (chance: number) => number;

/** Printable characters but `<`; the first so many mean six bits, the others seven. With these, gzip adds little. */
export const SIX_BITS = 34;

/** The interval that is divided by the decisions, as numbers of 30 bits: engines keep these without a box. */
export const INTERVAL = 0x3fff_ffff;

/** Zeros before the first byte. */
const BEFORE = 3;
/** How fast the mixer learns. */
const MIXER_RATE = 3;
/** How far a model moves towards each bit, in 32,768ths, by the bits it has seen: at first as their mean does. */
const RATES = Int32Array.from({ length: 31 }, (_, seen) => 32_768 / (seen + 1.5));
/** Models are numbers: the chance of a 1 in 65,536ths, and in the lowest five bits how many bits it has seen. */
const NEW_MODEL = 32_768 << 5;

/** Places of the models. Those from the tables on are reached by a hash of what came before; the last are those of a byte after one. */
const [FLAG, FLAG_BYTE, REPEAT, LENGTH, SLOT, LOW, ALIGN, BYTE] = [0, 16, 4112, 4192, 5216, 5472, 5984, 6000];
const TABLE = 1 << 20;
const [FLAG_TABLE, SECOND_TABLE, THIRD_TABLE, AFTER_ONE, MODELS] = [TABLE, 2 * TABLE, 3 * TABLE, 4 * TABLE, 5 * TABLE];
/** Sets of weights: by the known bits of a byte, behind those by the state, and both by the byte before. */
const [FLAG_WEIGHTS, BYTE_BY_ONE, FLAG_BY_ONE, WEIGHT_SETS] = [768, 784, 1040, 1296];
/** After a byte, by what was done before: LZMA's twelve states, where those from 7 on follow a copy. */
const AFTER_BYTE = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5];

/** 1 / (1 + e^-x) in 65,536ths, for x in 256ths; e^x as a product, which is the same everywhere. */
function chances(): Int32Array {
  return Int32Array.from({ length: 4096 }, (_, at) => {
    let power = 1 + (at - 2048) / 256 / 1024;
    for (let squarings = 0; squarings < 10; squarings++) power *= power;
    return Math.min(65_504, Math.max(32, (65_536 * power) / (1 + power)));
  });
}

/** The inverse, by the upper 12 bits of a chance. */
function logOdds(of: Int32Array): Int32Array {
  const odds = new Int32Array(4096).fill(2047);
  let from = 0;
  for (const [at, chance] of of.entries()) {
    odds.fill(at - 2048, from, (chance >>> 4) + 1);
    from = Math.max(from, (chance >>> 4) + 1);
  }
  return odds;
}

/** Where in a table the models begin that belong to what came before. */
function hash(before: number): number {
  return Math.imul((Math.imul(before, 0x9e37_79b1) >>> 13) ^ before, 0x2c1b_3c6d) >>> 12;
}

/** The parts of a packed text, of the given sizes, one a step. They are one stream, so each costs what the others do not have. */
export function* unpack(sizes: readonly number[], decide: Decide): Generator<Uint8Array> {
  const models = new Int32Array(MODELS).fill(NEW_MODEL);
  const weights = new Int32Array(4 * WEIGHT_SETS).fill(0.3 * 65_536);
  const chanceOf = chances();
  const oddsOf = logOdds(chanceOf);

  const learn = (place: number, bit: number): void => {
    const model = models[place] as number;
    const seen = model & 31;
    const chance = model >> 5;
    const moved = chance + (((bit * 65_535 - chance) * (RATES[seen] as number)) >> 15);
    models[place] = (moved << 5) | (seen < 30 ? seen + 1 : 30);
  };
  const plain = (place: number): number => {
    const bit = decide(Math.min(65_504, Math.max(32, (models[place] as number) >> 5)));
    learn(place, bit);
    return bit;
  };
  /** A bit by four models, weighed by two sets, whose chances are averaged; each learns from its own error. */
  const mixed = (a: number, b: number, c: number, d: number, set: number, other: number): number => {
    const oddsA = oddsOf[(models[a] as number) >> 9] as number;
    const oddsB = oddsOf[(models[b] as number) >> 9] as number;
    const oddsC = oddsOf[(models[c] as number) >> 9] as number;
    const oddsD = oddsOf[(models[d] as number) >> 9] as number;
    const weighed = (at: number): number => {
      const sum =
        Math.imul(weights[at] as number, oddsA) +
        Math.imul(weights[at + 1] as number, oddsB) +
        Math.imul(weights[at + 2] as number, oddsC) +
        Math.imul(weights[at + 3] as number, oddsD);
      return Math.min(2047, Math.max(-2048, sum >> 16));
    };
    const correct = (at: number, error: number): void => {
      weights[at] = (weights[at] as number) + (Math.imul(error, oddsA) >> 15);
      weights[at + 1] = (weights[at + 1] as number) + (Math.imul(error, oddsB) >> 15);
      weights[at + 2] = (weights[at + 2] as number) + (Math.imul(error, oddsC) >> 15);
      weights[at + 3] = (weights[at + 3] as number) + (Math.imul(error, oddsD) >> 15);
    };
    const [one, two] = [weighed(set * 4), weighed(other * 4)];
    const bit = decide(chanceOf[((one + two) >> 1) + 2048] as number);
    correct(set * 4, Math.imul((bit << 16) - (chanceOf[one + 2048] as number), MIXER_RATE));
    correct(other * 4, Math.imul((bit << 16) - (chanceOf[two + 2048] as number), MIXER_RATE));
    learn(a, bit);
    learn(b, bit);
    learn(c, bit);
    learn(d, bit);
    return bit;
  };
  /** A number of so many bits, the highest first. */
  const tree = (place: number, bits: number): number => {
    let known = 1;
    for (let left = bits; left > 0; left--) known = (known << 1) | plain(place + known);
    return known - (1 << bits);
  };
  /** The same, the lowest first. */
  const reverse = (place: number, bits: number): number => {
    let known = 1;
    let value = 0;
    for (let at = 0; at < bits; at++) {
      const bit = plain(place + known);
      known = (known << 1) | bit;
      value |= bit << at;
    }
    return value;
  };
  const length = (place: number): number => {
    if (plain(place) === 0) return 2 + tree(place + 8, 3);
    if (plain(place + 1) === 0) return 10 + tree(place + 24, 3);
    return 18 + tree(place + 256, 8);
  };
  const distance = (slot: number): number => {
    if (slot < 4) return slot + 1;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < 14) return base + reverse(LOW + slot * 32, bits) + 1;
    let value = 0;
    for (let left = bits - 4; left > 0; left--) value = (value << 1) | decide(32_768);
    return base + (value << 4) + reverse(ALIGN, 4) + 1;
  };

  const bytes = new Uint8Array(BEFORE + sizes.reduce((sum, size) => sum + size, 0));
  let at = BEFORE;
  let state = 0;
  const recent = new Int32Array(4).fill(1);
  const literal = (one: number, two: number, three: number): void => {
    const afterOne = AFTER_ONE + (one << 10);
    const afterTwo = SECOND_TABLE + hash(two);
    const afterThree = THIRD_TABLE + hash(three);
    /** The byte that would have continued the copy, as long as the bits agree with it. */
    let expected = state < 7 ? 0 : 256 | (bytes[at - (recent[0] as number)] as number);
    let known = 1;
    for (let shift = 7; shift >= 0; shift--) {
      const kind = expected === 0 ? 0 : 1 + ((expected >> shift) & 1);
      const set = (kind << 8) | known;
      const bit = mixed(afterOne + set, afterTwo ^ known, afterThree ^ known, BYTE + set, set, BYTE_BY_ONE + one);
      if (kind !== 1 + bit) expected = 0;
      known = (known << 1) | bit;
    }
    bytes[at++] = known;
    state = AFTER_BYTE[state] as number;
  };
  const copy = (): void => {
    let count = 0;
    let place = 4;
    if (plain(REPEAT + state) === 1) {
      place = 0;
      if (plain(REPEAT + 16 + state) === 0) count = 1 - plain(REPEAT + 32 + state);
      else place = plain(REPEAT + 48 + state) === 0 ? 1 : 2 + plain(REPEAT + 64 + state);
    }
    const again = state >= 7;
    if (count === 0) count = length(place === 4 ? LENGTH : LENGTH + 512);
    const by = place < 4 ? (recent[place] as number) : distance(tree(SLOT + Math.min(count - 2, 3) * 64, 6));
    recent.copyWithin(1, 0, Math.min(place, 3));
    recent[0] = by;
    state = place === 4 ? (again ? 10 : 7) : again ? 11 : count === 1 ? 9 : 8;
    for (const end = at + count; at < end; at++) bytes[at] = bytes[at - by] as number;
  };
  const step = (): void => {
    const one = bytes[at - 1] as number;
    const two = ((bytes[at - 2] as number) << 8) | one;
    const three = ((bytes[at - 3] as number) << 16) | two;
    const by = FLAG_BYTE + (state << 8) + one;
    const afterTwo = FLAG_TABLE + hash((state << 16) | two);
    const afterThree = FLAG_TABLE + hash(three + 1);
    if (mixed(FLAG + state, by, afterTwo, afterThree, FLAG_WEIGHTS + state, FLAG_BY_ONE + one) === 1) copy();
    else literal(one, two, three);
  };
  let begin = BEFORE;
  for (const size of sizes) {
    const end = begin + size;
    while (at < end) step();
    yield bytes.subarray(begin, end);
    begin = end;
  }
}

/** Decides from a packed text. */
export function reader(text: string): Decide {
  let at = 0;
  let pool = 0;
  let held = 0;
  const next = (bits: number): number => {
    while (held < bits) {
      const code = text.charCodeAt(at++);
      // Behind the end nothing matters.
      const value = code > 60 ? code - 33 : code - 32;
      const six = value < SIX_BITS;
      pool = (six ? (pool << 6) | value : (pool << 7) | (value + SIX_BITS)) & 0x3fff;
      held += six ? 6 : 7;
    }
    held -= bits;
    return (pool >>> held) & ((1 << bits) - 1);
  };
  let low = 0;
  let high = INTERVAL;
  let value = 0;
  for (let bits = 0; bits < 30; bits += 6) value = (value << 6) | next(6);
  return (chance) => {
    const middle = low + ((((high - low) * chance) / 65_536) | 0);
    const bit = value <= middle ? 1 : 0;
    if (bit === 1) high = middle;
    else low = middle + 1;
    while ((low ^ high) >>> 24 === 0) {
      low = (low << 6) & INTERVAL;
      high = ((high << 6) & INTERVAL) | 63;
      value = ((value << 6) & INTERVAL) | next(6);
    }
    return bit;
  };
}
