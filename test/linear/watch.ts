import { Script } from "node:vm";

/*
 * Finds out whether the work for a text grows faster than the text. The measure is CPU time of this process, of which the
 * least of several runs counts: on a busy machine a measurement takes longer and does not come out otherwise. What is over
 * the mark is measured again at two doublings in a row, and all of that once more.
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

/** A text of any length: what it begins with, what is repeated, what it ends with. */
export interface Shape {
  readonly prefix: string;
  readonly unit: string;
  readonly suffix: string;
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
const MEASURABLE = 120;
/** What a second look, at half the length, has to show for a closer one. */
const SUSPICIOUS = 2.3;
/** In milliseconds. A linear text of these lengths is done after a few; this ends what would take minutes. */
const ENDLESS = 20_000;
/** In microseconds: what takes longer is not doubled once more. */
const LONG = 1_000_000;

export function textOf({ prefix, unit, suffix }: Shape, length: number): string {
  return prefix + unit.repeat(Math.max(1, Math.floor(length / unit.length))) + suffix;
}

const slot = globalThis as { guardedRun?: () => unknown };
const guarded = new Script("guardedRun()");

/** Microseconds of CPU time; infinite for a run that had to be ended. */
function once(subject: Subject, text: string): number {
  slot.guardedRun = () => subject.run(text);
  const before = process.cpuUsage();
  try {
    guarded.runInThisContext({ timeout: ENDLESS });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return Number.POSITIVE_INFINITY;
    throw new Error(`${subject.name} throws on ${shown(text)}`, { cause: error });
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The least of several runs, of many where one is short. */
function least(subject: Subject, text: string): number {
  let best = once(subject, text);
  let spent = best;
  for (let i = 0; i < 9 && spent < 60_000; i++) {
    const time = once(subject, text);
    spent += time;
    best = Math.min(best, time);
  }
  return best;
}

/** The growth at two doublings in a row: the smaller of the two, where that is greatest. */
function growth(subject: Subject, shape: Shape, length: number): { readonly growth: number; readonly said: string } {
  const times: number[] = [];
  const said: string[] = [];
  let worst = 0;
  for (const size of [length / 4, length / 2, length, 2 * length, 4 * length]) {
    const text = textOf(shape, size);
    const time = least(subject, text);
    times.push(time);
    said.push(
      `${text.length} characters ${time === Number.POSITIVE_INFINITY ? "no end" : `${Math.round(time) / 1000} ms`}`,
    );
    const [a, b, c] = times.slice(-3);
    if (a !== undefined && b !== undefined && c !== undefined && a >= MEASURABLE) {
      worst = Math.max(worst, Math.min(b / a, c / b));
    }
    if (time > LONG) break;
  }
  return { growth: worst, said: said.join(", ") };
}

/** Works through longer and longer texts of one shape, after `usual` microseconds a character for an ordinary text. */
function look(subject: Subject, usual: number, shape: Shape): Finding | undefined {
  const found = (kind: Finding["kind"], text: string): Finding => ({ subject: subject.name, shape, kind, text });
  for (const length of subject.lengths) {
    const text = textOf(shape, length);
    const time = once(subject, text);
    if (time <= Math.max(WORTH_A_LOOK, 2.5 * usual * text.length)) continue;
    if (time === Number.POSITIVE_INFINITY) return found("endless", `no end after ${text.length} characters`);
    const half = once(subject, textOf(shape, length / 2));
    const whole = half * SUSPICIOUS > time ? time : Math.min(time, once(subject, text));
    const price = whole / text.length / usual;
    const dear = text.length >= PRICED && price > MOST_PRICE;
    if (half * SUSPICIOUS > whole && !dear) continue;
    const { growth: first, said } = growth(subject, shape, length);
    if (first > MOST_GROWTH && growth(subject, shape, length).growth > MOST_GROWTH) return found("growth", said);
    if (dear && least(subject, text) / text.length / usual > MOST_PRICE) {
      return found("price", `${Math.round(price)} times as much as an ordinary text of this length (${said})`);
    }
  }
  return undefined;
}

/** What a sweep over the shapes of one subject came to. */
export interface Swept {
  readonly subject: string;
  readonly shapes: number;
  readonly findings: readonly Finding[];
}

/** More of one subject are of one kind. */
const MOST_FINDINGS = 20;

/** Works through the shapes of a subject until the end or until enough is found; each finding is handed on at once. */
export function sweep(subject: Subject, onFinding: (finding: Finding) => void = () => {}): Swept {
  const { ordinary } = subject;
  for (let i = 0; i < 20; i++) subject.run(ordinary);
  const usual = least(subject, ordinary) / ordinary.length;
  const findings: Finding[] = [];
  let shapes = 0;
  for (const shape of subject.shapes()) {
    shapes++;
    const found = look(subject, usual, shape);
    if (found === undefined) continue;
    onFinding(found);
    findings.push(found);
    if (findings.length >= MOST_FINDINGS) break;
  }
  return { subject: subject.name, shapes, findings };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 70 ? `${text.slice(0, 70)}…` : text);
}

/** A finding in one line. */
export function findingText({ subject, shape, kind, text }: Finding): string {
  return `${subject}: ${kind} on (${shown(shape.prefix)}, ${shown(shape.unit)}, ${shown(shape.suffix)}): ${text}`;
}
