import { msrBit } from "../../host/msr.js";
import { CONTROL_WORDS, type ControlBit, controlBit } from "../fields/control-bits.js";
import { FIELDS } from "../fields/fields.js";
import { isKnown } from "../value64.js";
import { evaluate, evaluateNum } from "./evaluate.js";
import type { Bool, FactName, Num } from "./expr.js";
import { bitOf, type Scene } from "./scene.js";

/* What an expression looks at, and what of that is missing. */

/** Names of the inputs that keep a condition undecided: fields, capability MSRs, CPUID facts, state, memory. */
export function missingInputs(bool: Bool, scene: Scene, into: Set<string> = new Set()): Set<string> {
  if (evaluate(bool, scene) !== "unknown") return into;
  switch (bool.op) {
    case "all":
    case "any":
      for (const item of bool.of) missingInputs(item, scene, into);
      break;
    case "not":
      missingInputs(bool.of, scene, into);
      break;
    case "control":
      missingControl(bool.bit, scene, into);
      break;
    case "may1":
      into.add(`msr:${bool.bit.word.msr.toString(16)}`);
      break;
    case "bit":
    case "zero":
    case "oneOf":
    case "patTypes":
      missingNum(bool.of, scene, into);
      break;
    case "equal":
    case "atMost":
      missingNum(bool.a, scene, into);
      missingNum(bool.b, scene, into);
      break;
    case "fact":
      into.add(`fact:${bool.name}`);
      break;
    case "fitsPhysical":
      missingNum(bool.of, scene, into);
      if (scene.cpu.physical.min !== scene.cpu.physical.max) into.add("cpuid:physical-address width");
      break;
    case "sumFitsPhysical":
      missingNum(bool.base, scene, into);
      missingNum(bool.count, scene, into);
      if (scene.cpu.physical.min !== scene.cpu.physical.max) into.add("cpuid:physical-address width");
      break;
    case "canonical":
    case "linearWidth":
      missingNum(bool.of, scene, into);
      if (scene.cpu.linear.min !== scene.cpu.linear.max) into.add("cpuid:linear-address width");
      break;
    case "eachEntry":
      into.add(
        scene.msrLoad === undefined && scene.msrEntry === undefined
          ? "memory:VM-entry MSR-load area"
          : "memory:what WRMSR accepts",
      );
      break;
    case "const":
      break;
  }
  return into;
}

const FIELD_INPUTS = new Map(
  FIELDS.map(({ encoding }) => [encoding, `field:${encoding.toString(16).padStart(4, "0")}`]),
);

/** Made once for each field: a log can have ten thousand dumps in which a hundred are missing. */
function fieldInput(encoding: number): string {
  return FIELD_INPUTS.get(encoding) as string;
}

function missingControl(control: ControlBit, scene: Scene, into: Set<string>): void {
  const activator = control.word.activatedBy;
  if (activator !== undefined) missingControl(controlBit(activator), scene, into);
  const value = scene.fields.get(control.word.encoding);
  if (value === undefined || bitOf(value, control.bit) === "unknown") into.add(fieldInput(control.word.encoding));
}

function missingNum(num: Num, scene: Scene, into: Set<string>): void {
  if (isKnown(evaluateNum(num, scene))) return;
  switch (num.op) {
    case "field":
      into.add(fieldInput(num.row.encoding));
      break;
    case "slice":
    case "not":
    case "shl":
      missingNum(num.of, scene, into);
      break;
    case "and":
      missingNum(num.a, scene, into);
      missingNum(num.b, scene, into);
      break;
    case "msr":
      into.add(`msr:${num.index.toString(16)}`);
      break;
    case "allowed": {
      const word = CONTROL_WORDS[num.word];
      into.add(`msr:${word.msr.toString(16)}`);
      if (word.trueMsr !== undefined && num.which === "must1") {
        if (scene.cpu.msr(word.trueMsr).state === "unknown" && msrBit(scene.cpu.msr(0x480), 55) !== "no")
          into.add(`msr:${word.trueMsr.toString(16)}`);
      }
      break;
    }
    case "reserved":
      into.add(`cpuid:reserved bits of ${num.register}`);
      break;
    case "memory":
      into.add(`memory:${num.name}`);
      break;
    case "entry":
      into.add("memory:VM-entry MSR-load area");
      break;
    case "const":
      break;
  }
}

/** Facts that an expression asks for. */
export function factsOf(bool: Bool, into: Set<FactName> = new Set()): Set<FactName> {
  if (bool.op === "fact") into.add(bool.name);
  else if (bool.op === "not") factsOf(bool.of, into);
  else if (bool.op === "all" || bool.op === "any") for (const item of bool.of) factsOf(item, into);
  else if (bool.op === "eachEntry") factsOf(bool.rule, into);
  return into;
}

/** Fields that an expression reads, in order of first use. */
export function fieldsOf(bool: Bool, into: Set<number> = new Set()): Set<number> {
  switch (bool.op) {
    case "all":
    case "any":
      for (const item of bool.of) fieldsOf(item, into);
      break;
    case "not":
      fieldsOf(bool.of, into);
      break;
    case "control": {
      into.add(bool.bit.word.encoding);
      let activator = bool.bit.word.activatedBy;
      while (activator !== undefined) {
        const above = controlBit(activator);
        into.add(above.word.encoding);
        activator = above.word.activatedBy;
      }
      break;
    }
    case "bit":
    case "zero":
    case "oneOf":
    case "patTypes":
    case "fitsPhysical":
    case "canonical":
    case "linearWidth":
      numFields(bool.of, into);
      break;
    case "equal":
    case "atMost":
      numFields(bool.a, into);
      numFields(bool.b, into);
      break;
    case "sumFitsPhysical":
      numFields(bool.base, into);
      numFields(bool.count, into);
      break;
    case "eachEntry":
      into.add(0x200a);
      into.add(0x4014);
      break;
    case "const":
    case "may1":
    case "fact":
      break;
  }
  return into;
}

function numFields(num: Num, into: Set<number>): void {
  if (num.op === "field") into.add(num.row.encoding);
  else if (num.op === "slice" || num.op === "not" || num.op === "shl") numFields(num.of, into);
  else if (num.op === "and") {
    numFields(num.a, into);
    numFields(num.b, into);
  }
}
