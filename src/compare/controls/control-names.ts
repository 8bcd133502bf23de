import { checkList } from "../../bits/misuse.js";
import { type Diagnostic, type DiagnosticLog, diagnosticLog } from "../../input/text/diagnostic.js";
import { withoutEnding } from "../../input/text/text.js";
import { shortTitles } from "../../registers/bit-label.js";
import { placedBit } from "../../registers/bit-place.js";
import type { BitRow } from "../../registers/bit-row.js";
import { type FoldedName, foldName, foldNames, nearestOf } from "../../registers/edit-distance.js";
import { NAME_NOTES, namesOf } from "../../registers/lookup.js";
import { registerOf } from "../../registers/registers.js";
import type { Condition } from "../../rules/rule.js";
import {
  activatorOf,
  CONTROL_WORDS,
  type ControlName,
  type ControlWord,
  type ControlWordName,
  controlBit,
} from "../../vmcs/fields/control-bits.js";
import { FEATURE_LIST, type Feature } from "../../why/features.js";

/** What is wanted of a control: it has to be 1, it should be 1 if it may be, it has to be 0. */
export type Wish = "required" | "optional" | "off";

/** One control and what is wanted of it. */
export interface WantedControl {
  readonly name: ControlName;
  readonly wish: Wish;
  /** As it was typed. */
  readonly asked: string;
}

/** What a text asks for, and the names in it that are none. */
export interface WantedControls {
  /** Each control once, in the order of the text. */
  readonly wants: readonly WantedControl[];
  readonly problems: readonly Diagnostic[];
}

/** A name without its marks: a `-` before it switches it off, a `?` before or behind it makes it optional. */
function unmarked(text: string): { readonly name: string; readonly mark: "" | "-" | "?" } {
  const before = /^[-!?]?/.exec(text)?.[0] ?? "";
  const rest = text.slice(before.length).trimStart();
  const optional = before === "?" || rest.endsWith("?");
  return { name: rest.endsWith("?") ? rest.slice(0, -1) : rest, mark: optional ? "?" : before === "" ? "" : "-" };
}

const SECTION = /^(required|optional|off)\s*:/i;
const COMMENT = /#(?!VE)|\/\//;

/**
 * Reads a list of control names: of any vocabulary, one or more on a line, with blanks, commas or `|` between. A name
 * is required; `NAME?` is optional, `-NAME` has to be off; a line `optional:`, `required:` or `off:` says it for the
 * names that follow. `exit/NAME` distinguishes names that two words have. The name of a feature means all of its
 * controls. `#` and `//` begin comments. Each text begins with required controls.
 */
export function readWanted(texts: readonly { readonly text: string; readonly file?: string }[]): WantedControls {
  checkList(texts, "text", "texts", 'texts, like { text: "EPT, ?VPID" }');
  const wants = new Map<ControlName, WantedControl>();
  const problems = texts.flatMap(({ text, file }) => {
    const log = diagnosticLog(file);
    readText(text, wants, log);
    return log.list();
  });
  return { wants: [...wants.values()], problems };
}

/** Names that are none, after which a text is not read on. */
const MOST_STRANGE = 1000;
const LONGEST_SHOWN = 200;

function shortened(name: string): string {
  return name.length <= LONGEST_SHOWN ? name : `${name.slice(0, LONGEST_SHOWN)}…`;
}

function readText(text: string, wants: Map<ControlName, WantedControl>, log: DiagnosticLog): void {
  let section: Wish = "required";
  let strange = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    let line = raw.slice(0, COMMENT.exec(raw)?.index);
    const heading = SECTION.exec(line.trim());
    if (heading !== null) {
      section = (heading[1] as string).toLowerCase() as Wish;
      line = line.slice(line.indexOf(":") + 1);
    }
    let from = 0;
    for (const piece of namesOn(line)) {
      if (strange === MOST_STRANGE) {
        log.note({ line: index + 1, column: 1 }, "not a list of controls; the rest was not read");
        return;
      }
      // Blanks between the words of a name may be others in the line.
      const [firstWord] = piece.split(" ", 1) as [string];
      from = Math.max(from, raw.indexOf(firstWord, from));
      const at = { line: index + 1, column: from + 1 };
      from += firstWord.length;
      const { name, mark } = unmarked(piece);
      const found = resolve(name);
      if (found.kind !== "controls") {
        strange++;
        if (found.kind === "unclear") log.error(at, found.problem, found.expected);
        else log.error(at, `no VMX control is called ${shortened(name)}`, () => expectedFor(name));
        continue;
      }
      const marked = mark === "?" ? "optional" : mark === "" ? section : "off";
      for (const control of found.controls) {
        const wish = found.negated ? opposite(marked) : marked;
        const earlier = wants.get(control);
        const next = earlier === undefined ? wish : together(earlier.wish, wish);
        if (next === undefined) {
          log.error(at, `${name} is wanted on and off`, "one of the two");
          continue;
        }
        wants.set(control, { name: control, wish: next, asked: earlier?.asked ?? name });
      }
    }
  }
}

function opposite(wish: Wish): Wish {
  return wish === "off" ? "required" : "off";
}

function together(a: Wish, b: Wish): Wish | undefined {
  if (a === b) return a;
  if (a === "off" || b === "off") return undefined;
  return "required";
}

/** No name has more words. */
const MOST_WORDS = 8;

/**
 * The names of a line. A name of the SDM has blanks in it: the longest stretch that is a name is taken. What is
 * between such names is one misspelt name.
 */
function* namesOn(line: string): Iterable<string> {
  for (const piece of line.split(/[,;|\\]+/)) {
    const words = piece.trim().split(/\s+/).filter(Boolean);
    let strange: string[] = [];
    const misspelt = () => [bare(strange.join(" "))].filter(Boolean);
    for (let from = 0; from < words.length; ) {
      const found = nameAt(words, from);
      if (found === undefined) {
        strange.push(words[from++] as string);
        continue;
      }
      yield* misspelt();
      strange = [];
      yield found.name;
      from = found.to;
    }
    yield* misspelt();
  }
}

function nameAt(words: readonly string[], from: number): { readonly name: string; readonly to: number } | undefined {
  const most = Math.min(words.length, from + MOST_WORDS);
  let longest = from + 1;
  while (longest < most && isInNames(words[longest] as string)) longest++;
  for (let to = longest; to > from; to--) {
    const text = words.slice(from, to).join(" ");
    if (isName(text)) return { name: text, to };
    if (isName(bare(text))) return { name: bare(text), to };
  }
  return undefined;
}

let wordsOfNames: ReadonlySet<string> | undefined;

/** Whether a name may continue with a word. In text without names, this saves trying eight words at every word. */
function isInNames(word: string): boolean {
  if (/[\d/:.[(]/.test(word)) return true;
  wordsOfNames ??= new Set(
    [
      ...controlNames().byName.keys(),
      ...features().keys(),
      ...[...shortTitles.keys(), "msr", "bit", "control", "function", "of"].map(foldName),
    ].flatMap((name) => name.split("_")),
  );
  return foldName(bare(unmarked(word).name))
    .split("_")
    .every((part) => (wordsOfNames as ReadonlySet<string>).has(part));
}

/** Without the brackets of source code around it; some names end with a bracket of their own. */
function bare(text: string): string {
  return withoutEnding(text.replace(/^\(+/, ""), ")");
}

function isName(text: string): boolean {
  return resolve(unmarked(text).name).kind !== "unknown";
}

// ---- Names ----

interface Complaint {
  readonly problem: string;
  readonly expected: string;
}

type Resolved =
  | { readonly kind: "controls"; readonly controls: readonly ControlName[]; readonly negated: boolean }
  /** A name that does not say which control is meant. */
  | ({ readonly kind: "unclear" } & Complaint)
  | { readonly kind: "unknown" };

const GROUP_NAMES: { readonly [name: string]: ControlWordName } = {
  pin: "pin",
  pinbased: "pin",
  proc: "proc",
  primary: "proc",
  cpu: "proc",
  proc2: "proc2",
  secondary: "proc2",
  proc3: "proc3",
  tertiary: "proc3",
  exit: "exit",
  exit2: "exit2",
  entry: "entry",
  vmfunc: "vmfunc",
};

interface NamedControl {
  readonly word: ControlWord;
  readonly row: BitRow;
}

interface Names {
  /** Every control bit once. */
  readonly controls: readonly NamedControl[];
  readonly byName: ReadonlyMap<string, readonly NamedControl[]>;
}

let names: Names | undefined;

function controlNames(): Names {
  if (names !== undefined) return names;
  const byName = new Map<string, NamedControl[]>();
  const controls = Object.values(CONTROL_WORDS).flatMap((word) =>
    word.bits
      .filter((row, i) => word.bits.findIndex(({ bit }) => bit === row.bit) === i)
      .map((row): NamedControl => ({ word, row })),
  );
  for (const control of controls) {
    for (const name of new Set([...namesOf(control.row)].map(([, one]) => foldName(one)))) {
      byName.set(name, [...(byName.get(name) ?? []), control]);
    }
  }
  names = { controls, byName };
  return names;
}

const NEGATED = NAME_NOTES.filter(({ note }) => note.startsWith("A negated name")).map(({ name }) => foldName(name));

function resolve(name: string): Resolved {
  const grouped = /^([\w-]+?)\s*[/.:]\s*(\S.*)$/.exec(name);
  const group = grouped === null ? undefined : GROUP_NAMES[foldName(grouped[1] as string).replaceAll("_", "")];
  const bare = group === undefined ? name : (grouped?.[2] as string);
  const wanted = foldName(bare);
  const feature = group === undefined ? featureControls(wanted) : undefined;
  if (feature !== undefined) return { kind: "controls", controls: feature, negated: false };
  const withName = (one: string) =>
    (controlNames().byName.get(one) ?? []).filter(({ word }) => group === undefined || word.name === group);
  const exact = withName(wanted);
  const matches = exact.length > 0 ? exact : withName(`vmx_${wanted}`);
  if (matches.length > 1) return ambiguous(bare, matches);
  const [only] = matches;
  if (only !== undefined) {
    const negated = NEGATED.includes(wanted) || NEGATED.includes(`vmx_${wanted}`);
    return { kind: "controls", controls: [controlName(only)], negated };
  }
  const placed = placedControl(name);
  if (placed !== undefined) return { kind: "controls", controls: [placed], negated: false };
  if (!features().has(wanted)) return { kind: "unknown" };
  const problem = `${name} is a capability that no control switches`;
  return { kind: "unclear", problem, expected: "the name of a control" };
}

/** The control at a place, as `0x48b[22]`. */
function placedControl(text: string): ControlName | undefined {
  const place = placedBit(text);
  if (place === undefined) return undefined;
  const found = controlNames().controls.find(
    ({ word, row }) => word.msr === place.register.index && row.bit === place.bit,
  );
  return found === undefined ? undefined : controlName(found);
}

function controlName({ word, row }: NamedControl): ControlName {
  return `${word.name}.${row.key}` as ControlName;
}

function ambiguous(name: string, matches: readonly NamedControl[]): Resolved {
  const words = matches.map(({ word }) => word.sdm);
  return {
    kind: "unclear",
    problem: `${name} is in the ${words.join(" and in the ")}`,
    expected: matches.map(({ word }) => `${word.name}/${name}`).join(" or "),
  };
}

let candidates: readonly FoldedName[] | undefined;

/** Every name of a control, of those that are alike the first. */
function controlCandidates(): readonly FoldedName[] {
  if (candidates !== undefined) return candidates;
  const byFolded = new Map<string, FoldedName>();
  for (const name of foldNames(controlNames().controls.flatMap(({ row }) => [...namesOf(row)].map(([, one]) => one)))) {
    if (!byFolded.has(name.folded)) byFolded.set(name.folded, name);
  }
  candidates = [...byFolded.values()];
  return candidates;
}

function expectedFor(name: string): string {
  const near = nearestOf(name, controlCandidates(), 3);
  return near.length === 0 ? "a name as the SDM, Linux, QEMU or another vocabulary has it" : near.join(", ");
}

// ---- Features ----

let byFeatureName: ReadonlyMap<string, Feature> | undefined;

function features(): ReadonlyMap<string, Feature> {
  byFeatureName ??= new Map(
    // The first feature with a name wins.
    [...FEATURE_LIST]
      .reverse()
      .flatMap((feature) =>
        [feature.id, feature.name, ...(feature.aliases ?? [])].map((name) => [foldName(name), feature]),
      ),
  );
  return byFeatureName;
}

/** The controls that a feature is made of; `undefined` if it is not a feature or has none. */
function featureControls(wanted: string): readonly ControlName[] | undefined {
  const silicon = features().get(wanted)?.silicon;
  const controls = silicon === undefined ? [] : controlsIn(silicon);
  // The activation of a word follows from the controls in it.
  const activators = controls.map((name) => activatorOf(controlBit(name).word));
  return controls.length === 0 ? undefined : controls.filter((name) => !activators.includes(name));
}

function controlsIn(condition: Condition): readonly ControlName[] {
  if ("all" in condition) return condition.all.flatMap(controlsIn);
  if (!("bit" in condition)) return [];
  const [word, bit] = condition.bit as readonly [string, string | number];
  const found = controlNames().controls.find(
    (one) => (one.row.key === bit || one.row.bit === bit) && allowedWordName(one.word) === word,
  );
  return found === undefined ? [] : [controlName(found)];
}

/** The name that rules give to the allowed-1 settings of a control word. */
function allowedWordName({ msr, shape }: ControlWord): string {
  return `${registerOf(msr)?.sdm}.${shape === "halves" ? "hi" : "lo"}`;
}
