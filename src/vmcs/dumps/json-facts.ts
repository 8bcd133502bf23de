import type { U64 } from "../../bits/u64.js";
import type { DiagnosticLog } from "../../input/text/diagnostic.js";
import type { JsonNode, placesIn } from "../../input/text/json-parse.js";
import type { FactName, MemoryName } from "../checks/expr.js";
import type { KnownFacts } from "../state.js";
import { readValue } from "./json-value.js";

/** Facts that are true or false. */
const TRUE_OR_FALSE: readonly FactName[] = [
  "movSsBlocking",
  "longMode",
  "inSmm",
  "inSeam",
  "ptTracing",
  "cpl0",
  "v86OrCompatibility",
  "vmcsCurrent",
  "vmcsIsShadow",
  "smmReturn",
  "executivePointerValid",
  "executiveLaunched",
  "executiveIsVmxon",
  "executiveControlsValid",
  "wrmsrAccepts",
];

/** Facts in words, with what each word means. */
const WORDS: { readonly [key: string]: { readonly [word: string]: { readonly [F in FactName]?: boolean } } } = {
  launchState: { clear: { launchStateClear: true }, launched: { launchStateClear: false } },
  instruction: { VMLAUNCH: { vmlaunch: true, vmresume: false }, VMRESUME: { vmlaunch: false, vmresume: true } },
};

/** Values in memory: VTPR of the virtual-APIC page, the first four bytes under the link pointer, the current VMCS. */
const IN_MEMORY: { readonly [key: string]: MemoryName } = {
  vtpr: "vtpr",
  linkRevision: "linkDword",
  currentVmcs: "currentVmcs",
};

const EXPECTED = [...TRUE_OR_FALSE, ...Object.keys(WORDS), ...Object.keys(IN_MEMORY), "pdptes", "tmeKeyBits"].join(
  ", ",
);

/** `"facts"` of a VMCS in JSON: what is not a field and decides checks all the same. */
export function readFacts(
  node: JsonNode | undefined,
  text: string,
  lineOf: ReturnType<typeof placesIn>,
  log: DiagnosticLog,
): KnownFacts | undefined {
  if (node === undefined) return undefined;
  if (node.kind !== "object") {
    log.error(lineOf(node.at), "facts is not an object", '{"movSsBlocking": true}');
    return undefined;
  }
  const state: { [F in FactName]?: boolean } = {};
  const memory: { [M in MemoryName]?: U64 } = {};
  let tmeKeyBits: number | undefined;
  for (const [key, { node: value, at }] of node.members) {
    const wrong = (expected: string) => log.error(lineOf(value.at), `${key} cannot be that`, expected);
    const words = WORDS[key];
    const place = IN_MEMORY[key];
    const number = readValue(value, text);
    const fact = TRUE_OR_FALSE.find((name) => name === key);
    if (fact !== undefined) {
      if (value.kind === "scalar" && typeof value.value === "boolean") state[fact] = value.value;
      else wrong("true or false");
    } else if (words !== undefined) {
      const word = value.kind === "scalar" ? words[String(value.value)] : undefined;
      if (word === undefined) wrong(Object.keys(words).join(" or "));
      else Object.assign(state, word);
    } else if (place !== undefined) {
      if (number === undefined || number === "unknown") wrong('a hex string as in "0x1f", or a whole number');
      else memory[place] = number;
    } else if (key === "pdptes") {
      const entries = value.kind === "array" ? value.items.map((item) => readValue(item, text)) : [];
      const known = entries.filter((entry): entry is U64 => entry !== undefined && entry !== "unknown");
      if (known.length !== 4 || entries.length !== 4) wrong("the four page-directory-pointer entries");
      else for (const [n, entry] of known.entries()) memory[`pdpte${n}` as MemoryName] = entry;
    } else if (key === "tmeKeyBits") {
      if (number === undefined || number === "unknown" || number.lo > 15) wrong("a number of bits, at most 15");
      else tmeKeyBits = number.lo;
    } else log.warning(lineOf(at), `no fact is called ${key}`, EXPECTED);
  }
  return { state, memory, ...(tmeKeyBits === undefined ? {} : { tmeKeyBits }) };
}
