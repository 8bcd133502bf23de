import type { Tri } from "../bits/tri.js";
import { word } from "../bits/word.js";
import { PARAMS, type ParamRow } from "../kvm/load/params.js";
import type { FoundWord, FoundWords } from "../kvm/with-words.js";
import type { Errno } from "../rules/rule.js";
import { bitIndex, type WordName } from "../rules/words.js";
import { bootFlags, COMPARED_WORDS, ERRNO, isSetUp, mayLoad, wordsFor } from "./compare-run.js";
import type { BootRun } from "./kernel/boot.js";
import type { Fields } from "./kernel/outcome.js";
import type { ModuleRun } from "./kernel/run-modules.js";

/**
 * What a run of the kernel's own code found, as the words of a replay. What it does not decide (boot without the kernel's image)
 * is not among them, and stays what the tables say.
 */
export function foundWords(run: ModuleRun, boot: BootRun | undefined): FoundWords {
  const words = new Map<WordName, FoundWord>();
  if (boot !== undefined && boot.stopped === undefined) fillBoot(words, boot);
  if (run.stopped !== undefined) return { words, loads: "unknown" };
  const { result } = run;
  const known = result !== undefined && result.unknown === 0 ? result.value | 0 : undefined;
  if (isSetUp(run) && run.setupVmcsConfig?.unknown === 0) {
    fillFields(words, run.vmcsConfig, "");
    fillFields(words, run.vmxCapability, "vmx_capability.");
  }
  if (mayLoad(run)) {
    fillFields(words, run.nested, "nested.");
    fillParams(words, run.params);
  }
  const errno = (Object.keys(ERRNO) as Errno[]).find((name) => ERRNO[name] === known);
  const loads: Tri = known === undefined ? "unknown" : known === 0 ? "yes" : "no";
  return { words, loads, ...(errno === undefined ? {} : { error: errno }) };
}

function fillBoot(words: Map<WordName, FoundWord>, boot: BootRun): void {
  for (const [index, name] of COMPARED_WORDS.entries()) {
    const half = boot.vmxCapability[index];
    if (half !== undefined) words.set(name, word(half.value, half.unknown));
  }
  for (const { cap, value } of bootFlags(boot)) setBit(words, "caps", bitIndex("caps", cap), value);
}

function fillFields(words: Map<WordName, FoundWord>, fields: Fields, inner: string): void {
  for (const [field, { value, unknown }] of fields) {
    const names = wordsFor(`${inner}${field}`) ?? wordsFor(field);
    if (names === undefined) continue;
    const half = (shift: bigint) => word(Number((value >> shift) & MASK), Number((unknown >> shift) & MASK));
    words.set(names.lo, half(0n));
    if (names.hi !== undefined) words.set(names.hi, half(32n));
  }
}

const MASK = 0xffff_ffffn;

function fillParams(words: Map<WordName, FoundWord>, shown: ReadonlyMap<string, string>): void {
  for (const row of PARAMS as readonly ParamRow[]) {
    const text = shown.get(`${row.module}.${row.name}`);
    if (text === undefined) continue;
    if (row.type === "bool") {
      const value: Tri = /^[Y1]$/.test(text) ? "yes" : /^[N0]$/.test(text) ? "no" : "unknown";
      setBit(words, "params", bitIndex("params", row.name), value);
    } else if (/^-?\d{1,10}$/.test(text)) words.set(row.name as WordName, word(Number(text)));
    else words.set(row.name as WordName, word(0, 0xffff_ffff));
  }
}

/** One more bit of a word that is found in parts. */
function setBit(words: Map<WordName, FoundWord>, name: WordName, bit: number, state: Tri): void {
  const { value, unknown, found = 0 }: FoundWord = words.get(name) ?? word(0);
  const mask = (1 << bit) >>> 0;
  const now = word(value | (state === "yes" ? mask : 0), unknown | (state === "unknown" ? mask : 0));
  words.set(name, { ...now, found: (found | mask) >>> 0 });
}
