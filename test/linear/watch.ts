import { Script } from "node:vm";

/*
 * Finds out whether the work grows faster than the text. The measure is the CPU time of this process; the
 * least of several runs counts: on a busy machine a measurement takes longer and does not come out otherwise. What is over
 * the mark is measured again at doublings in a row. A finding is believed when processes of their own come to it again
 * (`tools/check-linear.ts`): in one that has worked through a thousand texts, the collector of garbage or a recompilation
 * can fall upon one size.
 */

/** Something that works through a text. */
export interface Subject {
  readonly name: string;
  readonly run: (text: string) => unknown;
  /** An ordinary text: what a character of it costs is the measure for all others. */
  readonly ordinary: string;
  /** Rising lengths of the repeated part, in characters. */
  readonly lengths: readonly number[];
  readonly shapes: () => Iterable<Shape>;
}

/**
 * A text of any length: what it begins with, what is repeated, what it ends with. In a counted one each `#` of the unit is
 * the number of its repetition.
 */
export interface Shape {
  readonly prefix: string;
  readonly unit: string;
  readonly suffix: string;
  readonly counted?: boolean;
}

/** A text that costs too much. */
export interface Finding {
  readonly subject: string;
  readonly shape: Shape;
  /** `growth`: more than linear. `price`: linear, and each character costs too much. `endless`: it had to be ended. */
  readonly kind: "growth" | "price" | "endless";
  readonly text: string;
}

/** Twice the text may take 2.6 times the work: 2 for being linear, the rest for caches, garbage and the clock. */
const MOST_GROWTH = 2.6;
/** A character may cost this many times what one of an ordinary text costs, where the text is long enough to tell. */
const MOST_PRICE = 150;
const PRICED = 2000;
/** In microseconds: what is worth a second look, and what can be told from the noise. */
const WORTH_A_LOOK = 2500;
const MEASURABLE = 40;
/** What a second look, at half the length, has to show for a closer one. */
const SUSPICIOUS = 2.3;
/** In milliseconds, for the texts under one guard. They are done after a few hundred; this ends what would take minutes. */
const ENDLESS = 60_000;
const SHORT = 1000;
/** In microseconds: what takes longer is not doubled once more. */
const LONG = 1_000_000;

function textOf({ prefix, unit, suffix, counted = false }: Shape, length: number): string {
  const times = Math.max(1, Math.floor(length / unit.length));
  if (!counted) return prefix + unit.repeat(times) + suffix;
  return prefix + Array.from({ length: times }, (_, i) => unit.replaceAll("#", String(1000 + i))).join("") + suffix;
}

/** Microseconds of CPU time. */
function once({ name, run }: Subject, text: string): number {
  const before = process.cpuUsage();
  try {
    run(text);
  } catch (error) {
    throw new Error(`${name} throws on ${shown(text)}`, { cause: error });
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The least of several runs, of many where one is short. */
function least(subject: Subject, text: string): number {
  let best = once(subject, text);
  let spent = best;
  for (let i = 0; i < 5 && spent < 25_000; i++) {
    const time = once(subject, text);
    spent += time;
    best = Math.min(best, time);
  }
  return best;
}

/**
 * The least growth at some doublings in a row, where that is greatest. Three, as the collector of garbage makes a step where
 * a text has outgrown its nursery; two for short texts, where there is no room for more, nor garbage.
 */
function growth(subject: Subject, shape: Shape, length: number): { readonly growth: number; readonly said: string } {
  const times: number[] = [];
  const said: string[] = [];
  let worst = 0;
  for (const size of [length / 4, length / 2, length, 2 * length, 4 * length]) {
    const text = textOf(shape, size);
    const time = least(subject, text);
    times.push(time);
    said.push(`${text.length} characters ${Math.round(time) / 1000} ms`);
    const doublings = length < SHORT || time > LONG ? 2 : 3;
    const last = times.slice(-1 - doublings);
    if (last.length > doublings && (last[0] as number) >= MEASURABLE) {
      const growths = last.slice(1).map((after, i) => after / Math.max(1, last[i] as number));
      worst = Math.max(worst, Math.min(...growths));
    }
    if (time > LONG) break;
  }
  return { growth: worst, said: said.join(", ") };
}

/** A text under work, for the message when it does not end. */
interface Position {
  readonly shape: Shape;
  readonly length: number;
}

/** Works through longer and longer texts of one shape, after `usual` microseconds a character for an ordinary text. */
function look(subject: Subject, usual: number, shape: Shape, at: (position: Position) => void): Finding | undefined {
  const found = (kind: Finding["kind"], text: string): Finding => ({ subject: subject.name, shape, kind, text });
  for (const length of subject.lengths) {
    at({ shape, length });
    const text = textOf(shape, length);
    const time = once(subject, text);
    if (time <= Math.max(WORTH_A_LOOK, 2.5 * usual * text.length)) continue;
    // The first text of a kind is compiled for, and garbage of others is collected in it.
    let whole = time;
    let half = once(subject, textOf(shape, length / 2));
    for (let i = 0; i < 3 && half * SUSPICIOUS < whole; i++) {
      whole = Math.min(whole, once(subject, text));
      half = Math.min(half, once(subject, textOf(shape, length / 2)));
    }
    if (half * SUSPICIOUS < whole) {
      const { growth: grown, said } = growth(subject, shape, length);
      if (grown > MOST_GROWTH) return found("growth", said);
    }
    const price = whole / text.length / usual;
    if (text.length >= PRICED && price > MOST_PRICE && least(subject, text) / text.length / usual > MOST_PRICE) {
      return found("price", `${Math.round(price)} times as much as an ordinary text of this length`);
    }
  }
  return undefined;
}

const usuals = new Map<Subject["run"], Map<string, number>>();

/** Microseconds for a character of an ordinary text, measured once for what works through it. */
function usualOf(subject: Subject): number {
  const { run, ordinary } = subject;
  const known = usuals.get(run)?.get(ordinary);
  if (known !== undefined) return known;
  for (let i = 0; i < 20; i++) run(ordinary);
  const usual = least(subject, ordinary) / ordinary.length;
  usuals.set(run, (usuals.get(run) ?? new Map()).set(ordinary, usual));
  return usual;
}

/** What a sweep over the shapes of one subject came to. */
export interface Swept {
  readonly subject: string;
  readonly shapes: number;
  readonly findings: readonly Finding[];
}

/** More of one subject are of one kind. */
const MOST_FINDINGS = 20;

const slot = globalThis as { guardedRun?: () => void };
const guarded = new Script("guardedRun()");
/** So many shapes are looked at under one guard, which costs as much as a short text. */
const GUARDED = 50;

/** Works through the shapes of a subject until the end or until enough is found; each finding is handed on at once. */
export function sweep(subject: Subject, onFinding: (finding: Finding) => void = () => {}): Swept {
  const usual = usualOf(subject);
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    onFinding(finding);
    findings.push(finding);
  };
  const shapes = [...subject.shapes()];
  let next = 0;
  let position: Position | undefined;
  const lookAtSome = () => {
    for (const end = Math.min(next + GUARDED, shapes.length); next < end && findings.length < MOST_FINDINGS; ) {
      const found = look(subject, usual, shapes[next++] as Shape, (at) => {
        position = at;
      });
      if (found !== undefined) add(found);
    }
  };
  while (next < shapes.length && findings.length < MOST_FINDINGS) {
    slot.guardedRun = lookAtSome;
    try {
      guarded.runInThisContext({ timeout: ENDLESS });
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      const { shape, length } = position as Position;
      add({ subject: subject.name, shape, kind: "endless", text: `no end at ${length} characters` });
    }
  }
  return { subject: subject.name, shapes: next, findings };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 70 ? `${text.slice(0, 70)}…` : text);
}

/** A finding in one line. */
export function findingText({ subject, shape, kind, text }: Finding): string {
  return `${subject}: ${kind} on (${shown(shape.prefix)}, ${shown(shape.unit)}, ${shown(shape.suffix)}): ${text}`;
}
