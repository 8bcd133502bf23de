import { checkText } from "../bits/misuse.js";
import { once } from "../bits/once.js";
import { findSourceNames, type SourceName } from "../kvm/source-names.js";
import { type BitPlace, placedBit, registerNamed } from "../registers/bit-place.js";
import type { BitRow } from "../registers/bit-row.js";
import { foldName } from "../registers/edit-distance.js";
import { bitsNamed } from "../registers/lookup.js";
import type { RegisterRow } from "../registers/registers.js";
import type { Rule } from "../rules/rule.js";
import { WORD_NAMES, type WordName } from "../rules/words.js";
import { knownRules } from "./known-rules.js";
import { rulesNaming } from "./rules-naming.js";
import { type RunPart, runFunctions } from "./run-part.js";

/** Where a name other than a feature's leads: a part of the run, a register, or a bit that no step of the kernel looks at. */
export type Place =
  | {
      readonly kind: "run";
      readonly name: string;
      readonly part: RunPart;
      /** Names of the source that lead to it. */
      readonly about: readonly SourceName[];
      /** The rules that lead to it, where only they have the name. */
      readonly rules?: readonly Rule[];
    }
  | { readonly kind: "register"; readonly register: RegisterRow }
  | { readonly kind: "bit"; readonly place: BitPlace; readonly row?: BitRow };

/**
 * Finds what a name means that `findFeature` does not know: a function of the kernel (`adjust_vmx_controls`), another name
 * of its source (`NVMXINTS`, `supported >> 16`), a word of the replay (`cpu_based_2nd_exec_ctrl`), a rule, a register, or a bit of a register.
 */
export function findPlace(name: string): Place | undefined {
  checkText(name, "name", "the name of a place");
  const text = name.trim();
  const fn = functionsByName().get(foldName(text.split("(", 1)[0] ?? text));
  if (fn !== undefined) return { kind: "run", name: fn, part: { functions: [fn] }, about: findSourceNames(fn) };
  const about = findSourceNames(text);
  if (about.length > 0) return { kind: "run", name: text, part: partOf(about), about };
  const words = wordsNamed(text);
  if (words.length > 0) return { kind: "run", name: text, part: { words }, about: [] };
  const rule = knownRules().find(({ id }) => id === text.replace(/^rule\s{1,4}/, ""));
  if (rule !== undefined) return byRules(rule.id, [rule]);
  const register = registerNamed(text);
  if (register !== undefined) return { kind: "register", register };
  const bit = bitNamed(text);
  if (bit !== undefined) return bit;
  const exact = rulesNaming(text);
  // A flag as /proc/cpuinfo prints it.
  const naming =
    exact.length === 0 && /^[a-z]\w+$/.test(text) ? rulesNaming(`X86_FEATURE_${text.toUpperCase()}`) : exact;
  return naming.length === 0 ? undefined : byRules(text, naming);
}

/** The first function of the run that has a name, by the form in which names are compared. */
const functionsByName = once(
  () =>
    new Map(
      runFunctions()
        .map((own) => [foldName(own), own] as const)
        .reverse(),
    ),
);

function byRules(name: string, rules: readonly Rule[]): Place {
  return { kind: "run", name, part: { rules: rules.map(({ id }) => id) }, about: [], rules };
}

/** The part of a run that rows of the source are about, as far as they agree in what kind it is. */
function partOf(rows: readonly SourceName[]): RunPart {
  const words = rows.flatMap((row) => row.words ?? []);
  if (rows.some(({ adjusts }) => adjusts === true)) return { adjusts: true };
  if (words.length > 0) return { words };
  return { functions: rows.flatMap(({ functions }) => functions ?? []) };
}

/** The words of a replay that a name means: `vmx_capability[0]`, or `cpu_based_3rd_exec_ctrl` for both of its halves. */
function wordsNamed(text: string): readonly WordName[] {
  const wanted = text.replace(/^vmcs_config[.]|^(?:boot_cpu_data|c->)[.]?/, "");
  return WORD_NAMES.filter((word) =>
    [word, `nested.${word}`, word.replace(/[.](?:lo|hi)$/, ""), word.replace(/^nested[.]/, "")].includes(wanted),
  );
}

function bitNamed(text: string): Place | undefined {
  const [named] = bitsNamed(text);
  const place = placedBit(text) ?? (named === undefined ? undefined : { register: named.register, bit: named.row.bit });
  if (place === undefined) return undefined;
  const row = place.register.bits.find(({ bit }) => bit === place.bit);
  return { kind: "bit", place, ...(row === undefined ? {} : { row }) };
}
