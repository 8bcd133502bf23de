import type { Changes } from "../../compare/hosts/changes.js";
import type { Verification } from "../../compare/verify/verify.js";
import { hexIndex } from "../../registers/registers.js";
import type { Situation } from "../../situation/situation.js";
import { changesText, ruleText } from "../compare/changes-report.js";
import { verdictText } from "../compare/verify-report.js";
import { kernelJson, situationJson } from "./json-situation.js";

export interface VerifyJsonInput {
  readonly situation: Situation;
  readonly found: Verification;
  readonly fingerprint?: FingerprintInput;
}

export interface FingerprintInput {
  readonly file: string;
  /** The machine as it is now was written to the file. */
  readonly stored: boolean;
  /** Missing when there was nothing to compare with. */
  readonly changes?: Changes;
}

/** The JSON of `vmxlens verify`: schema/verify.schema.json. */
export function verifyJson({ situation, found, fingerprint }: VerifyJsonInput) {
  const { items, differences, counts, set, fits, silent, firmwareFromFlags } = found;
  const reasonsOf = (id: string) => differences.find((item) => item.id === id)?.reasons ?? [];
  return {
    format: "vmxlens-verify/1",
    ...situationJson(situation),
    text: verdictText(found),
    counts,
    set: set.map(({ module, name, value }) => ({ module, name, value })),
    fits: fits.map(({ release, differing }) => ({ release, differ: differing.size })),
    silent,
    firmwareFromFlags,
    items: items.map(({ id, kind, layer, what, reported, replayed, verdict, note }) => ({
      id,
      kind,
      layer,
      what,
      said: reported,
      replayed,
      verdict,
      note: note ?? null,
      reasons: reasonsOf(id).map((reason) => ({ id: reason.id, text: reason.text, explains: reason.explains })),
    })),
    fingerprint: fingerprint === undefined ? null : fingerprintJson(fingerprint),
  };
}

function fingerprintJson({ file, stored, changes }: FingerprintInput) {
  return { file, stored, changes: changes === undefined ? null : changesJson(changes) };
}

function changesJson(changes: Changes) {
  const { before, now, sameCpu, comparable, unchanged, values, registers, features, onlyOnce } = changes;
  return {
    text: changesText(changes),
    sameCpu,
    comparable,
    unchanged,
    kernels: { before: kernelJson(before), now: kernelJson(now) },
    values: values.map(({ what, before: was, now: is }) => ({ what, before: was ?? null, now: is ?? null })),
    registers: registers.map(({ core, msr, register, values: [was, is], bits, fields }) => ({
      core,
      msr: hexIndex(msr),
      name: register.sdm,
      before: was ?? null,
      now: is ?? null,
      bits: bits.map(({ label, values: [a, b] }) => ({
        bit: label.msrBit,
        name: label.row?.sdm ?? null,
        before: a ?? "unknown",
        now: b ?? "unknown",
      })),
      fields: fields.map(({ field, values: [a, b] }) => ({
        high: field.high,
        low: field.low,
        name: field.sdm,
        before: a ?? null,
        now: b ?? null,
      })),
    })),
    features: features.map((change) => ({
      feature: change.feature.id,
      layer: change.layer,
      before: change.before,
      now: change.now,
      causes: change.causes,
      text: ruleText(change, changes),
    })),
    onlyOnce,
  };
}
