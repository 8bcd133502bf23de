import { type BitLabel, labelText } from "../../compare/bit-label.js";
import type { BitDifference, FieldDifference, RegisterDifference } from "../../compare/diff.js";
import type { FleetSubject } from "../../compare/hosts/host-under-kernel.js";
import { hexIndex } from "../../registers/registers.js";
import { DEFAULT_RELEASE } from "../../rules/release.js";

/*
 * The parts that the JSON of the commands of several hosts shares. Numbers of registers are hexadecimal strings; what is
 * not known is said, never left out.
 */

export function fleetSubjectJson({ label, host, options = {}, assumed = [], notes = [] }: FleetSubject) {
  return {
    label,
    host: { id: host.id ?? null, name: host.name ?? null, codename: host.codename ?? null },
    release: options.release ?? DEFAULT_RELEASE,
    params: { kvm: options.params?.kvm ?? {}, kvm_intel: options.params?.kvm_intel ?? {} },
    assumptions: assumed.map(({ id, text }) => ({ id, text })),
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
