import { checkNumber } from "../../bits/misuse.js";
import { PARAMS } from "../../kvm/load/params.js";
import { REGISTERS, type RegisterRow } from "../../registers/registers.js";
import { CONTROL_WORDS, type ControlWordName } from "../../vmcs/fields/control-bits.js";
import { exitNamed } from "../../vmcs/fields/exit-names.js";
import { FIELDS } from "../../vmcs/fields/fields.js";

/*
 * Numbers in the sentences of topics, from the tables that hold them.
 */

const HOLE = /\{([^{}]{1,60})\}/g;

const WORDS: { readonly [name in ControlWordName]: string } = {
  pin: "pin controls",
  proc: "primary controls",
  proc2: "secondary controls",
  proc3: "tertiary controls",
  exit: "exit controls",
  exit2: "secondary exit controls",
  entry: "entry controls",
  vmfunc: "VM-function controls",
};

/** A sentence with its numbers. */
export const filled = (says: string): string => says.replace(HOLE, (_, name: string) => numberOf(name));

/**
 * What a name in braces is: `proc2.EPT` and `bit proc2.EPT`, a field's key, a register, `0x485.INTEL_PT`, `exit HLT`, `default ple_gap`.
 */
function numberOf(name: string): string {
  const [kind = "", word = ""] = name.split(" ");
  const found =
    kind === "exit" && word !== ""
      ? exitNamed(word)?.toString()
      : kind === "default"
        ? PARAMS.find((row) => row.name === word)?.default.toString()
        : kind === "bit"
          ? controlOf(word)?.bit.toString()
          : (fieldOf(name) ?? registerOf(name) ?? controlText(name) ?? capabilityOf(name));
  if (found === undefined) checkNumber(Number.NaN, name, "a name of the tables");
  return found as string;
}

const hex = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;
const fieldOf = (key: string): string | undefined => {
  const row = FIELDS.find((field) => field.key === key);
  return row && hex(row.encoding);
};
const rows: readonly RegisterRow[] = REGISTERS;
const registerOf = (sdm: string): string | undefined => {
  const row = rows.find((register) => register.sdm === sdm);
  return row && `0x${row.index.toString(16)}`;
};

function controlOf(name: string): { readonly bit: number; readonly word: ControlWordName } | undefined {
  const [word = "", key] = name.split(".");
  if (!Object.hasOwn(CONTROL_WORDS, word)) return undefined;
  const bit = CONTROL_WORDS[word as ControlWordName].bits.find((row) => row.key === key)?.bit;
  return bit === undefined ? undefined : { bit, word: word as ControlWordName };
}

const controlText = (name: string): string | undefined => {
  const found = controlOf(name);
  return found && `${WORDS[found.word]}, bit ${found.bit}`;
};

/** `0x48c.EPT_AD`: a bit of a capability register. */
const capabilityOf = (name: string): string | undefined => {
  const [index = "", key] = name.split(".");
  const bit = rows.find((row) => `0x${row.index.toString(16)}` === index)?.bits.find((row) => row.key === key)?.bit;
  return bit === undefined ? undefined : `bit ${bit} of ${index}`;
};
