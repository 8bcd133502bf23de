import { checkList } from "../../bits/misuse.js";
import { type Diagnostic, type DiagnosticLog, diagnosticLog } from "../../input/text/diagnostic.js";
import { withoutEnding } from "../../input/text/text.js";
import { shortTitles } from "../../registers/bit-label.js";
import { foldName } from "../../registers/edit-distance.js";
import type { ControlName } from "../../vmcs/fields/control-bits.js";

import { controlNames, expectedFor, features, resolve } from "./named-controls.js";

/** What is wanted of a control: it has to be 1, it should be 1 if it may be, it has to be 0. */
export type Wish = "required" | "optional" | "off";

/** One control and what is wanted of it. */
export interface WantedControl {
  readonly name: ControlName;
  readonly wish: Wish;
  /** As it was typed. */
  readonly asked: string;
}

/** What a text asks for, and the words in it that are not names of controls. */
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

/** Reading stops after this many unknown names. */
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
