import type { BitDifference, FieldDifference, RegisterDifference } from "../../compare/diff.js";
import type { ComparedHost } from "../../compare/hosts/compared-host.js";
import { type BitLabel, labelText } from "../../registers/bit-label.js";
import { hexIndex } from "../../registers/registers.js";
import { situationJson } from "./json-situation.js";

/*
 * The parts that the JSON of the commands of several hosts shares. Numbers of registers are hexadecimal strings; what is
 * not known is said, never left out.
 */

/** A host of a comparison, with everything that was assumed about it. */
export function comparedJson({ label, situation }: ComparedHost) {
  const { kernel, params, assumptions, config, machine, notes } = situationJson(situation);
  const { id, name, codename } = situation.host;
  return {
    label,
    host: { id: id ?? null, name: name ?? null, codename: codename ?? null },
    kernel,
    params,
    config,
    machine,
    assumptions,
    notes,
  };
}

/** A bit of a capability MSR: its place, and its name where it has one. */
export function bitLabelJson(label: BitLabel) {
  const { msr, msrBit, register, row, says } = label;
  return {
    msr: hexIndex(msr),
    register: register.sdm,
    bit: msrBit,
    name: row?.sdm ?? null,
    says,
    text: labelText(label),
  };
}

export function registerDifferenceJson({ msr, register, values, presence, bits, fields }: RegisterDifference) {
  return {
    msr: hexIndex(msr),
    register: register.sdm,
    values,
    presence,
    bits: bits.map(bitDifferenceJson),
    fields: fields.map(fieldDifferenceJson),
  };
}

function bitDifferenceJson({ label, values, certain }: BitDifference) {
  return { ...bitLabelJson(label), values, certain };
}

function fieldDifferenceJson({ field, values, certain }: FieldDifference) {
  return {
    name: field.sdm,
    high: field.high,
    low: field.low,
    values: values.map((value) => value ?? null),
    certain,
  };
}
