import type { NamedValue } from "../answers/answer.js";
import { type ExplainedBit, explainBit, setBits } from "../answers/bits.js";
import { parseHexU64 } from "../bits/u64.js";
import { qemuData } from "../compare/qemu-models.js";
import { describeMsr, msrByName } from "../input/text/msr-names.js";
import { bitsNamed } from "../registers/lookup.js";
import { registerOf } from "../registers/registers.js";
import { resolveRelease } from "../rules/release.js";
import type { OwnMachine } from "../situation/evidence/own-machine.js";
import { EXIT_REASONS } from "../vmcs/fields/decode-tables.js";

/** What can be read from a line that no row of the tables knows. */
export interface ReadFromLine {
  readonly values: readonly NamedValue[];
  readonly bits: readonly ExplainedBit[];
}

const MOST_VALUES = 12;

/** MSR numbers and values, names of VMX bits, exit reasons, error codes and kernel releases in a line. */
export function readLine(line: string): ReadFromLine {
  const values: NamedValue[] = [];
  const bits: ExplainedBit[] = [];
  const add = (name: string, value: string) => {
    if (values.length < MOST_VALUES && !values.some((row) => row.name === name && row.value === value))
      values.push({ name, value });
  };
  let index: number | undefined;
  for (const [, number] of line.matchAll(/(?:\b0x0{0,5}|\bMSR[ (]?0{0,5})(3a|4[89][0-9a-f])H?\b/gi)) {
    const found = Number.parseInt(number ?? "", 16);
    const register = registerOf(found);
    if (register === undefined) continue;
    index ??= found;
    add(`0x${found.toString(16)}`, `${register.sdm}: ${register.title}`);
  }
  // The value belongs to the name before it.
  const value = /(?:=|:|\bto|\bvalue)\s{0,3}(0x[0-9a-f]{5,16})\b/i.exec(line);
  let named: number | undefined;
  /** A comma lies between the name and the value. */
  let isOfAnother = false;
  for (const { 0: word, index: place } of line.matchAll(/\b(?:MSR_)?(?:IA32|VMX)_\w{3,60}/g)) {
    const number = msrByName(word);
    if (number === undefined) continue;
    if (value === null || place < value.index) {
      named = number;
      isOfAnother = /[,;]/.test(line.slice(place + word.length, value?.index ?? 0));
    }
    add(registerOf(number)?.sdm ?? word, describeMsr(number));
  }
  index = named ?? index;
  const parsed = value === null ? undefined : parseHexU64(value[1] as string);
  if (parsed !== undefined && index !== undefined && !isOfAnother) {
    // In a register of controls bit 32 is about control 0, and so on.
    const isControls = registerOf(index)?.layout === "controls";
    bits.push(...setBits(index, parsed).filter(({ sdm }) => !isControls || sdm !== undefined));
  }
  for (const [name] of line.matchAll(
    /\bvmx-(?!(?:non-?)?root\b|(?:mode|operation|related|enabled|capable|based)\b)[a-z0-9]+(?:-[a-z0-9]+){0,6}\b/g,
  )) {
    const [match] = bitsNamed(name);
    const property = match === undefined ? qemuData().properties.find((row) => row.name === name) : undefined;
    const [bit] = property?.bits ?? [];
    if (property !== undefined && bit !== undefined) {
      // Properties count the bits of a control word, which is the upper half of its register.
      bits.push(explainBit(property.msr, bit, "named"));
    } else if (match === undefined) add(name, "no VMX feature of this name is known");
    else bits.push(explainBit(match.register.index, match.row.bit, "named"));
  }
  for (const [name] of line.matchAll(
    /\b(?:PIN_BASED|CPU_BASED|SECONDARY_EXEC|TERTIARY_EXEC|VM_EXIT|VM_ENTRY|VMX_EPT|VMX_VPID|VMX_FEATURE)_\w{3,60}/g,
  )) {
    const [match] = bitsNamed(name);
    if (match !== undefined) bits.push(explainBit(match.register.index, match.row.bit, "named"));
  }
  const reason = /exit[ _]?reason(?: (?:is|was|code))?[^\w\n]{0,6}(0x[0-9a-f]{1,8}|\d{1,5})\b/i.exec(line)?.[1];
  if (reason !== undefined) {
    const number = Number(reason) & 0xffff;
    add(`exit reason ${number}`, EXIT_REASONS[number] ?? "not defined");
  }
  for (const [code] of line.matchAll(/\bVERR_\w{2,50}/g))
    add(code, "a status code of VirtualBox that the tables do not have");
  const kernel = KERNEL.exec(line)?.slice(1).find(Boolean);
  const release = kernel === undefined ? undefined : resolveRelease(kernel);
  if (kernel !== undefined && release?.release !== undefined)
    add(`kernel ${kernel}`, `the rules of ${release.release} apply`);
  return { values, bits: unique(bits) };
}

/** A release behind the word that says whose it is, or with the ending of a distribution's package. */
const KERNEL =
  /\b(?:linux|kernel)(?: version| release)?[\s:=(v"']{1,6}(\d{1,2}\.\d{1,3}\.\d{1,3}[\w.+~-]{0,40})\b|\btainted:? [\w ]{0,30}(\d{1,2}\.\d{1,3}\.\d{1,3}[\w.+~-]{0,40})\b|(?<!\b(?:qemu|libvirt|seabios|edk2|ovmf)[\w-]{0,12}-)\b(\d{1,2}\.\d{1,3}\.\d{1,3}[\w.+~]{0,24}-[\w.+~-]{0,24}(?:generic|amd64|x86_64|pve|arch\d|el\d|default|azure|aws|gcp|lts|zen\d))\b/i;

function unique(bits: readonly ExplainedBit[]): ExplainedBit[] {
  const seen = new Set<string>();
  return bits.filter((bit) => {
    const key = `${bit.register}.${bit.bit}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const MOST_PARAMS = 40;

/** Parameters of the modules that a text shows. */
export function paramValues({ situation: { read } }: OwnMachine): readonly NamedValue[] {
  const values = Object.entries(read.params ?? {}).flatMap(([module, params]) =>
    Object.entries(params ?? {}).map(([name, value]) => ({ name: `${module}.${name}`, value })),
  );
  return values.slice(0, MOST_PARAMS);
}
